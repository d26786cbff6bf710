#!/usr/bin/env python3
"""What fusion saves: launches and bytes moved by generated kernels in one training step, against one kernel per op.

usage: fusion_table.py MODEL.onnx [MODEL.onnx …] [--batch N] [--dlc build/bin/dlc] [--json]

Bytes count each kernel's inputs and outputs once (the cost model's figures, as `dlc inspect --json` has them); matrix
products and convolutions are library calls and the same on both sides, so they are left out.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile


def launches(dlc, model, extra):
    with tempfile.TemporaryDirectory() as folder:
        out = os.path.join(folder, "m.dlc")
        subprocess.run([dlc, "compile", model, "-o", out, "--entries", "step", *extra], check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        text = subprocess.run([dlc, "inspect", out, "--json"], check=True, stdout=subprocess.PIPE).stdout
    report = json.loads(text)
    kernels = [k for k in report["kernels"] if k["kind"] == "kernel"]
    return {"launches": len(kernels), "library_calls": sum(k["kind"] in ("gemm", "conv") for k in report["kernels"]),
            "bytes": sum(k["bytes_read"] + k["bytes_written"] for k in kernels), "distinct": report["distinct_kernels"],
            "arena": report["memory"]["arena_bytes"]}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+")
    parser.add_argument("--batch", type=int)
    parser.add_argument("--dlc", default="build/bin/dlc")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    batch = ["--batch", str(args.batch)] if args.batch else []
    rows = []
    for model in args.models:
        try:
            rows.append({"model": os.path.basename(model), "fused": launches(args.dlc, model, batch),
                         "one_per_op": launches(args.dlc, model, batch + ["--no-fusion"])})
        except subprocess.CalledProcessError as error:
            sys.exit(f"{model}: {error.stderr.decode().strip() if error.stderr else error}")
    if args.json:
        print(json.dumps({"version": 1, "models": rows}, indent=1))
        return
    print("| model | kernels fused | one per op | ratio | MiB moved fused | one per op | ratio | distinct kernels | library calls |")
    print("|---|---|---|---|---|---|---|---|---|")
    for row in rows:
        a, b = row["fused"], row["one_per_op"]
        mib = lambda n: n / 2**20
        print(f"| {row['model']} | {a['launches']} | {b['launches']} | {b['launches'] / a['launches']:.1f} | {mib(a['bytes']):.1f} | "
              f"{mib(b['bytes']):.1f} | {b['bytes'] / a['bytes']:.1f} | {a['distinct']} | {a['library_calls']} |")


if __name__ == "__main__":
    main()
