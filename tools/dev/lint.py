#!/usr/bin/env python3
"""Runs the checks of house style that need no build, all or some of them.

usage: lint.py [CHECK …] [--list]

Every check_<name>.py beside this file has `check(tree)`, which returns a list of problems `path:line: what`. `tree` is a
Tree, the repository's files as git sees them. Python 3.9 or later, standard library alone.
"""
import importlib
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


class Tree:
    """The files of the repository, those ignored by git left out."""

    def __init__(self, root=ROOT):
        self.root = root
        listed = subprocess.run(["git", "-C", str(root), "ls-files", "-co", "--exclude-standard"], capture_output=True, text=True)
        if listed.returncode == 0:
            names = listed.stdout.splitlines()
        else:  # an unpacked archive
            names = [str(p.relative_to(root)) for p in root.rglob("*") if p.is_file()]
            names = [n for n in names if not re.match(r"build|\.git/|\.venv|\.cache", n)]
        self.names = sorted(n for n in names if (root / n).is_file() and not (root / n).is_symlink())

    def files(self, pattern, *folders):
        """Names that match the regular expression, below the given folders (all when none is given)."""
        return [n for n in self.names if re.search(pattern, n) and (not folders or n.startswith(tuple(f + "/" for f in folders)))]

    def exists(self, name):
        return name in set(self.names)

    def text(self, name):
        return (self.root / name).read_text(errors="replace")


def without_comments(text):
    """C++ text with comments and the contents of raw strings blanked, line structure kept."""
    blank = lambda m: m.group(0) if m.group(0)[0] in "\"'" else re.sub(r"[^\n]", " ", m.group(0))
    return re.sub(r"//[^\n]*|/\*.*?\*/|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'", blank, text, flags=re.S)


def line_of(text, position):
    return text.count("\n", 0, position) + 1


def names():
    return sorted(p.stem[len("check_"):] for p in pathlib.Path(__file__).parent.glob("check_*.py"))


def main():
    chosen = [a for a in sys.argv[1:] if not a.startswith("-")] or names()
    if "--list" in sys.argv:
        print("\n".join(names()))
        return 0
    tree, failed = Tree(), 0
    for name in chosen:
        module = importlib.import_module(f"check_{name}")
        problems = module.check(tree)
        failed += len(problems)
        for problem in problems:
            print(f"{name}: {problem}")
        print(f"{name}: {len(problems)} problems", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.modules["lint"] = sys.modules["__main__"]
    sys.exit(main())
