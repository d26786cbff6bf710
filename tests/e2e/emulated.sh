#!/bin/sh
# A fixture on the emulated GPU and on the CPU, from one artifact: outputs, loss and gradients, then the losses and the
# parameters of 3 steps. The emulated device stops at the first access that a GPU would not forgive, whatever the order of
# its threads, of which there are three here.
#
# usage: emulated.sh DLC COMPARE SCRATCH PRECISION FILE VALUES LOSS BATCH TRAINED CHECK TOLERANCE [LIBRARY]
# The seven before the library, which the program for GPUs is then to do without, are a line of tests/fixtures/cases.txt, which explains them. Both devices add in the order that the op
# gives, so most fixtures agree to the bit; where a long sum has two stages on GPUs, it rounds otherwise: a relative 1e-5
# is 100 times what f32 sums of that length differ by. Fixtures whose gradients jump with the last bit of a f32 mean (which of
# two equal elements is a window's maximum, a bias before a normalization) are compared in f64. In bf16 such a difference can turn a rounding over, and a GPU's
# products round a bias instead of themselves (docs/rationale/mixed-precision.md): 2^-7.
# AdamW divides a gradient by its own size: one that is zero but for rounding (a key's bias, say) moves its parameter by the whole
# rate, this way or that. So parameters, of about 0.5, are compared to 3 steps of 1e-3 each way; in bf16 more go astray.
set -eu
dlc=$1 compare=$2 scratch=$3/emulated precision=$4 file=$5 values=$6 loss=$7 batch=$8 check=${10} library=${12:-}
fixtures=$(cd "$(dirname "$0")/../fixtures" && pwd)
model=$fixtures/$file.onnx name=$scratch/$file.$precision${library:+.$library}
mkdir -p "$scratch"
case $precision in
bf16) tolerance=8e-3 moved=1e-1 ;;
f64) tolerance=1e-9 moved=1e-6 ;;
*) tolerance=1e-5 moved=1e-2 ;;
esac

"$dlc" compile "$model" -o "$name.dlc" --entries infer,grad --loss "$loss" --precision "$precision" --target cpu,emulated \
  ${library:+--without "$library"}
if [ -n "$library" ]; then
  # What the library would compute is in no call.
  kind=$([ "$library" = cudnn ] && echo conv || echo gemm)
  ! "$dlc" inspect "$name.dlc" --plan cuda --json | grep -q "\"kind\": \"$kind" || exit 1
fi
on() { DLC_DEVICE=$1 "$dlc" run "$name.dlc" --entry "$2" --inputs "$fixtures/$values.batch.npz" --outputs "$name.$2.$1.npz"; }
for entry in infer grad; do
  on cpu $entry
  on emulated:1 $entry
  "$compare" "$name.$entry.emulated:1.npz" "$name.$entry.cpu.npz" --tolerance $tolerance
  [ "$check" != infer ] || exit 0
done

for device in cpu emulated:2 emulated:3; do
  DLC_DEVICE=$device "$dlc" train "$model" --data "$fixtures/$values.data.npz" --steps 3 --batch "$batch" --lr 1e-3 --loss "$loss" \
    --no-shuffle --seed 0 --precision "$precision" ${library:+--without "$library"} --log "$name.$device.jsonl" --save "$name.$device.safetensors"
done
# The order of threads changes no bit.
cmp "$name.emulated:2.safetensors" "$name.emulated:3.safetensors"
"$compare" "$name.emulated:2.safetensors" "$name.cpu.safetensors" --tolerance $moved
losses() { sed -n 's/.*"loss":\([^,}]*\).*/\1/p' "$name.$1.jsonl"; }
losses cpu >"$name.cpu.losses"
losses emulated:2 | paste "$name.cpu.losses" - | awk -v t=$tolerance '
  { d = $1 - $2; if (d < 0) d = -d; n++; print "losses", $1, $2; if (!(d <= t * $1)) bad = 1 }
  END { exit bad || n != 3 }'
