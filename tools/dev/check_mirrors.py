"""Tests mirror sources: a pass `dlc-x` has XPass.cpp's file X.cpp and tests/passes/<group>/x.mlir; an op family F that
folds has tests/dialects/dlc/f.mlir, and one that verifies has invalidExamples; FooTest.cpp stands for a source Foo."""
import re

KEBAB = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def passes(tree):
    for name in tree.files(r"^passes/[^/]+/Passes\.td$"):
        group = name.split("/")[1]
        for word, argument in re.findall(r'^def (\w+)Pass\s*:\s*\w+<\s*"([\w-]+)"', tree.text(name), re.M):
            kebab = KEBAB.sub("-", word).lower()
            if argument != f"dlc-{kebab}":
                yield f"{name}:1: pass '{word}Pass' must be called 'dlc-{kebab}', but is '{argument}'"
            if not tree.exists(f"passes/{group}/{word}.cpp"):
                yield f"{name}:1: pass '{word}Pass' must be in passes/{group}/{word}.cpp"
            if not tree.files(rf"^tests/passes/{group}/{kebab}(-[a-z]+)*\.mlir$"):
                yield f"{name}:1: pass '{word}Pass' has no test tests/passes/{group}/{kebab}.mlir"


def families(tree):
    # Parsing, printing and rejected forms are tested by the examples in the .td file (tools/dev/gen_examples.py).
    for dialect in ("dlc", "exec"):
        for name in tree.files(rf"^dialects/{dialect}/IR/ops/\w+\.td$"):
            text = tree.text(name)
            kebab = KEBAB.sub("-", name.rsplit("/", 1)[-1][:-3]).lower()
            test = f"tests/dialects/{dialect}/{kebab}.mlir"
            if re.search(r"has(Folder|Canonicalizer) = 1", text) and not tree.exists(test):
                yield f"{name}:1: its folds have no test {test}"
            if "hasVerifier = 1" in text and "invalidExamples" not in text:
                yield f"{name}:1: its verifiers have no invalidExamples"


def unit_tests(tree):
    sources = {re.sub(r"\.\w+$", "", n.rsplit("/", 1)[-1]).lower() for n in tree.files(r"\.(cpp|h|hpp|td|c|fbs)$") if not n.startswith("tests/unit/")}
    for name in tree.files(r"^tests/unit/.*Test\.cpp$"):
        subject = name.rsplit("/", 1)[-1][:-len("Test.cpp")]
        if subject.lower() not in sources and subject not in ALLOWED:
            yield f"{name}:1: no source is called '{subject}'"


# unit tests whose subject is a property of the whole tree
ALLOWED = {"OpCoverage", "Gradient", "GradientConventions", "KernelNumerics", "RandomGraph", "Training", "Reference", "Rewrite", "Core", "Data", "Library", "MathCode",
           "Dependencies"}


def check(tree):
    return [*passes(tree), *families(tree), *unit_tests(tree)]
