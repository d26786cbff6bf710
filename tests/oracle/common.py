"""What the oracle comparisons share: running dlc, reading what it wrote, relative errors, the table at the end.

Relative error of a tensor: max|a - b| / max(max|b|, tiny), b the reference. tiny is 1e-6 of the largest magnitude in the
reference's whole group (all gradients, all parameters), so that a tensor which is zero but for rounding, such as the
gradient of a bias before a BatchNorm, is judged against what its neighbours call zero.
"""
import argparse
import fnmatch
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
FIXTURES = ROOT / "tests" / "fixtures"
DATA = ROOT / "tests" / "data"
FLOOR = 1e-6

sys.path.insert(0, str(FIXTURES))


class Failed(Exception):
    """A comparison that could not be made: dlc failed, or a tensor has no counterpart."""


class Dlc:
    """Runs the command line tool; a non-zero exit becomes Failed with the last line of stderr."""

    def __init__(self, path, threads=None):
        self.path, self.threads = str(path), threads

    def __call__(self, *arguments, timeout=600):
        environment = dict(os.environ)
        if self.threads:
            environment["DLC_NUM_THREADS"] = str(self.threads)
        command = [self.path, *map(str, arguments)]
        try:
            run = subprocess.run(command, capture_output=True, text=True, timeout=timeout, env=environment)
        except OSError as problem:
            sys.exit(f"{self.path} cannot be run ({problem.strerror}): build dlc first, or name it with --dlc")
        except subprocess.TimeoutExpired:
            raise Failed(f"`dlc {arguments[0]}` ran past {timeout} s") from None
        if run.returncode:
            lines = [x for x in run.stderr.strip().splitlines() if "DLC" in x or "error" in x] or run.stderr.splitlines()[-1:]
            raise Failed(f"`dlc {' '.join(map(str, arguments[:1]))}` exit {run.returncode}: {' '.join(lines)[:400]}")
        return run.stdout

    def train(self, model, data, save, *options, log=None, timeout=600):
        """Fixed-order training; `save` is one file or several."""
        saves = [x for s in (save if isinstance(save, (list, tuple)) else [save]) for x in ("--save", s)]
        logs = ["--log", log] if log else []
        return self("train", model, "--data", data, "--no-shuffle", "--seed", 0, *saves, *logs, *options, timeout=timeout)


def read_safetensors(path):
    """{name: array} of a .safetensors file."""
    raw = pathlib.Path(path).read_bytes()
    size = int.from_bytes(raw[:8], "little")
    head = json.loads(raw[8:8 + size])
    types = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "U8": "u1", "I8": "i1", "BOOL": "?"}
    tensors = {}
    for name, entry in head.items():
        if name != "__metadata__":
            a, b = (8 + size + o for o in entry["data_offsets"])
            tensors[name] = np.frombuffer(raw[a:b], types[entry["dtype"]]).reshape(entry["shape"])
    return tensors


def read_log(path):
    """The step lines of a --log file."""
    lines = [json.loads(x) for x in pathlib.Path(path).read_text().splitlines() if x.strip()]
    return [x for x in lines if "loss" in x]


def read_cases(only="*"):
    """Rows of cases.txt as dicts."""
    keys = ("file", "values", "loss", "batch", "trained", "check", "tolerance")
    rows = [dict(zip(keys, x.split())) for x in (FIXTURES / "cases.txt").read_text().splitlines() if x and x[0] != "#"]
    for row in rows:
        row.update(batch=int(row["batch"]), trained=int(row["trained"]), tolerance=float(row["tolerance"]))
    return [r for r in rows if fnmatch.fnmatch(r["file"], only)]


def error(a, b, floor=0.0):
    a, b = np.atleast_1d(np.asarray(a, np.float64)), np.atleast_1d(np.asarray(b, np.float64))
    if a.shape != b.shape:
        if a.size != b.size:
            return float("inf")
        a = a.reshape(b.shape)
    if a.size == 0:
        return 0.0
    difference = np.abs(a - b)
    difference[np.isnan(a) & np.isnan(b)] = 0
    worst = float(np.max(difference))
    return worst / max(float(np.max(np.abs(b))), floor, 1e-300) if worst == worst else float("inf")


def forms(a, shape):
    """The readings of tensor `a` as one of `shape`: itself, transposed, or with dimensions of one moved about."""
    if a.shape == shape:
        yield a
    if a.ndim == 2 and a.T.shape == shape:
        yield a.T
    if a.shape != shape and a.size == int(np.prod(shape)) and [d for d in a.shape if d != 1] == [d for d in shape if d != 1]:
        yield a.reshape(shape)


def compare(found, reference, renamed):
    """Compares dlc's tensors with the reference's. `renamed`: initializer -> {parameter, transposed}.
    Returns (worst error, its name, names of found tensors that no reference used). Where neither name nor mapping says
    which tensor holds a parameter (an un-merged one), the nearest in value among those left is taken."""
    floor = FLOOR * max((float(np.max(np.abs(b))) for b in reference.values() if b.size), default=0.0)
    left, worst, where, open_names = dict(found), 0.0, "", []
    owner = {v["parameter"]: (k, v["transposed"]) for k, v in renamed.items() if k in found}

    def settle(name, value, used):
        nonlocal worst, where
        left.pop(used)
        e = error(value, reference[name], floor)
        if e >= worst:
            worst, where = e, name

    for name, b in reference.items():
        if name in left and left[name].shape == b.shape:
            settle(name, left[name], name)
        elif name in owner and owner[name][0] in left:
            key, transposed = owner[name]
            settle(name, left[key].T if transposed else left[key], key)
        else:
            open_names.append(name)
    for name in open_names:
        b = reference[name]
        options = [(error(f, b, floor), k, f) for k, a in left.items() for f in forms(a, b.shape)]
        if not options:
            raise Failed(f"no tensor holds parameter '{name}' {list(b.shape)}; left: {', '.join(sorted(left)[:6])}")
        _, key, value = min(options, key=lambda o: o[0])
        settle(name, value, key)
    return worst, where, sorted(left)


def inference_form(model):
    """A copy of an ONNX model with BatchNormalization and Dropout in inference form, as `infer` uses them."""
    import onnx

    quiet = onnx.ModelProto()
    quiet.CopyFrom(model)
    for node in quiet.graph.node:
        if node.op_type == "BatchNormalization":
            kept = [a for a in node.attribute if a.name != "training_mode"]
            del node.attribute[:]
            node.attribute.extend(kept)
            del node.output[1:]
        if node.op_type == "Dropout":
            del node.input[1:]
            del node.output[1:]
    return quiet


def run_onnx(model, feeds):
    """First output of a model in ONNX Runtime."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return session.run(None, feeds)[0]


class Report:
    """Collects rows, prints a table, writes JSON; `exit_code` is 1 after a miss."""

    def __init__(self, title, columns):
        self.title, self.columns, self.rows = title, columns, []

    def add(self, ok, **row):
        self.rows.append({"ok": bool(ok), **row})
        text = "  ".join(f"{k}={self.show(v)}" for k, v in row.items() if v not in ("", None))
        print(f"{'ok  ' if ok else 'MISS'} {text}", file=sys.stderr, flush=True)

    @staticmethod
    def show(value):
        return f"{value:.2e}" if isinstance(value, float) else str(value)

    def finish(self, path):
        print(f"\n{self.title}\n\n| " + " | ".join([*self.columns, "ok"]) + " |\n|" + "---|" * (len(self.columns) + 1))
        for row in self.rows:
            cells = [self.show(row.get(c, "")) for c in self.columns]
            print("| " + " | ".join([*cells, "yes" if row["ok"] else "NO"]) + " |")
        missed = sum(not r["ok"] for r in self.rows)
        print(f"\n{len(self.rows) - missed} passed, {missed} failed")
        if path:
            pathlib.Path(path).parent.mkdir(parents=True, exist_ok=True)
            pathlib.Path(path).write_text(json.dumps({"version": 1, "title": self.title, "rows": self.rows}, indent=1) + "\n")
        return 1 if missed or not self.rows else 0


def arguments(doc):
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dlc", type=pathlib.Path, default=ROOT / "build" / "bin" / "dlc")
    parser.add_argument("--only", default="*", help="only rows whose name matches")
    parser.add_argument("--json", help="write the rows here")
    return parser


def scratch():
    return tempfile.TemporaryDirectory(prefix="dlc-oracle-")
