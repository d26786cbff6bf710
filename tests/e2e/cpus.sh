#!/bin/bash
# A bf16 training step for a CPU with AVX-512 BF16, for one without and for one with AVX2 alone gives the same bytes: where
# the CPU has no instruction that rounds to bf16, the code says it in integer arithmetic.
# usage: cpus.sh DLC SCRATCH NAME MODEL DATA
set -euo pipefail
dlc=$1 scratch=$2 name=$3 model=$4 data=$5
mkdir -p "$scratch"
first=
for cpu in native x86-64-v3 skylake-avx512; do
  if [ $cpu = skylake-avx512 ] && ! grep -qw avx512f /proc/cpuinfo; then
    continue
  fi
  saved=$scratch/$name.$cpu.safetensors
  "$dlc" train "$model" --data "$data" --batch 4 --steps 3 --no-shuffle --precision bf16 --cpu $cpu --save "$saved"
  first=${first:-$saved}
  cmp "$first" "$saved" || { echo "$cpu gives other bytes"; exit 1; }
done
