"""Words that do not belong in the tree: unfinished work without an issue number, absolute paths of one machine, package
registries' hosts, tests that skip without being counted."""
import re

import lint

TEXT = r"\.(h|hpp|cpp|c|td|py|sh|cmake|md|txt|mlir|fbs|json)$|^tools/(quickstart|check)$|^\.ci/run$|CMakeLists\.txt$"
EVERYWHERE = {
    r"(?<![\w/.])/(?:home|root|work|farm)/\w+": "an absolute path of one machine",
    r"\b(?:deb\.debian|files\.pythonhosted|pypi)\.org\b": "a package registry's host",
}
SOURCES = {
    r"\bTODO\b(?!\(#\d+\))|\bFIXME\b|\bXXX\b|\bHACK\b": "unfinished work",
    r"(?i)\bnot (?:yet )?implemented\b|\bunimplemented\b": "unfinished work",
}
TESTS = {r"\bGTEST_SKIP\(\)(?!\s*<<)": "a skip without its reason", r"\bDISABLED_\w+": "a disabled test", r"//\s*XFAIL:": "an expected failure"}
OWN = "tools/dev/check_words.py"


def check(tree):
    problems = []
    for name in tree.files(TEXT):
        if name == OWN or name.startswith(("tests/data/", "tests/hostile/files/")):
            continue
        words = dict(EVERYWHERE)
        words.update(SOURCES if re.search(r"\.(h|hpp|cpp|c|td|py|fbs)$", name) else {})
        words.update(TESTS if name.startswith("tests/") else {})
        text = tree.text(name)
        for pattern, what in words.items():
            for match in re.finditer(pattern, text):
                problems.append(f"{name}:{lint.line_of(text, match.start())}: {what}: '{match.group(0)}'")
    return problems
