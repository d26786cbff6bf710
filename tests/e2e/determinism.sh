#!/bin/sh
# 100 training steps leave the same bytes, run after run and on one thread or two; another seed leaves others.
#
# usage: determinism.sh DLC SCRATCH MODEL DATA BATCH
set -eu
dlc=$1 scratch=$2 model=$3 data=$4 batch=$5
mkdir -p "$scratch"
train() { # seed, threads, file
  DLC_NUM_THREADS=$2 "$dlc" train "$model" --data "$data" --steps 100 --batch "$batch" --lr 1e-3 --loss cross-entropy \
    --optimizer adamw --seed "$1" --save "$scratch/$3.safetensors"
}
train 1 2 first
train 1 2 again
train 1 1 one_thread
train 2 2 other_seed
cmp "$scratch/first.safetensors" "$scratch/again.safetensors"
cmp "$scratch/first.safetensors" "$scratch/one_thread.safetensors"
if cmp -s "$scratch/first.safetensors" "$scratch/other_seed.safetensors"; then
  echo "another seed gave the same bytes"
  exit 1
fi
