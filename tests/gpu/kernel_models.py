"""Small models around one kind of kernel each, for times per kernel: `make(name)` gives an ONNX model, `NAMES` lists them.

Each multiplies its input by a vector of parameters, applies the operation and adds another vector, so that the step has the
operation forward and backward. Data are several times larger than a GPU's cache.
"""
import numpy
from onnx import TensorProto, helper, numpy_helper

ROWS, WIDTH = 32768, 1024


def _model(name, nodes, initializers, shape=(ROWS, WIDTH), out=None, kind=TensorProto.FLOAT):
    arrays = {"gain": numpy.linspace(0.5, 1.5, shape[-1], dtype=numpy.float32), **initializers}
    first = helper.make_node("Mul", ["x", "gain"], ["scaled"], name="scale")
    graph = helper.make_graph(
        [first, *nodes], name, [helper.make_tensor_value_info("x", kind, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, out or shape)],
        [numpy_helper.from_array(numpy.asarray(a), n) for n, a in arrays.items()])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)


def _vector(size, value=0.1):
    return numpy.linspace(value, value + 1, size, dtype=numpy.float32)


def _normal(*shape):
    return (numpy.random.default_rng(0).standard_normal(shape) / shape[0] ** 0.5).astype(numpy.float32)


def softmax():
    return _model("softmax", [helper.make_node("Softmax", ["scaled"], ["y"], axis=-1)], {})


def layer_norm():
    node = helper.make_node("LayerNormalization", ["scaled", "scale", "shift"], ["y"], axis=-1)
    return _model("layer_norm", [node], {"scale": _vector(WIDTH), "shift": _vector(WIDTH)})


def bias_gelu():
    nodes = [helper.make_node("Add", ["scaled", "bias"], ["biased"]), helper.make_node("Gelu", ["biased"], ["y"])]
    return _model("bias_gelu", nodes, {"bias": _vector(WIDTH)})


def transpose():
    nodes = [helper.make_node("Transpose", ["scaled"], ["turned"], perm=[1, 0]),
             helper.make_node("Mul", ["turned", "weight"], ["y"])]
    return _model("transpose", nodes, {"weight": _vector(ROWS)}, out=(WIDTH, ROWS))


def products():
    nodes = [helper.make_node("MatMul", ["scaled", "weight"], ["product"]), helper.make_node("Relu", ["product"], ["y"])]
    return _model("products", nodes, {"weight": _normal(WIDTH, WIDTH)})


def convolution():
    nodes = [helper.make_node("Conv", ["scaled", "kernel"], ["y"], kernel_shape=[3, 3], pads=[1, 1, 1, 1])]
    return _model("convolution", nodes, {"kernel": _normal(64, 64, 3, 3)}, shape=(64, 64, 56, 56), out=(64, 64, 56, 56))


def embedding():
    nodes = [helper.make_node("Gather", ["table", "x"], ["rows"]), helper.make_node("Mul", ["rows", "gain"], ["y"])]
    arrays = {"table": _normal(50304, WIDTH), "gain": _vector(WIDTH)}
    graph = helper.make_graph(
        nodes, "embedding", [helper.make_tensor_value_info("x", TensorProto.INT64, (ROWS,))],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, (ROWS, WIDTH))],
        [numpy_helper.from_array(a, n) for n, a in arrays.items()])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)


NAMES = {f.__name__: f for f in (softmax, layer_norm, bias_gelu, transpose, products, convolution, embedding)}


def make(name):
    return NAMES[name]()
