#!/usr/bin/env python3
"""Writes the printed blocks of docs/tour.md anew: each is what the commands that the page shows print.

  gen_tour.py --build DIR [--llvm DIR] [--check]

A block is a fence after a comment `<!-- tour: NAME … -->`. NAME is one of

  input FUNCTION | graph FUNCTION | kernels FUNCTION   that function of the phase's dump
  exec PROGRAM                                         that program of the exec phase's dump
  dlc COMMAND …                                        what the command prints
  code SYMBOL-PREFIX                                   the start of a kernel's machine code

The model and its options stand in COMPILE below, for a fixed CPU, so that the page does not depend on the machine.
With --check nothing is written, and a block that differs is an error.
"""
import argparse
import os
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "tour.md"
MODEL = "docs/examples/tour/layer.onnx"
COMPILE = ["--batch", "32", "--loss", "mse", "--optimizer", "sgd", "--entries", "infer,step", "--cpu", "x86-64-v3"]
BLOCK = re.compile(r"(<!-- tour: ([^>]+?) -->\n```\w*\n)(.*?)(```)", re.S)
CODE_LINES = 12

# The scratch of library calls depends on threads and instruction set: one that every machine has.
SETTING = {**os.environ, "DLC_NUM_THREADS": "2", "ONEDNN_MAX_CPU_ISA": "AVX2", "DNNL_MAX_CPU_ISA": "AVX2"}


class Tour:
    def __init__(self, build, llvm):
        self.dlc, self.llvm = f"{build}/bin/dlc", llvm
        self.scratch = tempfile.TemporaryDirectory()
        self.folder = pathlib.Path(self.scratch.name)
        self.artifact = self.folder / "layer.dlc"
        self.run([self.dlc, "compile", MODEL, "-o", self.artifact, "--dump-phases", self.folder, *COMPILE])

    def run(self, command):
        done = subprocess.run([str(c) for c in command], cwd=ROOT, capture_output=True, text=True, env=SETTING)
        if done.returncode:
            raise SystemExit(f"expects '{command[0]} {command[1]}' to succeed, but got:\n{done.stderr}")
        return done.stdout

    def phase(self, name, function):
        text = next(self.folder.glob(f"*-{name}.mlir")).read_text()
        found = re.search(rf"^  (?:func\.func|exec\.program) @{function}\b.*?^  }}$", text, re.S | re.M)
        if not found:
            raise SystemExit(f"expects function '{function}' in phase '{name}', but got none")
        return re.sub(r"^  ", "", found.group(0), flags=re.M) + "\n"

    def code(self, prefix):
        """The first instructions of a kernel, without addresses: the shared object lies in the artifact as it is."""
        data = self.artifact.read_bytes()
        shared = self.folder / "kernels.so"
        shared.write_bytes(data[data.index(b"\x7fELF"):])
        listing = self.run([f"{self.llvm}/bin/llvm-objdump", "-d", "--no-show-raw-insn", "--no-leading-addr", shared])
        found = re.search(rf"^[0-9a-f ]*<({prefix}\w*)>:\n(.*?)(?:\n\n|\Z)", listing, re.S | re.M)
        if not found:
            raise SystemExit(f"expects a kernel '{prefix}…', but got:\n{listing[:2000]}")
        lines = [re.sub(r"-?0x[0-9a-f]+(?=\(%rip\))|\s*#.*|(?<=0x)[0-9a-f]+ (?=<)", "", re.sub(r"\s+", " ", line)).strip()
                 for line in found.group(2).split("\n")]
        loop = next((i for i, line in enumerate(lines) if line.startswith("vmulps")), 0)
        return f"{found.group(1)}:\n  ...\n" + "".join(f"  {line}\n" for line in lines[max(loop - 1, 0):][:CODE_LINES]) + "  ...\n"

    def block(self, what):
        kind, *rest = what.split()
        if kind == "dlc":
            words = [str(self.artifact) if w == "layer.dlc" else w for w in rest]
            return self.run([self.dlc, *words]).replace(str(self.folder) + "/", "")
        if kind == "code":
            return self.code(rest[0])
        return self.phase(kind, rest[0])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build")
    parser.add_argument("--llvm", default="/usr/lib/llvm-22", help="where LLVM is installed")
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    args = parser.parse_args()
    tour, old = Tour(pathlib.Path(args.build).absolute(), args.llvm), PAGE.read_text()
    new = BLOCK.sub(lambda m: m.group(1) + tour.block(m.group(2)) + m.group(4), old)
    if new == old:
        return 0
    if not args.check:
        PAGE.write_text(new)
        return 0
    for a, b in zip(BLOCK.finditer(old), BLOCK.finditer(new)):
        if a.group(3) != b.group(3):
            print(f"docs/tour.md: block '{a.group(2)}' is not what dlc prints; run tools/dev/gen_tour.py", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
