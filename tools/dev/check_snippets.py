"""Snippets of source in pages are the source's own lines: a fence after `<!-- snippet: FILE -->` must stand in FILE, line
by line, but for the indentation that all its lines share. The first line is the anchor. A line `…` skips lines."""
import re
import textwrap

SNIPPET = re.compile(r"<!-- snippet: (\S+) -->\n\s*```\w*\n(.*?)\n\s*```", re.S)


def lines_of(text):
    return [line.strip() for line in textwrap.dedent(text).split("\n") if line.strip()]


def stands_in(part, source, start):
    """Where `part` ends in `source` if it stands there at or after `start`, or -1."""
    for i in range(start, len(source) - len(part) + 1):
        if source[i:i + len(part)] == part:
            return i + len(part)
    return -1


def check_snippet(text, source):
    position, part = 0, []
    for line in [*lines_of(text), "…"]:
        if line != "…":
            part.append(line)
            continue
        position = stands_in(part, source, position)
        if position < 0:
            return part[0]
        part = []
    return None


def check(tree):
    problems = []
    for name in tree.files(r"\.md$"):
        for match in SNIPPET.finditer(tree.text(name)):
            place = f"{name}:{tree.text(name).count(chr(10), 0, match.start()) + 1}"
            if not tree.exists(match.group(1)):
                problems.append(f"{place}: there is no file '{match.group(1)}'")
                continue
            missing = check_snippet(match.group(2), lines_of(tree.text(match.group(1))))
            if missing:
                problems.append(f"{place}: the lines from '{missing}' on do not stand in '{match.group(1)}'")
    return problems
