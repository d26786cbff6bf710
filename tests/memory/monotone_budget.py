#!/usr/bin/env python3
"""The peak never rises as the budget falls; and what a deep GPT saves by recomputation, and pays for it.

usage: monotone_budget.py [--quick] [--deep NAME] [--budgets N] [--only GLOB] [--models DIR] [--json OUT] [--dlc PATH]

Each row is a model with 20 budgets, spread evenly from what it needs without recomputation to a little less than the least
that any plan needs. From one budget to the next smaller one the printed total must not rise, it must fit the budget or be
refused (DLC4110), and what runs must measure what was printed.

--deep NAME instead takes a deep model (gpt12-384-t256: 12 layers, 384 wide, 8 x 256 tokens) and finds the plan that fits in
40 % of the activations that it keeps without recomputation. `activations` is that category at the peak, `temporaries` all
memory above the states; `time` is user time of a step on one thread, which other work on the machine disturbs least.
"""
import resource
import sys

import common
from common import Failed

ROWS = [  # model, loss, batch
    ("digits_cnn", "cross-entropy", 32),
    ("mobile.unopt", "cross-entropy", 16),
    ("resnet18_tiny.unopt", "cross-entropy", 16),
    ("gpt2l.default", "cross-entropy", 8),
    ("gpt12l.default", "cross-entropy", 8),
    ("char_gpt", "cross-entropy", 8),
    ("resnet18", "cross-entropy", 64),
    ("gpt6-384-t256", "cross-entropy", 16),
]
QUICK = {"mobile.unopt", "gpt2l.default"}
KEPT, SLOWER = 0.40, 1.35


def total_of(document):
    return document["memory"]["total_bytes"]


def measured_total(tool, document):
    """What a run of the artifact took, with the constants that it reads."""
    measured = tool.bench()
    return measured["arena_peak_bytes"] + measured["scratch_bytes"] + document["memory"]["constant_bytes"]


def sweep(tool, model, options, budgets):
    _, none, _ = tool.compile(model, *options, "--recompute", "none")
    _, full, _ = tool.compile(model, *options, "--recompute", "full")
    most, least = total_of(none), total_of(full)
    floor = least - max((most - least) // budgets, 1)
    limits = [most - (most - floor) * i // (budgets - 1) for i in range(budgets)]
    before, steps, refused, problems = most, set(), 0, []
    for limit in limits:
        status, document, errors = tool.compile(model, *options, "--memory-limit", limit, allowed=(0, 1))
        total = total_of(document)
        if total > before:
            problems.append(f"rises to {total:,} at {limit:,}")
        if (status == 0) != (total <= limit) or (status and "DLC4110" not in errors):
            problems.append(f"status {status} with {total:,} at {limit:,}")
        # Each plan is run once; equal totals are the same plan.
        if status == 0 and total not in steps and (taken := measured_total(tool, document)) != total:
            problems.append(f"takes {taken:,}, not {total:,}")
        refused += status
        steps.add(total)
        before = total
    return dict(none=most, least=least, plans=len(steps), refused=refused, note="; ".join(problems))


def cpu_per_step(tool, name):
    """Seconds of user time of one step on one thread, from runs of one and of four steps."""
    def user(steps):
        before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
        tool.run("bench", tool.folder / f"{name}.dlc", "--steps", steps, "--warmup", 0, "--threads", 1, "--json")
        return resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before
    return min((user(4) - user(1)) / 3 for _ in range(3))


def deep_row(tool, document, name, base):
    memory = document["memory"]
    row = dict(activations=memory["categories"]["activations"], temporaries=memory["arena_bytes"] - memory["state_bytes"],
               cpu=cpu_per_step(tool, name))
    if base:
        row.update(kept=row["activations"] / base["activations"], above=row["temporaries"] / base["temporaries"],
                   slower=row["cpu"] / base["cpu"])
    return row


def deep(tool, report, model, name, options):
    """Plans in the order that the choice tries them; the first that keeps 40 % is judged."""
    _, document, _ = tool.compile(model, *options, "--recompute", "none", name="none")
    base = deep_row(tool, document, "none", None)
    states = document["memory"]["state_bytes"]
    report.add(True, model=name, mode="none", **base)
    limit = document["memory"]["total_bytes"] - int((1 - KEPT) * base["temporaries"])
    _, document, errors = tool.compile(model, *options, "--memory-limit", limit, name="fits", allowed=(0, 1))
    if "DLC4110" in errors:
        report.add(False, model=name, mode="auto", note=f"needs {total_of(document):,}, more than {limit:,} (states {states:,})")
        return
    mode = common.tried_plans(errors.splitlines())[1]
    row = deep_row(tool, document, "fits", base)
    report.add(row["kept"] <= KEPT and row["above"] <= KEPT and row["slower"] <= SLOWER, model=name, mode=mode or "auto", **row)


def main():
    parser = common.arguments(__doc__)
    parser.add_argument("--deep", help="the model of the comparison in time")
    parser.add_argument("--batch", type=int, default=8, help="of --deep")
    parser.add_argument("--budgets", type=int, default=0, help="per model [20, or 4 with --quick]")
    args = parser.parse_args()
    if args.deep:
        report = common.Report("Recomputation of a deep model", ["model", "mode", "activations", "temporaries", "cpu", "kept", "above", "slower",
                                                                 "note"])
        if model := common.model_file(args, args.deep, report):
            with common.scratch() as folder:
                deep(common.Tool(args, folder), report, model, args.deep, ["--entries", "step", "--batch", args.batch])
        return report.finish(args.json)
    budgets = args.budgets or (4 if args.quick else 20)
    report = common.Report(f"{budgets} budgets per model", ["model", "none", "least", "plans", "refused", "note"])
    for name, loss, batch in ROWS:
        if not common.wanted(args, name) or (args.quick and name not in QUICK):
            continue
        if not (model := common.model_file(args, name, report)):
            continue
        try:
            with common.scratch() as folder:
                figures = sweep(common.Tool(args, folder), model, ["--entries", "step", "--loss", loss, "--batch", batch], budgets)
            report.add(not figures["note"], model=name, **figures)
        except Failed as failure:
            report.add(False, model=name, note=str(failure))
    return report.finish(args.json)


if __name__ == "__main__":
    sys.exit(main())
