"""Directives of FileCheck and lit that could never fire: a missing colon, a prefix that no RUN line uses, `%0` by number."""
import re

SUFFIX = r"(?:-(?:NEXT|SAME|NOT|DAG|LABEL|EMPTY|COUNT-\d+))?"
VERIFY = re.compile(r"//\s*(expected-(?:error|warning|note|remark))(?!(?:-re)?\s*(?:@[\w+-]+)?\s*(?:\d+\s*)?\{\{)")


def prefixes_of(text):
    """Prefixes that the file's RUN lines use; continuation lines are joined. None when no RUN line calls FileCheck."""
    runs = re.sub(r"\\\n\s*//\s*RUN:", " ", "\n".join(re.findall(r"//\s*RUN:.*", text)) + "\n")
    if "FileCheck" not in runs:
        return None
    given = [p for group in re.findall(r"--?check-prefix(?:es)?[= ]([\w,-]+)", runs) for p in group.split(",")]
    plain = any("FileCheck" in c and "check-prefix" not in c for c in re.split(r"\||\n|;|&&", runs))
    return set(given) | ({"CHECK"} if plain else set())


def check_line(name, number, line, prefixes):
    place = f"{name}:{number}"
    for word, colon in re.findall(rf"//\s*([A-Z][A-Z0-9_-]*?{SUFFIX})(:| |$)", line):
        base = re.sub(rf"{SUFFIX}$", "", word)
        looks = base in prefixes or re.match(r"CH?E?CK|CHE", base)
        if looks and not colon == ":":
            yield f"{place}: '{word}' lacks its colon"
        elif looks and base not in prefixes:
            yield f"{place}: no RUN line uses prefix '{base}'"
    if re.search(rf"//\s*(?:{'|'.join(map(re.escape, prefixes))}){SUFFIX}:.*%\d", line):
        yield f"{place}: a value is matched by number: capture it under a name"


def check(tree):
    problems = []
    for name in tree.files(r"^tests/.*\.(mlir|test|td)$"):
        text = tree.text(name)
        if "RUN:" not in text:
            problems.append(f"{name}:1: no RUN line")
            continue
        prefixes = prefixes_of(text)
        for number, line in enumerate(text.split("\n"), 1):
            if prefixes is not None:
                problems += check_line(name, number, line, prefixes)
            elif re.search(rf"//\s*CHECK{SUFFIX}:", line):
                problems.append(f"{name}:{number}: a CHECK line, but no RUN line calls FileCheck")
            if VERIFY.search(line):
                problems.append(f"{name}:{number}: 'expected-…' without '{{{{message}}}}'")
        if prefixes and not any(re.search(rf"//\s*{re.escape(p)}{SUFFIX}:", text) for p in prefixes):
            problems.append(f"{name}:1: RUN lines use {', '.join(sorted(prefixes))}, but no line has one")
    return problems
