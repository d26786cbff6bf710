#!/usr/bin/env python3
"""What must be one kernel is one: LayerNorm, softmax, GELU with its bias, cross-entropy both ways, AdamW over all parameters.

usage: kernels.py DLC SCRATCH MODEL.onnx [dlc compile's options]
MODEL is a GPT whose nodes are named as PyTorch's exporter does.
"""
import json
import math
import os
import subprocess
import sys


def fail(what, kernels):
    for kernel in kernels:
        print(kernel["kind"], kernel["label"], kernel["nodes"], kernel["bytes_read"], kernel["bytes_written"])
    sys.exit(f"kernels.py: {what}")


def expect(condition, what, kernels):
    if not condition:
        fail(what, kernels)


def of_node(kernels, node):
    """Generated kernels that compute part of `node`, whole names only."""
    return [k for k in kernels if k["kind"] == "kernel" and node in k["nodes"]]


def nodes_like(kernels, start):
    return sorted({n for k in kernels for n in k["nodes"] if n.startswith(start)})


def check_forward(kernels):
    norms = nodes_like(kernels, "node_layer_norm")
    expect(norms, "the model must have LayerNorms", kernels)
    for norm in norms:
        expect(len(of_node(kernels, norm)) == 1, f"forward of '{norm}' must be one kernel", kernels)
    softmaxes = nodes_like(kernels, "node_softmax")
    expect(softmaxes, "the model must have attention", kernels)
    for softmax in softmaxes:
        parts = of_node(kernels, softmax)
        expect(len(parts) == 1 and any(n.startswith("node_masked_fill") for n in parts[0]["nodes"]),
               f"mask and '{softmax}' must be one kernel", kernels)
    gelus = nodes_like(kernels, "node_gelu")
    expect(gelus, "the model must have GELUs", kernels)
    for gelu in gelus:
        calls = [k for k in kernels if gelu in k["nodes"]]
        expect(len(calls) == 1 and calls[0]["kind"] == "gemm" and "bias_gelu" in calls[0]["label"],
               f"bias and '{gelu}' must be part of the product before them", kernels)


def check_step(kernels, report):
    for gelu in nodes_like(kernels, "node_gelu"):
        expect(len(of_node(kernels, gelu)) == 2, f"bias and '{gelu}' must be one kernel forward and one backward", kernels)
    logits = next(o["shape"] for o in report["outputs"] if "infer" in o["entries"])
    elements = math.prod(logits)
    rows = elements // logits[-1]
    # What belongs to no node of the model: the loss and the optimizer.
    own = [k for k in kernels if k["kind"] == "kernel" and all(not n.startswith("node_") for n in k["nodes"])]
    loss = [k for k in own if "exp" in k["label"] and k["schedule"] != "list"]
    expect(len(loss) == 1, "loss and its gradient must be one kernel over the logits", kernels)
    small = 64 * rows + 4096
    expect(elements * 4 <= loss[0]["bytes_read"] <= elements * 4 + small, "the loss must read the logits once", kernels)
    expect(elements * 4 <= loss[0]["bytes_written"] <= elements * 4 + small, "the loss must write one tensor like the logits", kernels)
    lists = [k for k in own if k["schedule"] == "list"]
    expect(len(lists) == 1, "the optimizer must be one kernel", kernels)
    trained = sum(math.prod(p["shape"]) for p in report["parameters"] if p["trained"])
    expect(lists[0]["bytes_written"] == 3 * 4 * trained, f"the optimizer must update all {trained} numbers and their two moments", kernels)
    for kernel in own:
        if kernel not in loss + lists:
            expect(kernel["bytes_read"] + kernel["bytes_written"] <= small,
                   "beside the loss and the optimizer there must be only small kernels", kernels)


def main():
    dlc, scratch, model = sys.argv[1:4]
    os.makedirs(scratch, exist_ok=True)
    out = os.path.join(scratch, os.path.basename(model) + ".kernels.dlc")
    subprocess.run([dlc, "compile", model, "-o", out, "--entries", "infer,step", *sys.argv[4:]], check=True,
                   stdout=subprocess.DEVNULL)
    report = json.loads(subprocess.run([dlc, "inspect", out, "--json"], check=True, stdout=subprocess.PIPE).stdout)
    entry = lambda name: [k for k in report["kernels"] if k["entry"] == name]
    check_forward(entry("infer"))
    check_step(entry("step"), report)


if __name__ == "__main__":
    main()
