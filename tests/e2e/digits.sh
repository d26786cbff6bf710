#!/bin/sh
# The main job: the digits CNN reaches 98 % on the test set, and its export gives those outputs again.
#
# usage: digits.sh DLC COMPARE SCRATCH
set -eu
dlc=$1 compare=$2 scratch=$3
tests=$(cd "$(dirname "$0")/.." && pwd)
mkdir -p "$scratch"
rm -f "$scratch/digits.jsonl"
"$dlc" train "$tests/fixtures/digits_cnn.onnx" --data "$tests/data/digits_train.npz" --eval "$tests/data/digits_test.npz" \
  --loss cross-entropy --optimizer adamw --lr 2e-3 --epochs 12 --batch 32 --seed 0 --log "$scratch/digits.jsonl" \
  --save "$scratch/digits.onnx"
accuracy=$(sed -n 's/.*"accuracy": *\([0-9.eE+-]*\).*/\1/p' "$scratch/digits.jsonl" | tail -n 1)
echo "test accuracy $accuracy"
awk -v a="${accuracy:-0}" 'BEGIN { exit !(a >= 0.98) }'

"$dlc" run "$scratch/digits.onnx" --entry infer --inputs "$tests/data/digits_test.npz" --outputs "$scratch/once.npz"
"$dlc" compile "$scratch/digits.onnx" -o "$scratch/digits.dlc" --entries infer
"$dlc" run "$scratch/digits.dlc" --entry infer --inputs "$tests/data/digits_test.npz" --outputs "$scratch/twice.npz"
"$compare" "$scratch/once.npz" "$scratch/twice.npz" --tolerance 1e-6
