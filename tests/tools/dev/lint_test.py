#!/usr/bin/env python3
"""Each lint finds what it is for, in a small tree with one planted fault per check, and stays quiet on the mended one."""
import importlib
import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[3] / "tools" / "dev"))
import lint

PAGE = "# DLC1001: an op is not supported\n\n## Sample\nx\n\n## Cause\nx\n\n## What to do\nx\n"
LONG = "void f(int a,\n       int b) {\n" + "  g();\n" * 120 + "}\n"
FAULTS = {  # check: [(files, words of the one problem)]
    "includes": [({"dialects/a.cpp": '#include "compiler/x.h"\n'}, "must not include"),
                 ({"runtime/a.cpp": "#include <llvm/IR/Module.h>\n"}, "runtime must not include"),
                 ({"passes/a.cpp": '#include "../dialects/x.h"\n'}, "path from the root")],
    "sizes": [({"passes/a.cpp": LONG}, "at most 100 lines"), ({"passes/a.cpp": "int a;\n" * 901}, "at most 900 lines"),
              ({"tools/a.py": "def f():\n" + "    g()\n" * 120}, "at most 100 lines")],
    "errors": [({"runtime/a.cpp": 'f("DLC5001");\n'}, "has no page"), ({"docs/errors/DLC1001.md": PAGE}, "no source mentions"),
               ({"runtime/a.cpp": 'f("DLC1001");\n', "docs/errors/DLC1001.md": PAGE.replace("Cause", "Why")}, "sections must be"),
               ({"runtime/a.cpp": 'f("DLC1001");\n', "docs/errors/DLC1001.md": PAGE.replace("Cause\nx", "Cause\n")}, "must not be empty")],
    "filecheck": [({"tests/a.mlir": "// RUN: t %s | FileCheck %s\n// CHECK: a\n// CHECK-NEXT b\n"}, "lacks its colon"),
                  ({"tests/a.mlir": "// RUN: t %s | FileCheck %s\n// CHECK: a\n// CHEKC: b\n"}, "uses prefix 'CHEKC'"),
                  ({"tests/a.mlir": "// RUN: t %s | FileCheck %s --check-prefix=ONE\n// ONE: b\n// CHECK: a\n"}, "uses prefix 'CHECK'"),
                  ({"tests/a.mlir": "// RUN: t %s | FileCheck %s\n// CHECK: dlc.add %0\n"}, "matched by number"),
                  ({"tests/a.mlir": "// RUN: t %s --verify-diagnostics\n// expected-error @below {message}\n"}, "without"),
                  ({"tests/a.mlir": "func.func @f()\n"}, "no RUN line")],
    "mirrors": [({"passes/fuse/Passes.td": 'def MakeItPass : DlcPass<"dlc-make-it", "F"> {\n', "passes/fuse/MakeIt.cpp": ""}, "has no test"),
                ({"passes/fuse/Passes.td": 'def MakeItPass : DlcPass<"dlc-do-it", "F"> {\n', "passes/fuse/MakeIt.cpp": "",
                  "tests/passes/fuse/make-it.mlir": ""}, "must be called"),
                ({"tests/unit/FooTest.cpp": ""}, "no source is called")],
    "messages": [({"passes/a.cpp": 'op.emitError() << "Bad thing";\n'}, "starts in lower case"),
                 ({"runtime/a.cpp": 'return DLC_ERROR(Io, "DLC5001", "x must be 1,"\n  " but got ", n, " here.");\n'}, "no final period")],
    "options": [({"passes/a.cpp": 'static llvm::cl::opt<bool> x("x");\n'}, "belongs in tools/")],
    "snippets": [({"docs/a.md": "<!-- snippet: passes/a.cpp -->\n```cpp\nf();\ng();\n```\n", "passes/a.cpp": "f();\nh();\ng();\n"}, "do not stand"),
                 ({"docs/a.md": "<!-- snippet: passes/a.cpp -->\n```cpp\nf();\n```\n"}, "there is no file")],
    "words": [({"passes/a.cpp": "// TO" "DO: more\n"}, "unfinished"), ({"docs/a.md": "see /ho" "me/me\n"}, "absolute path"),
              ({"tests/unit/a.cpp": "GTEST_" "SKIP();\n"}, "without its reason")],
}
CLEAN = {
    "docs/a.md": "<!-- snippet: runtime/a.cpp -->\n```cpp\n  // mlir/ is for others\n```\n",
    "runtime/a.cpp": '#include "runtime/core/Status.h"\n// mlir/ is for others\nreturn DLC_ERROR(Io, "DLC1001", "ONNX file ends at ", n);\n',
    "docs/errors/DLC1001.md": PAGE,
    "passes/fuse/Passes.td": 'def MakeItPass : DlcPass<"dlc-make-it", "F"> {\n',
    "passes/fuse/MakeIt.cpp": "void f() {\n" + "  g();\n" * 50 + "}\n" + "void h() {\n" + "  g();\n" * 60 + "}\n",
    "tests/passes/fuse/make-it.mlir": "// RUN: t %s --split | FileCheck %s --check-prefixes=CHECK,MORE\n// CHECK-LABEL: @f\n// MORE: b\n"
                                      "// A comment with the word CHECK in it.\n",
    "tests/unit/MakeItTest.cpp": "TEST(A, B) {}\n",
}


def problems(check, files):
    with tempfile.TemporaryDirectory() as folder:
        for name, text in files.items():
            path = pathlib.Path(folder) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return importlib.import_module(f"check_{check}").check(lint.Tree(pathlib.Path(folder)))


class LintTest(unittest.TestCase):
    def test_every_check_has_a_fault(self):
        self.assertEqual(sorted(FAULTS), lint.names())

    def test_faults_are_found(self):
        for check, faults in FAULTS.items():
            for files, words in faults:
                with self.subTest(check=check, words=words):
                    found = problems(check, files)
                    self.assertEqual(len(found), 1, found)
                    self.assertIn(words, found[0])

    def test_clean_tree_passes(self):
        for check in lint.names():
            with self.subTest(check=check):
                self.assertEqual(problems(check, CLEAN), [])


if __name__ == "__main__":
    unittest.main()
