#!/bin/sh
# A character GPT learns: after 300 steps the loss is well below that of guessing by letter frequency (about 3.1).
#
# usage: chars.sh DLC SCRATCH
set -eu
dlc=$1 scratch=$2
tests=$(cd "$(dirname "$0")/.." && pwd)
mkdir -p "$scratch"
rm -f "$scratch/chars.jsonl"
"$dlc" train "$tests/fixtures/char_gpt.onnx" --data "$tests/data/chars_train.npz" --eval "$tests/data/chars_test.npz" \
  --loss cross-entropy --optimizer adamw --lr 2e-3 --steps 300 --batch 16 --seed 0 --log "$scratch/chars.jsonl" \
  --save "$scratch/chars.safetensors"
loss=$(sed -n 's/.*"eval_loss": *\([0-9.eE+-]*\).*/\1/p' "$scratch/chars.jsonl" | tail -n 1)
echo "test loss $loss"
awk -v l="${loss:-9}" 'BEGIN { exit !(l < 2.75) }'
