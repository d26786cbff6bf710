#!/usr/bin/env python3
"""The f32 loss curve of 100 AdamW steps against PyTorch f32 on the same data in the same order, dropout off.

usage: curve.py [--only GLOB] [--steps N] [--json OUT] [--dlc PATH]

Figure: the largest |dlc - torch| / torch over the steps; bound 1e-3. Beside it the same distance of PyTorch's own f32 from
its f64: what rounding alone does to this model. Nets with BatchNorm amplify it (AdamW turns gradients near zero into
whole steps): at a learning rate of 1e-3 PyTorch is 5e-3 (digits CNN) and 5e-2 (ResNet) from itself, so that nobody could
keep the bound; they run at rates where rounding stays below a tenth of it. Data: digits and characters where the model reads them, else random.
"""
import copy
import fnmatch
import pathlib
import sys

import numpy as np
import torch

import common
import export
import models
from common import Failed

BOUND = 1e-3
MODELS = [  # model, exporter, opset, batch, learning rate, data
    ("mlp:sizes=64-96-96-10", "default", 18, 32, 1e-3, "flat digits"),
    ("digits_cnn:dropout=0,norm=0", "default", 18, 32, 1e-3, "digits"),
    ("digits_cnn:dropout=0", "unoptimized", 18, 32, 1e-4, "digits"),
    ("digits_cnn:dropout=0", "older", 17, 32, 1e-4, "digits"),
    ("resnet18:width=8", "unoptimized", 18, 32, 1e-5, "random"),
    ("gpt:layers=2,heads=2,width=48,vocab=65,context=64,init=plain", "default", 18, 8, 1e-3, "chars"),
    ("gpt:layers=2,heads=2,width=48,vocab=65,context=64,attention=fused,init=plain", "default", 23, 8, 1e-3, "chars"),
    ("gpt:layers=12,heads=4,width=32,vocab=65,context=64,init=plain", "older", 18, 4, 1e-3, "chars"),
]


def draw(case, kind, count):
    """Arrays of `count` samples; small sets are repeated."""
    if kind == "random":
        torch.manual_seed(3)
        return {**{n: v.numpy() for n, v in case.inputs(count).items()}, "target": case.target(count).numpy()}
    arrays = dict(np.load(common.DATA / ("chars_train.npz" if kind == "chars" else "digits_train.npz")))
    if kind == "flat digits":
        arrays["x"] = arrays["x"].reshape(len(arrays["x"]), -1)
    times = -(-count // len(arrays["target"]))
    return {n: np.concatenate([v] * times)[:count] for n, v in arrays.items()}


def reference(case, arrays, steps, batch, rate, dtype):
    module = copy.deepcopy(case.module).to(dtype).train()
    optimizer = torch.optim.AdamW(module.parameters(), lr=rate)
    losses = []
    for i in range(steps):
        part = {n: torch.from_numpy(v[i * batch:(i + 1) * batch]) for n, v in arrays.items()}
        target = part.pop("target")
        inputs = [v.to(dtype) if v.is_floating_point() else v for v in part.values()]
        optimizer.zero_grad()
        loss = case.loss_of(module(*inputs), target.to(dtype) if target.is_floating_point() else target)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return np.array(losses)


def check(dlc, row, steps, folder):
    name, exporter, opset, batch, rate, kind = row
    case = models.make(name)
    case.batch = batch
    arrays = draw(case, kind, steps * batch)
    np.savez(folder / "data.npz", **arrays)
    model = models.make(name)
    model.batch = batch
    export.export(model, folder / "m.onnx", exporter, opset)
    dlc.train(folder / "m.onnx", folder / "data.npz", folder / "out.safetensors", "--steps", steps, "--batch", batch, "--lr", rate,
              "--loss", case.loss, "--optimizer", "adamw", log=folder / "log.jsonl")
    found = np.array([x["loss"] for x in common.read_log(folder / "log.jsonl")][:steps])
    narrow, wide = (reference(case, arrays, steps, batch, rate, t) for t in (torch.float32, torch.float64))
    if len(found) != steps:
        raise Failed(f"the log holds {len(found)} losses, not {steps}")
    distance = lambda a, b: float(np.max(np.abs(a - b) / np.abs(b)))
    return distance(found, narrow), distance(narrow, wide), float(narrow[-1])


def main():
    parser = common.arguments(__doc__)
    parser.add_argument("--steps", type=int, default=100)
    args = parser.parse_args()
    dlc = common.Dlc(args.dlc)
    torch.set_num_threads(2)
    report = common.Report(f"f32 loss curve of {args.steps} steps against PyTorch f32", ["model", "rate", "distance", "rounding", "last", "note"])
    for row in MODELS:
        label = f"{row[0]} {row[1]} {row[2]}"
        if not fnmatch.fnmatch(label, args.only):
            continue
        try:
            with common.scratch() as folder:
                distance, rounding, last = check(dlc, row, args.steps, pathlib.Path(folder))
            report.add(distance <= BOUND, model=label, rate=row[4], distance=distance, rounding=rounding, last=last)
        except Failed as failure:
            report.add(False, model=label, note=str(failure))
    return report.finish(args.json)


if __name__ == "__main__":
    sys.exit(main())
