#!/usr/bin/env python3
"""Assembles the GPU kernels of every test model: no GPU is needed, only NVIDIA's assembler.

usage: ptxas.py DLC PTXAS SCRATCH [--models FILE[,FILE...]] [--arch sm_80,sm_90,...] [--jobs N] [--write]

Each model of tests/fixtures/cases.txt is compiled for `cuda`, some of them with other options, too; `ptxas -v` must take all its kernels for every architecture,
without spills to local memory but for the kernels in SPILLS. For the models in TABLE, resources.csv holds what each kernel
takes: registers, bytes of spills and of shared memory, and PTX. A kernel that takes notably more than it says, or is not in
it, is an error; --write writes the table anew. Exits with 77 ("skipped") where there is no assembler.
"""
import argparse
import concurrent.futures
import csv
import os
import pathlib
import re
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
FIXTURES = HERE.parent / "fixtures"
GOLDEN = HERE / "resources.csv"
COLUMNS = ["model", "kernel", "arch", "registers", "spill_bytes", "shared_bytes", "ptx_bytes"]
ARCHITECTURES = ["sm_80", "sm_90", "sm_100"]
TABLE = ["mlp_small.default", "digits_cnn", "char_gpt", "gpt2l_fused.default", "resnet18_tiny.unopt"]
TABLE_ARCHITECTURES = ["sm_80", "sm_90"]
# Updates with a loss scale have the most values at once.
OPTIONS = {"f16": ["--precision", "f16"], "clip": ["--precision", "f16", "--clip-norm", "1"],
           "accumulate": ["--precision", "f16", "--accumulate", "2"], "adafactor": ["--precision", "f16", "--optimizer", "adafactor"]}
WITH_OPTIONS = ["mlp_small.default", "gpt2l.default"]
# Kernels (by the start of their name) that may spill, each with the reason.
SPILLS = {}
# What may change without a new table.
MORE_REGISTERS, MORE_PTX = 8, 1.25

ENTRY = re.compile(r"\.visible \.entry (\w+)\s*\(")
KERNEL = re.compile(r"entry function '([^']+)' for '([^']+)'")
SPILL = re.compile(r"(\d+) bytes spill stores, (\d+) bytes spill loads")
REGISTERS, SHARED = re.compile(r"Used (\d+) registers"), re.compile(r"(\d+) bytes smem")
HASH = re.compile(r"_[0-9a-f]{6}(_\d+)?$")


def cases():
    rows = [line.split() for line in (FIXTURES / "cases.txt").read_text().splitlines() if line and line[0] != "#"]
    found = {row[0]: {"model": row[0], "loss": row[2], "batch": row[3], "options": []} for row in rows}
    for model in WITH_OPTIONS:
        found.update({f"{model}.{word}": {**found[model], "options": options} for word, options in OPTIONS.items()})
    return found


def run(command, **more):
    return subprocess.run([str(c) for c in command], capture_output=True, timeout=500, **more)


def sizes_of(ptx):
    """Bytes of each kernel's text, up to the next one."""
    starts = [(m.start(), m.group(1)) for m in ENTRY.finditer(ptx)]
    ends = [start for start, _ in starts[1:]] + [len(ptx)]
    return {name: end - start for (start, name), end in zip(starts, ends)}


def resources_of(said):
    """What `ptxas -v` printed, as a dict by kernel."""
    found, kernel = {}, None
    for line in said.splitlines():
        if match := KERNEL.search(line):
            kernel = found.setdefault(match.group(1), {"registers": 0, "spill_bytes": 0, "shared_bytes": 0})
        elif kernel is not None:
            if match := SPILL.search(line):
                kernel["spill_bytes"] = int(match.group(1)) + int(match.group(2))
            if match := REGISTERS.search(line):
                kernel["registers"] = int(match.group(1))
            if match := SHARED.search(line):
                kernel["shared_bytes"] = int(match.group(1))
    return found


class Gate:
    def __init__(self, args):
        self.args, self.scratch = args, pathlib.Path(args.scratch)
        self.scratch.mkdir(parents=True, exist_ok=True)

    def compile(self, name, case):
        """(PTX, what went wrong). The models of the table also go through the compiler's own use of the assembler."""
        artifact = self.scratch / f"{name}.dlc"
        environment = dict(os.environ)
        if name in TABLE:
            folder = pathlib.Path(self.args.ptxas).resolve().parent
            environment["PATH"] = f"{folder}:{environment.get('PATH', '')}"
        done = run([self.args.dlc, "compile", FIXTURES / f"{case['model']}.onnx", "-o", artifact, "--target",
                    "cuda:" + ",".join(self.args.arch), "--loss", case["loss"], "--batch", case["batch"], *case["options"]], env=environment)
        if done.returncode:
            return "", f"compiling failed: {done.stderr.decode().strip()}"
        first = f"compute_{min(int(a[3:]) for a in self.args.arch)}"
        wanted = [first, *self.args.arch] if name in TABLE else [first]
        codes = {arch: run([self.args.dlc, "inspect", artifact, "--code", arch]) for arch in wanted}
        lacking = [arch for arch, found in codes.items() if found.returncode or not found.stdout]
        artifact.unlink()
        if lacking:
            return "", f"the artifact has no code for {', '.join(lacking)}"
        return codes[first].stdout.rstrip(b"\0").decode(), ""

    def assemble(self, name, ptx, arch):
        """(resources by kernel, what went wrong)"""
        source = self.scratch / f"{name}.{arch}.ptx"
        source.write_text(ptx)
        # Products and sums are never contracted: see compiler/codegen/gpu/Ptx.h.
        done = run([self.args.ptxas, "-v", "-O3", "-fmad=false", f"-arch={arch}", source, "-o", os.devnull])
        said = done.stdout.decode() + done.stderr.decode()
        if done.returncode:
            return {}, f"{arch}: ptxas refused {source}: {said.strip()[:600]}"
        source.unlink()
        return resources_of(said), ""

    def check(self, item):
        """(rows of the table, number of kernels, problems) of one model"""
        name, case = item
        ptx, problem = self.compile(name, case)
        if problem:
            return [], 0, [f"{name}: {problem}"]
        sizes, rows, problems = sizes_of(ptx), [], []
        for arch in self.args.arch:
            found, problem = self.assemble(name, ptx, arch)
            if problem:
                problems.append(f"{name}: {problem}")
                continue
            if set(found) != set(sizes):
                problems.append(f"{name}: {arch}: {len(sizes)} kernels in PTX, but ptxas reports {len(found)}")
            seen = {}
            for kernel in sizes:
                taken = found.get(kernel)
                if taken is None:
                    continue
                if taken["spill_bytes"] and not any(kernel.startswith(start) for start in SPILLS):
                    problems.append(f"{name}: {arch}: kernel '{kernel}' spills {taken['spill_bytes']} bytes")
                # The hash of a kernel's IR is no part of its row: order tells equal names apart.
                base = HASH.sub("", kernel)
                seen[base] = seen.get(base, 0) + 1
                rows.append({"model": name, "kernel": f"{base}#{seen[base]}" if seen[base] > 1 else base, "arch": arch, **taken,
                             "ptx_bytes": sizes[kernel]})
        return rows, len(sizes), problems


def compare(rows):
    """Problems where `rows` take notably more than the table says, or lines come or go."""
    if not GOLDEN.exists():
        return [f"{GOLDEN.name} is not there: write it with --write"]
    key = lambda row: (row["model"], row["kernel"], row["arch"])
    old = {key(r): {c: int(r[c]) for c in COLUMNS[3:]} for r in csv.DictReader(GOLDEN.open())}
    new, problems = {key(r): r for r in rows}, []
    for where in sorted(old.keys() | new.keys()):
        label = " ".join(where)
        if where not in old or where not in new:
            problems.append(f"{label}: {'not in' if where not in old else 'only in'} {GOLDEN.name}; after a change of kernels, --write")
            continue
        was, now = old[where], new[where]
        if now["registers"] > was["registers"] + MORE_REGISTERS:
            problems.append(f"{label}: {now['registers']} registers, but the table has {was['registers']}")
        for column in ("shared_bytes", "spill_bytes"):
            if now[column] > was[column]:
                problems.append(f"{label}: {now[column]} {column}, but the table has {was[column]}")
        if now["ptx_bytes"] > MORE_PTX * was["ptx_bytes"]:
            problems.append(f"{label}: {now['ptx_bytes']} bytes of PTX, but the table has {was['ptx_bytes']}")
    return problems


def write(rows):
    with GOLDEN.open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(sorted(rows, key=lambda r: (TABLE.index(r["model"]), r["kernel"], r["arch"])))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dlc")
    parser.add_argument("ptxas")
    parser.add_argument("scratch")
    parser.add_argument("--models", type=lambda t: t.split(","), help="[all of cases.txt]")
    parser.add_argument("--arch", type=lambda t: t.split(","), default=ARCHITECTURES)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--write", action="store_true", help="write resources.csv")
    args = parser.parse_args()
    if not os.access(args.ptxas, os.X_OK):
        print("skipped: no ptxas; tools/check installs it, or set DLC_PTXAS when configuring")
        return 77
    models = {name: case for name, case in cases().items() if not args.models or case["model"] in args.models}
    rows, kernels, problems = [], 0, []
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        for found, count, wrong in pool.map(Gate(args).check, models.items()):
            rows += found
            kernels += count
            problems += wrong
    tabled = [r for r in rows if r["model"] in TABLE and r["arch"] in TABLE_ARCHITECTURES]
    if args.write:
        write(tabled)
    elif not args.models:
        problems += compare(tabled)
    for problem in problems:
        print(problem)
    most = max((r["registers"] for r in rows), default=0)
    print(f"{len(models)} models, {kernels} kernels, {len(args.arch)} architectures: at most {most} registers, "
          f"{sum(r['spill_bytes'] > 0 for r in rows)} that spill, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
