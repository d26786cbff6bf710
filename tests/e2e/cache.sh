#!/bin/sh
# With DLC_CACHE_DIR a model is compiled once for its options: the second time gives the same artifact and says where it came from.
# Other options, another model or a damaged file are compiled.
#
# usage: cache.sh DLC SCRATCH FILE
set -eu
dlc=$1 scratch=$2/cache file=$3
model=$(cd "$(dirname "$0")/../fixtures" && pwd)/$file.onnx
rm -rf "$scratch"
mkdir -p "$scratch"
export DLC_CACHE_DIR=$scratch/kept

cached() { # whether the last compilation was
  grep -q '"cached": true' "$scratch/out.json"
}
fresh() { ! cached; }
compile() { "$dlc" compile "$@" --json > "$scratch/out.json"; }

compile "$model" -o "$scratch/first.dlc"
fresh
compile "$model" -o "$scratch/second.dlc"
cached
cmp "$scratch/first.dlc" "$scratch/second.dlc"
compile "$model" -o "$scratch/other.dlc" --precision f64
fresh
# The same file elsewhere is the same model; one byte more is another.
cp "$model" "$scratch/$file.onnx"
compile "$scratch/$file.onnx" -o "$scratch/copy.dlc"
cached
printf x >> "$scratch/$file.onnx"
"$dlc" compile "$scratch/$file.onnx" -o "$scratch/copy.dlc" --json > "$scratch/out.json" 2> /dev/null || echo "{}" > "$scratch/out.json"
fresh
for kept in "$DLC_CACHE_DIR"/*.dlc; do truncate -s 100 "$kept"; done
compile "$model" -o "$scratch/third.dlc"
fresh
cmp "$scratch/first.dlc" "$scratch/third.dlc"
