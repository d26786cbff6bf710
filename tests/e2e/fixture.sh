#!/bin/sh
# One fixture against PyTorch's committed values, in f64: outputs, loss and gradients, parameters after 3 AdamW steps.
# And its memory against what the compiler printed.
#
# usage: fixture.sh DLC COMPARE SCRATCH FILE VALUES LOSS BATCH TRAINED CHECK TOLERANCE
# The last seven are a line of tests/fixtures/cases.txt, which explains them.
set -eu
dlc=$1 compare=$2 scratch=$3 file=$4 values=$5 loss=$6 batch=$7 trained=$8 check=$9
shift 9
tolerance=$1
fixtures=$(cd "$(dirname "$0")/../fixtures" && pwd)
model=$fixtures/$file.onnx expected=$fixtures/$values.expected.npz
mkdir -p "$scratch"
mapping="--mapping $fixtures/mapping.json --model $file.onnx"

"$dlc" compile "$model" -o "$scratch/$file.dlc" --entries infer,grad --loss "$loss" --precision f64 >"$scratch/$file.report"
cat "$scratch/$file.report"
"$dlc" run "$scratch/$file.dlc" --entry infer --inputs "$fixtures/$values.batch.npz" --outputs "$scratch/$file.infer.npz"
echo "outputs:"
"$compare" "$scratch/$file.infer.npz" "$expected" --expected-prefix infer/ --tolerance "$tolerance"
[ "$check" != infer ] || exit 0

"$dlc" run "$scratch/$file.dlc" --entry grad --inputs "$fixtures/$values.batch.npz" --outputs "$scratch/$file.grad.npz"
echo "loss:"
"$compare" "$scratch/$file.grad.npz" "$expected" --found-prefix loss --expected-prefix loss --tolerance "$tolerance"
echo "gradients:"
# shellcheck disable=SC2086  # $mapping is words
"$compare" "$scratch/$file.grad.npz" "$expected" --found-prefix grad/ --expected-prefix grad/ $mapping --count "$trained" \
  --tolerance "$tolerance"
# "arena, allocated once … N B" is a promise: N is what a call then uses, to the byte.
promised=$(sed -n 's/^ *arena, allocated once .* \([0-9,]*\) B$/\1/p' "$scratch/$file.report" | tr -d ,)
used=$("$dlc" bench "$scratch/$file.dlc" --entry grad --steps 1 --warmup 0 --json | sed -n 's/.*"arena_peak_bytes": \([0-9]*\).*/\1/p')
echo "arena: $promised bytes promised, $used used"
[ "$promised" = "$used" ] && [ -n "$used" ] || exit 1
[ "$check" != grad ] || exit 0

"$dlc" train "$model" --data "$fixtures/$values.data.npz" --steps 3 --batch "$batch" --lr 1e-3 --loss "$loss" \
  --optimizer adamw --no-shuffle --seed 0 --precision f64 --save "$scratch/$file.safetensors"
echo "parameters and statistics after 3 steps:"
# shellcheck disable=SC2086
"$compare" "$scratch/$file.safetensors" "$expected" --expected-prefix param/ --expected-prefix stat/ $mapping \
  --tolerance "$tolerance"
