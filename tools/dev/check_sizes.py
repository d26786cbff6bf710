"""Files stay below 900 lines and functions below 100 (500 and 60 are the aims). Data and generated files are left out."""
import ast
import re

import lint

FILE_LINES, FUNCTION_LINES = 900, 100
SOURCE = r"\.(h|hpp|cpp|c|td|py|sh|cmake)$|^tools/(quickstart|check)$|CMakeLists\.txt$"
NO_FUNCTION = re.compile(r"^\s*(if|for|while|switch|else|do|namespace|extern|return|struct|class|enum|union|case|default|try|catch|#)\b")


def cpp_functions(text):
    """(first line, last line) of every function: a line that ends in an open brace after a parameter list, up to the
    closing brace in the column where the statement began."""
    # What a raw string holds may look like a function.
    text = re.sub(r'R"(\w*)\(.*?\)\1"', lambda m: '""' + "\n" * m.group().count("\n"), lint.without_comments(text), flags=re.S)
    lines, start = text.split("\n"), None
    open_functions = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            start = None
            continue
        if start is None:
            start = number
        if line.rstrip().endswith("{"):
            head = " ".join(lines[start - 1:number])
            if "(" in head and not NO_FUNCTION.match(head) and not re.search(r"=\s*\{$|\]\s*\(", head):
                indent = len(lines[start - 1]) - len(lines[start - 1].lstrip())
                open_functions.append((start, indent))
        while open_functions and re.match(r"}", line.strip()) and len(line) - len(line.lstrip()) <= open_functions[-1][1]:
            yield open_functions.pop()[0], number
        if re.search(r"[;{}:]\s*$", line):
            start = None


def python_functions(text):
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node.lineno, node.end_lineno


def check(tree):
    problems = []
    for name in tree.files(SOURCE):
        text = tree.text(name)
        count = text.count("\n")
        if count > FILE_LINES:
            problems.append(f"{name}:1: a file has at most {FILE_LINES} lines, but this has {count}")
        kind = name.rsplit(".", 1)[-1]
        functions = cpp_functions(text) if kind in ("h", "hpp", "cpp", "c") else python_functions(text) if kind == "py" else ()
        for first, last in functions:
            if last - first + 1 > FUNCTION_LINES:
                problems.append(f"{name}:{first}: a function has at most {FUNCTION_LINES} lines, but this has {last - first + 1}")
    return problems
