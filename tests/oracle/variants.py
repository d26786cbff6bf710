#!/usr/bin/env python3
"""f64 parity on models that no fixture has: relatives of the main models with other ops, odd sizes, other exporters.

usage: variants.py [--only GLOB] [--json OUT] [--dlc PATH]

Each row exports in f64, compares outputs, loss, gradients, parameters and statistics after 3 AdamW steps with PyTorch
here and now, as parity.py does. Rows of REFUSED must end in an error with an id.
"""
import fnmatch
import pathlib
import sys

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

import common
import export
import models
import nets
from common import Failed
from parity import BOUND, judge, step_values


class GroupedQuery(nn.Module):
    """RMSNorm, grouped-query causal attention with rotary positions, gated MLP: the Llama block."""

    def __init__(self, width=24, heads=6, groups=2, time=9, vocab=53, spelled=False):
        super().__init__()
        self.heads, self.groups, self.size, self.spelled = heads, groups, width // heads, spelled
        self.embed = nn.Embedding(vocab, width)
        self.norm1, self.norm2, self.norm = (nn.RMSNorm(width, eps=1e-6) for _ in range(3))
        self.q = nn.Linear(width, width, bias=False)
        self.k, self.v = (nn.Linear(width, groups * self.size, bias=False) for _ in range(2))
        self.out = nn.Linear(width, width, bias=False)
        self.gate, self.up = (nn.Linear(width, 56, bias=False) for _ in range(2))
        self.down = nn.Linear(56, width, bias=False)
        angles = torch.outer(torch.arange(time).double(), 10000.0 ** (-torch.arange(0, self.size, 2).double() / self.size))
        self.register_buffer("cos", torch.cat([angles.cos(), angles.cos()], -1).float())
        self.register_buffer("sin", torch.cat([angles.sin(), angles.sin()], -1).float())

    def rotate(self, x):
        a, b = x.chunk(2, -1)
        return x * self.cos + torch.cat([-b, a], -1) * self.sin

    def forward(self, tokens):
        x = self.embed(tokens)
        n, t, w = x.shape
        y = self.norm1(x)
        split = lambda z, h: z.view(n, t, h, self.size).transpose(1, 2)
        q, k, v = self.rotate(split(self.q(y), self.heads)), self.rotate(split(self.k(y), self.groups)), split(self.v(y), self.groups)
        if self.spelled:
            k, v = (z.repeat_interleave(self.heads // self.groups, 1) for z in (k, v))
            a = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        else:
            a = F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)
        x = x + self.out(a.transpose(1, 2).reshape(n, t, w))
        y = self.norm2(x)
        x = x + self.down(F.silu(self.gate(y)) * self.up(y))
        return F.linear(self.norm(x), self.embed.weight)


class SwinBlock(nn.Module):
    """Shifted windows: roll, window partition, attention with a gathered relative bias and a mask, and back."""

    def __init__(self, width=12, heads=3, window=4, shift=2, side=8):
        super().__init__()
        self.heads, self.window, self.shift, self.side = heads, window, shift, side
        self.patch, self.norm1, self.norm2 = nn.Conv2d(3, width, 2, 2), nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.bias = nn.Parameter(0.1 * torch.randn((2 * window - 1) ** 2, heads))
        at = torch.stack(torch.meshgrid(torch.arange(window), torch.arange(window), indexing="ij")).flatten(1)
        gap = (at[:, :, None] - at[:, None]).permute(1, 2, 0) + window - 1
        self.register_buffer("index", (gap[..., 0] * (2 * window - 1) + gap[..., 1]).flatten())
        part = torch.zeros(side, side)
        cuts = (slice(0, -window), slice(-window, -shift), slice(-shift, None))
        for i, rows in enumerate(cuts):
            for j, columns in enumerate(cuts):
                part[rows, columns] = 3 * i + j
        part = self.windows(part[None, ..., None]).squeeze(-1)
        self.register_buffer("mask", torch.where(part[:, None] == part[:, :, None], 0.0, -100.0))
        self.reduce, self.mlp = nn.Linear(4 * width, 2 * width, bias=False), nn.Sequential(
            nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))
        self.head = nn.Linear(2 * width, 7)

    def windows(self, x):
        n, h, w, c = x.shape
        k = self.window
        return x.view(n, h // k, k, w // k, k, c).permute(0, 1, 3, 2, 4, 5).reshape(-1, k * k, c)

    def attend(self, x):
        n, t, c = x.shape
        q, k, v = self.qkv(x).view(n, t, 3, self.heads, c // self.heads).permute(2, 0, 3, 1, 4)
        a = q * (c // self.heads) ** -0.5 @ k.transpose(-2, -1)
        a = a + self.bias[self.index].view(t, t, -1).permute(2, 0, 1)
        m = self.mask.shape[0]
        a = (a.view(-1, m, self.heads, t, t) + self.mask[:, None]).view(-1, self.heads, t, t)
        return self.proj((a.softmax(-1) @ v).transpose(1, 2).reshape(n, t, c))

    def forward(self, x):
        x = self.patch(x).permute(0, 2, 3, 1)
        n, s, k = x.shape[0], self.side, self.window
        y = torch.roll(self.norm1(x), (-self.shift, -self.shift), (1, 2))
        y = self.attend(self.windows(y)).view(n, s // k, s // k, k, k, -1).permute(0, 1, 3, 2, 4, 5).reshape(n, s, s, -1)
        x = x + torch.roll(y, (self.shift, self.shift), (1, 2))
        x = x + self.mlp(self.norm2(x))
        x = torch.cat([x[:, i::2, j::2] for j in (0, 1) for i in (0, 1)], -1)
        return self.head(self.reduce(x).mean((1, 2)))


class UNet(nn.Module):
    """Down, transposed convolutions of two kinds up, concatenated skips, nearest resize."""

    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Conv2d(2, 6, 3, padding=1), nn.Conv2d(6, 10, 3, 2, 1)
        self.up, self.depth = nn.ConvTranspose2d(10, 6, 3, 2, 1, output_padding=1), nn.ConvTranspose2d(12, 12, 3, groups=3, padding=1, bias=False)
        self.norm, self.last = nn.BatchNorm2d(12), nn.Conv2d(12, 4, 1)

    def forward(self, x):
        a = F.elu(self.a(x))
        y = torch.cat([F.leaky_relu(self.up(F.silu(self.b(a)))), a], 1)
        y = F.interpolate(F.max_pool2d(F.relu(self.norm(self.depth(y))), 2), scale_factor=2, mode="nearest")
        return self.last(y)


class VisionTransformer(nn.Module):
    """nn.TransformerEncoder as PyTorch ships it, class token, 5 x 7 patches."""

    def __init__(self, width=20, layers=2):
        super().__init__()
        self.patch, self.token = nn.Conv2d(1, width, (2, 3), (2, 3)), nn.Parameter(torch.randn(1, 1, width))
        self.position = nn.Parameter(0.1 * torch.randn(1, 36, width))
        layer = nn.TransformerEncoderLayer(width, 5, 31, 0.0, "gelu", batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(layer, layers, nn.LayerNorm(width), enable_nested_tensor=False)
        self.head = nn.Linear(width, 6)

    def forward(self, x):
        x = self.patch(x).flatten(2).mT
        x = torch.cat([self.token.expand(x.shape[0], -1, -1), x], 1) + self.position
        return self.head(self.encoder(x)[:, 0])


class ConvNext(nn.Module):
    """Depthwise 7x7, channels-last LayerNorm, GELU, layer scale, global response norm."""

    def __init__(self, width=9):
        super().__init__()
        self.stem, self.deep = nn.Conv2d(3, width, 4, 4), nn.Conv2d(width, width, 7, padding=3, groups=width)
        self.norm, self.up, self.down = nn.LayerNorm(width), nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.scale = nn.Parameter(0.5 * torch.randn(width))
        self.gamma, self.beta = nn.Parameter(torch.randn(4 * width)), nn.Parameter(torch.randn(4 * width))
        self.head = nn.Linear(width, 5)

    def forward(self, x):
        x = self.stem(x)
        y = F.gelu(self.up(self.norm(self.deep(x).permute(0, 2, 3, 1))))
        g = torch.linalg.vector_norm(y, dim=(1, 2), keepdim=True)
        y = self.gamma * (y * (g / (g.mean(-1, keepdim=True) + 1e-6))) + self.beta + y
        x = x + (self.scale * self.down(y)).permute(0, 3, 1, 2)
        return self.head(x.mean((-2, -1)))


class Mixer(nn.Module):
    def __init__(self, patches=12, width=15):
        super().__init__()
        self.tokens = nn.Sequential(nn.Linear(patches, 21), nn.Mish(), nn.Linear(21, patches))
        self.channels = nn.Sequential(nn.Linear(width, 33), nn.Hardswish(), nn.Linear(33, width))
        self.norm1, self.norm2, self.head = nn.LayerNorm(width), nn.LayerNorm(width), nn.Linear(width, 4)

    def forward(self, x):
        x = x + self.tokens(self.norm1(x).transpose(1, 2)).transpose(1, 2)
        x = x + self.channels(self.norm2(x))
        return self.head(torch.amax(x, 1) - torch.amin(x, 1) + x.std(1))


class DenseNet(nn.Module):
    """Concatenated features, average pooling with ceil mode, LRN, einsum head."""

    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList(nn.Sequential(nn.BatchNorm2d(c), nn.ReLU(), nn.Conv2d(c, 5, 3, padding=1, bias=False)) for c in (3, 8, 13))
        self.pool, self.lrn = nn.AvgPool2d(3, 2, ceil_mode=True, count_include_pad=False), nn.LocalResponseNorm(3)
        self.head = nn.Parameter(torch.randn(18, 6))

    def forward(self, x):
        for layer in self.layers:
            x = torch.cat([x, layer(x)], 1)
        return torch.einsum("nchw,ck->nk", self.pool(self.lrn(x)), self.head) / 20


class Elementary(nn.Module):
    """Elementwise functions, reductions and scans of every kind in one net."""

    def __init__(self):
        super().__init__()
        self.a, self.b, self.c = nn.Linear(11, 13), nn.Linear(13, 13), nn.Linear(13, 3)
        self.power = nn.Parameter(torch.rand(13) + 1)

    def forward(self, x):
        x = self.a(x)
        y = torch.sin(x) + torch.cos(x) * torch.atan(x) + torch.erf(x) - torch.sqrt(x.abs() + 1) + torch.log1p(x * x)
        y = y + torch.exp(-x * x) / (1 + x * x) + torch.pow(x.abs() + 0.5, self.power) + torch.asinh(x)
        y = torch.where(x > 0, y, 0.5 * y).clamp(-3, 3) + torch.logsumexp(y, 1, keepdim=True) + F.normalize(y, dim=1)
        y = self.b(y) * torch.cumsum(y, 1) / 5
        y = torch.maximum(y, x) - torch.minimum(y, -x) + y.prod(1, keepdim=True).tanh()
        return self.c(F.glu(torch.cat([y, y.flip(1)], 1), 1) + F.pad(y[:, 1:-1], (1, 1), value=0.5))


class Classifier1d(nn.Module):
    """Text classifier: embedding with padding index, convolutions over time, max over time, weight-normed head."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(41, 10, padding_idx=0)
        self.convs = nn.ModuleList(nn.Conv1d(10, 7, k) for k in (2, 3, 5))
        self.head = nn.Linear(21, 3)

    def forward(self, tokens):
        x = self.embed(tokens).transpose(1, 2)
        return self.head(torch.cat([F.relu(c(x)).max(2).values for c in self.convs], 1))


class Volume(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.norm, self.b = nn.Conv3d(2, 5, 3, padding=1), nn.BatchNorm3d(5), nn.Conv3d(5, 4, (1, 3, 2), 2)
        self.head = nn.Linear(4, 3)

    def forward(self, x):
        x = F.max_pool3d(F.relu(self.norm(self.a(x))), 2)
        return self.head(self.b(x).flatten(2).mean(2))


floats, classes = models._floats, models._classes
tokens = lambda vocab, time: lambda n: {"tokens": torch.randint(0, vocab, (n, time))}
ROWS = {  # name: (module maker, inputs, target, batch)
    "gqa": (GroupedQuery, tokens(53, 9), classes(53, 9), 3),
    "gqa_spelled": (lambda: GroupedQuery(spelled=True), tokens(53, 9), classes(53, 9), 2),
    "swin": (SwinBlock, floats(3, 16, 16), classes(7), 2),
    "unet": (UNet, floats(2, 12, 8), classes(4, 12, 8), 3),
    "vit": (VisionTransformer, floats(1, 10, 21), classes(6), 3),
    "convnext": (ConvNext, floats(3, 20, 12), classes(5), 2),
    "mixer": (Mixer, floats(12, 15), classes(4), 5),
    "densenet": (DenseNet, floats(3, 10, 8), classes(6), 4),
    "elementary": (Elementary, floats(11), classes(3), 5),
    "text": (Classifier1d, tokens(41, 13), classes(3), 4),
    "volume": (Volume, floats(2, 6, 8, 6), classes(3), 3),
}
# The default exporter computes a function of a parameter into the file: the parameter itself is not in it.
BAKED = ["swin default *", "bilinear_layer default *", "transposed_weight default *", "image_weight_norm default *"]
FORMS = [("default", 18), ("unoptimized", 20), ("default", 23), ("older", 17), ("older", 13)]
REFUSED = {"embedding_bag": nets.NETS["embedding_bag"]}


TABLE = {**ROWS, **nets.NETS}
SPELLINGS = ["default 18", "older 17", "unoptimized 20", "default 23", "older 14"]


def small_rows():
    """(name, exporter, opset): each small net in one form, all forms in turn. Packed weights of LSTM and GRU keep their
    names with the older exporter only."""
    for i, name in enumerate(nets.NETS):
        form = "older 17" if name in ("lstm", "lstm_deep", "gru") else SPELLINGS[i % len(SPELLINGS)]
        if name not in REFUSED:
            yield name, form.split()[0], int(form.split()[1])


def build(name, table):
    make, inputs, target, *loss, batch = table[name]
    torch.manual_seed(0)
    module = make().train()
    models._perturb(module)
    with torch.no_grad():  # TransformerEncoder copies its layers, and exporters merge equal weights
        for p in module.parameters():
            p.add_(0.01 * torch.randn_like(p))
    if hasattr(module, "embed") and module.embed.padding_idx is not None:
        module.embed.padding_idx = None
    return models.Case(name, module, inputs, target, loss[0] if loss else "cross-entropy", batch)


def widened(case):
    case.module.double()
    narrow = case.inputs
    case.inputs = lambda n: {k: v.double() if v.is_floating_point() else v for k, v in narrow(n).items()}
    return case


def check(dlc, name, exporter, opset, folder):
    case = build(name, TABLE)
    data, target = export.draw(case)
    try:
        model = export.export(widened(build(name, TABLE)), folder / "m.onnx", exporter, opset)
    except Exception as problem:  # the exporter's own limits: whatever it raises
        return None, f"{exporter} does not export it: {str(problem).splitlines()[0][:80]}"
    arrays = {**{n: v.numpy() for n, v in data.items()}, "target": target.numpy()}
    arrays = {n: v.astype(np.float64) if v.dtype == np.float32 else v for n, v in arrays.items()}
    inputs = {"batch": folder / "batch.npz", "data": folder / "data.npz"}
    np.savez(inputs["data"], **arrays)
    np.savez(inputs["batch"], **{n: v[:case.batch] for n, v in arrays.items()})
    expected = expected_of(case, data, target)
    dlc("compile", folder / "m.onnx", "-o", folder / "i.dlc", "--entries", "infer", "--precision", "f64")
    dlc("run", folder / "i.dlc", "--entry", "infer", "--inputs", inputs["batch"], "--outputs", folder / "out.npz")
    out = np.load(folder / "out.npz")
    infer = common.error(out[out.files[0]], expected["infer/logits"])
    if export.is_folded(case, model) or any(fnmatch.fnmatch(f"{name} {exporter} {opset}", g) for g in BAKED):
        return {"infer": infer}, "parameters folded away: outputs only"
    loss = "cross-entropy:axis=1" if target.dim() == 3 and target.dtype == torch.int64 else case.loss
    found = step_values(dlc, folder / "m.onnx", loss, case.batch, inputs, folder, "step")
    renamed = export.mapping(widened(build(name, TABLE)), model)
    errors, note, same = judge(found, expected, renamed, len(list(case.module.parameters())))
    return {"infer": infer, **errors}, note if same else f"trained set differs; {note}"


def expected_of(case, data, target):
    """export.expected, also for a class axis in the second place."""
    if target.dim() == 3 and target.dtype == torch.int64:
        case.loss_of = F.cross_entropy
    return export.expected(case, data, target)


def refused(dlc, name, folder):
    export.export(build(name, REFUSED), folder / "m.onnx", "older", 17)
    try:
        dlc("compile", folder / "m.onnx", "-o", folder / "m.dlc", "--loss", "cross-entropy")
    except Failed as failure:
        return "exit 1" in str(failure) and "DLC" in str(failure), str(failure)
    return False, "compiled"


def main():
    args = common.arguments(__doc__).parse_args()
    dlc = common.Dlc(args.dlc)
    torch.set_num_threads(1)
    report = common.Report("f64 parity, other models", ["model", "infer", "loss", "grad", "param", "stat", "losses", "note"])
    rows = [(n, e, o) for n in ROWS for e, o in FORMS if fnmatch.fnmatch(f"{n} {e} {o}", args.only)]
    rows += [r for r in small_rows() if fnmatch.fnmatch(" ".join(map(str, r)), args.only)]
    for name, exporter, opset in rows:
        try:
            with common.scratch() as folder:
                errors, note = check(dlc, name, exporter, opset, pathlib.Path(folder))
            good = errors is None or max(errors.values()) <= BOUND and not note.startswith("trained set")
            report.add(good, model=f"{name} {exporter} {opset}", **(errors or {}), note=note)
        except Failed as failure:
            report.add(False, model=f"{name} {exporter} {opset}", note=str(failure))
    for name in REFUSED:
        if fnmatch.fnmatch(name, args.only):
            with common.scratch() as folder:
                good, note = refused(dlc, name, pathlib.Path(folder))
            report.add(good, model=name, note=note)
    return report.finish(args.json)


if __name__ == "__main__":
    sys.exit(main())
