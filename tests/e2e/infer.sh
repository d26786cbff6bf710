#!/bin/sh
# f32 outputs of a net whose exporter folded BatchNorm away: convolutions with bias, residual and relu, against PyTorch's.
#
# usage: infer.sh DLC COMPARE SCRATCH FILE VALUES TOLERANCE
set -eu
dlc=$1 compare=$2 name=$3/$4.infer values=$5 tolerance=$6
fixtures=$(cd "$(dirname "$0")/../fixtures" && pwd)
mkdir -p "$3"

"$dlc" compile "$fixtures/$4.onnx" -o "$name.dlc" --entries infer
"$dlc" explain "$name.dlc" | grep -q " conv_bias_relu_residual "
"$dlc" run "$name.dlc" --entry infer --inputs "$fixtures/$values.batch.npz" --outputs "$name.npz"
"$compare" "$name.npz" "$fixtures/$values.expected.npz" --expected-prefix infer/ --tolerance "$tolerance"
