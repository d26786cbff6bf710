#!/bin/sh
# A loss in parts: gradients and metrics are those of the whole, to the rounding of one more sum; the arena is what a call
# uses, and is smaller. With recomputation, too, and the same bits on one and two threads.
#
# usage: chunks.sh DLC COMPARE SCRATCH FILE VALUES PRECISION TOLERANCE
set -eu
dlc=$1 compare=$2 scratch=$3 file=$4 values=$5 precision=$6 tolerance=$7
fixtures=$(cd "$(dirname "$0")/../fixtures" && pwd)
name=$scratch/$file.$precision.chunks
mkdir -p "$scratch"

arena() { sed -n "s/.*\"$1\": \([0-9]*\).*/\1/p" "$name.json"; }

for recompute in none full:segments=2; do
  whole=
  for loss in cross-entropy cross-entropy:chunks=3; do
    out=$name.$loss.$recompute
    "$dlc" compile "$fixtures/$file.onnx" -o "$name.dlc" --entries grad,eval --loss $loss --precision "$precision" \
      --recompute $recompute > "$name.txt"
    "$dlc" bench "$name.dlc" --entry grad --steps 1 --warmup 0 --json > "$name.json"
    [ "$(arena arena_bytes)" = "$(arena arena_peak_bytes)" ] || { cat "$name.json"; exit 1; }
    for threads in 1 2; do
      for entry in grad eval; do
        DLC_NUM_THREADS=$threads "$dlc" run "$name.dlc" --entry $entry --inputs "$fixtures/$values.batch.npz" \
          --outputs "$out.$entry.$threads.npz"
      done
    done
    cmp "$out.grad.1.npz" "$out.grad.2.npz"
    if [ -z "$whole" ]; then
      whole=$out
      all=$(arena arena_bytes)
      continue
    fi
    echo "$recompute: $all bytes, in parts $(arena arena_bytes)"
    [ "$(arena arena_bytes)" -lt "$all" ]
    for entry in grad eval; do
      "$compare" "$out.$entry.1.npz" "$whole.$entry.1.npz" --tolerance "$tolerance"
    done
  done
done
