#!/usr/bin/env python3
"""GPT-2 as different people write and export it: launches and predicted time per layer, forward and backward.

usage: gpt_forms.py [--dlc PATH] [--device h200] [--only NAME] [--scratch DIR]

A layer is what a model of three layers has more than one of two (width 768, 12 heads, 64 sequences of 1,024 tokens, bf16, AdamW). What one
spelling costs more than another is what the compiler does not see through. Needs PyTorch; ptxas is not needed.
"""
import argparse
import fnmatch
import json
import math
import pathlib
import subprocess
import sys
import tempfile
import warnings

import torch
from torch import nn
from torch.nn import functional

TOKENS, WIDTH, HEADS, VOCABULARY = 1024, 768, 12, 2000
FORMS = {  # name: (attention, activation, exporter)
    "fused qkv, gelu": ("sdpa", "gelu", "dynamo"),
    "fused qkv, gelu, older exporter": ("sdpa", "gelu", "older"),
    "masked softmax, gelu by tanh": ("spelled", "tanh", "dynamo"),
    "masked softmax, gelu by tanh, older exporter": ("spelled", "tanh", "older"),
    "gelu(approximate='tanh')": ("sdpa", "approximate", "dynamo"),
    "gelu(approximate='tanh'), older exporter": ("sdpa", "approximate", "older"),
    "x * sigmoid(1.702 x)": ("sdpa", "quick", "dynamo"),
    "relu": ("sdpa", "relu", "dynamo"),
    "separate q, k, v": ("separate", "gelu", "dynamo"),
    "nn.MultiheadAttention": ("module", "gelu", "dynamo"),
}


def activate(kind, x):
    if kind == "tanh":
        return 0.5 * x * (1.0 + torch.tanh(math.sqrt(2.0 / math.pi) * (x + 0.044715 * torch.pow(x, 3.0))))
    if kind == "approximate":
        return functional.gelu(x, approximate="tanh")
    if kind == "quick":
        return x * torch.sigmoid(1.702 * x)
    return functional.relu(x) if kind == "relu" else functional.gelu(x)


class Attention(nn.Module):
    def __init__(self, kind):
        super().__init__()
        self.kind = kind
        if kind == "module":
            self.attention = nn.MultiheadAttention(WIDTH, HEADS, batch_first=True)
            return
        self.projections = nn.ModuleList(nn.Linear(WIDTH, n * WIDTH) for n in ([1, 1, 1] if kind == "separate" else [3]))
        self.out = nn.Linear(WIDTH, WIDTH)
        self.register_buffer("mask", torch.tril(torch.ones(TOKENS, TOKENS)).view(1, 1, TOKENS, TOKENS), persistent=False)

    def forward(self, x):
        batch, tokens, width = x.shape
        if self.kind == "module":
            mask = torch.triu(torch.full((TOKENS, TOKENS), float("-inf")), 1)
            return self.attention(x, x, x, attn_mask=mask, need_weights=False, is_causal=True)[0]
        parts = [p(x) for p in self.projections]
        parts = parts if len(parts) == 3 else parts[0].split(width, dim=2)
        q, k, v = [part.view(batch, tokens, HEADS, width // HEADS).transpose(1, 2) for part in parts]
        if self.kind == "spelled":
            scores = (q @ k.transpose(-2, -1)) * (1.0 / math.sqrt(k.size(-1)))
            scores = scores.masked_fill(self.mask[:, :, :tokens, :tokens] == 0, float("-inf"))
            y = functional.softmax(scores, dim=-1) @ v
        else:
            y = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.out(y.transpose(1, 2).contiguous().view(batch, tokens, width))


class Block(nn.Module):
    def __init__(self, attention, activation):
        super().__init__()
        self.first, self.second = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.attention, self.activation = Attention(attention), activation
        self.up, self.down = nn.Linear(WIDTH, 4 * WIDTH), nn.Linear(4 * WIDTH, WIDTH)

    def forward(self, x):
        x = x + self.attention(self.first(x))
        return x + self.down(activate(self.activation, self.up(self.second(x))))


class Gpt(nn.Module):
    def __init__(self, layers, attention, activation):
        super().__init__()
        self.tokens, self.places = nn.Embedding(VOCABULARY, WIDTH), nn.Embedding(TOKENS, WIDTH)
        self.blocks = nn.ModuleList(Block(attention, activation) for _ in range(layers))
        self.norm, self.head = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, VOCABULARY, bias=False)
        self.head.weight = self.tokens.weight

    def forward(self, ids):
        x = self.tokens(ids) + self.places(torch.arange(0, ids.size(1), device=ids.device))
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x))


def export(path, layers, form):
    attention, activation, exporter = form
    torch.manual_seed(0)
    model, ids = Gpt(layers, attention, activation).eval(), torch.randint(0, VOCABULARY, (2, TOKENS))
    names = {"input_names": ["ids"], "output_names": ["logits"]}
    if exporter == "dynamo":
        torch.onnx.export(model, (ids,), path, dynamo=True, verbose=False, dynamic_shapes={"ids": {0: torch.export.Dim("batch", min=1, max=4096)}}, **names)
    else:
        torch.onnx.export(model, (ids,), path, dynamo=False, dynamic_axes={"ids": {0: "batch"}}, opset_version=17, **names)


def measure(dlc, path, device):
    """(launches of the step, those that are products, predicted ms)"""
    artifact = path.with_suffix(".dlc")
    options = ["--batch", "64", "--target", "cuda:sm_90", "--precision", "bf16", "--loss", "cross-entropy", "--optimizer", "adamw", "--entries", "step"]
    subprocess.run([dlc, "compile", path, "-o", artifact, *options], check=True, capture_output=True)
    said = [json.loads(subprocess.run([dlc, "inspect", artifact, "--json", *more], check=True, capture_output=True).stdout)
            for more in ([], ["--roofline", device])]
    kernels = said[0]["kernels"]
    return len(kernels), sum(k["kind"] == "gemm" for k in kernels), said[1]["predicted_ms"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dlc", default="build/bin/dlc")
    parser.add_argument("--device", default="h200")
    parser.add_argument("--only", default="*", metavar="GLOB")
    parser.add_argument("--scratch", default=None, metavar="DIR")
    args = parser.parse_args()
    warnings.filterwarnings("ignore")
    print("| form | launches per layer | products | predicted per layer, ms |\n|---|---:|---:|---:|")
    with tempfile.TemporaryDirectory(dir=args.scratch) as folder:
        for number, (name, form) in enumerate(FORMS.items()):
            if not fnmatch.fnmatch(name, args.only):
                continue
            found = []
            for layers in (2, 3):
                path = pathlib.Path(folder) / f"{number}-{layers}.onnx"
                export(path, layers, form)
                found.append(measure(args.dlc, path, args.device))
            launches, products, ms = (b - a for a, b in zip(*found))
            print(f"| {name} | {launches} | {products} | {ms:.3f} |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
