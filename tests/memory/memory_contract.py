#!/usr/bin/env python3
"""What is printed before a run is what the run takes, to the byte; and no plan is much larger than it must be.

usage: memory_contract.py [--quick] [--only GLOB] [--models DIR] [--json OUT] [--dlc PATH]

Each row is a model, a batch, sizes; in f32 and bf16; without recomputation, and with `auto` under a limit half way between
what is needed without and with it. Checked are:

  arena     the printed arena = the highest byte that the runtime used = what it allocated
  scratch   the printed scratch of library calls = what the runtime took for them beside the arena
  parts     the printed rows sum to the printed total
  quality   arena <= 1.03 x bound

The bound is worked out here from the instructions of the artifact: the most bytes of inputs and temporaries that are alive
at one instruction, each rounded up to the 64 bytes that places start at, and the states. `raw` is the same without rounding:
what it would take if places could start anywhere.
"""
import json
import sys

import common
from common import Failed

QUALITY = 1.03
ALIGNMENT = 64
ROWS = [  # model, loss, batches, further options
    ("mlp_small.default", "cross-entropy", [8, 256], []),
    ("mlp_gelu.default", "cross-entropy", [32], []),
    ("layer_norm_mlp.unopt", "cross-entropy", [64], []),
    ("mlp_bce.default", "bce", [16], []),
    ("digits_cnn", "cross-entropy", [8, 32, 128], []),
    ("digits_cnn_p0.older", "cross-entropy", [48], []),
    ("resnet18_tiny.unopt", "cross-entropy", [4, 16], []),
    ("mobile.unopt", "cross-entropy", [16], []),
    ("group_norm.unopt", "cross-entropy", [12], []),
    ("dilated.unopt", "cross-entropy", [8], []),
    ("conv1d.unopt", "cross-entropy", [24], []),
    ("transposed.unopt", "mse", [8], []),
    ("class_token.unopt", "cross-entropy", [16], []),
    ("gated.unopt", "cross-entropy", [16], []),
    ("gpt2l.default", "cross-entropy", [3, 16], []),
    ("gpt2l_fused.unopt", "cross-entropy", [8], ["--optimizer", "sgd"]),
    ("gpt12l.default", "cross-entropy", [2, 16], []),
    ("char_gpt", "cross-entropy", [4, 16], []),
    ("char_gpt", "cross-entropy", [8], ["--accumulate", "2"]),
    ("mlp", "cross-entropy", [None], []),
    ("char-gpt-4x128", "cross-entropy", [None], []),
    ("char-gpt-6x384", "cross-entropy", [None], []),
    ("resnet18-32", "cross-entropy", [None], []),
    ("gpt12-384-t256", "cross-entropy", [8], []),
    ("gpt2-124m-b4t64", "cross-entropy", [None], []),
]
QUICK = {"mlp_small.default", "digits_cnn_p0.older", "gpt2l.default", "transposed.unopt"}


def most_alive(entry, alignment):
    """The most bytes alive at one instruction, each buffer rounded up to `alignment`."""
    alive = [0] * max(len(entry["instructions"]), 1)
    for buffer in entry["buffers"]:
        size = -(-buffer["bytes"] // alignment) * alignment
        for i in range(max(buffer["first"], 0), min(buffer["last"] + 1, len(alive))):
            alive[i] += size
    return max(alive)


def bound_of(report, alignment):
    states = sum(-(-s["bytes"] // alignment) * alignment for s in report["states"])
    return states + max(most_alive(e, alignment) for e in report["entries"])


def check(tool, model, options):
    """The row's figures, and whether they agree."""
    out, page = tool.folder / "m.dlc", tool.folder / "r.json"
    # One entry, so that the run prepares all that the artifact holds.
    text = tool.run("compile", model, "-o", out, "--entries", "step", "--report", page, "--machine", "100,20", *options).stdout
    printed = common.printed_memory(text)
    report = json.loads(page.read_text())
    measured = tool.bench()
    arena = printed.pop("arena, allocated once")
    total = printed.pop("total", arena)
    scratch = sum(v for k, v in printed.items() if k.startswith("library scratch"))
    bound, raw = bound_of(report, ALIGNMENT), bound_of(report, 1)
    right = (arena == measured["arena_peak_bytes"] == measured["arena_bytes"], scratch == measured["scratch_bytes"],
             sum(printed.values()) == total == report["memory"]["total_bytes"], arena <= QUALITY * bound)
    wrong = [name for name, ok in zip(("arena", "scratch", "parts", "quality"), right) if not ok]
    return total, dict(arena=arena, measured=measured["arena_peak_bytes"], scratch=scratch, bound=arena / bound, raw=arena / raw,
                       note=" ".join(wrong))


def sweep(tool, report, model, name, batch, options):
    base = [*options, *(["--batch", batch] if batch else [])]
    for precision in ("f32", "bf16"):
        own = [*base, "--precision", precision]
        row = dict(model=name, batch=batch or "file's", precision=precision)
        try:
            total, figures = check(tool, model, [*own, "--recompute", "none"])
            report.add(not figures["note"], **row, mode="none", **figures)
            least = tool.compile(model, "--entries", "step", *own, "--recompute", "full")[1]["memory"]["total_bytes"]
            limit = (total + least) // 2
            reached, figures = check(tool, model, [*own, "--memory-limit", limit])
            ok = not figures["note"] and reached <= limit
            report.add(ok, **row, mode="auto", **figures)
        except Failed as failure:
            report.add(False, **row, note=str(failure))


def main():
    args = common.arguments(__doc__).parse_args()
    report = common.Report("Memory: promised and measured", ["model", "batch", "precision", "mode", "arena", "measured", "scratch",
                                                              "bound", "raw", "note"])
    for name, loss, batches, options in ROWS:
        if not common.wanted(args, name) or (args.quick and name not in QUICK):
            continue
        model = common.model_file(args, name, report)
        for batch in (batches[:1] if args.quick else batches) if model else []:
            with common.scratch() as folder:
                sweep(common.Tool(args, folder), report, model, name, batch, [*options, "--loss", loss])
    return report.finish(args.json)


if __name__ == "__main__":
    sys.exit(main())
