#!/usr/bin/env python3
"""A limit is kept or refused, and every way out that a refusal offers saves what it promises.

usage: refuse_or_fit.py [--quick] [--limits N] [--only GLOB] [--models DIR] [--json OUT] [--dlc PATH]

Each row is a model with 10 limits, from a little above what it needs to half of its states and the least that any plan adds
to them. A limit is kept: the run's arena, its scratch and the constants measure at most the limit. Or it is refused: exit
status 1, DLC4110, parts that sum exactly to what is needed, the largest buffers at the peak with their nodes, and fixes.
Every fix is applied as printed, under the same limit: what it then needs differs from the promise by at most 1 % of the
promised saving (`worst` is the largest difference, over `fixes` of them).
"""
import shlex
import sys

import common
from common import Failed

ROWS = [  # model, loss, batch, options
    ("mlp_small.default", "cross-entropy", 32, []),
    ("digits_cnn", "cross-entropy", 16, []),
    ("gpt2l.default", "cross-entropy", 4, []),
    ("transposed.unopt", "mse", 8, ["--optimizer", "adam"]),
    ("resnet18_tiny.unopt", "cross-entropy", 8, []),
    ("mlp_gelu.default", "cross-entropy", 16, ["--precision", "f64"]),
]
QUICK = {"mlp_small.default", "transposed.unopt"}
MOST = 0.01


def with_options(options, fix):
    """`options` with those of a fix, as printed, in place of its own."""
    changes = shlex.split(fix)
    own = [o for i in range(0, len(options), 2) if options[i] not in changes[::2] for o in options[i:i + 2]]
    return [*own, *changes]


def check_parts(document, problems, limit):
    memory = document["memory"]
    parts = memory.get("parts") or memory["categories"]
    if sum(parts.values()) != memory["total_bytes"]:
        problems.append(f"parts sum to {sum(parts.values()):,} at {limit:,}")
    return memory["total_bytes"]


def apply_fixes(tool, model, options, limit, document, problems):
    """The number of fixes, and the largest difference from what one promised."""
    worst, total = 0.0, document["memory"]["total_bytes"]
    for fix in document.get("fixes", []):
        _, applied, _ = tool.compile(model, *with_options(options, fix["options"]), "--memory-limit", limit, allowed=(0, 1))
        saved = total - check_parts(applied, problems, limit)
        off = abs(saved - fix["saved_bytes"]) / max(abs(fix["saved_bytes"]), 1)
        worst = max(worst, off)
        if off > MOST:
            problems.append(f"{fix['options']} saves {saved:,}, not {fix['saved_bytes']:,}")
        if fix["fits"] != (applied["memory"]["total_bytes"] <= limit):
            problems.append(f"{fix['options']}: fits is wrong")
    return len(document.get("fixes", [])), worst


def check_refusal(tool, model, options, limit, errors, document, problems):
    if "error DLC4110" not in errors:
        problems.append(f"no DLC4110 at {limit:,}")
    if not document.get("fixes"):
        problems.append(f"no fixes at {limit:,}")
    table = errors.partition("largest at the peak")[2].partition("what would help")[0]
    if not any(len(line.split()) > 4 and "always" not in line for line in table.splitlines()[2:]):
        problems.append(f"no buffers with nodes at {limit:,}")


def sweep(tool, model, options, count, applied_at):
    _, none, _ = tool.compile(model, *options, "--recompute", "none")
    _, full, _ = tool.compile(model, *options, "--recompute", "full")
    most = int(none["memory"]["total_bytes"] * 1.05)
    least = full["memory"]["total_bytes"] - none["memory"]["state_bytes"] // 2
    fitted, fixes, worst, problems, refusals = 0, 0, 0.0, [], []
    for i in range(count):
        limit = most - (most - least) * i // (count - 1)
        status, document, errors = tool.compile(model, *options, "--memory-limit", limit, allowed=(0, 1))
        total = check_parts(document, problems, limit)
        if status == 0:
            measured = tool.bench()
            taken = measured["arena_peak_bytes"] + measured["scratch_bytes"] + document["memory"]["constant_bytes"]
            fitted += 1
            if taken > limit or taken != total:
                problems.append(f"takes {taken:,} at {limit:,}")
        else:
            check_refusal(tool, model, options, limit, errors, document, problems)
            refusals.append((limit, document))
    for limit, document in refusals if applied_at is None else refusals[:applied_at]:
        number, off = apply_fixes(tool, model, options, limit, document, problems)
        fixes, worst = fixes + number, max(worst, off)
    return dict(fitted=fitted, refused=len(refusals), fixes=fixes, worst=worst, note="; ".join(problems[:4]))


def main():
    parser = common.arguments(__doc__)
    parser.add_argument("--limits", type=int, default=0, help="per model [10, or 4 with --quick]")
    args = parser.parse_args()
    count = args.limits or (4 if args.quick else 10)
    report = common.Report(f"{count} limits per model", ["model", "options", "fitted", "refused", "fixes", "worst", "note"])
    for name, loss, batch, options in ROWS:
        if not common.wanted(args, name) or (args.quick and name not in QUICK):
            continue
        if not (model := common.model_file(args, name, report)):
            continue
        own = ["--entries", "step", "--loss", loss, "--batch", str(batch), *options]
        try:
            with common.scratch() as folder:
                figures = sweep(common.Tool(args, folder), model, own, count, 1 if args.quick else None)
            report.add(not figures["note"], model=name, options=" ".join(options), **figures)
        except Failed as failure:
            report.add(False, model=name, options=" ".join(options), note=str(failure))
    return report.finish(args.json)


if __name__ == "__main__":
    sys.exit(main())
