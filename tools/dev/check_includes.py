"""Includes point down: each top-level folder may include only what stands below it, by root-relative path."""
import re

import lint

MAY_INCLUDE = {
    "runtime": {"runtime"},
    "dialects": {"dialects"},
    "passes": {"dialects", "passes"},
    "frontends": {"dialects", "frontends"},
    "compiler": {"dialects", "passes", "frontends", "compiler", "runtime"},
    "tools": {"dialects", "passes", "frontends", "compiler", "runtime", "tools"},
}
LIBRARIES_OF_THE_COMPILER = re.compile(r"^(mlir|llvm|lld|clang)/|\.pb\.h$")
INCLUDE = re.compile(r'^\s*#\s*include\s*["<]([^">]+)[">]', re.M)


def check(tree):
    problems = []
    for name in tree.files(r"\.(h|hpp|cpp|c|inc)$", *MAY_INCLUDE):
        folder, text = name.split("/")[0], lint.without_comments(tree.text(name))
        for match in INCLUDE.finditer(text):
            target, place = match.group(1), f"{name}:{lint.line_of(text, match.start(1))}"
            top = target.split("/")[0]
            if top in MAY_INCLUDE and "/" in target and top not in MAY_INCLUDE[folder]:
                problems.append(f"{place}: '{folder}' must not include '{target}'")
            if folder == "runtime" and LIBRARIES_OF_THE_COMPILER.search(target):
                problems.append(f"{place}: the runtime must not include '{target}'")
            if "../" in target:
                problems.append(f"{place}: '{target}' must be a path from the root")
    return problems
