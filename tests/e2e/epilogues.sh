#!/bin/sh
# f32, where library calls take what follows them: outputs, loss and gradients against PyTorch's, and the calls.
#
# usage: epilogues.sh DLC COMPARE SCRATCH FILE VALUES LOSS LABEL…
# LABEL is a call that 'infer' must have, as dlc explain names it.
set -eu
dlc=$1 compare=$2 scratch=$3 file=$4 values=$5 loss=$6
shift 6
fixtures=$(cd "$(dirname "$0")/../fixtures" && pwd)
model=$fixtures/$file.onnx expected=$fixtures/$values.expected.npz
name=$scratch/$file.f32
mkdir -p "$scratch"

"$dlc" compile "$model" -o "$name.dlc" --entries infer,grad --loss "$loss"
"$dlc" explain "$name.dlc" > "$name.txt"
for label; do
  grep -q " $label " "$name.txt" || { echo "no call is '$label'"; cat "$name.txt"; exit 1; }
done
for threads in 1 2; do
  for entry in infer grad; do
    DLC_NUM_THREADS=$threads "$dlc" run "$name.dlc" --entry $entry --inputs "$fixtures/$values.batch.npz" \
      --outputs "$name.$entry.$threads.npz"
  done
done
cmp "$name.infer.1.npz" "$name.infer.2.npz"
cmp "$name.grad.1.npz" "$name.grad.2.npz"
# BatchNorm over few samples magnifies rounding a hundredfold.
case $file in resnet*) far=5e-4 ;; *) far=2e-5 ;; esac
"$compare" "$name.infer.1.npz" "$expected" --expected-prefix infer/ --tolerance 2e-6
"$compare" "$name.grad.1.npz" "$expected" --found-prefix loss --expected-prefix loss --tolerance 2e-6
"$compare" "$name.grad.1.npz" "$expected" --found-prefix grad/ --expected-prefix grad/ \
  --mapping "$fixtures/mapping.json" --model "$file.onnx" --tolerance $far
