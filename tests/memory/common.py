"""What the memory sweeps share: running dlc, its printed tables, arrays in files, the table at the end.

Standard library only, so that every sweep runs where dlc was built. A sweep takes --dlc PATH, --only GLOB, --json FILE and
--quick (few rows, for ctest); it ends in `N passed, M failed`. Models are fixtures, or files of --models DIR (exported with
tests/fixtures/export.py; rows whose file is not there are left out and counted).
"""
import argparse
import array
import ast
import fnmatch
import json
import os
import pathlib
import re
import struct
import subprocess
import sys
import tempfile
import zipfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
FIXTURES = ROOT / "tests" / "fixtures"


class Failed(Exception):
    """A row that could not be judged: dlc failed where it must not."""


class Tool:
    """Runs dlc in a scratch folder, on one thread unless told otherwise: figures do not depend on threads, times do."""

    def __init__(self, args, folder):
        self.path, self.folder = str(args.dlc), pathlib.Path(folder)

    def run(self, *arguments, allowed=(0,), timeout=900):
        environment = {"DLC_NUM_THREADS": "1", **os.environ}
        try:
            done = subprocess.run([self.path, *map(str, arguments)], capture_output=True, text=True, timeout=timeout, env=environment)
        except OSError as problem:
            sys.exit(f"{self.path} cannot be run ({problem.strerror}): build dlc first, or name it with --dlc")
        except subprocess.TimeoutExpired:
            raise Failed(f"`dlc {arguments[0]}` ran past {timeout} s") from None
        if done.returncode not in allowed:
            raise Failed(f"`dlc {' '.join(map(str, arguments))}` exit {done.returncode}: {done.stderr.strip()[-300:]}")
        return done

    def compile(self, model, *options, name="m", allowed=(0,)):
        """(exit status, the JSON document on stdout, stderr)"""
        done = self.run("compile", model, "-o", self.folder / f"{name}.dlc", "--json", *options, allowed=allowed)
        return done.returncode, json.loads(done.stdout), done.stderr

    def bench(self, *options, name="m", entry="step"):
        artifact = self.folder / f"{name}.dlc"
        return json.loads(self.run("bench", artifact, "--entry", entry, "--steps", 1, "--warmup", 0, "--json", *options).stdout)


def printed_memory(text):
    """Rows of the table that `dlc compile` prints: {label: bytes}."""
    table = text.split("memory at the peak")[1].split("\n", 1)[1]
    rows = {}
    for line in table.splitlines():
        found = re.fullmatch(r"  (\S.*?) {2,}.*?([\d,]+) B", line)
        if not found:
            break
        rows[found[1]] = int(found[2].replace(",", ""))
    return rows


def tried_plans(remarks):
    """{mode: bytes} of the plans that the choice of recomputation made, in its order, and the mode that it chose."""
    for remark in remarks:
        found = re.search(r"recomputation '([^']+)' was chosen; planned were (.*)", remark)
        if found:
            pairs = re.findall(r"'([^']+)' ([\d,]+) B", found[2])
            return {mode: int(size.replace(",", "")) for mode, size in pairs}, found[1]
    return {}, None


#===----------------------------------------------------------------------===#
# Arrays in files
#===----------------------------------------------------------------------===#

LETTERS = {"f8": "d", "f4": "f", "i8": "q", "i4": "i", "u1": "B", "i1": "b", "f2": "H"}


def read_npz(path):
    """{name: (descr, shape, array)}"""
    arrays = {}
    with zipfile.ZipFile(path) as archive:
        for member in archive.namelist():
            raw = archive.read(member)
            start = 10 if raw[6] == 1 else 12
            length = struct.unpack("<H" if raw[6] == 1 else "<I", raw[8:start])[0]
            head = ast.literal_eval(raw[start:start + length].decode("latin1"))
            values = array.array(LETTERS[head["descr"][1:]])
            values.frombytes(raw[start + length:])
            arrays[member.removesuffix(".npy")] = (head["descr"], head["shape"], values)
    return arrays


def write_npz(path, arrays):
    """The inverse of read_npz."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, (descr, shape, values) in arrays.items():
            head = repr({"descr": descr, "fortran_order": False, "shape": tuple(shape)})
            head += " " * (-(len(head) + 11) % 64) + "\n"
            archive.writestr(f"{name}.npy", b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head.encode() + values.tobytes())


def read_safetensors(path):
    """{name: (dtype, bytes)}"""
    raw = pathlib.Path(path).read_bytes()
    size = int.from_bytes(raw[:8], "little")
    entries = json.loads(raw[8:8 + size])
    return {name: (e["dtype"], raw[8 + size + e["data_offsets"][0]:8 + size + e["data_offsets"][1]])
            for name, e in entries.items() if name != "__metadata__"}


def numbers(tensor):
    """The elements of one of read_safetensors' tensors."""
    dtype, raw = tensor
    values = array.array({"F64": "d", "F32": "f", "I64": "q", "I32": "i", "U8": "B", "BOOL": "B"}[dtype])
    values.frombytes(raw)
    return values


#===----------------------------------------------------------------------===#
# Rows
#===----------------------------------------------------------------------===#

class Report:
    """Collects rows, prints a table, writes JSON; `finish` returns 1 after a miss."""

    def __init__(self, title, columns):
        self.title, self.columns, self.rows, self.left_out = title, columns, [], []

    def add(self, ok, **row):
        self.rows.append({"ok": bool(ok), **row})
        text = "  ".join(f"{k}={self.show(v)}" for k, v in row.items() if v not in ("", None))
        print(f"{'ok  ' if ok else 'MISS'} {text}", file=sys.stderr, flush=True)

    def leave_out(self, what):
        self.left_out.append(what)

    @staticmethod
    def show(value):
        if isinstance(value, float):
            return f"{value:.3f}" if 1e-3 <= abs(value) < 1e4 else f"{value:.1e}"
        return f"{value:,}" if isinstance(value, int) else str(value)

    def finish(self, path):
        print(f"\n{self.title}\n\n| " + " | ".join([*self.columns, "ok"]) + " |\n|" + "---|" * (len(self.columns) + 1))
        for row in self.rows:
            cells = [self.show(row.get(c, "")) for c in self.columns]
            print("| " + " | ".join([*cells, "yes" if row["ok"] else "NO"]) + " |")
        missed = sum(not r["ok"] for r in self.rows)
        if self.left_out:
            print(f"\nleft out, no such file: {', '.join(self.left_out)}")
        print(f"\n{len(self.rows) - missed} passed, {missed} failed")
        if path:
            pathlib.Path(path).parent.mkdir(parents=True, exist_ok=True)
            pathlib.Path(path).write_text(json.dumps({"version": 1, "title": self.title, "rows": self.rows}, indent=1) + "\n")
        return 1 if missed or not self.rows else 0


def arguments(doc):
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dlc", type=pathlib.Path, default=ROOT / "build" / "bin" / "dlc")
    parser.add_argument("--only", default="*", help="only rows whose model matches")
    parser.add_argument("--models", type=pathlib.Path, default=ROOT / ".cache" / "bench", help="where exported models are")
    parser.add_argument("--quick", action="store_true", help="few rows")
    parser.add_argument("--json", help="write the rows here")
    return parser


def model_file(args, name, report):
    """The file of fixture or exported model `name`; None where it is not there."""
    for path in (FIXTURES / f"{name}.onnx", args.models / f"{name}.onnx"):
        if path.exists():
            return path
    report.leave_out(name)
    return None


def wanted(args, name):
    return fnmatch.fnmatch(name, args.only)


def scratch():
    return tempfile.TemporaryDirectory(prefix="dlc-memory-")
