#!/usr/bin/env python3
"""Which tensors train, and what a trained .onnx looks like, for every committed fixture.

usage: trainable.py [--only GLOB] [--json OUT] [--dlc PATH]

Each is trained for 5 steps and saved as .onnx. Then
  trained    `grad` returns one gradient per PyTorch parameter, each of a parameter's form, the tied head once
  structure  the saved file equals the input but for initializer values and initializers added for un-merged parameters:
             same nodes in the same order, names, attributes, inputs, outputs, opsets, metadata
  frozen     initializers that are no parameter (masks, shapes, constants) kept their bytes; every parameter moved
  run        ONNX Runtime runs the saved file within 1e-5 of `dlc run --entry infer` on it
"""
import json
import pathlib
import sys

import numpy as np
import onnx
from onnx import numpy_helper

import common
from common import Failed
from inference import run

TOLERANCE = 1e-5


def node_key(node):
    """A node without its inputs' names."""
    copy = onnx.NodeProto()
    copy.CopyFrom(node)
    del copy.input[:]
    return copy.SerializeToString(deterministic=True)


def structure_notes(before, after):
    """What differs between two models besides initializers."""
    notes = []
    if [node_key(n) for n in before.graph.node] != [node_key(n) for n in after.graph.node]:
        notes.append("nodes differ")
    names = {i.name for i in before.graph.initializer}
    added = {i.name for i in after.graph.initializer} - names
    if missing := names - {i.name for i in after.graph.initializer}:
        notes.append(f"initializers lost: {', '.join(sorted(missing)[:3])}")
    for a, b in zip(before.graph.node, after.graph.node):
        for x, y in zip(a.input, b.input):
            if x != y and not (x in names and y in added):
                notes.append(f"node '{a.name}' reads '{y}' instead of '{x}'")
    used = {x for n in after.graph.node for x in n.input}
    if unused := added - used:
        notes.append(f"initializers added but unused: {', '.join(sorted(unused)[:3])}")
    for field in ("input", "output"):
        if [v.SerializeToString() for v in getattr(before.graph, field)] != [v.SerializeToString() for v in getattr(after.graph, field)]:
            notes.append(f"graph {field}s differ")
    same = lambda f: [x.SerializeToString() for x in f(before)] == [x.SerializeToString() for x in f(after)]
    notes += [] if same(lambda m: m.opset_import) else ["opsets differ"]
    notes += [] if same(lambda m: m.metadata_props) else ["metadata differs"]
    notes += [] if same(lambda m: m.functions) else ["functions differ"]
    return notes, added


def value_notes(before, after, added, parameters):
    """Constants must keep their bytes; at least `parameters` tensors must have moved."""
    old = {i.name: numpy_helper.to_array(i) for i in before.graph.initializer}
    new = {i.name: numpy_helper.to_array(i) for i in after.graph.initializer}
    notes, moved = [], len(added)
    for name, value in old.items():
        if name not in new:
            continue
        if new[name].dtype != value.dtype or new[name].shape != value.shape:
            notes.append(f"'{name}' changed its type")
        elif not np.array_equal(value, new[name], equal_nan=value.dtype.kind == "f"):
            moved += 1
            if value.dtype.kind != "f" or not np.all(np.isfinite(value)):
                notes.append(f"'{name}' is no parameter but changed")
    if moved < parameters:
        notes.append(f"{moved} tensors changed, PyTorch trains {parameters}")
    return notes


def check(dlc, row, folder):
    path, saved = common.FIXTURES / f"{row['file']}.onnx", folder / "trained.onnx"
    options = ("--loss", row["loss"], "--optimizer", "adamw")
    if row["values"] == "-":
        data, inputs = common.DATA / "chars_train.npz", folder / "batch.npz"
        rows = np.load(data)
        np.savez(inputs, **{n: rows[n][:row["batch"]] for n in rows.files})
    else:
        data, inputs = (f"{common.FIXTURES / row['values']}.{kind}.npz" for kind in ("data", "batch"))
    dlc("compile", path, "-o", folder / "grad.dlc", "--entries", "grad", *options)
    dlc("run", folder / "grad.dlc", "--entry", "grad", "--inputs", inputs, "--outputs", folder / "grad.npz")
    grads = {n[5:]: a for n, a in np.load(folder / "grad.npz").items() if n.startswith("grad/")}
    notes = [] if len(grads) == row["trained"] else [f"{len(grads)} trained tensors, PyTorch has {row['trained']}"]
    if row["check"] in ("grad", "step"):
        expected = np.load(f"{common.FIXTURES / row['values']}.expected.npz")
        renamed = json.loads((common.FIXTURES / "mapping.json").read_text()).get(path.name, {})
        reference = {n[5:]: expected[n] for n in expected.files if n.startswith("grad/")}
        _, _, extra = common.compare(grads, reference, renamed)
        notes += [f"not a PyTorch parameter: {', '.join(extra[:4])}"] if extra else []
    dlc.train(path, data, saved, "--steps", 5, "--batch", row["batch"], "--lr", "1e-3", *options)
    before, after = onnx.load(path), onnx.load(saved)
    differences, added = structure_notes(before, after)
    notes += differences + value_notes(before, after, added, row["trained"])
    feeds = {i.name: np.load(inputs)[i.name] for i in before.graph.input}
    reference = common.run_onnx(common.inference_form(after), feeds)
    return common.error(run(dlc, saved, "infer", inputs, folder), reference), len(grads), len(added), notes


def main():
    args = common.arguments(__doc__).parse_args()
    dlc = common.Dlc(args.dlc)
    report = common.Report("Trainable weights and the trained file", ["model", "trained", "added", "run", "note"])
    for row in common.read_cases(args.only):
        try:
            with common.scratch() as folder:
                worst, trained, added, notes = check(dlc, row, pathlib.Path(folder))
            report.add(not notes and worst <= TOLERANCE, model=row["file"], trained=trained, added=added, run=worst, note="; ".join(notes))
        except Failed as failure:
            report.add(False, model=row["file"], note=str(failure))
    return report.finish(args.json)


if __name__ == "__main__":
    sys.exit(main())
