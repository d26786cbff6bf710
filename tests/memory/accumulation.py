#!/usr/bin/env python3
"""`--accumulate N` over batches of B/N gives the gradients of one batch of B.

usage: accumulation.py [--quick] [--only GLOB] [--json OUT] [--dlc PATH]

f64, one step of SGD over the same 8 samples, N = 1, 2, 4, 8. The learning rate is 1024, so that what is saved is the gradient
but for its last bits: gradient = (parameter before - after) / 1024. `error` is max|g_N - g_1| / max|g_1| over all parameters;
the bound is 1e-12. Checked on the plan: one state per trained parameter holds the sums, of its size, in f32 where the model
is f32 or bf16.

Models have no BatchNorm: its statistics are those of the batches that go through it, so a batch cut in N is another model.
With targets that are to be ignored (-100) each of the N batches has the same weight, as in PyTorch's usual loop.
"""
import json
import sys

import common
from common import FIXTURES, Failed

ROWS = [  # file, values, loss
    ("mlp_small.default", "mlp_small", "cross-entropy"),
    ("mlp_mse.default", "mlp_mse", "mse"),
    ("layer_norm_mlp.unopt", "layer_norm_mlp", "cross-entropy"),
    ("gpt2l.default", "gpt2l", "cross-entropy"),
    ("class_token.unopt", "class_token", "cross-entropy"),
    ("gated.unopt", "gated", "cross-entropy"),
    ("dilated.unopt", "dilated", "cross-entropy"),
    ("transposed.unopt", "transposed", "mse"),
]
QUICK = {"mlp_small.default", "gpt2l.default", "transposed.unopt", "dilated.unopt"}
SAMPLES, RATE, BOUND = 8, 1024, 1e-12


def parameters(tool, file, values, loss, count, rate):
    saved = tool.folder / "p.safetensors"
    tool.run("train", FIXTURES / f"{file}.onnx", "--data", FIXTURES / f"{values}.data.npz", "--steps", 1, "--batch", SAMPLES // count,
             "--accumulate", count, "--precision", "f64", "--optimizer", "sgd", "--lr", rate, "--loss", loss, "--no-shuffle", "--save", saved)
    return {name: common.numbers(t) for name, t in common.read_safetensors(saved).items() if t[0] == "F64"}


def gradient(before, after):
    return {name: [(a - b) / RATE for a, b in zip(before[name], after[name])] for name in before}


def distance(found, reference):
    """The largest over the parameters, each against its own largest; what is zero but for rounding against all."""
    largest = {name: max(map(abs, g), default=0.0) for name, g in reference.items()}
    floor = 1e-6 * max(largest.values())
    return max(max((abs(a - b) for a, b in zip(found[name], g)), default=0.0) / max(largest[name], floor) for name, g in reference.items())


def check_sums(tool, file, loss):
    """What is wrong with the states that hold the sums, under f32 and bf16."""
    for precision in ("f32", "bf16"):
        page = tool.folder / "r.json"
        tool.run("compile", FIXTURES / f"{file}.onnx", "-o", tool.folder / "m.dlc", "--accumulate", 4, "--precision", precision, "--entries",
                 "step", "--loss", loss, "--batch", 2, "--report", page, "--machine", "100,20")
        report = json.loads(page.read_text())
        trained = {p["name"] for p in report["parameters"] if p["trained"]}
        sizes = {s["name"]: s["bytes"] for s in report["states"]}
        sums = {name.removeprefix("accumulated/"): size for name, size in sizes.items() if name.startswith("accumulated/")}
        wrong = [name for name, size in sums.items() if size != sizes[name]]
        if wrong or not sums or len(sums) > len(trained):
            return f"{precision}: sums of {', '.join(wrong) or 'nothing'}"
    return ""


def main():
    args = common.arguments(__doc__).parse_args()
    report = common.Report("Gradients of N batches against one", ["model", "2", "4", "8", "note"])
    for file, values, loss in ROWS:
        if not common.wanted(args, file) or (args.quick and file not in QUICK):
            continue
        try:
            with common.scratch() as folder:
                tool = common.Tool(args, folder)
                before = parameters(tool, file, values, loss, 1, 0)
                whole = gradient(before, parameters(tool, file, values, loss, 1, RATE))
                if not any(any(g) for g in whole.values()):
                    raise Failed("the gradients are zero")
                errors = {str(n): distance(gradient(before, parameters(tool, file, values, loss, n, RATE)), whole) for n in (2, 4, 8)}
                note = check_sums(tool, file, loss)
            report.add(max(errors.values()) <= BOUND and not note, model=file, **errors, note=note)
        except Failed as failure:
            report.add(False, model=file, note=str(failure))
    return report.finish(args.json)


if __name__ == "__main__":
    sys.exit(main())
