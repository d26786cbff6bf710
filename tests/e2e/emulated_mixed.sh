#!/bin/sh
# A GPT whose gradients of norms are kernels along and across their rows: 3 steps on the emulated GPU and on the CPU give the same losses
# and parameters, and the order of threads changes no bit. (The other fixtures have too few rows for such kernels.)
#
# usage: emulated_mixed.sh DLC COMPARE SCRATCH PRECISION TOLERANCE MOVED
# Sums across rows are added in another order than the CPU's: TOLERANCE is for losses, relative; MOVED for parameters, since AdamW divides
# a gradient by its own size (see emulated.sh).
set -eu
dlc=$1 compare=$2 scratch=$3/emulated_mixed precision=$4 tolerance=$5 moved=$6
tests=$(cd "$(dirname "$0")/.." && pwd)
model=$tests/fixtures/char_gpt.onnx name=$scratch/$precision
mkdir -p "$scratch"
"$dlc" compile "$model" -o "$name.dlc" --entries step --loss cross-entropy --optimizer adamw --batch 4 --precision "$precision" --target cuda
mixed=$("$dlc" inspect --roofline h200 --all "$name.dlc" | grep -c 'kernel, mixed: ')
echo "$mixed kernels along and across rows"
[ "$mixed" -ge 5 ]
for device in cpu emulated:2 emulated:3; do
  DLC_DEVICE=$device "$dlc" train "$model" --data "$tests/data/chars_train.npz" --steps 3 --batch 4 --lr 1e-3 --loss cross-entropy \
    --optimizer adamw --no-shuffle --seed 0 --precision "$precision" --log "$name.$device.jsonl" --save "$name.$device.safetensors"
done
cmp "$name.emulated:2.safetensors" "$name.emulated:3.safetensors"
"$compare" "$name.emulated:2.safetensors" "$name.cpu.safetensors" --tolerance "$moved"
losses() { sed -n 's/.*"loss":\([^,}]*\).*/\1/p' "$name.$1.jsonl"; }
losses cpu >"$name.cpu.losses"
losses emulated:2 | paste "$name.cpu.losses" - | awk -v t="$tolerance" '
  { d = $1 - $2; if (d < 0) d = -d; n++; print "losses", $1, $2; if (!(d <= t * $1)) bad = 1 }
  END { exit bad || n != 3 }'
