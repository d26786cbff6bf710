"""The benchmark models in plain JAX: `build(name)` returns (params, statistics, loss function, inputs, target).

The loss function maps (params, statistics, inputs, target) to (mean cross-entropy, new statistics). Images are
[batch, height, width, channels] and kernels [h, w, in, out], the layout that XLA runs fastest on CPUs. Shapes equal those
of the presets in tests/fixtures/models.py.
"""
import jax
import jax.numpy as jnp
import numpy as np
import optax

MOMENTUM, EPSILON = 0.1, 1e-5


class Maker:
    """Draws parameters; every model uses one."""

    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)

    def normal(self, *shape, std=0.02):
        return jnp.asarray(self.rng.normal(0, std, shape), jnp.float32)

    def linear(self, inputs, outputs):
        return {"weight": self.normal(inputs, outputs), "bias": jnp.zeros(outputs)}

    def norm(self, width):
        return {"scale": jnp.ones(width), "shift": jnp.zeros(width)}

    def classes(self, count, *shape):
        return jnp.asarray(self.rng.integers(0, count, shape), jnp.int32)


def linear(p, x):
    return x @ p["weight"] + p["bias"]


def layer_norm(p, x):
    mean = jnp.mean(x, -1, keepdims=True)
    centered = x - mean
    variance = jnp.mean(centered * centered, -1, keepdims=True)
    return centered * jax.lax.rsqrt(variance + EPSILON) * p["scale"] + p["shift"]


def cross_entropy(logits, target):
    return optax.softmax_cross_entropy_with_integer_labels(logits, target).mean()


def mlp(sizes, batch):
    make = Maker(0)
    params = [make.linear(a, b) for a, b in zip(sizes, sizes[1:])]

    def loss(params, statistics, x, target):
        for p in params[:-1]:
            x = jax.nn.relu(linear(p, x))
        return cross_entropy(linear(params[-1], x), target), statistics

    return params, {}, loss, make.normal(batch, sizes[0], std=1.0), make.classes(sizes[-1], batch)


def gpt(layers, heads, width, vocab, context, batch):
    make = Maker(0)
    layer = lambda: {"ln1": make.norm(width), "qkv": make.linear(width, 3 * width), "proj": make.linear(width, width),
                     "ln2": make.norm(width), "up": make.linear(width, 4 * width), "down": make.linear(4 * width, width)}
    params = {"wte": make.normal(vocab, width), "wpe": make.normal(context, width), "ln": make.norm(width),
              "layers": [layer() for _ in range(layers)]}

    def loss(params, statistics, tokens, target):
        rows, time = tokens.shape
        x = params["wte"][tokens] + params["wpe"][:time]
        for p in params["layers"]:
            qkv = linear(p["qkv"], layer_norm(p["ln1"], x)).reshape(rows, time, 3, heads, width // heads)
            y = jax.nn.dot_product_attention(qkv[:, :, 0], qkv[:, :, 1], qkv[:, :, 2], is_causal=True)
            x = x + linear(p["proj"], y.reshape(rows, time, width))
            x = x + linear(p["down"], jax.nn.gelu(linear(p["up"], layer_norm(p["ln2"], x)), approximate=False))
        return cross_entropy(layer_norm(params["ln"], x) @ params["wte"].T, target), statistics

    return params, {}, loss, make.classes(vocab, batch, context), make.classes(vocab, batch, context)


def convolution(weight, x, stride):
    pad = weight.shape[0] // 2
    return jax.lax.conv_general_dilated(x, weight, (stride, stride), ((pad, pad), (pad, pad)),
                                        dimension_numbers=("NHWC", "HWIO", "NHWC"))


def batch_norm(p, s, x):
    """Training form: returns the normalized x and the new running statistics (unbiased variance)."""
    mean = jnp.mean(x, (0, 1, 2))
    variance = jnp.maximum(jnp.mean(x * x, (0, 1, 2)) - mean * mean, 0)
    count = x.size // x.shape[-1]
    s = {"mean": (1 - MOMENTUM) * s["mean"] + MOMENTUM * mean,
         "variance": (1 - MOMENTUM) * s["variance"] + MOMENTUM * variance * (count / (count - 1))}
    return (x - mean) * (jax.lax.rsqrt(variance + EPSILON) * p["scale"]) + p["shift"], s


def resnet(depth, width, classes, side, batch):
    make = Maker(0)
    plan = []  # (name, kernel, stride, inputs, outputs) of every convolution
    plan.append(("stem", 7, 2, 3, width))
    stages = {18: (2, 2, 2, 2), 50: (3, 4, 6, 3)}[depth]
    inputs = width
    for stage, count in enumerate(stages):
        for i in range(count):
            inner, stride = width << stage, 2 if stage and i == 0 else 1
            outputs = inner if depth == 18 else 4 * inner
            kernels = [("a", 3, stride, inputs, inner), ("b", 3, 1, inner, outputs)]
            if depth == 50:
                kernels = [("a", 1, 1, inputs, inner), ("b", 3, stride, inner, inner), ("c", 1, 1, inner, outputs)]
            plan += [(f"{stage}.{i}.{n}", *rest) for n, *rest in kernels]
            if stride != 1 or inputs != outputs:
                plan.append((f"{stage}.{i}.s", 1, stride, inputs, outputs))
            inputs = outputs
    params = {n: {"weight": make.normal(k, k, a, b, std=(2 / (k * k * b)) ** 0.5), **make.norm(b)} for n, k, _, a, b in plan}
    params["head"] = make.linear(inputs, classes)
    statistics = {n: {"mean": jnp.zeros(b), "variance": jnp.ones(b)} for n, _, _, _, b in plan}
    strides = {n: stride for n, _, stride, _, _ in plan}

    def loss(params, statistics, x, target):
        updated = {}

        def unit(name, x):
            y, updated[name] = batch_norm(params[name], statistics[name], convolution(params[name]["weight"], x, strides[name]))
            return y

        x = jax.nn.relu(unit("stem", x))
        x = jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, (1, 3, 3, 1), (1, 2, 2, 1), ((0, 0), (1, 1), (1, 1), (0, 0)))
        for stage, count in enumerate(stages):
            for i in range(count):
                y = unit(f"{stage}.{i}.b", jax.nn.relu(unit(f"{stage}.{i}.a", x)))
                if depth == 50:
                    y = unit(f"{stage}.{i}.c", jax.nn.relu(y))
                x = jax.nn.relu(y + (unit(f"{stage}.{i}.s", x) if f"{stage}.{i}.s" in params else x))
        return cross_entropy(linear(params["head"], x.mean((1, 2))), target), updated

    return params, statistics, loss, make.normal(batch, side, side, 3, std=1.0), make.classes(classes, batch)


# Of the batch; the second number is that of the CPU benchmarks.
MODELS = {
    "mlp": (lambda batch: mlp((784, 512, 512, 10), batch), 128),
    "char-gpt-4x128": (lambda batch: gpt(4, 4, 128, 65, 64, batch), 12),
    "char-gpt-6x384": (lambda batch: gpt(6, 6, 384, 65, 256, batch), 16),
    "gpt2-124m-b4t64": (lambda batch: gpt(12, 12, 768, 50304, 64, batch), 4),
    "gpt2-124m-t1024": (lambda batch: gpt(12, 12, 768, 50304, 1024, batch), 1),
    "resnet18-32": (lambda batch: resnet(18, 64, 10, 32, batch), 64),
    "resnet50-224": (lambda batch: resnet(50, 64, 1000, 224, batch), 8),
}


def build(name, batch=None):
    make, usual = MODELS[name]
    return make(batch or usual)
