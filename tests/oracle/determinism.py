#!/usr/bin/env python3
"""Bit-identical parameters after 100 f32 steps: two runs, and one thread against two (dropout on where the model has it).

usage: determinism.py [--only GLOB] [--steps N] [--json OUT] [--dlc PATH]
"""
import hashlib
import pathlib
import sys

import numpy as np

import common
from common import Failed

FILES = ["mlp_small.default", "digits_cnn", "digits_cnn_p0.unopt", "resnet18_tiny.older", "gpt2l.default", "gpt2l_fused.default",
         "gpt12l.older", "char_gpt"]


def data_of(row, folder, steps):
    """A data file with enough samples for `steps` batches, the committed ones repeated."""
    if row["file"] == "digits_cnn":
        return common.DATA / "digits_train.npz"
    if row["values"] == "-":
        return common.DATA / "chars_train.npz"
    arrays = np.load(f"{common.FIXTURES / row['values']}.data.npz")
    times = -(-steps // 3)
    np.savez(folder / "data.npz", **{n: np.concatenate([arrays[n]] * times) for n in arrays.files})
    return folder / "data.npz"


def digest(path, row, args, threads, folder, data):
    saved = folder / f"out{threads}.safetensors"
    common.Dlc(path, threads).train(common.FIXTURES / f"{row['file']}.onnx", data, saved, "--steps", args.steps, "--batch",
                                    row["batch"], "--loss", row["loss"], "--optimizer", "adamw", "--lr", "1e-3")
    tensors = common.read_safetensors(saved)
    if not all(np.all(np.isfinite(t)) for t in tensors.values() if t.dtype.kind == "f" and t.ndim):
        raise Failed("a parameter is not finite")
    return hashlib.sha256(b"".join(n.encode() + tensors[n].tobytes() for n in sorted(tensors))).hexdigest()[:16]


def main():
    parser = common.arguments(__doc__)
    parser.add_argument("--steps", type=int, default=100)
    args = parser.parse_args()
    report = common.Report(f"Parameters after {args.steps} steps, bit by bit", ["model", "again", "threads", "note"])
    for row in [r for r in common.read_cases(args.only) if r["file"] in FILES]:
        try:
            with common.scratch() as scratch:
                folder = pathlib.Path(scratch)
                data = data_of(row, folder, args.steps)
                two, again, one = (digest(args.dlc, row, args, t, folder, data) for t in (2, 2, 1))
            report.add(two == again == one, model=row["file"], again="same" if two == again else "differs",
                       threads="same" if two == one else "differs")
        except Failed as failure:
            report.add(False, model=row["file"], note=str(failure))
    return report.finish(args.json)


if __name__ == "__main__":
    sys.exit(main())
