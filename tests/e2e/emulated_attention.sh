#!/bin/sh
# Attention as generated kernels on the emulated GPU against the CPU's calls: outputs, loss and gradients of one batch, then the
# losses of 3 steps. The order of threads changes no bit.
#
# usage: emulated_attention.sh DLC COMPARE SCRATCH FILE VALUES PRECISION TOLERANCE
set -eu
dlc=$1 compare=$2 scratch=$3/emulated_attention file=$4 values=$5 precision=$6 tolerance=$7
fixtures=$(cd "$(dirname "$0")/../fixtures" && pwd)
model=$fixtures/$file.onnx name=$scratch/$file.$precision
mkdir -p "$scratch"

on() { DLC_DEVICE=$1 "$dlc" "$2" "$model" --precision "$precision" --fuse-attention $3; }
for device in cpu emulated:1 emulated:2; do
  rm -rf "$name.$device"
  on $device run "--entry grad --inputs $fixtures/$values.batch.npz --outputs $name.$device.npz --dump-phases $name.$device"
  on $device train "--data $fixtures/$values.data.npz --steps 3 --batch 3 --lr 1e-3 --no-shuffle --seed 0 --log $name.$device.jsonl"
done
# Forward and backward are kernels.
grep -q 'dlc.kernel "attention" <attention' "$name.emulated:1/3-kernels-cuda.mlir"
grep -q 'dlc.kernel "attention_grad" <attention' "$name.emulated:1/3-kernels-cuda.mlir"
cmp "$name.emulated:1.npz" "$name.emulated:2.npz"
"$compare" "$name.emulated:1.npz" "$name.cpu.npz" --tolerance "$tolerance"
losses() { sed -n 's/.*"loss":\([^,}]*\).*/\1/p' "$name.$1.jsonl"; }
losses cpu >"$name.cpu.losses"
losses emulated:1 | paste "$name.cpu.losses" - | awk -v t="$tolerance" '
  { d = $1 - $2; if (d < 0) d = -d; n++; print "losses", $1, $2; if (!(d <= t * $1)) bad = 1 }
  END { exit bad || n != 3 }'
