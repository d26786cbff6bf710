#!/usr/bin/env python3
"""Writes the hostile files of this folder and cases.txt, the table that run.sh reads. Needs numpy and onnx.

usage: make_hostile.py

Every file is small. A maker returns the bytes; `case` notes which command meets them and which errors are right.
Commands in cases.txt: @ is the file, %o an output path, %m a good model (x [batch, 13] -> 5 classes, cross-entropy).
"""
import io
import json
import os
import pathlib
import random
import struct
import zipfile

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

HERE = pathlib.Path(__file__).resolve().parent
FILES = HERE / "files"
IMPORT, DATA, EITHER = "DLC[12]", "DLC5", "DLC"
COMPILE = "compile @ -o %o.dlc"
STEP = "compile @ -o %o.dlc --loss mse --optimizer adamw"
TRAIN = "train %m --data @ --steps 1 --batch 4 --loss cross-entropy --no-shuffle --save %o.safetensors"
RUN = "run %m --inputs @ --outputs %o.npz"
LINES = []


def case(name, content, command, expect, status="1"):
    """Adds a file (content None: already there) and its line. status: allowed exit codes, `1` or `01`."""
    if content is not None:
        (FILES / name).write_bytes(content)
    LINES.append(f"{name:36} {status:2}  {expect:8}  {command}")


# ---- ONNX ------------------------------------------------------------------------------------------------------------


def value(name, shape, kind=TensorProto.FLOAT):
    return helper.make_tensor_value_info(name, kind, shape)


def weight(name, array):
    return numpy_helper.from_array(np.asarray(array), name)


def model(nodes, initializers=(), inputs=None, outputs=None, opset=18, domains=()):
    inputs = inputs or [value("x", [4, 8])]
    outputs = outputs or [value("y", None)]
    graph = helper.make_graph(list(nodes), "g", inputs, outputs, list(initializers))
    imports = [helper.make_opsetid("", opset)] if opset is not None else []
    proto = helper.make_model(graph, opset_imports=[*imports, *(helper.make_opsetid(d, 1) for d in domains)])
    if opset is None:
        del proto.opset_import[:]
    proto.ir_version = 8
    return proto


def node(op, inputs, outputs=("y",), **attributes):
    return helper.make_node(op, list(inputs), list(outputs), name=f"node_{op}_{outputs[0]}", **attributes)


def good():
    return model([node("MatMul", ["x", "w"])], [weight("w", np.ones((8, 5), np.float32))])


def broken_bytes():
    whole = good().SerializeToString()
    rng = random.Random(1)
    yield "empty", b""
    yield "random", rng.randbytes(4000)
    yield "random_small", rng.randbytes(7)
    yield "truncated_head", whole[:20]
    yield "truncated_middle", whole[:len(whole) // 2]
    yield "truncated_tail", whole[:-1]
    yield "text", b"this is a text file, not a model\n" * 20
    yield "zip_magic", b"PK\x03\x04" + rng.randbytes(400)
    yield "elf_magic", b"\x7fELF" + bytes(500)
    yield "zeros", bytes(1000)
    yield "varint_endless", b"\xff" * 300
    yield "length_lies", b"\x3a\xff\xff\xff\xff\x07" + whole[6:]
    yield "nested_groups", b"\x0b" * 5000


def nested(levels):
    """A graph in an attribute of a node of a graph …, deeper than a parser's stack should follow."""
    field = lambda number, body: varint(number << 3 | 2) + varint(len(body)) + body
    graph = field(2, b"leaf")
    for _ in range(levels):
        attribute = field(1, b"then_branch") + field(6, graph) + varint(20 << 3) + varint(5)
        graph = field(1, field(4, b"If") + field(5, attribute))
    return varint(1 << 3) + varint(8) + field(7, graph) + field(8, varint(2 << 3) + varint(18))


def varint(value):
    out = b""
    while value > 127:
        out, value = out + bytes([value & 127 | 128]), value >> 7
    return out + bytes([value])


def with_tensor(**fields):
    """A good model whose weight tensor is replaced field by field."""
    proto = good()
    tensor = proto.graph.initializer[0]
    for name, content in fields.items():
        if name == "dims":
            del tensor.dims[:]
            tensor.dims.extend(content)
        else:
            setattr(tensor, name, content)
    return proto


def external(**entries):
    proto = good()
    tensor = proto.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, content in entries.items():
        entry = tensor.external_data.add()
        entry.key, entry.value = key, content
    return proto


def tensors():
    yield "dims_2_63", with_tensor(dims=[2**63 - 1, 5])
    yield "dims_product_overflows", with_tensor(dims=[2**33, 2**33])
    yield "dims_negative", with_tensor(dims=[-8, 5])
    yield "dims_zero_with_data", with_tensor(dims=[0, 5])
    yield "dims_many", with_tensor(dims=[1] * 4000)
    yield "data_short", with_tensor(raw_data=b"\0" * 12)
    yield "data_long", with_tensor(raw_data=b"\0" * 1000)
    yield "data_absent", with_tensor(raw_data=b"")
    yield "dtype_unknown", with_tensor(data_type=999)
    yield "dtype_zero", with_tensor(data_type=0)
    yield "dtype_complex", with_tensor(data_type=TensorProto.COMPLEX64)
    strings = good()
    strings.graph.initializer[0].CopyFrom(helper.make_tensor("w", TensorProto.STRING, [8, 5], [b"a"] * 40))
    yield "dtype_string", strings
    typed = good()
    typed.graph.initializer[0].CopyFrom(helper.make_tensor("w", TensorProto.FLOAT, [8, 5], [0.0] * 40))
    del typed.graph.initializer[0].float_data[7:]
    yield "float_data_short", typed
    yield "external_missing", external(location="no_such_file.bin")
    yield "external_traversal", external(location="../../fixtures/cases.txt")
    yield "external_traversal_inside", external(location="sub/../../../fixtures/cases.txt")
    yield "external_absolute", external(location="/etc/hostname")
    yield "external_symlink", external(location="link.bin")
    yield "external_folder", external(location=".")
    yield "external_no_location", external(offset="0")
    yield "external_empty_location", external(location="")
    yield "external_nul_in_location", external(location="weights.bin\0.txt")
    yield "external_offset_beyond", external(location="weights.bin", offset="100000", length="160")
    yield "external_offset_negative", external(location="weights.bin", offset="-8", length="160")
    yield "external_offset_overflows", external(location="weights.bin", offset=str(2**64 - 4), length="160")
    yield "external_offset_no_number", external(location="weights.bin", offset="abc")
    yield "external_length_short", external(location="weights.bin", offset="0", length="12")
    yield "external_length_huge", external(location="weights.bin", offset="0", length=str(2**62))


def graphs():
    ones = lambda *shape: np.ones(shape, np.float32)
    ints = lambda *values: np.array(values, np.int64)
    yield "no_graph", onnx.ModelProto(ir_version=8, opset_import=[helper.make_opsetid("", 18)])
    no_outputs = model([node("Relu", ["x"])])
    no_outputs.graph.ClearField("output")
    yield "no_outputs", no_outputs
    yield "no_opset", model([node("Relu", ["x"])], opset=None)
    yield "opset_too_old", model([node("Relu", ["x"])], opset=4)
    yield "opset_too_new", model([node("Relu", ["x"])], opset=999)
    yield "opset_negative", model([node("Relu", ["x"])], opset=-3)
    yield "domain_unknown", model([helper.make_node("Fancy", ["x"], ["y"], "fancy", domain="com.example")], domains=["com.example"])
    yield "ops_unknown", model([node("Frobnicate", ["x"], ["a"]), node("Defenestrate", ["a"], ["b"]), node("Zonk", ["b"])])
    yield "op_empty_name", model([node("", ["x"])])
    yield "cycle", model([node("Add", ["x", "b"], ["a"]), node("Relu", ["a"], ["b"]), node("Relu", ["b"])])
    yield "cycle_self", model([node("Add", ["x", "y"])])
    yield "value_undefined", model([node("Add", ["x", "nowhere"])])
    yield "output_undefined", model([node("Relu", ["x"], ["z"])])
    yield "value_defined_twice", model([node("Relu", ["x"]), node("Tanh", ["x"])])
    yield "input_twice", model([node("Relu", ["x"])], inputs=[value("x", [4, 8]), value("x", [2, 2])])
    yield "initializer_twice", model([node("MatMul", ["x", "w"])], [weight("w", ones(8, 5)), weight("w", ones(8, 3))])
    yield "function_recursive", recursive_function()
    yield "loop", loop()
    yield "matmul_mismatch", model([node("MatMul", ["x", "w"])], [weight("w", ones(7, 5))])
    yield "add_mismatch", model([node("Add", ["x", "w"])], [weight("w", ones(3))])
    yield "matmul_one_input", model([node("MatMul", ["x"])])
    yield "relu_no_input", model([node("Relu", [])])
    yield "relu_three_outputs", model([node("Relu", ["x"], ["y", "z", "q"])])
    yield "reshape_mismatch", model([node("Reshape", ["x", "s"])], [weight("s", ints(5, 7))])
    yield "reshape_two_unknown", model([node("Reshape", ["x", "s"])], [weight("s", ints(-1, -1))])
    yield "reshape_overflow", model([node("Reshape", ["x", "s"])], [weight("s", ints(2**62, 2**62))])
    yield "transpose_perm_twice", model([node("Transpose", ["x"], perm=[0, 0])])
    yield "transpose_perm_range", model([node("Transpose", ["x"], perm=[0, 9])])
    yield "softmax_axis_range", model([node("Softmax", ["x"], axis=7)])
    yield "softmax_axis_float", model([node("Softmax", ["x"], axis=1.5)])
    yield "concat_mismatch", model([node("Concat", ["x", "w"], axis=0)], [weight("w", ones(4, 9))])
    yield "concat_no_axis", model([node("Concat", ["x", "x"])])
    yield "split_sizes", model([node("Split", ["x", "s"], ["y", "z"], axis=1)], [weight("s", ints(3, 99))])
    yield "slice_step_zero", model([node("Slice", ["x", "a", "b", "c", "d"])],
                                   [weight("a", ints(0)), weight("b", ints(4)), weight("c", ints(0)), weight("d", ints(0))])
    yield "expand_mismatch", model([node("Expand", ["x", "s"])], [weight("s", ints(4, 3))])
    yield "expand_huge", model([node("Expand", ["x", "s"])], [weight("s", ints(2**40, 4, 8))])
    yield "gather_axis", model([node("Gather", ["x", "i"], axis=5)], [weight("i", ints(0))])
    yield "gather_index", model([node("Gather", ["w", "i"], ["r"]), node("Add", ["x", "r"])], [weight("w", ones(3, 8)), weight("i", ints(77))])
    yield "squeeze_not_one", model([node("Squeeze", ["x", "a"])], [weight("a", ints(1))])
    yield "unsqueeze_axis_twice", model([node("Unsqueeze", ["x", "a"])], [weight("a", ints(0, 0))])
    yield "cast_unknown", model([node("Cast", ["x"], to=777)])
    yield "reduce_axis_range", model([node("ReduceMean", ["x", "a"])], [weight("a", ints(9))])
    yield "layer_norm_axis", model([node("LayerNormalization", ["x", "s"], axis=9)], [weight("s", ones(8))])
    yield "layer_norm_scale", model([node("LayerNormalization", ["x", "s"])], [weight("s", ones(5))])
    yield "dynamic_all", model([node("MatMul", ["x", "x"])], inputs=[value("x", ["a", "b"])])
    yield "input_no_type", model([node("Relu", ["x"])], inputs=[onnx.ValueInfoProto(name="x")])
    yield "input_dim_huge", model([node("Add", ["x", "x"])], inputs=[value("x", [2**62, 8])])
    yield "input_dim_negative", model([node("Relu", ["x"])], inputs=[value("x", [-4, 8])])
    yield "constant_no_value", model([node("Constant", [], ["k"]), node("Add", ["x", "k"])])
    yield from windows(ones)


def windows(ones):
    image = [value("x", [2, 3, 9, 9])]
    conv = lambda shape, **a: model([node("Conv", ["x", "w"], **a)], [weight("w", ones(*shape))], image)
    yield "conv_channels", conv((4, 5, 3, 3))
    yield "conv_group", conv((4, 1, 3, 3), group=2)
    yield "conv_group_zero", conv((4, 3, 3, 3), group=0)
    yield "conv_stride_zero", conv((4, 3, 3, 3), strides=[0, 1])
    yield "conv_dilation_negative", conv((4, 3, 3, 3), dilations=[-1, 1])
    yield "conv_kernel_too_large", conv((4, 3, 30, 30))
    yield "conv_pads_count", conv((4, 3, 3, 3), pads=[1, 1, 1])
    yield "conv_pads_huge", conv((4, 3, 3, 3), pads=[2**40, 0, 2**40, 0])
    yield "conv_rank", model([node("Conv", ["x", "w"])], [weight("w", ones(4, 3, 3, 3))], [value("x", [2, 3])])
    yield "pool_stride_zero", model([node("MaxPool", ["x"], kernel_shape=[2, 2], strides=[0, 0])], inputs=image)
    yield "pool_kernel_zero", model([node("AveragePool", ["x"], kernel_shape=[0, 2])], inputs=image)
    yield "pool_kernel_absent", model([node("MaxPool", ["x"])], inputs=image)
    norm = [weight(n, ones(4)) for n in "sbmv"]
    yield "batch_norm_channels", model([node("BatchNormalization", ["x", "s", "b", "m", "v"])], norm, image)


def recursive_function():
    body = [helper.make_node("Self", ["a"], ["b"], domain="here")]
    proto = model([helper.make_node("Self", ["x"], ["y"], "call", domain="here")], domains=["here"])
    proto.functions.append(helper.make_function("here", "Self", ["a"], ["b"], body, [helper.make_opsetid("here", 1)]))
    return proto


def loop():
    body = helper.make_graph([node("Identity", ["c"], ["d"]), node("Add", ["s", "s"], ["t"])], "body",
                             [value("i", [], TensorProto.INT64), value("c", [], TensorProto.BOOL), value("s", None)],
                             [value("d", [], TensorProto.BOOL), value("t", None)])
    return model([node("Loop", ["n", "c0", "x"], body=body)], [weight("n", np.array(2**62)), weight("c0", np.array(True))])


INT_MIN, INT_MAX = -2**63, 2**63 - 1
UNSURE = object()  # after a graph: the op may well compile


def ones(*shape):
    return np.ones(shape, np.float32)


def ints(*values):
    return np.array(values, np.int64)


def sequences():
    seq = node("SequenceConstruct", ["x", "x"], ["s"])
    yield "sequence_as_position", model([seq, node("SequenceAt", ["s", "s"])])
    yield "sequence_in_sequence", model([seq, node("SequenceInsert", ["s", "s"], ["t"]), node("ConcatFromSequence", ["t"], axis=0)])
    yield "sequence_as_tensor", model([seq, node("Relu", ["s"])])
    yield "sequence_as_output", model([node("SequenceConstruct", ["x", "x"])])
    yield "sequence_erase_at_sequence", model([seq, node("SequenceErase", ["s", "s"], ["t"]), node("ConcatFromSequence", ["t"], axis=0)])
    yield "sequence_empty_at", model([node("SequenceEmpty", [], ["s"]), node("SequenceAt", ["s", "i"])], [weight("i", np.int64(0))])
    yield "sequence_at_far", model([seq, node("SequenceAt", ["s", "i"])], [weight("i", np.int64(INT_MIN))])
    yield "sequence_of_tensor", model([node("SequenceLength", ["x"])])
    yield "sequence_split_zero", model([node("SplitToSequence", ["x", "n"], ["s"], axis=0), node("SequenceLength", ["s"])], [weight("n", np.int64(0))])


def operands():
    for op in ("Sin", "Cos", "Concat", "Sum", "Identity", "Einsum", "Dropout", "SequenceConstruct", "Shape", "BatchNormalization"):
        yield f"no_operand_{op.lower()}", model([node(op, [])])
        yield f"empty_operand_{op.lower()}", model([node(op, [""])])
    yield "no_result", model([helper.make_node("Relu", ["x"], []), node("Relu", ["x"])]), UNSURE
    yield "output_is_input", model([node("Relu", ["x"], ["z"])], outputs=[value("x", None)]), UNSURE
    yield "output_is_initializer", model([node("Relu", ["x"], ["z"])], [weight("y", ones(4))]), UNSURE
    yield "output_twice", model([node("Relu", ["x"])], outputs=[value("y", None)] * 2), UNSURE
    yield "result_is_input", model([node("Relu", ["x"], ["x"]), node("Relu", ["x"])]), UNSURE
    yield "result_is_initializer", model([node("MatMul", ["x", "w"], ["w"]), node("Relu", ["w"])], [weight("w", ones(8, 5))]), UNSURE
    yield "initializer_is_input", model([node("Add", ["x", "x"])], [weight("x", ones(3, 3))]), UNSURE
    yield "opset_twice", opset_twice(), UNSURE
    yield "function_exponential", exponential_functions(40)
    yield "function_twice", duplicate_functions()
    for name in ("rng", "lr", "target", "loss", "step", "adamw.m/w"):
        named = model([node("MatMul", ["x", "w"], ["h"]), node("MatMul", ["h", name])],
                      [weight("w", np.eye(8, dtype=np.float32) * 3), weight(name, np.eye(8, dtype=np.float32) * 2)])
        yield f"parameter_called_{name.replace('/', '_')}", named, UNSURE
        yield f"input_called_{name.replace('/', '_')}", model([node("MatMul", [name, "w"])], [weight("w", ones(8, 5))], [value(name, [4, 8])]), UNSURE
        yield f"output_called_{name.replace('/', '_')}", model([node("MatMul", ["x", "w"], [name])], [weight("w", ones(8, 5))], outputs=[value(name, None)]), UNSURE
    for kind, name in (("newline", "a\nb"), ("quote", "a'\"\\b"), ("nul", "a\0b"), ("long", "n" * 20000), ("path", "../../../tmp/a"), ("percent", "%s%n{0}")):
        yield f"name_{kind}", model([node("MatMul", ["x", name], ["h"]), node("Relu", ["h"])], [weight(name, ones(8, 5))]), UNSURE


def opset_twice():
    proto = model([node("Relu", ["x"])])
    proto.opset_import.append(helper.make_opsetid("", 13))
    return proto


def exponential_functions(levels):
    """Each function calls the next one twice."""
    here = [helper.make_opsetid("here", 1), helper.make_opsetid("", 18)]
    proto = model([helper.make_node("f0", ["x"], ["y"], "call", domain="here")], domains=["here"])
    for i in range(levels):
        inner = [helper.make_node(f"f{i + 1}", ["a"], ["m"], domain="here"), helper.make_node(f"f{i + 1}", ["m"], ["b"], domain="here")]
        proto.functions.append(helper.make_function("here", f"f{i}", ["a"], ["b"], inner, here))
    proto.functions.append(helper.make_function("here", f"f{levels}", ["a"], ["b"], [helper.make_node("Relu", ["a"], ["b"])], here))
    return proto


def duplicate_functions():
    proto = model([helper.make_node("f", ["x"], ["y"], "call", domain="here")], domains=["here"])
    for op in ("Relu", "Tanh"):
        proto.functions.append(helper.make_function("here", "f", ["a"], ["b"], [helper.make_node(op, ["a"], ["b"])], [helper.make_opsetid("", 18)]))
    return proto


def numbers():
    """Attributes and constants far out of range."""
    image, volume = [value("x", [1, 4, 8, 8])], [value("x", [1, 4, 2**31, 8])]
    w = [weight("w", ones(4, 4, 3, 3))]
    far = lambda *values: [weight("k", ints(*values))]
    yield "conv_group_far", model([node("Conv", ["x", "w"], group=2**62)], w, image)
    yield "conv_group_min", model([node("Conv", ["x", "w"], group=INT_MIN)], w, image)
    yield "conv_strides_far", model([node("Conv", ["x", "w"], strides=[INT_MAX, INT_MAX])], w, image)
    yield "conv_dilations_far", model([node("Conv", ["x", "w"], dilations=[2**31, 2**31], auto_pad="SAME_UPPER")], w, image), UNSURE
    yield "conv_no_weights", model([node("Conv", ["x", "w"], group=3)], [weight("w", ones(0, 0, 3, 3))], image)
    yield "conv_transpose_size_overflows", model([node("ConvTranspose", ["x", "w"], strides=[2**31, 1])], w, volume)
    yield "conv_transpose_padding_far", model([node("ConvTranspose", ["x", "w"], output_padding=[INT_MAX, 0])], w, image)
    yield "conv_transpose_shape_far", model([node("ConvTranspose", ["x", "w"], output_shape=[INT_MIN, INT_MAX])], w, image)
    yield "pool_windows_many", model([node("AveragePool", ["x"], kernel_shape=[4000, 4000], pads=[9, 9, 9, 9], count_include_pad=1)], inputs=[value("x", [1, 1, 900000, 900000])]), UNSURE
    yield "pool_lp_far", model([node("LpPool", ["x"], kernel_shape=[2, 2], p=INT_MIN)], inputs=image)
    yield "space_to_depth_overflows", model([node("SpaceToDepth", ["x"], blocksize=65536)], inputs=[value("x", [1, 2**40, 0, 0])])
    yield "depth_to_space_far", model([node("DepthToSpace", ["x"], blocksize=INT_MAX)], inputs=image)
    sized = lambda mode, *sizes: model([node("Resize", ["x", "", "", "k"], mode=mode)], far(*sizes), image)
    yield "resize_product_wraps", sized("nearest", 2**32, 2**32, 8, 8)
    yield "resize_sizes_far", sized("nearest", 1, 4, INT_MAX, 8)
    yield "resize_sizes_min", sized("linear", 1, 4, INT_MIN, 8)
    yield "resize_taps_many", sized("nearest", 1, 1, 2**31, 1)
    yield "resize_weights_many", sized("linear", 1, 4, 2**22, 2**10)
    scaled = lambda *scales: model([node("Resize", ["x", "", "k"], mode="cubic", coordinate_transformation_mode="align_corners")],
                                   [weight("k", np.array(scales, np.float32))], image)
    yield "resize_scale_nan", scaled(1, 1, np.nan, 1)
    yield "resize_scale_infinite", scaled(1, 1, np.inf, 1)
    yield "resize_scale_zero", scaled(1, 1, 0, 1)
    yield "resize_scale_tiny", scaled(1, 1, 0.13, 0.1251), UNSURE
    yield "slice_far", model([node("Slice", ["x", "a", "b", "c", "d"])],
                             [weight("a", ints(INT_MIN)), weight("b", ints(INT_MAX)), weight("c", ints(0)), weight("d", ints(INT_MIN))]), UNSURE
    yield "slice_axis_far", model([node("Slice", ["x", "a", "b", "c"])], [weight("a", ints(0)), weight("b", ints(1)), weight("c", ints(INT_MIN))])
    yield "axis_min", model([node("Softmax", ["x"], axis=INT_MIN)])
    yield "flatten_axis_min", model([node("Flatten", ["x"], axis=INT_MIN)])
    yield "squeeze_axis_min", model([node("Squeeze", ["x", "k"])], far(INT_MIN))
    yield "unsqueeze_axes_many", model([node("Unsqueeze", ["x", "k"])], far(*range(4000)))
    yield "split_outputs_far", model([node("Split", ["x"], num_outputs=2**62)])
    yield "pad_far", model([node("Pad", ["x", "k"], mode="reflect")], far(INT_MIN, INT_MAX, INT_MAX, INT_MIN))
    yield "pad_many", model([node("Pad", ["x", "k"], mode="wrap")], far(2**30, 0, 2**30, 0))
    yield "tile_far", model([node("Tile", ["x", "k"])], far(INT_MAX, INT_MAX))
    yield "tile_zero_and_far", model([node("Tile", ["x", "k"])], far(0, 2**40))
    yield "range_endless", model([node("Range", ["a", "b", "c"], ["r"]), node("Add", ["x", "r"])],
                                 [weight("a", np.float32(0)), weight("b", np.float32(np.inf)), weight("c", np.float32(1))])
    yield "range_nan", model([node("Range", ["a", "a", "a"], ["r"]), node("Add", ["x", "r"])], [weight("a", np.float32(np.nan))])
    yield "constant_of_shape_far", model([node("ConstantOfShape", ["k"], ["r"]), node("Add", ["x", "r"])], far(2**40, 2**40))
    for kind, depth in (("far", 1e300), ("nan", np.nan), ("many", 2.0**40), ("negative", -3.0)):
        yield f"one_hot_depth_{kind}", model([node("OneHot", ["i", "d", "v"], ["r"]), node("Add", ["x", "r"])],
                                             [weight("i", ints(1, 2)), weight("d", np.float64(depth)), weight("v", np.array([0, 1], np.float32))])
    yield "gather_elements_far", model([node("GatherElements", ["w", "k"], ["r"], axis=0), node("Add", ["x", "r"])], [weight("w", ones(8)), *far(*[INT_MAX, INT_MIN] * 4)]), UNSURE
    yield "gather_nd_far", model([node("GatherND", ["w", "k"], ["r"]), node("Add", ["x", "r"])], [weight("w", ones(8, 8)), weight("k", np.full((8, 2), INT_MIN))]), UNSURE
    yield "gather_nd_batch_far", model([node("GatherND", ["x", "k"], batch_dims=INT_MIN)], far(0, 1))
    yield "scatter_nd_depth", model([node("ScatterND", ["x", "k", "x"])], far(0, 1, 2, 3, 4))
    yield "trilu_far", model([node("Trilu", ["x", "k"])], [weight("k", np.int64(INT_MIN))]), UNSURE
    yield "cumsum_axis_far", model([node("CumSum", ["x", "k"])], [weight("k", np.int64(INT_MAX))])
    for op, a, b in (("Div", 7, 0), ("Div", INT_MIN, -1), ("Mod", 7, 0), ("Mod", INT_MIN, -1), ("Mul", INT_MAX, INT_MAX), ("Pow", INT_MAX, INT_MAX)):
        yield f"fold_{op.lower()}_{'zero' if b == 0 else 'wraps'}", fold(node(op, ["a", "b"], ["c"]), a, b), UNSURE
    for kind, by in (("far", 64), ("negative", -1)):
        yield f"fold_shift_{kind}", fold(node("BitShift", ["a", "b"], ["c"], direction="LEFT"), 1, by), UNSURE
    yield "fold_cast_nan", model([node("Cast", ["a"], ["c"], to=TensorProto.INT64), node("Expand", ["x", "c"])], [weight("a", np.array([np.nan, np.inf, 1e300]))]), UNSURE
    yield "dropout_ratio_nan", model([node("Dropout", ["x", "r"])], [weight("r", np.float32(np.nan))])
    yield "epsilon_nan", model([node("LayerNormalization", ["x", "s"], epsilon=float("nan"))], [weight("s", ones(8))]), UNSURE
    yield "weights_nan", model([node("MatMul", ["x", "w"])], [weight("w", ones(8, 5) * np.nan)]), UNSURE
    yield "attention_no_keys", attention_without_keys(), UNSURE


def fold(op, a, b):
    """`op` over constants gives the second size of an Expand."""
    return model([op, node("Expand", ["x", "c"])], [weight("a", ints(1, a)), weight("b", ints(1, b))])


def attention_without_keys():
    inputs = [value("q", [1, 2, 4, 8]), value("k", [1, 2, 0, 8])]
    mask = weight("m", np.ones((4, 0), bool))
    return model([node("Attention", ["q", "k", "k", "m"])], [mask], inputs, opset=23)


def empties():
    """Dims of 0, alone and beside dims whose product overflows."""
    yield "empty_matmul", model([node("MatMul", ["x", "w"])], [weight("w", ones(0, 5))], [value("x", [4, 0])]), UNSURE
    yield "empty_batch", model([node("MatMul", ["x", "w"])], [weight("w", ones(8, 5))], [value("x", [0, 8])]), UNSURE
    yield "empty_softmax", model([node("Softmax", ["x"])], inputs=[value("x", [4, 0])]), UNSURE
    yield "empty_argmax", model([node("ArgMax", ["x"], axis=1)], inputs=[value("x", [4, 0])])
    yield "empty_reduce_max", model([node("ReduceMax", ["x"])], inputs=[value("x", [4, 0])]), UNSURE
    yield "empty_conv", model([node("Conv", ["x", "w"])], [weight("w", ones(4, 0, 3, 3))], [value("x", [1, 0, 9, 9])]), UNSURE
    yield "empty_batch_norm", model([node("BatchNormalization", list("xsbmv"))], [weight(n, ones(0)) for n in "sbmv"], [value("x", [4, 0, 3])]), UNSURE
    yield "empty_and_overflow", model([node("Flatten", ["x"], axis=1)], inputs=[value("x", [0, 2**40, 2**40])])
    yield "empty_einsum_diagonal", model([node("Einsum", ["x"], equation="iij->ij")], inputs=[value("x", [2**40, 2**40, 0])])
    yield "empty_weights", model([node("Gemm", ["x", "w", "b"])], [weight("w", ones(8, 0)), weight("b", ones(0))]), UNSURE


def attributes():
    """Attributes of another kind than the op's."""
    image, w = [value("x", [2, 3, 9, 9])], [weight("w", ones(4, 3, 3, 3))]
    kinds = {"int": 3, "float": 2.5, "text": "zero", "ints": [1, 2, 3], "floats": [0.5, 1.5], "texts": ["a", "b"], "tensor": weight("t", ones(2))}
    for kind, content in kinds.items():
        yield f"attribute_perm_{kind}", model([node("Transpose", ["x"], perm=content)], inputs=image), UNSURE
        yield f"attribute_kernel_{kind}", model([node("MaxPool", ["x"], kernel_shape=content)], inputs=image), UNSURE
        yield f"attribute_pads_{kind}", model([node("Conv", ["x", "w"], pads=content)], w, image), UNSURE
        yield f"attribute_axis_{kind}", model([node("Softmax", ["x"], axis=content)], inputs=image), UNSURE
        yield f"attribute_to_{kind}", model([node("Cast", ["x"], to=content)], inputs=image), UNSURE
        yield f"attribute_value_{kind}", model([node("Constant", [], ["k"], value=content), node("Add", ["x", "k"])], inputs=image), UNSURE
        yield f"attribute_equation_{kind}", model([node("Einsum", ["x"], equation=content)], inputs=image)
    for i, equation in enumerate(("", "->", "ab->abc", "abcd->aa", "...abcde->...", "abc.->a", "a b c d -> ", "abcd,ab->ab", "\xff\0ab->a", "...->......", "0...->0", "aacc->ac")):
        yield f"einsum_{i}", model([node("Einsum", ["x"], equation=equation)], inputs=image), UNSURE
    twice = model([node("Softmax", ["x"], axis=1)])
    twice.graph.node[0].attribute.append(helper.make_attribute("axis", 77))
    yield "attribute_twice", twice, UNSURE
    both = with_tensor()
    both.graph.initializer[0].float_data.extend([1.0] * 7)
    yield "tensor_two_contents", both, UNSURE
    inner = model([node("Constant", [], ["k"], value=weight("t", ones(2))), node("Add", ["x", "k"])])
    tensor = inner.graph.node[0].attribute[0].t
    tensor.dims[:] = [2**62, 4]
    yield "constant_dims_overflow", inner


def onnx_cases():
    for name, content in broken_bytes():
        case(f"{name}.onnx", content, COMPILE, IMPORT)
    case("nested_deep.onnx", nested(1000), COMPILE, IMPORT)
    for name, proto in [*tensors(), *graphs()]:
        case(f"{name}.onnx", proto.SerializeToString(), COMPILE, EITHER if "huge" in name else IMPORT,
             "01" if name == "dynamic_all" else "1")
    for name, proto, *unsure in [*sequences(), *operands(), *numbers(), *empties(), *attributes()]:
        command = STEP if "called" in name or name.startswith("empty_") else COMPILE
        case(f"{name}.onnx", proto.SerializeToString(), command, EITHER if unsure else "DLC[124]", "01" if unsure else "1")
    case("weights_nan.onnx", None, STEP, EITHER, "01")
    for name in ("name_newline", "name_nul", "name_quote", "name_percent", "name_long"):
        case(f"{name}.onnx", None, "check @ --json", EITHER, "01")
    # as what they are not
    case("random.onnx", None, "inspect @", EITHER)
    case("random.onnx", None, "train @ --data @ --steps 1", EITHER)
    case("nothing_here.onnx", None, COMPILE, EITHER)
    (FILES / "weights.bin").write_bytes(np.ones(40, np.float32).tobytes())
    link = FILES / "link.bin"
    link.unlink(missing_ok=True)
    os.symlink("../../fixtures/cases.txt", link)


# ---- npz, npy ---------------------------------------------------------------------------------------------------------


def npy(array):
    out = io.BytesIO()
    np.save(out, array, allow_pickle=True)
    return out.getvalue()


def header(text, data=b"", version=b"\x01\x00"):
    text = text.encode() if isinstance(text, str) else text
    return b"\x93NUMPY" + version + struct.pack("<H", len(text)) + text + data


def npz(entries, method=zipfile.ZIP_STORED):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, content in entries.items():
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), content, method)
    return out.getvalue()


X = np.linspace(0, 1, 104, dtype=np.float32).reshape(8, 13)
TARGET = np.arange(8, dtype=np.int64) % 5


def pair(x=X, target=TARGET, **more):
    entries = {} if x is None else {"x.npy": x if isinstance(x, bytes) else npy(x)}
    entries.update({} if target is None else {"target.npy": target if isinstance(target, bytes) else npy(target)})
    return npz({**entries, **{f"{k}.npy": npy(v) for k, v in more.items()}})


def dtype_header(descr, shape="(8, 13)", order="False"):
    return f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}\n"


def archives():
    whole, rng = pair(), random.Random(2)
    yield "empty", b""
    yield "random", rng.randbytes(3000)
    yield "text", b"x,target\n1,2\n"
    yield "magic_only", b"PK\x03\x04"
    yield "truncated_head", whole[:30]
    yield "truncated_middle", whole[:len(whole) // 2]
    yield "truncated_tail", whole[:-10]
    yield "no_entries", npz({})
    yield "no_arrays", npz({"readme.txt": b"nothing here"})
    yield "entry_not_npy", pair(x=b"no array at all")
    yield "entry_empty", pair(x=b"")
    at = whole.index(X.tobytes()) + 40
    yield "crc_wrong", whole[:at] + bytes([whole[at] ^ 255]) + whole[at + 1:]
    yield "bomb", npz({"x.npy": header(dtype_header("'<f4'", "(800000, 13)"), bytes(800000 * 52)), "target.npy": npy(TARGET)}, zipfile.ZIP_DEFLATED)
    yield "central_offset_lies", whole[:-6] + b"\xff\xff\xff\x7f" + whole[-2:]
    yield "entry_count_lies", whole[:-14] + b"\xff\xff\xff\xff" + whole[-10:]
    yield "target_missing", pair(target=None)
    yield "x_missing", pair(x=None)
    yield "x_wrong_name", npz({"input.npy": npy(X), "target.npy": npy(TARGET)})
    yield "x_wrong_columns", pair(x=X[:, :9].copy())
    yield "x_wrong_rank", pair(x=X.reshape(8, 13, 1))
    yield "x_scalar", pair(x=np.float32(3))
    yield "x_ints", pair(x=X.astype(np.int64))
    yield "x_strings", pair(x=np.array([["a"] * 13] * 8))
    yield "x_objects", pair(x=npy(np.array([{"a": 1}] * 8, object)))
    yield "x_records", pair(x=npy(np.zeros(8, [("a", "<f4"), ("b", "<i8")])))
    yield "x_big_endian", pair(x=X.astype(">f4"))
    yield "x_complex", pair(x=X.astype(np.complex64))
    yield "no_samples", pair(x=X[:0], target=TARGET[:0])
    yield "batch_larger_than_data", pair(x=X[:3], target=TARGET[:3])
    yield "counts_differ", pair(target=TARGET[:5])
    yield "target_floats", pair(target=TARGET.astype(np.float32))
    yield "target_nan", pair(target=np.full(8, np.nan, np.float32))
    yield "target_too_large", pair(target=TARGET + 1)
    yield "target_huge", pair(target=TARGET + 2**62)
    yield "target_negative", pair(target=TARGET - 3)
    yield "target_wrong_rank", pair(target=np.stack([TARGET] * 2, 1))


def zip64(entries):
    """All sizes in the 64-bit form."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in entries.items():
            with archive.open(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), "w", force_zip64=True) as member:
                member.write(content)
    return out.getvalue()


def patched(content, mark, offset, replacement, last=False):
    """`replacement` written `offset` bytes after `mark`."""
    at = (content.rindex(mark) if last else content.index(mark)) + offset
    return content[:at] + replacement + content[at + len(replacement):]


LOCAL, CENTRAL, END = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"


def zips():
    """Archives whose records lie, or that no writer of arrays would make."""
    whole, arrays = pair(), {"x.npy": npy(X), "target.npy": npy(TARGET)}
    large = zip64(arrays)
    yield "zip64", large, "0"
    yield "zip64_size_lies", patched(large, LOCAL, 30 + 5 + 4, struct.pack("<QQ", 2**63, 2**63)), "01"
    end64 = struct.pack("<IQHHIIQQQQ", 0x06064b50, 44, 45, 45, 0, 0, 2**62, 2**62, 2**63, 2**63)
    locator = struct.pack("<IIQI", 0x07064b50, 0, len(whole) - 22, 1)
    yield "zip64_end_lies", whole[:-22] + end64 + locator + patched(whole[-22:], END, 8, b"\xff" * 12), "1"
    yield "size_lies", patched(patched(whole, CENTRAL, 20, struct.pack("<II", 2**31, 2**31)), LOCAL, 18, struct.pack("<II", 2**31, 2**31)), "1"
    yield "size_lies_small", patched(patched(whole, CENTRAL, 20, struct.pack("<II", 99, 99)), LOCAL, 18, struct.pack("<II", 99, 99)), "1"
    yield "method_unknown", patched(patched(whole, CENTRAL, 10, b"\x63\0"), LOCAL, 8, b"\x63\0"), "1"
    yield "method_bzip2", npz(arrays, zipfile.ZIP_BZIP2), "01"
    yield "deflate_of_stored", patched(patched(whole, CENTRAL, 10, b"\x08\0"), LOCAL, 8, b"\x08\0"), "1"
    yield "encrypted", patched(patched(whole, CENTRAL, 8, b"\x01\0"), LOCAL, 6, b"\x01\0"), "1"
    yield "local_offset_lies", patched(whole, CENTRAL, 42, b"\xff\xff\xff\x7f"), "1"
    yield "local_offset_overlaps", patched(whole, CENTRAL, 42, struct.pack("<I", 0), last=True), "1"
    yield "name_length_lies", patched(whole, CENTRAL, 28, b"\xff\xff"), "1"
    yield "extra_length_lies", patched(whole, LOCAL, 28, b"\xff\xff"), "1"
    yield "comment_length_lies", patched(whole, END, 20, b"\xff\xff"), "1"
    yield "prefixed", b"#!/bin/sh\n" * 9 + whole, "01"
    yield "member_twice", whole.replace(b"target.npy", b"x.npy\0\0\0\0\0"), "1"
    yield "member_names", npz({**arrays, "../../x.npy": npy(X), "/etc/x.npy": npy(X), "": npy(X), ".npy": npy(X), "n" * 60000 + ".npy": npy(X)}), "01"
    yield "member_name_newline", npz({"x\n\x1b[31m.npy": npy(X), "target.npy": npy(TARGET)}), "1"
    yield "member_folder", npz({**arrays, "folder/": b""}), "1"
    yield "members_many", npz({**arrays, **{f"a{i}.npy": npy(np.full(8, i, np.float32)) for i in range(500)}}), "0"
    yield "bomb_in_header", npz({"x.npy": b"\x93NUMPY\x02\0\xff\xff\xff\x7f" + b" " * 5000000, "target.npy": npy(TARGET)}, zipfile.ZIP_DEFLATED), "1"


def forms():
    """Arrays in unusual forms that NumPy writes or reads."""
    fortran = npy(np.asfortranarray(X))
    yield "fortran", pair(x=fortran), "0"
    yield "fortran_shape", pair(x=header(dtype_header("'<f4'", "(13, 8)", "True"), X.tobytes())), "1"
    yield "fortran_number", pair(x=header(dtype_header("'<f4'", order="1"), X.tobytes())), "1"
    yield "fortran_deep", pair(x=header(dtype_header("'<f4'", "(" + "2, " * 16 + ")", "True"), bytes(4 << 16))), "1"
    yield "shape_zero_and_far", pair(x=header(dtype_header("'<f4'", "(0, 4611686018427387904, 4611686018427387904)"))), "1"
    yield "shape_2_63", pair(x=header(dtype_header("'<f4'", "(9223372036854775808, 0)"))), "1"
    yield "shape_long", pair(x=header(dtype_header("'<f4'", "(8L, 13L)"), X.tobytes())), "01"
    yield "shape_scalar_number", pair(x=header(dtype_header("'<f4'", "104"), X.tobytes())), "1"
    yield "key_twice", pair(x=header("{'descr': '<f4', 'descr': '<f8', 'fortran_order': False, 'shape': (8, 13), }\n", X.tobytes())), "1"
    yield "version_2", pair(x=b"\x93NUMPY\x02\0" + struct.pack("<I", 64) + dtype_header("'<f4'").encode().ljust(64) + X.tobytes()), "0"
    yield "version_3_text", pair(x=b"\x93NUMPY\x03\0" + struct.pack("<I", 64) + "{'descr': 'é'".encode().ljust(64) + X.tobytes()), "1"
    yield "x_half", pair(x=X.astype(np.float16)), "01"
    yield "x_unsigned", pair(x=X.astype(np.uint64)), "1"
    yield "x_nan", pair(x=X * np.float32(np.nan)), "1"
    yield "x_double_huge", pair(x=X.astype(np.float64) * 1e300), "1"
    yield "target_unsigned_huge", pair(target=np.full(8, 2**64 - 1, np.uint64)), "1"
    yield "target_bool", pair(target=TARGET > 2), "01"
    yield "target_bytes", pair(target=TARGET.astype(np.int8)), "01"
    yield "target_ignored", pair(target=np.full(8, -100)), "01"
    yield "target_min", pair(target=np.full(8, -2**63)), "1"
    yield "target_scalar", pair(target=np.int64(3)), "1"
    yield "x_empty_columns", pair(x=X[:, :0].copy()), "1"


def headers():
    yield "shape_overflows", header(dtype_header("'<f4'", "(4611686018427387904, 13)"), X.tobytes())
    yield "shape_negative", header(dtype_header("'<f4'", "(-8, 13)"), X.tobytes())
    yield "shape_text", header(dtype_header("'<f4'", "(8, abc)"), X.tobytes())
    yield "shape_many", header(dtype_header("'<f4'", "(" + "1, " * 3000 + ")"), X.tobytes())
    yield "data_short", header(dtype_header("'<f4'"), X.tobytes()[:50])
    yield "descr_unknown", header(dtype_header("'<q99'"), X.tobytes())
    yield "descr_absent", header("{'shape': (8, 13), }\n", X.tobytes())
    yield "dict_open", header("{'descr': '<f4', 'shape': (8, 13", X.tobytes())
    yield "length_beyond", b"\x93NUMPY\x01\x00\xff\xff{'descr'"
    yield "version_unknown", header(dtype_header("'<f4'"), X.tobytes(), b"\x09\x00")
    yield "binary", header(bytes(range(256)), X.tobytes())
    yield "deep", header("{'descr': " + "[" * 20000, b"")


def data_cases():
    for name, content in archives():
        case(f"{name}.npz", content, TRAIN, DATA, "01" if name == "x_big_endian" else "1")
    for name, content in headers():
        case(f"header_{name}.npz", pair(x=content), TRAIN, DATA)
    for name, content, status in [*zips(), *forms()]:
        case(f"{name}.npz", content, TRAIN, DATA, status)
    case("empty.npy", b"", RUN, DATA)
    case("no_rows.npy", npy(X[:0]), RUN, EITHER)
    for name in ("shape_overflows", "version_unknown", "data_short"):
        case(f"{name}.npy", dict(headers())[name], RUN, DATA)
    case("random.npz", None, RUN, DATA)
    case("x_wrong_columns.npz", None, RUN, DATA)
    case("no_such_file.npz", None, RUN, DATA)
    case("x_infinite.npz", pair(x=np.full((8, 13), np.inf, np.float32)), TRAIN, EITHER, "01")


# ---- safetensors -------------------------------------------------------------------------------------------------------


def tensors_file(head, data=X.tobytes(), length=None):
    text = head if isinstance(head, bytes) else json.dumps(head).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def entry(dtype="F32", shape=(8, 13), offsets=(0, 416)):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets)}


def safetensors():
    good_file, rng = tensors_file({"x": entry()}), random.Random(3)
    yield "empty", b""
    yield "random", rng.randbytes(1000)
    yield "seven_bytes", b"\x10\0\0\0\0\0\0"
    yield "truncated_head", good_file[:20]
    yield "truncated_data", good_file[:-100]
    yield "length_2_63", tensors_file({"x": entry()}, length=2**63)
    yield "length_beyond", tensors_file({"x": entry()}, length=100000)
    yield "length_zero", tensors_file({"x": entry()}, length=0)
    yield "json_broken", tensors_file(b'{"x": {"dtype": "F32", ')
    yield "json_array", tensors_file(b"[1, 2, 3]")
    yield "json_deep", tensors_file(b"[" * 50000)
    yield "json_not_utf8", tensors_file(b'{"x\xff\xfe": {}}')
    yield "key_twice", tensors_file(b'{"x":' + json.dumps(entry()).encode() + b',"x":' + json.dumps(entry()).encode() + b"}")
    yield "overlap", tensors_file({"x": entry(), "y": entry(shape=(8,), offsets=(100, 132))})
    yield "gap", tensors_file({"x": entry(offsets=(16, 432))}, X.tobytes() + bytes(16))
    yield "trailing_data", tensors_file({"x": entry()}, X.tobytes() + bytes(64))
    yield "offsets_beyond", tensors_file({"x": entry(offsets=(4096, 4512))})
    yield "offsets_reversed", tensors_file({"x": entry(offsets=(416, 0))})
    yield "offsets_negative", tensors_file({"x": entry(offsets=(-416, 0))})
    yield "offsets_three", tensors_file({"x": entry(offsets=(0, 416, 5))})
    yield "dtype_unknown", tensors_file({"x": entry(dtype="F99")})
    yield "dtype_number", tensors_file({"x": {**entry(), "dtype": 32}})
    yield "shape_mismatch", tensors_file({"x": entry(shape=(9, 13))})
    yield "shape_overflows", tensors_file({"x": entry(shape=(2**62, 2**62))})
    yield "shape_negative", tensors_file({"x": entry(shape=(-8, -13))})
    yield "shape_float", tensors_file({"x": entry(shape=(8.5, 13))})
    yield "no_tensors", tensors_file({}, b"")
    yield "name_unknown", tensors_file({"nobody": entry()})
    yield "same_place", tensors_file({"x": entry(), "y": entry()})
    yield "offsets_2_63", tensors_file({"x": entry(offsets=(2**63, 2**63 + 416))})
    yield "offsets_2_64", tensors_file({"x": entry(offsets=(2**64, 2**64 + 416))})
    yield "offsets_wrap", tensors_file({"x": entry(offsets=(2**63 - 1, 415))})
    yield "shape_zero_and_far", tensors_file({"x": entry(shape=(0, 2**62, 2**62), offsets=(0, 0))}, b"")
    yield "rank_17", tensors_file({"x": entry(shape=[1] * 17, offsets=(0, 4))}, bytes(4))
    yield "length_huge", tensors_file({"x": entry()}, length=2**64 - 1)
    yield "length_negative_sum", tensors_file({"x": entry()}, length=2**64 - 8)
    yield "metadata_list", tensors_file({"__metadata__": ["a"], "x": entry()})
    yield "metadata_deep", tensors_file(b'{"__metadata__": {"a": {"b": "c"}}}')
    yield "metadata_twice", tensors_file(b'{"__metadata__": {}, "__metadata__": {}}')
    text = lambda name: tensors_file(b'{"' + name + b'":' + json.dumps(entry()).encode() + b"}")
    yield "escape_short", text(b"x\\u12")
    yield "escape_at_end", tensors_file(b'{"x\\')
    yield "escape_unknown", text(b"\\q")
    yield "surrogate_alone", text(b"\\ud800")
    yield "surrogate_wrong", text(b"\\ud800\\u0041")
    yield "name_nul", text(b"a\\u0000b")
    yield "name_control", text(b"a\nb")
    yield "name_long", text(b"n" * 200000)
    number = lambda digits: tensors_file(b'{"x":{"dtype":"F32","shape":[' + digits + b',13],"data_offsets":[0,416]}}')
    for kind, digits in (("exponent", b"1e1"), ("leading_zero", b"08"), ("minus_zero", b"-0"), ("long", b"8" * 5000), ("comma", b"8,"), ("none", b"")):
        yield f"number_{kind}", number(digits)
    yield "byte_order_mark", tensors_file(b"\xef\xbb\xbf" + json.dumps({"x": entry()}).encode())
    yield "after_object", tensors_file(json.dumps({"x": entry()}).encode() + b"{}")
    yield "field_twice", tensors_file(b'{"x":{"dtype":"F32","dtype":"F64","shape":[8,13],"data_offsets":[0,416]}}')
    yield "field_unknown", tensors_file({"x": {**entry(), "more": 1}})


def safetensors_cases():
    for name, content in safetensors():
        case(f"{name}.safetensors", content, RUN, DATA)


# ---- artifacts ----------------------------------------------------------------------------------------------------------


def artifacts():
    rng = random.Random(4)
    yield "empty", b""
    yield "one_byte", b"D"
    yield "random", rng.randbytes(5000)
    yield "text", b"not an artifact\n" * 30
    yield "magic_only", b"DLC1"
    yield "magic_then_random", b"DLC1" + rng.randbytes(3000)
    yield "magic_at_four", struct.pack("<I", 16) + b"DLC1" + rng.randbytes(3000)
    yield "zeros", bytes(4096)
    yield "all_ones", b"\xff" * 4096
    yield "zip_magic", b"PK\x03\x04" + rng.randbytes(500)
    yield "elf_magic", b"\x7fELF" + bytes(1000)


def artifact_cases():
    for name, content in artifacts():
        case(f"{name}.dlc", content, "inspect @", DATA)
    case("random.dlc", None, "run @ --inputs %d --outputs %o.npz", DATA)
    case("magic_then_random.dlc", None, "export @ -o %o.onnx", EITHER)
    case("zeros.dlc", None, "train @ --data %d --steps 1", DATA)
    case("no_such_file.dlc", None, "inspect @", DATA)


def main():
    FILES.mkdir(exist_ok=True)
    for old in FILES.iterdir():
        old.unlink()
    onnx_cases()
    data_cases()
    safetensors_cases()
    artifact_cases()
    head = ("# Written by make_hostile.py. file, allowed exit codes, extended regular expression of the error id, command.\n"
            "# @ the file, %o an output path without its suffix, %m a good model, %d good data for it\n")
    (HERE / "cases.txt").write_text(head + "\n".join(LINES) + "\n")
    sizes = [f.stat().st_size for f in FILES.iterdir() if f.is_file()]
    print(f"{len(LINES)} cases, {len(sizes)} files, {sum(sizes)} bytes")


if __name__ == "__main__":
    main()
