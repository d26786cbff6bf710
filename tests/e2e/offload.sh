#!/bin/sh
# What lies on the host while it is not needed comes back as it was: gradients and trained weights are the same bytes with
# and without offload, and the arena is smaller. (The CPU copies at each wait, the latest time that a plan allows.)
#
# usage: offload.sh DLC SCRATCH FILE VALUES LOSS
set -eu
dlc=$1 scratch=$2 file=$3 values=$4 loss=$5
fixtures=$(cd "$(dirname "$0")/../fixtures" && pwd)
name=$scratch/$file.offload
mkdir -p "$scratch"

bytes() { sed -n "s/.*\"$1\": \([0-9]*\).*/\1/p" "$name.json" | head -n 1; }

for mode in none activations optimizer all; do
  "$dlc" compile "$fixtures/$file.onnx" -o "$name.dlc" --entries step,grad --loss "$loss" --offload $mode > "$name.txt"
  "$dlc" inspect "$name.dlc" --json > "$name.json"
  arena=$(bytes arena_bytes) host=$(bytes host_bytes)
  echo "$mode: $arena bytes, $host on the host"
  "$dlc" run "$name.dlc" --entry grad --inputs "$fixtures/$values.batch.npz" --outputs "$name.$mode.npz"
  "$dlc" train "$fixtures/$file.onnx" --data "$fixtures/$values.data.npz" --loss "$loss" --steps 3 --batch 2 --offload $mode \
    --save "$name.$mode.safetensors" > "$name.txt" 2>&1
  if [ $mode = none ]; then
    kept=$arena
    [ "$host" -eq 0 ]
    continue
  fi
  cmp "$name.$mode.npz" "$name.none.npz"
  cmp "$name.$mode.safetensors" "$name.none.safetensors"
  [ "$arena" -lt "$kept" ]
  [ "$host" -gt 0 ]
done
