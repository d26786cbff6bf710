"""Grammar of error messages: lower case first, no final period, no exclamation mark. Names of things in quotes stay free."""
import re

import lint

CALL = re.compile(r"\b(emitError|emitOpError|emitWarning|DLC_ERROR|emitOptionalError|notifyMatchFailure)\s*\(")
LITERAL = re.compile(r'"((?:\\.|[^"\\\n])*)"')
# words that are written with a capital wherever they stand
PROPER = re.compile(r"^(ONNX|LLVM|MLIR|CPU|ELF|JSON|AVX|AMX|PyTorch|BatchNorm|Dropout|DLC|[A-Z]{2,}|[A-Z][a-z]+[A-Z])")
FOLDERS = ("runtime", "dialects", "passes", "frontends", "compiler", "tools")


def statement(text, start):
    """From `start` to the semicolon that ends the statement (string literals skipped)."""
    position, depth = start, 0
    while position < len(text):
        literal = LITERAL.match(text, position)
        if literal:
            position = literal.end()
            continue
        depth += (text[position] in "({[") - (text[position] in ")}]")
        if (text[position] == ";" and depth <= 0) or depth < 0:
            return text[start:position]
        position += 1
    return text[start:]


def check(tree):
    problems = []
    for name in tree.files(r"\.(h|cpp)$", *FOLDERS):
        text = lint.without_comments(tree.text(name))
        for call in CALL.finditer(text):
            body = statement(text, call.start())
            literals = [m for m in LITERAL.finditer(body) if not re.fullmatch(r"DLC\d{4}", m.group(1))]
            if not literals:
                continue
            place, first, last = f"{name}:{lint.line_of(text, call.start())}", literals[0].group(1), literals[-1]
            if re.match(r"[A-Z]", first) and not PROPER.match(first):
                problems.append(f"{place}: a message starts in lower case, but this with '{first[:30]}'")
            ends_here = re.fullmatch(r"[\s)]*", body[last.end():])
            if ends_here and re.search(r"[.!]\s*$", last.group(1)) and not last.group(1).endswith("..."):
                problems.append(f"{place}: a message has no final period, but this ends in '{last.group(1)[-30:]}'")
    return problems
