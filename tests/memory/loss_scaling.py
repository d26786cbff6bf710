#!/usr/bin/env python3
"""A step whose f16 gradients overflow changes nothing but the scale; the scale halves, and grows again as specified.

usage: loss_scaling.py [--quick] [--only GLOB] [--json OUT] [--dlc PATH]

Overflow is injected by the data: in chosen batches the inputs are so large that activations, and with them gradients, are
infinite in f16. After every step the checkpoint is compared with the one before, bit for bit: on a chosen step all of
parameters, running statistics, optimizer state, sums of gradients and step count are what they were; on the others they are
not. Then the scale is the one that the rule gives: halved by an overflow, doubled after `interval` good steps in a row.
A second run starts with a scale so large that gradients overflow though activations do not, until it has come down.

Checked on the plan: the scale is a state of the step, and the step's inputs and outputs are the same as without it, so
nothing about overflow ever leaves the device; no instruction copies to the host (the plan has none that could).
"""
import array
import json
import shutil
import sys

import common
from common import FIXTURES, Failed

ROWS = [  # file, values, loss, batch, options
    ("mlp_small.default", "mlp_small", "cross-entropy", 2, []),
    ("mlp_mse.default", "mlp_mse", "mse", 2, ["--optimizer", "momentum"]),
    ("batch_norm_mlp.unopt", "batch_norm_mlp", "cross-entropy", 2, []),
    ("dilated.unopt", "dilated", "cross-entropy", 1, ["--optimizer", "lion"]),
    ("batch_norm_mlp.unopt", "batch_norm_mlp", "cross-entropy", 2, ["--accumulate", "2"]),
]
QUICK = {"mlp_small.default", "batch_norm_mlp.unopt"}
OVERFLOWS, STEPS, INTERVAL, FIRST = {2, 3, 8}, 10, 3, 1024
COUNTERS = ("loss-scale", "loss-scale.good-steps")


def write_data(path, values, samples, bad_samples):
    """The fixture's samples with those numbered in `bad_samples` scaled by 1e6."""
    arrays = common.read_npz(FIXTURES / f"{values}.data.npz")
    out = {}
    for name, (descr, shape, numbers) in arrays.items():
        each = len(numbers) // shape[0]
        chosen = array.array(numbers.typecode)
        for i in range(samples):
            at = i % shape[0] * each
            scale = 1e6 if i in bad_samples and name != "target" else 1
            chosen.extend(x * scale for x in numbers[at:at + each])
        out[name] = (descr, (samples, *shape[1:]), chosen)
    common.write_npz(path, out)


def states_after(tool, file, options, steps, scale):
    """The checkpoint's states after each of the first `steps` steps; [0] is before the first."""
    states = []
    for step in range(1, steps + 1):
        folder = tool.folder / "checkpoint"
        shutil.rmtree(folder, ignore_errors=True)
        tool.run("train", FIXTURES / f"{file}.onnx", "--data", tool.folder / "data.npz", "--steps", step, "--no-shuffle", "--precision",
                 "f16", "--loss-scale", scale, "--checkpoint", folder, "--checkpoint-every", 1, *options)
        kept = sorted(folder.iterdir(), key=lambda p: int(p.name.split("_")[1]))
        states.append(common.read_safetensors(kept[-1] / "state.safetensors"))
    return states


def scale_of(state):
    return common.numbers(state["loss-scale"])[0]


def compare(states, bad, scales, problems):
    """`bad`: numbers of the steps that overflow, from 1. States before the first step are not in `states`."""
    for i in range(1, len(states)):
        step, old, new = i + 1, states[i - 1], states[i]
        changed = {n for n in new if n not in COUNTERS and new[n] != old[n]}
        if step in bad and changed:
            problems.append(f"step {step} overflows, but changes {', '.join(sorted(changed)[:3])}")
        if step not in bad and not any(n in changed for n in new if new[n][0] == "F32" and not n.startswith("accumulated/")):
            problems.append(f"step {step} changes no parameter")
    found = [scale_of(s) for s in states]
    if found != scales:
        problems.append(f"scales {found}, not {scales}")
    for name, (dtype, raw) in states[-1].items():
        if dtype == "F32" and any(x != x or abs(x) == float("inf") for x in common.numbers((dtype, raw))):
            problems.append(f"{name} is not finite")


def expected_scales(bad, first, interval, steps):
    scales, scale, good = [], float(first), 0
    for step in range(1, steps + 1):
        good = 0 if step in bad else good + 1
        scale = scale / 2 if step in bad else scale
        if good == interval:
            scale, good = scale * 2, 0
        scales.append(scale)
    return scales


def check_plan(tool, file, loss, problems):
    """The step with a scale against the one without."""
    ports, kinds = [], set()
    for scale in ("none", "dynamic"):
        page = tool.folder / "r.json"
        tool.run("compile", FIXTURES / f"{file}.onnx", "-o", tool.folder / "m.dlc", "--entries", "step", "--precision", "f16", "--loss-scale",
                 scale, "--loss", loss, "--report", page, "--machine", "100,20")
        report = json.loads(page.read_text())
        inspected = json.loads(tool.run("inspect", tool.folder / "m.dlc", "--json").stdout)
        ports.append([[p["name"] for p in inspected[k]] for k in ("inputs", "outputs")])
        kinds |= {i["kind"] for e in report["entries"] for i in e["instructions"]}
        states = {s["name"] for s in report["states"]}
    if ports[0] != ports[1] or not states >= set(COUNTERS):
        problems.append(f"the scale shows outside: {ports}")
    if not kinds <= {"kernel", "gemm", "conv", "attention", "copy", "fill"}:
        problems.append(f"instructions {kinds}")


def injected(tool, file, values, loss, batch, options):
    calls = int(options[options.index("--accumulate") + 1]) if "--accumulate" in options else 1
    # The first call of an overflowing update: the others may be finite.
    bad_samples = {(step - 1) * calls * batch for step in OVERFLOWS}
    write_data(tool.folder / "data.npz", values, STEPS * calls * batch, bad_samples)
    problems = []
    own = ["--batch", batch, "--loss", loss, *options]
    states = states_after(tool, file, own, STEPS, f"dynamic:init={FIRST},interval={INTERVAL}")
    scales = expected_scales(OVERFLOWS, FIRST, INTERVAL, STEPS)
    compare(states, OVERFLOWS, scales, problems)
    check_plan(tool, file, loss, problems)
    return dict(overflows=len(OVERFLOWS), scales=" ".join(f"{s:g}" for s in scales), note="; ".join(problems[:3]))


def too_large(tool, file, values, loss, batch, options):
    """From 2^40: overflows, all of them before the first good step, bring it down to what the gradients allow."""
    first = 2.0 ** 40
    write_data(tool.folder / "data.npz", values, 48 * batch, set())
    own = ["--batch", batch, "--loss", loss, *options]
    steps = 32
    problems = []
    log = tool.folder / "checkpoint"
    shutil.rmtree(log, ignore_errors=True)
    states = [states_after_one(tool, file, own, s, first) for s in (1, 4, steps)]
    if [scale_of(s) for s in states[:2]] != [first / 2, first / 16]:
        problems.append(f"scales {[scale_of(s) for s in states]}")
    same = all(states[0][n] == states[1][n] for n in states[0] if n not in COUNTERS)
    if not same:
        problems.append("an overflow changes states")
    if scale_of(states[2]) >= 2.0 ** 30 or states[2] == states[1] or common.numbers(states[2]["step"])[0] == 0:
        problems.append(f"no good step at {scale_of(states[2]):g}")
    return dict(overflows=int(steps - common.numbers(states[2]["step"])[0]), scales=f"{first:g} to {scale_of(states[2]):g}",
                note="; ".join(problems[:3]))


def states_after_one(tool, file, options, steps, first):
    folder = tool.folder / f"checkpoint{steps}"
    tool.run("train", FIXTURES / f"{file}.onnx", "--data", tool.folder / "data.npz", "--steps", steps, "--no-shuffle", "--precision", "f16",
             "--loss-scale", f"dynamic:init={int(first)},interval=1000", "--checkpoint", folder, *options)
    kept = sorted(folder.iterdir(), key=lambda p: int(p.name.split("_")[1]))
    return common.read_safetensors(kept[-1] / "state.safetensors")


def main():
    args = common.arguments(__doc__).parse_args()
    report = common.Report("Overflow in f16", ["model", "options", "case", "overflows", "scales", "note"])
    for file, values, loss, batch, options in ROWS:
        if not common.wanted(args, file) or (args.quick and (file not in QUICK or options)):
            continue
        for case in (injected, too_large):
            row = dict(model=file, options=" ".join(options), case=case.__name__)
            try:
                with common.scratch() as folder:
                    figures = case(common.Tool(args, folder), file, values, loss, batch, options)
                report.add(not figures["note"], **row, **figures)
            except Failed as failure:
                report.add(False, **row, note=str(failure))
    return report.finish(args.json)


if __name__ == "__main__":
    sys.exit(main())
