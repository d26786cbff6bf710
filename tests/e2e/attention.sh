#!/bin/sh
# Attention as one call: outputs, loss and gradients are those of its parts; each softmax between products became one, forward
# and backward; the arena is what a call uses. The same bits on one and two threads, and with recomputation.
#
# usage: attention.sh DLC COMPARE SCRATCH FILE VALUES PRECISION LAYERS TOLERANCE
set -eu
dlc=$1 compare=$2 scratch=$3 file=$4 values=$5 precision=$6 layers=$7 tolerance=$8
fixtures=$(cd "$(dirname "$0")/../fixtures" && pwd)
name=$scratch/$file.$precision.attention
mkdir -p "$scratch"

arena() { sed -n "s/.*\"$1\": \([0-9]*\).*/\1/p" "$name.json"; }
compile() {
  "$dlc" compile "$fixtures/$file.onnx" -o "$name.dlc" --entries grad,infer --precision "$precision" "$@" > "$name.txt"
}
run() {
  DLC_DEVICE=${3:-cpu} DLC_NUM_THREADS=$2 "$dlc" run "$name.dlc" --entry grad --inputs "$fixtures/$values.batch.npz" --outputs "$name.$1.npz"
}

compile
run parts 1
compile --fuse-attention
run one 1
run two 2
cmp "$name.one.npz" "$name.two.npz"
"$compare" "$name.one.npz" "$name.parts.npz" --tolerance "$tolerance"
"$dlc" inspect "$name.dlc" --json > "$name.inspect.json"
calls=$(grep -c '"kind": "attention"' "$name.inspect.json")
echo "$calls calls in infer and grad"
[ "$calls" = $((3 * layers)) ]
"$dlc" bench "$name.dlc" --entry grad --steps 1 --warmup 0 --json > "$name.json"
[ "$(arena arena_bytes)" = "$(arena arena_peak_bytes)" ] || { cat "$name.json"; exit 1; }
for mode in cheap full:segments=2; do
  compile --fuse-attention --recompute $mode
  run "$mode" 2
  cmp "$name.$mode.npz" "$name.one.npz"
done

# The plan for GPUs reads and writes the same parts of the same tensors.
compile --fuse-attention --target cpu,emulated
run emulated 2 emulated:1
"$compare" "$name.emulated.npz" "$name.one.npz" --tolerance "$tolerance"
