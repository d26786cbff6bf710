#!/bin/sh
# Recomputation changes memory, not numbers: loss and gradients agree to the rounding of sums (other kernels may add in
# another order), and the arena of every plan is what a call then uses.
#
# usage: recompute.sh DLC COMPARE SCRATCH FILE VALUES LOSS PRECISION TOLERANCE
set -eu
dlc=$1 compare=$2 scratch=$3 file=$4 values=$5 loss=$6 precision=$7 tolerance=$8
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
  "$compare" "$name.$mode.npz" "$name.none.npz" --tolerance "$tolerance"
  case $mode in
    none) kept=$promised ;;
    cheap | full) [ "$promised" -le "$kept" ] ;;
  esac
done
