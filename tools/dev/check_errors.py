"""Error ids and their pages are one to one: every DLCnnnn in the sources has docs/errors/DLCnnnn.md and the reverse.

A page opens with `# DLCnnnn: …` and has the sections Sample, Cause and What to do, none of them empty.
"""
import re

import lint

FOLDERS = ("runtime", "dialects", "passes", "frontends", "compiler", "tools")
SECTIONS = ["Sample", "Cause", "What to do"]


def check_page(name, text):
    problems, ident = [], name.rsplit("/", 1)[-1][:-3]
    if not re.match(rf"# {ident}: [^\n]+\n", text):
        problems.append(f"{name}:1: the title must be '# {ident}: …'")
    found = re.findall(r"^#+ (.+)$", text, re.M)[1:]
    if found != SECTIONS:
        problems.append(f"{name}:1: the sections must be {', '.join(SECTIONS)}, but are {', '.join(found) or 'none'}")
    for section, body in re.findall(r"^#+ (.+)\n((?:(?!#+ ).*\n?)*)", text, re.M)[1:]:
        if not body.strip():
            problems.append(f"{name}:1: section '{section}' must not be empty")
    return problems


def check(tree):
    used, problems = {}, []
    for name in tree.files(r"\.(h|hpp|cpp|c|td)$", *FOLDERS):
        text = tree.text(name)
        for match in re.finditer(r"\bDLC\d{4}\b", text):
            used.setdefault(match.group(0), f"{name}:{lint.line_of(text, match.start())}")
    pages = {n.rsplit("/", 1)[-1][:-3]: n for n in tree.files(r"^docs/errors/DLC\d{4}\.md$")}
    problems += [f"{place}: '{i}' has no page docs/errors/{i}.md" for i, place in sorted(used.items()) if i not in pages]
    problems += [f"{page}:1: no source mentions '{i}'" for i, page in sorted(pages.items()) if i not in used]
    for ident, name in sorted(pages.items()):
        problems += check_page(name, tree.text(name))
    return problems
