#!/bin/sh
# Training with --precision tf32: on the emulated GPU products and convolutions round their operands, on the CPU nothing changes.
#
# usage: emulated_tf32.sh DLC COMPARE SCRATCH FILE VALUES LOSS BATCH NEAR FAR [LIBRARIES]
# Without LIBRARIES, products are kernels, which round, too.
# An operand has a relative error of up to 2^-11 wherever it is multiplied, for losses and outputs a random walk of few such steps: NEAR,
# relative. A gradient has one for each contraction behind it, and cancellation in sums: FAR. AdamW's steps divide by the gradient's own
# size, so that parameters may go astray by 3 steps of 1e-3 each way (see emulated.sh).
set -eu
dlc=$1 compare=$2 scratch=$3/emulated_tf32 file=$4 values=$5 loss=$6 batch=$7 near=$8 far=$9 libraries=${10:-}
fixtures=$(cd "$(dirname "$0")/../fixtures" && pwd)
model=$fixtures/$file.onnx name=$scratch/$file${libraries:+.$libraries}
mkdir -p "$scratch"

for precision in f32 tf32; do
  "$dlc" compile "$model" -o "$name.$precision.dlc" --entries forward,infer,grad --loss "$loss" --precision $precision --target cpu,emulated \
    ${libraries:+--without "$libraries"}
done
# The plan for GPUs says so for each call, the one for CPUs has f32, and both are of an artifact in tf32.
"$dlc" inspect "$name.tf32.dlc" --json >"$name.cpu.json"
"$dlc" inspect "$name.tf32.dlc" --json --plan cuda >"$name.cuda.json"
for plan in cpu cuda; do grep -q '"precision": "tf32"' "$name.$plan.json"; done
mark='"allows_tf32": true'
[ -z "$libraries" ] || mark='"schedule": "contract_tf32"'
calls() { grep -c "$mark" "$1" || true; }
[ "$(calls "$name.cuda.json")" -gt 3 ]
[ "$(calls "$name.cpu.json")" -eq 0 ]

on() { DLC_DEVICE=$1 "$dlc" run "$name.$2.dlc" --entry "$3" --inputs "$fixtures/$values.batch.npz" --outputs "$name.$3.$2.$1.npz"; }
for entry in forward infer grad; do
  for precision in f32 tf32; do
    on cpu $precision $entry
    on emulated:1 $precision $entry
  done
  cmp "$name.$entry.f32.cpu.npz" "$name.$entry.tf32.cpu.npz"
done
# The model as it is written stays exact, and the others do not.
cmp "$name.forward.f32.emulated:1.npz" "$name.forward.tf32.emulated:1.npz"
for entry in infer grad; do
  ! cmp -s "$name.$entry.f32.emulated:1.npz" "$name.$entry.tf32.emulated:1.npz" || exit 1
done
"$compare" "$name.infer.tf32.emulated:1.npz" "$name.infer.f32.emulated:1.npz" --tolerance "$near"
"$compare" "$name.grad.tf32.emulated:1.npz" "$name.grad.f32.emulated:1.npz" --found-prefix loss --expected-prefix loss --tolerance "$near"
"$compare" "$name.grad.tf32.emulated:1.npz" "$name.grad.f32.emulated:1.npz" --found-prefix grad/ --expected-prefix grad/ --tolerance "$far"

train() {
  DLC_DEVICE=$1 "$dlc" train "$model" --data "$fixtures/$values.data.npz" --steps 3 --batch "$batch" --lr 1e-3 --loss "$loss" \
    --no-shuffle --seed 0 --precision "$2" ${libraries:+--without "$libraries"} --log "$name.$2.$1.jsonl" --save "$name.$2.$1.safetensors"
}
train emulated:2 f32
train emulated:2 tf32
train emulated:3 tf32
cmp "$name.tf32.emulated:2.safetensors" "$name.tf32.emulated:3.safetensors"
! cmp -s "$name.tf32.emulated:2.safetensors" "$name.f32.emulated:2.safetensors" || exit 1
"$compare" "$name.tf32.emulated:2.safetensors" "$name.f32.emulated:2.safetensors" --tolerance 1e-2
losses() { sed -n 's/.*"loss":\([^,}]*\).*/\1/p' "$name.$1.emulated:2.jsonl"; }
losses f32 >"$name.f32.losses"
losses tf32 | paste "$name.f32.losses" - | awk -v t="$near" '
  { d = $1 - $2; if (d < 0) d = -d; n++; print "losses", $1, $2; if (!(d <= t * $1)) bad = 1 }
  END { exit bad || n != 3 }'
