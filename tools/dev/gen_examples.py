#!/usr/bin/env python3
"""Examples as data: turns the examples in the .td files into tests and reference pages.

  gen_examples.py ops    --llvm DIR OPS.td    --tests DIR --docs FILE.md
  gen_examples.py passes --llvm DIR PASSES.td… --tests DIR --docs FILE.md

`ops` writes one lit file per op: its valid examples must survive --verify-roundtrip, its invalid ones must be
rejected with the message that they start with. `passes` writes one lit file per pass that has a `before`: the pass on
`before` must print what `after` prints. With --docs it also writes the Markdown page; with --check it writes nothing
and fails if that page differs.

An example is the body of a function; names that it does not define are the function's arguments. Their types come
from the op's own type text: `(A, B) -> C` and `A -> C` list the operands', `A` alone is every operand's, and
otherwise the table below holds. A first line `// %x: TYPE, %y: TYPE` overrides all of that.
"""
import argparse
import json
import pathlib
import re
import shutil
import subprocess
import sys

NAMES = {
    "%x": "tensor<2x3xf32>", "%c": "tensor<2x3xi1>", "%i": "tensor<2x8x8x3xf32>", "%w": "tensor<4x3x3x3xf32>",
    "%g": "tensor<2x8x8x4xf32>", "%v": "tensor<3xf32>", "%k": "tensor<5xi64>", "%u": "tensor<5x3xf32>",
    "%j": "tensor<2x3xi64>", "%y": "tensor<2x2xf32>", "%p": "tensor<2x2xi32>", "%r": "tensor<2xi64>",
    "%t": "tensor<2xi64>", "%s": "tensor<f32>",
}
FAMILIES = ["Elementwise", "Shape", "Reduction", "Contraction", "Normalization", "Index", "Window", "Random", "Loss",
            "Kernel"]
TYPES = {
    "Dlc_Tensor": "tensor", "Dlc_FloatTensor": "float tensor", "Dlc_IntegerTensor": "integer tensor",
    "Dlc_NumberTensor": "number tensor", "Dlc_BoolTensor": "i1 tensor", "Dlc_BitsTensor": "integer or i1 tensor",
    "Dlc_IndexTensor": "i32 or i64 tensor", "Dlc_ComparePredicateAttr": "eq, ne, lt, le, gt or ge",
    "DenseI64ArrayAttr": "list of integers", "I64Attr": "integer", "F64Attr": "number", "UnitAttr": "present or not",
    "StrAttr": "string", "ElementsAttr": "elements", "Dlc_ScheduleAttr": "schedule",
}
SSA = re.compile(r"%[A-Za-z_0-9]+")
TYPE = r"tensor<[^<>]*>"


def dump(td, llvm, root):
    command = [f"{llvm}/bin/llvm-tblgen", "-dump-json", f"-I{root}", f"-I{llvm}/include", td]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def dedent(text):
    """Without the indentation that all lines share (the first may have none) and without blank ends."""
    lines = text.expandtabs().split("\n")
    while lines and not lines[0].strip():
        lines.pop(0)
    while lines and not lines[-1].strip():
        lines.pop()
    widths = [len(l) - len(l.lstrip()) for l in lines if l.strip()]
    cut = min(widths, default=0)
    return "\n".join(l[cut:].rstrip() for l in lines)


# ---------------------------------------------------------------- examples of ops

def statements(body):
    """Lines joined to statements: each starts with a result, or with an op name, outside of braces."""
    found = []
    for line in body.split("\n"):
        starts = re.match(r"\s*(%[\w:, %]+=|dlc\.|return)", line)
        if not found or (starts and found[-1].count("{") == found[-1].count("}")):
            found.append(line)
        else:
            found[-1] += "\n" + line
    return found


def operand_types(statement):
    """The types of the statement's operands by name, as far as its type text tells."""
    head, _, types = statement.partition(" : ")
    if not types:
        head, _, types = statement.partition("\n  : ")
    operands = SSA.findall(head.partition("=")[2] or head)
    types = types.strip()
    listed = re.match(r"\((.*?)\)\s*->", types, re.S)
    single = re.match(rf"({TYPE})\s*->", types)
    alone = re.fullmatch(TYPE, types)
    if listed:
        return dict(zip(operands, re.findall(TYPE, listed.group(1))))
    if single:
        return {o: single.group(1) for o in operands}
    if alone:
        return {o: alone.group(0) for o in operands}
    return {}


class Example:
    def __init__(self, text, is_invalid):
        lines = dedent(text).split("\n")
        self.messages = []
        while is_invalid and lines and not re.match(r"\s*(//|%|dlc\.)", lines[0]):
            self.messages.append(lines.pop(0).strip())
        given = {}
        if lines and re.match(r"\s*//\s*%", lines[0]):
            given = dict(re.findall(rf"(%\w+):\s*({TYPE})", lines.pop(0)))
        self.body = "\n".join(lines)
        if is_invalid and not self.messages:
            raise SystemExit(f"expects an invalid example to start with its message, but got: {text}")
        self.arguments = self.find_arguments(given)

    def find_arguments(self, given):
        defined, arguments = set(), {}
        for statement in statements(self.body):
            types = operand_types(statement)
            results, equals, rest = statement.partition("= dlc.")
            if not equals:
                results, rest = "", statement
            rest = rest.partition("^bb")[0]
            for name in SSA.findall(rest):
                if name not in defined and name not in arguments:
                    kind = given.get(name) or types.get(name) or NAMES.get(name)
                    if not kind:
                        raise SystemExit(f"expects a type for {name}, but got none in: {statement}")
                    arguments[name] = kind
            defined.update(SSA.findall(results))
        return arguments

    def function(self, name):
        arguments = ", ".join(f"{n}: {t}" for n, t in self.arguments.items())
        body = ""
        *first, last = statements(self.body)
        for message in self.messages:
            last = f"// expected-error @below {{{{{message}}}}}\n{last}"
        for statement in [*first, last]:
            body += "".join(f"  {line}\n" for line in statement.split("\n"))
        end = "" if "dlc.yield" in last.splitlines()[-1] else "  return\n"
        return f"func.func @{name}({arguments}) {{\n{body}{end}}}\n"


def write_op_test(folder, op):
    name = op["opName"]
    valid = [Example(e, False) for e in op["validExamples"]]
    invalid = [Example(e, True) for e in op["invalidExamples"]]
    if not valid:
        raise SystemExit(f"expects valid examples of 'dlc.{name}', but got none")
    text = "// RUN: dlc-opt %s --verify-roundtrip -o /dev/null\n\n"
    text += "\n".join(e.function(f"valid_{i}") for i, e in enumerate(valid))
    family = folder / op["family"].lower()
    family.mkdir(parents=True, exist_ok=True)
    (family / f"{name}.mlir").write_text(text)
    if invalid:
        text = "// RUN: dlc-opt %s --split-input-file --verify-diagnostics\n\n"
        text += "\n// -----\n\n".join(e.function(f"invalid_{i}") for i, e in enumerate(invalid))
        (family / f"{name}-invalid.mlir").write_text(text)


# ---------------------------------------------------------------- pages

def constraint_text(records, name):
    summary = TYPES.get(name) or records[name].get("summary") or name
    return summary.replace("statically shaped tensor of ", "tensor of ").replace(" values", "")


def table(records, dag):
    rows = []
    for value, name in dag["args"]:
        record = records[value["def"]]
        base = record.get("baseType") if "Variadic" in record["!superclasses"] else None
        text = constraint_text(records, base["def"] if base else value["def"])
        rows.append((name, ("any number of " if base else "") + text, "Attr" in record["!superclasses"]))
    return rows


def op_section(records, op):
    out = [f"### `dlc.{op['opName']}`", "", op["summary"] + ".", ""]
    if op["description"]:
        out += [dedent(op["description"]), ""]
    rows = table(records, op["arguments"])
    out += ["| | name | type |", "|---|---|---|"]
    out += [f"| {'attribute' if attr else 'operand'} | `{n}` | {t} |" for n, t, attr in rows]
    out += [f"| result | `{n}` | {t} |" for n, t, _ in table(records, op["results"])]
    out += ["", "```mlir"] + [dedent(e) for e in op["validExamples"]] + ["```", ""]
    messages = [m for e in op["invalidExamples"] for m in Example(e, True).messages]
    if messages:
        out += ["Rejected:"] + [f"- {m}" for m in messages] + [""]
    return out


def ops_page(records, ops, dialect):
    out = [f"# The `{dialect['name']}` dialect", "", "<!-- written by tools/dev/gen_examples.py from the .td files -->", "",
           dialect["summary"] + ".", "", dedent(dialect["description"]), ""]
    out += ["Float types are f64, f32, f16, bf16, f8E4M3FN and f8E5M2; integer types i8, ui8, i16, i32 and i64; both are numbers. Shapes "
            "are static. Names that an example does not define are the arguments of its function.", ""]
    families = FAMILIES + sorted({o["family"] for o in ops} - set(FAMILIES))
    out += [f"- [{f}](#{f.lower()}): " + ", ".join(f"`{o['opName']}`" for o in ops if o["family"] == f) for f in families]
    out.append("")
    for family in families:
        out += [f"## {family}", ""]
        for op in ops:
            if op["family"] == family:
                out += op_section(records, op)
    return "\n".join(out).rstrip() + "\n"


def passes_page(passes):
    out = ["# Passes", "", "<!-- written by tools/dev/gen_examples.py from the .td files -->", ""]
    for p in passes:
        out += [f"## `{p['argument']}`", "", p["summary"] + ".", "", dedent(p["description"]), ""]
        options = p["option_rows"]
        if options:
            out += ["| option | default | meaning |", "|---|---|---|"]
            out += [f"| `{n}` | {d and '`' + d.strip(chr(34)) + '`'} | {t} |".replace("None", "") for n, d, t in options] + [""]
        if p.get("before"):
            run = f"With `{p['exampleOptions']}`, before" if p.get("exampleOptions") else "Before"
            out += [run + ":", "```mlir", dedent(p["before"]), "```", "After:", "```mlir", dedent(p["after"]), "```", ""]
    return "\n".join(out).rstrip() + "\n"


# ---------------------------------------------------------------- passes

def write_pass_test(folder, p):
    options = p.get("exampleOptions") or ""
    flag = f"--{p['argument']}" + (f"={json.dumps(options)}" if options else "")
    folder.mkdir(parents=True, exist_ok=True)
    name = p["argument"]
    text = (f"// RUN: split-file %s %t\n// RUN: dlc-opt %t/before.mlir {flag} -o %t/got.mlir\n"
            "// RUN: dlc-opt %t/after.mlir -o %t/want.mlir\n// RUN: diff %t/want.mlir %t/got.mlir\n"
            f"//--- before.mlir\n{dedent(p['before'])}\n//--- after.mlir\n{dedent(p['after'])}\n")
    (folder / f"{name}.mlir").write_text(text)


def read_passes(paths, llvm, root):
    found = []
    for path in paths:
        records = dump(path, llvm, root)
        for name in records["!instanceof"]["Pass"]:
            p = dict(records[name])
            rows = [records[o["def"]] for o in p["options"]]
            p["option_rows"] = [(r["argument"], r["defaultValue"], r["description"]) for r in rows]
            found.append(p)
    return sorted(found, key=lambda p: p["argument"])


def finish_page(path, text, is_check):
    if not path:
        return 0
    path = pathlib.Path(path)
    if is_check:
        if path.exists() and path.read_text() == text:
            return 0
        print(f"{path} expects to be what the .td files give, but got a difference; run the target dlc-docs", file=sys.stderr)
        return 1
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["ops", "passes"])
    parser.add_argument("td", nargs="+")
    parser.add_argument("--llvm", required=True, help="where LLVM is installed")
    parser.add_argument("--root", default=str(pathlib.Path(__file__).resolve().parents[2]))
    parser.add_argument("--tests", help="folder that the lit files go to")
    parser.add_argument("--docs", help="the Markdown page")
    parser.add_argument("--check", action="store_true", help="compare the page instead of writing it")
    args = parser.parse_args()
    tests = pathlib.Path(args.tests) if args.tests else None
    if tests:
        shutil.rmtree(tests, ignore_errors=True)  # tests of ops that are gone
    if args.what == "passes":
        passes = read_passes(args.td, args.llvm, args.root)
        for p in passes:
            if tests and p.get("before"):
                write_pass_test(tests, p)
        return finish_page(args.docs, passes_page(passes), args.check)
    records = dump(args.td[0], args.llvm, args.root)
    ops = [records[n] for n in records["!instanceof"]["Op"] if records[n]["opDialect"]["def"] == "Dlc_Dialect"]
    ops.sort(key=lambda op: op["opName"])
    for op in ops:
        if tests:
            write_op_test(tests, op)
    dialect = records["Dlc_Dialect"]
    return finish_page(args.docs, ops_page(records, ops, dialect), args.check)


if __name__ == "__main__":
    sys.exit(main())
