"""Global command line options (llvm::cl::opt) stand in tools/ alone; passes declare theirs with Option<>."""
import re

import lint


def check(tree):
    problems = []
    for name in tree.files(r"\.(h|cpp)$", "runtime", "dialects", "passes", "frontends", "compiler"):
        text = lint.without_comments(tree.text(name))
        for match in re.finditer(r"\bcl::(opt|list|bits|alias)\b", text):
            problems.append(f"{name}:{lint.line_of(text, match.start())}: 'cl::{match.group(1)}' belongs in tools/")
    return problems
