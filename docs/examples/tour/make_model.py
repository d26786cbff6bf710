#!/usr/bin/env python3
"""Writes layer.onnx, the model of docs/tour.md: tanh(x W^T + b). Needs the package onnx; the file is committed."""
import pathlib

import numpy
import onnx
from onnx import helper, numpy_helper

random = numpy.random.default_rng(0)
weight = random.uniform(-0.35, 0.35, (16, 8)).astype(numpy.float32)
bias = random.uniform(-0.35, 0.35, 16).astype(numpy.float32)
graph = helper.make_graph(
    [
        helper.make_node("Gemm", ["x", "fc.weight", "fc.bias"], ["hidden"], name="fc/Gemm", transB=1),
        helper.make_node("Tanh", ["hidden"], ["y"], name="Tanh"),
    ],
    "layer",
    [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, ["batch", 8])],
    [helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, ["batch", 16])],
    [numpy_helper.from_array(weight, "fc.weight"), numpy_helper.from_array(bias, "fc.bias")],
)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
onnx.checker.check_model(model)
onnx.save(model, pathlib.Path(__file__).with_name("layer.onnx"))
