"""Configuration of lit: which files are tests, where the tools are."""
import os

import lit.formats

config.name = getattr(config, "dlc_suite", "dlc")
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".mlir", ".test"]
# Data, and what the unit tests read.
config.excludes = ["unit", "fixtures", "data", "inputs"]
if not hasattr(config, "dlc_suite"):
    config.test_source_root = os.path.dirname(__file__)
    config.test_exec_root = os.path.join(config.dlc_build, "tests", "lit")

# The build's tools first, then LLVM's (FileCheck, split-file, not).
folders = [os.path.join(config.dlc_build, "bin"), os.path.join(config.dlc_llvm, "bin")]
config.environment["PATH"] = os.pathsep.join(folders + [os.environ.get("PATH", "")])
# Captures of one CHECK-LABEL block do not leak into the next.
config.environment["FILECHECK_OPTS"] = "-enable-var-scope"
config.substitutions.append(("%dlc_source", config.dlc_source))
config.substitutions.append(("%dlc_build", config.dlc_build))
