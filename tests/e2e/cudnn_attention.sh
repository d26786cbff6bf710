#!/bin/sh
# Attention by cuDNN's calls, which the emulated GPU serves by the CPU's, against generated kernels and the CPU: outputs, loss and
# gradients of one batch, then the losses of 3 steps. Where heads are not cuDNN's, kernels are generated and a remark says why.
#
# The tolerance is that of the precision: each of 2 layers rounds what the devices sum in another order to 16 bits.
#
# usage: cudnn_attention.sh DLC COMPARE SCRATCH FILE VALUES PRECISION TOLERANCE
set -eu
dlc=$1 compare=$2 scratch=$3/cudnn_attention file=$4 values=$5 precision=$6 tolerance=$7
fixtures=$(cd "$(dirname "$0")/../fixtures" && pwd)
model=$fixtures/$file.onnx name=$scratch/$file.$precision
mkdir -p "$scratch"

on() { DLC_DEVICE=$1 "$dlc" "$2" "$model" --precision "$precision" --fuse-attention $3; }
for case in "cpu cpu generated" "emulated:1 cudnn cudnn" "emulated:1 generated generated"; do
  set -- $case
  rm -rf "$name.$2"
  on $1 run "--attention $3 --entry grad --inputs $fixtures/$values.batch.npz --outputs $name.$2.npz --dump-phases $name.$2"
  on $1 train "--attention $3 --data $fixtures/$values.data.npz --steps 3 --batch 3 --lr 1e-3 --no-shuffle --seed 0 --log $name.$2.jsonl"
done
# Forward and backward are calls, with a workspace in the arena; without the option they are kernels.
[ "$(grep -c 'exec.attention forward' "$name.cudnn/4-exec-cuda.mlir")" = 2 ]
[ "$(grep -c 'exec.attention backward.*workspace' "$name.cudnn/4-exec-cuda.mlir")" = 2 ]
! grep -q 'exec.attention' "$name.generated/4-exec-cuda.mlir"
"$compare" "$name.cudnn.npz" "$name.cpu.npz" --tolerance "$tolerance"
"$compare" "$name.cudnn.npz" "$name.generated.npz" --tolerance "$tolerance"
losses() { sed -n 's/.*"loss":\([^,}]*\).*/\1/p' "$name.$1.jsonl"; }
losses cpu >"$name.cpu.losses"
losses cudnn | paste "$name.cpu.losses" - | awk -v t="$tolerance" '
  { d = $1 - $2; if (d < 0) d = -d; n++; print "losses", $1, $2; if (!(d <= t * $1)) bad = 1 }
  END { exit bad || n != 3 }'

# The report counts the calls, and tells why others are none.
"$dlc" compile "$model" -o "$name.dlc" --entries grad --precision "$precision" --attention cudnn --target cuda >"$name.txt"
[ "$("$dlc" inspect "$name.dlc" --json | grep -c '"kind": "attention"')" = 4 ]
"$dlc" explain "$name.dlc" >"$name.explain"
grep -q 'attention passed, called' "$name.explain"
"$dlc" compile "$fixtures/gpt2l.default.onnx" -o "$name.small.dlc" --entries grad --precision "$precision" --attention cudnn --target cuda \
  --report "$name.small.json" >"$name.txt"
grep -q 'columns of a head must be a multiple of 8 of at most 128, but got 4' "$name.small.json"
"$dlc" inspect "$name.dlc" --entry grad --roofline h200 >"$name.roofline"
grep -q '^  attention  *4 ' "$name.roofline"
# Not without the library that it names.
if "$dlc" compile "$model" -o "$name.none.dlc" --attention cudnn --without cudnn 2>"$name.error"; then exit 1; fi
grep -q 'DLC4109' "$name.error"
