#!/bin/sh
# dlc tune on the stand-in for a GPU: what the library's clock says is faster goes into the artifact, which then says so, is taken by
# later runs, and is left alone elsewhere.
#
# usage: tune.sh DLC SCRATCH FAKE_CUDA FILE
set -eu
dlc=$1 scratch=$2/tune fake=$3 file=$4
model=$(cd "$(dirname "$0")/../fixtures" && pwd)/$file.onnx
rm -rf "$scratch"
mkdir -p "$scratch/lib"
# Under the names that the runtime looks for.
for name in libcuda.so.1 libcublasLt.so.13 libcudnn.so.9; do ln -s "$fake" "$scratch/lib/$name"; done
gpu() { DLC_DEVICE=cuda FAKE_CUDA=delay LD_LIBRARY_PATH=$scratch/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH} "$dlc" "$@"; }

withoutRemark() { if grep remark "$1"; then exit 1; fi; }

"$dlc" compile "$model" --target cpu,cuda:sm_90,emulated --batch 4 -o "$scratch/plain.dlc" > /dev/null 2>&1
gpu tune "$scratch/plain.dlc" -o "$scratch/tuned.dlc" --rounds 2 --json > "$scratch/tune.json" 2> "$scratch/tune.err"
withoutRemark "$scratch/tune.err"
python3 - "$scratch/tune.json" <<'EOF'
import json, sys
report = json.load(open(sys.argv[1]))
assert report["device"] == "Stand-in", report["device"]
assert {"infer", "step"} <= {row["entry"] for row in report["entries"]}, report["entries"]
products = [row for row in report["calls"] if row["library"].startswith("cuBLASLt")]
assert products and all(row["us"] < row["us_before"] for row in products), report["calls"]
assert any(row["library"].startswith("cuDNN") for row in report["calls"]), report["calls"]
EOF
"$dlc" inspect "$scratch/tuned.dlc" --json > "$scratch/inspect.json"
"$dlc" inspect "$scratch/tuned.dlc" | grep -q "tuned on Stand-in"
python3 - "$scratch/inspect.json" "$scratch/tune.json" <<'EOF'
import json, sys
inspect, tune = (json.load(open(path)) for path in sys.argv[1:])
tuning = {target["kind"]: target.get("tuning") for target in inspect["targets"]}
assert tuning["cpu"] is None, tuning
assert tuning["cuda"]["choices"] == sum(row["calls"] for row in tune["calls"]), tuning
EOF
# Taken again, also when the file is tuned once more in its place, which finds nothing better.
gpu bench "$scratch/tuned.dlc" --steps 1 --warmup 1 --json > "$scratch/bench.json" 2> "$scratch/bench.err"
withoutRemark "$scratch/bench.err"
cp "$scratch/tuned.dlc" "$scratch/again.dlc"
gpu tune "$scratch/again.dlc" -o "$scratch/again.dlc" --rounds 2 > /dev/null
cmp "$scratch/tuned.dlc" "$scratch/again.dlc"
# Another version of the libraries: said, and their own advice is followed.
export FAKE_CUDA_BLAS=120800
gpu bench "$scratch/tuned.dlc" --steps 1 --warmup 1 --json 2> "$scratch/other.err" > /dev/null
grep -q "remark: of [0-9]* tuned calls of 'step'" "$scratch/other.err"
unset FAKE_CUDA_BLAS
# Elsewhere nothing is to be tuned, and nothing is written.
for device in cpu emulated; do
  if DLC_DEVICE=$device "$dlc" tune "$scratch/plain.dlc" --entry infer -o "$scratch/none.dlc" 2> "$scratch/none.err"; then exit 1; fi
  grep -q "error DLC6220" "$scratch/none.err"
done
test ! -e "$scratch/none.dlc"
DLC_DEVICE=cpu "$dlc" bench "$scratch/tuned.dlc" --steps 1 --warmup 1 --json > /dev/null 2> "$scratch/cpu.err"
withoutRemark "$scratch/cpu.err"
