#!/usr/bin/env python3
"""`--trace` against the plan: every instruction of every call, in order, with its nodes, within the call's time.

usage: trace.py DLC SCRATCH MODEL.onnx DATA.npz

The artifact holds plans for two kinds of devices, so that a time line of the wrong one would be seen. DLC_DEVICE says which
device runs.
"""
import json
import os
import pathlib
import subprocess
import sys


def fail(what):
    sys.exit(f"trace.py: {what}")


def run(*command):
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True)
    if done.returncode:
        fail(f"{' '.join(map(str, command))} failed:\n{done.stderr}")
    return done.stdout


def plan_of(dlc, artifact, kind, entry):
    """The kernels that `entry` launches in the plan for `kind`, in order."""
    document = json.loads(run(dlc, "inspect", artifact, "--plan", kind, "--json"))
    return [k["kernel"] for k in document["kernels"] if k["entry"] == entry and k["kind"] == "kernel"]


def check_trace(path, device, calls, kernels):
    trace = json.loads(path.read_text())
    if trace["otherData"]["device"] != device:
        fail(f"expects device {device}, but got {trace['otherData']['device']}")
    spans = [e for e in trace["traceEvents"] if e["ph"] == "X"]
    outer = [e for e in spans if e["tid"] == 1]
    if [e["name"] for e in outer] != calls:
        fail(f"expects the calls {calls}, but got {[e['name'] for e in outer]}")
    for call in outer:
        end = call["ts"] + call["dur"]
        inner = [e for e in spans if e["tid"] == 2 and call["ts"] <= e["ts"] < end]
        if [e["args"]["number"] for e in inner] != list(range(len(inner))) or not inner:
            fail(f"expects every instruction of '{call['name']}' once, in order")
        launched = [e["args"]["kernel"] for e in inner if e["cat"] == "kernel"]
        if launched != kernels:
            fail(f"expects the kernels of the plan in '{call['name']}', but got {launched}")
        if any(later["ts"] < earlier["ts"] + earlier["dur"] - 1e-3 for earlier, later in zip(inner, inner[1:])):
            fail(f"expects instructions of '{call['name']}' one after another")
        if inner[-1]["ts"] + inner[-1]["dur"] > end + 1:
            fail(f"expects the instructions of '{call['name']}' within its {call['dur']} us")
        if not any(e["args"]["nodes"] for e in inner) or sum(e["args"]["flops"] for e in inner) == 0:
            fail("expects nodes and operations")
    if not any(e["ph"] == "C" and e["args"] for e in trace["traceEvents"]):
        fail("expects the memory in use")


def main():
    dlc, folder, model, data = (pathlib.Path(a) for a in sys.argv[1:])
    folder.mkdir(parents=True, exist_ok=True)
    device = os.environ.get("DLC_DEVICE", "cpu")
    kind = "cpu" if device == "cpu" else "cuda"
    artifact, trace = folder / "m.dlc", folder / "t.json"
    run(dlc, "compile", model, "-o", artifact, "--batch", 8, "--target", "cpu,emulated")
    kernels = plan_of(dlc, artifact, kind, "step")
    run(dlc, "bench", artifact, "--steps", 7, "--warmup", 0, "--trace", trace)
    check_trace(trace, device, [f"step {i}" for i in range(1, 6)], kernels)
    run(dlc, "train", artifact, "--data", data, "--steps", 10, "--trace", trace)
    check_trace(trace, device, [f"step {i}" for i in range(4, 9)], kernels)
    run(dlc, "train", artifact, "--data", data, "--steps", 2, "--trace", trace)
    check_trace(trace, device, ["step 1", "step 2"], kernels)
    refused = subprocess.run([dlc, "bench", artifact, "--trace", folder / "t.html"], capture_output=True, text=True)
    if refused.returncode != 1 or "DLC4107" not in refused.stderr:
        fail(f"expects DLC4107, but got {refused.returncode}: {refused.stderr}")


if __name__ == "__main__":
    main()
