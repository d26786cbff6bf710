#!/bin/sh
# Recomputation changes memory, not numbers: loss and gradients are the same bits with every plan, and the arena of each is
# what a call then uses.
#
# usage: recompute.sh DLC SCRATCH FILE VALUES LOSS PRECISION
set -eu
dlc=$1 scratch=$2 file=$3 values=$4 loss=$5 precision=$6
fixtures=$(cd "$(dirname "$0")/../fixtures" && pwd)
name=$scratch/$file.$precision.recompute
mkdir -p "$scratch"

arena() { sed -n "s/.*\"$1\": \([0-9]*\).*/\1/p" "$name.json"; }

for mode in none cheap full:segments=2 full; do
  "$dlc" compile "$fixtures/$file.onnx" -o "$name.dlc" --entries grad --loss "$loss" \
    --precision "$precision" --recompute $mode > "$name.txt"
  "$dlc" bench "$name.dlc" --entry grad --steps 1 --warmup 0 --json > "$name.json"
  promised=$(arena arena_bytes)
  [ "$promised" = "$(arena arena_peak_bytes)" ] || { echo "$mode: $promised bytes promised"; cat "$name.json"; exit 1; }
  "$dlc" run "$name.dlc" --entry grad --inputs "$fixtures/$values.batch.npz" --outputs "$name.$mode.npz"
  echo "$mode: $promised bytes"
  cmp "$name.$mode.npz" "$name.none.npz"
  case $mode in
    none) kept=$promised ;;
    cheap | full) [ "$promised" -le "$kept" ] ;;
  esac
done
