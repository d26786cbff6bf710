#!/usr/bin/env python3
"""Breaks ops of a training step one by one; `dlc train --trace-nonfinite` must name each.

usage: nonfinite.py DLC SCRATCH NAME MODEL DATA [--every N] [--first N] [--values nan,inf] [--jobs N] [-- OPTION...]

Op number n of the step, forward, backward or update, gives NaN (or infinity) in the first element of its result.
Training must stop in that step with DLC6020 and name op n, whatever kernel it was fused into. The same model
without a fault must train. With --every N, every N-th op is broken, beginning with --first.
"""
import argparse
import concurrent.futures
import os
import re
import subprocess
import sys

NAMED = re.compile(r"error DLC6020: '(dlc\.\w+)'.*\((forward|backward|update), op (\d+) of 'step'\) must give")


def train(args, fault=None):
    command = [args.dlc, "train", args.model, "--data", args.data, "--steps", "2", "--no-shuffle", "--trace-nonfinite"]
    if fault:
        command += ["--inject-nonfinite", fault]
    environment = dict(os.environ, DLC_NUM_THREADS="1")
    return subprocess.run(command + args.options, capture_output=True, text=True, env=environment, timeout=500)


def count_ops(args):
    """The compiler says how many there are where there is none of that number."""
    said = train(args, "step:-1:nan").stderr
    found = re.search(r"DLC2018: .* in an op below (\d+)", said)
    if not found:
        sys.exit(f"{args.name}: expected DLC2018, but got:\n{said}")
    return int(found.group(1))


def check(args, number, value):
    """Whether the op was named, its part of the step, and what was said if not."""
    run = train(args, f"step:{number}:{value}")
    found = NAMED.search(run.stderr)
    is_named = run.returncode == 1 and found is not None and int(found.group(3)) == number
    return is_named, found.group(2) if found else "", run.stderr


def main():
    parser = argparse.ArgumentParser()
    for name in ("dlc", "scratch", "name", "model", "data"):
        parser.add_argument(name)
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--values", default="nan,inf")
    parser.add_argument("--jobs", type=int, default=1)
    own, options = sys.argv[1:], []
    if "--" in own:
        own, options = own[:own.index("--")], own[own.index("--") + 1:]
    args = parser.parse_args(own)
    args.options = options

    clean = train(args)
    if clean.returncode != 0:
        sys.exit(f"{args.name}: without a fault training must end, but got:\n{clean.stderr}")
    ops = count_ops(args)
    faults = [(n, value) for value in args.values.split(",") for n in range(args.first, ops, args.every)]
    passed, parts = 0, {}
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        results = pool.map(lambda fault: check(args, *fault), faults)
        for (number, value), (is_named, part, said) in zip(faults, results):
            passed += is_named
            parts[part] = parts.get(part, 0) + 1
            if not is_named:
                print(f"{args.name}: {value} in op {number} was not named:\n{said}", flush=True)
    told = ", ".join(f"{count} {part}" for part, count in sorted(parts.items()) if part)
    print(f"{args.name}: {ops} ops, {len(faults)} faults ({told}): {passed} passed, {len(faults) - passed} failed")
    sys.exit(0 if passed == len(faults) else 1)


if __name__ == "__main__":
    main()
