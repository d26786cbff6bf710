#!/bin/sh
# Mixed precision against PyTorch's f32 and f64 values: loss and gradients to what the narrow type allows, the same bits on
# one and two threads, and a short training run that ends where f32 does.
#
# usage: precision.sh DLC COMPARE SCRATCH FILE VALUES LOSS PRECISION LOSS-TOLERANCE GRADIENT-TOLERANCE
# A value has a relative error of 2^-9 (bf16) or 2^-12 (f16) each time it is stored, so that of a gradient grows like the
# root of how many contractions lie behind it, and with cancellation in sums. Tolerances are three times what was measured.
set -eu
dlc=$1 compare=$2 scratch=$3 file=$4 values=$5 loss=$6 precision=$7 near=$8 far=$9
fixtures=$(cd "$(dirname "$0")/../fixtures" && pwd)
model=$fixtures/$file.onnx expected=$fixtures/$values.expected.npz name=$scratch/$file.$precision
mkdir -p "$scratch"

"$dlc" compile "$model" -o "$name.dlc" --entries infer,grad --loss "$loss" --precision "$precision"
for threads in 1 2; do
  DLC_NUM_THREADS=$threads "$dlc" run "$name.dlc" --entry grad --inputs "$fixtures/$values.batch.npz" \
    --outputs "$name.grad.$threads.npz"
done
cmp "$name.grad.1.npz" "$name.grad.2.npz"
"$compare" "$name.grad.1.npz" "$expected" --found-prefix loss --expected-prefix loss --tolerance "$near"
"$compare" "$name.grad.1.npz" "$expected" --found-prefix grad/ --expected-prefix grad/ \
  --mapping "$fixtures/mapping.json" --model "$file.onnx" --tolerance "$far"

# Steps of the same data in the same order.
for type in f32 "$precision"; do
  "$dlc" train "$model" --data "$fixtures/$values.data.npz" --steps 3 --batch "${BATCH:-3}" --lr 1e-3 --loss "$loss" \
    --no-shuffle --seed 0 --precision $type --log "$name.$type.jsonl" --save "$name.$type.safetensors"
done
last() { sed -n 's/.*"loss":\([^,}]*\).*/\1/p' "$1" | tail -n 1; }
awk -v a="$(last "$name.f32.jsonl")" -v b="$(last "$name.$precision.jsonl")" -v t="$near" \
  'BEGIN { d = a - b; if (d < 0) d = -d; print "losses", a, b; exit !(a > 0 && d <= t * a) }'
