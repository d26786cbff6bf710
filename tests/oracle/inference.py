#!/usr/bin/env python3
"""Outputs against ONNX Runtime and PyTorch, for every committed fixture.

usage: inference.py [--only GLOB] [--json OUT] [--dlc PATH]

f32: `dlc run --entry infer` against ONNX Runtime on the file in inference form; `--entry forward` too where the file has no
node in training form (what ONNX Runtime would refuse or randomise). f64: `infer` against PyTorch's committed outputs.
"""
import pathlib
import sys

import numpy as np
import onnx

import common
from common import Failed

TOLERANCE = 1e-5


def has_training_form(model):
    for node in model.graph.node:
        if node.op_type == "BatchNormalization" and any(a.name == "training_mode" and a.i for a in node.attribute):
            return True
        if node.op_type == "Dropout" and len(node.input) > 2 and node.input[2]:
            return True
    return False


def run(dlc, model, entry, inputs, folder, *options):
    out = folder / f"{entry}.npz"
    compiled = folder / f"{entry}.dlc"
    dlc("compile", model, "-o", compiled, "--entries", entry, *options)
    dlc("run", compiled, "--entry", entry, "--inputs", inputs, "--outputs", out)
    arrays = np.load(out)
    return arrays["logits"] if "logits" in arrays.files else arrays[arrays.files[0]]


def check(dlc, row, folder):
    path = common.FIXTURES / f"{row['file']}.onnx"
    model = onnx.load(path)
    values = common.FIXTURES / (row["values"] if row["values"] != "-" else "")
    if row["values"] == "-":
        batch, expected = np.load(common.DATA / "chars_test.npz"), None
        inputs = folder / "batch.npz"
        np.savez(inputs, **{n: batch[n][:row["batch"]] for n in batch.files})
        batch = np.load(inputs)
    else:
        inputs = f"{values}.batch.npz"
        batch, expected = np.load(inputs), np.load(f"{values}.expected.npz")["infer/logits"]
    reference = common.run_onnx(common.inference_form(model), {i.name: batch[i.name] for i in model.graph.input})
    errors = {"infer": common.error(run(dlc, path, "infer", inputs, folder), reference)}
    if not has_training_form(model):
        errors["forward"] = common.error(run(dlc, path, "forward", inputs, folder), reference)
    wide = 0.0
    if expected is not None:
        wide = common.error(run(dlc, path, "infer", inputs, folder, "--precision", "f64"), expected)
    return errors, wide


def main():
    args = common.arguments(__doc__).parse_args()
    dlc = common.Dlc(args.dlc)
    report = common.Report("Outputs against ONNX Runtime (f32) and PyTorch (f64)", ["model", "infer", "forward", "f64", "note"])
    for row in common.read_cases(args.only):
        try:
            with common.scratch() as folder:
                errors, wide = check(dlc, row, pathlib.Path(folder))
            ok = max(errors.values()) <= TOLERANCE and wide <= row["tolerance"]
            report.add(ok, model=row["file"], **errors, f64=wide)
        except Failed as failure:
            report.add(False, model=row["file"], note=str(failure))
    return report.finish(args.json)


if __name__ == "__main__":
    sys.exit(main())
