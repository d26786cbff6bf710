#!/usr/bin/env python3
"""ONNX's own single-node cases (from the `onnx` package) through `dlc run`, as a table of operators.

usage: nodes.py [--only GLOB] [--max-opset 23] [--json OUT] [--dlc PATH]

A case passes when the outputs agree within ONNX's bounds (relative 1e-3, absolute 1e-7), is unsupported when dlc says so
with an error id of the importer or the graph (also with all inputs but the first as initializers), and is wrong otherwise: other numbers, a crash, no error id, a hang. Wrong
cases fail the run; unsupported ones are counted by operator. Cases with random outputs, strings, sequences are left out.
"""
import collections
import fnmatch
import pathlib
import re
import subprocess
import sys

import numpy as np
import onnx
from onnx import numpy_helper

import common

RANDOM = re.compile(r"test_(bernoulli|training_dropout|random|multinomial)")


def cases():
    """(name, model, input arrays, output arrays) of the package's node cases."""
    from onnx.backend.test.case.node import collect_testcases

    for case in collect_testcases(None):
        if case.data_sets:
            inputs, outputs = case.data_sets[0]
            yield case.name, case.model, inputs, outputs


def to_array(value):
    return numpy_helper.to_array(value) if isinstance(value, onnx.TensorProto) else value


def lowered(model, newest):
    """The model at opset `newest` when its ops mean the same there: their definitions only grew types since."""
    for opset in model.opset_import:
        opset.version = min(opset.version, newest)
    try:
        onnx.checker.check_model(model, full_check=True)
    except Exception:  # any of the checker's and shape inference's errors: the op is newer than that
        return None
    return model


def usable(model, inputs, outputs, newest):
    arrays = all(isinstance(v, np.ndarray) and v.dtype.kind in "fiub" for v in [*inputs, *outputs])
    plain = all(o.domain in ("", "ai.onnx") for o in model.opset_import)
    return arrays and plain and lowered(model, newest) is not None


def verdict(dlc, model, inputs, outputs, folder):
    """('passed' | 'unsupported' | 'wrong', reason)"""
    onnx.save(model, folder / "m.onnx")
    names = [i.name for i in model.graph.input]
    np.savez(folder / "in.npz", **dict(zip(names, inputs)))
    command = [str(dlc), "run", str(folder / "m.onnx"), "--entry", "forward", "--inputs", str(folder / "in.npz"), "--outputs", str(folder / "out.npz")]
    try:
        run = subprocess.run(command, capture_output=True, text=True, timeout=60)
    except subprocess.TimeoutExpired:
        return "wrong", "ran past 60 s"
    if run.returncode == 1 and re.search(r"DLC[12]\d{3}", run.stderr):
        return "unsupported", run.stderr.strip().splitlines()[-1][:200]
    if run.returncode:
        return "wrong", f"exit {run.returncode}: {(run.stderr.strip().splitlines() or [''])[-1][:200]}"
    found = np.load(folder / "out.npz")
    for output, expected in zip(model.graph.output, outputs):
        if output.name not in found.files:
            return "wrong", f"no output '{output.name}'"
        actual = found[output.name]
        if actual.shape != expected.shape or actual.dtype != expected.dtype:
            return "wrong", f"'{output.name}' is {actual.dtype}{list(actual.shape)}, expected {expected.dtype}{list(expected.shape)}"
        if not np.allclose(actual.astype(np.float64), expected.astype(np.float64), rtol=1e-3, atol=1e-7, equal_nan=True):
            return "wrong", f"'{output.name}' differs by {common.error(actual, expected):.1e}"
    return "passed", ""


def baked(model, inputs):
    """The model with all inputs but the first as initializers: shapes, axes and scales must be known to the importer."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    copy.graph.initializer.extend(numpy_helper.from_array(v, i.name) for i, v in list(zip(model.graph.input, inputs))[1:])
    del copy.graph.input[1:]
    return copy


def main():
    parser = common.arguments(__doc__)
    parser.add_argument("--max-opset", type=int, default=23)
    args = parser.parse_args()
    counts = collections.defaultdict(collections.Counter)
    report = common.Report("ONNX node cases", ["operator", "passed", "unsupported", "wrong", "note"])
    notes = collections.defaultdict(list)
    for name, model, inputs, outputs in cases():
        inputs, outputs = [to_array(v) for v in inputs], [to_array(v) for v in outputs]
        if not fnmatch.fnmatch(name, args.only) or RANDOM.match(name) or not usable(model, inputs, outputs, args.max_opset):
            continue
        operator = model.graph.node[0].op_type if len(model.graph.node) == 1 else "several"
        with common.scratch() as folder:
            kind, reason = verdict(args.dlc, model, inputs, outputs, pathlib.Path(folder))
            if kind == "unsupported" and len(inputs) > 1:
                kind, reason = verdict(args.dlc, baked(model, inputs), inputs[:1], outputs, pathlib.Path(folder))
        counts[operator][kind] += 1
        if kind != "passed":
            notes[operator].append(f"{name}: {reason}")
    for operator in sorted(counts):
        wrong = counts[operator]["wrong"]
        picked = [n for n in notes[operator] if wrong == 0 or "DLC" not in n] or notes[operator]
        report.add(wrong == 0, operator=operator, **{k: counts[operator][k] for k in ("passed", "unsupported", "wrong")}, note="; ".join(picked[:2]))
    totals = collections.Counter()
    for counter in counts.values():
        totals.update(counter)
    code = report.finish(args.json)
    print(f"cases: {totals['passed']} passed, {totals['unsupported']} unsupported, {totals['wrong']} wrong", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
