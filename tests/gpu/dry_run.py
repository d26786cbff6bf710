#!/usr/bin/env python3
"""Goes through tools/gpu-check without a GPU: prepares a folder with three models and runs its parts on the CPU.

usage: dry_run.py DLC SCRATCH [DEVICE]

All that can run must pass, what cannot must be counted as skipped; a second run must find everything done; a run without time
must say so, keep what there is, and be finished by the next.
"""
import argparse
import json
import os
import pathlib
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
MODELS = "mlp_small.default,gpt2l_fused.default,gpt2l_plain.older"


def run(*words, status=0):
    done = subprocess.run([str(w) for w in words], capture_output=True, text=True)
    if done.returncode != status:
        sys.exit(f"dry_run: expected status {status} of {words}, but got {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


def expect(is_true, what):
    if not is_true:
        sys.exit(f"dry_run: expected {what}")


def check_module(folder):
    """The parts of check.py that a machine without a GPU does not reach by itself."""
    sys.path.insert(0, str(folder / "scripts"))
    sys.dont_write_bytecode = True
    import check

    wheel = folder.parent / "site" / "nvidia" / "cublas" / "lib"
    wheel.mkdir(parents=True, exist_ok=True)
    (wheel / "libcublasLt.so.13").touch()
    sys.path.append(str(wheel.parent.parent.parent))
    os.environ["LD_LIBRARY_PATH"] = "/usr/local/nvidia/lib64"
    before, environment = check.loader(folder)
    told = " ".join([*before, *environment.values()])
    expect("/usr/local/nvidia/lib64" in told and str(wheel) in told, "the machine's folders of libraries to be searched")
    args = argparse.Namespace(device="cuda", out=folder.parent / "broken", budget=60)
    run = check.Run(args)

    def broken():
        raise KeyError("step_ms")

    run.item("kernels", "broken", broken)
    run.item("kernels", "whole", dict)
    expect([r["status"] for r in run.results] == ["failed", "passed"], "an item that breaks not to end the others")


def main():
    dlc, scratch = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    device = sys.argv[3] if len(sys.argv) > 3 else "cpu"
    folder = scratch / "folder"
    shutil.rmtree(folder, ignore_errors=True)
    run(sys.executable, ROOT / "tools" / "gpu-check", "--prepare", folder, "--program", dlc, "--models", MODELS, "--no-benchmarks")
    check = [folder / "gpu-check", "--device", device]
    expect("conformance" in run(*check, "--list"), "'--list' to name the parts")
    run(*check, "--budget", 1, status=75)
    said = run(*check)
    results = json.loads((folder / "results" / "results.json").read_text())
    status = {f"{r['part']}/{r['item']}": r["status"] for r in results}
    for entry in ("infer", "eval", "grad"):
        expect(status.get(f"conformance/gpt2l_fused.default/{entry}") == "passed", f"'{entry}' to pass")
    expect(status.get("conformance/gpt2l_plain.older.cudnn/grad") == "passed", "attention by cuDNN to pass")
    expect(status.get("training/mlp_small.default") == "passed", "training to pass")
    expect({s for s in status.values()} == {"passed", "skipped"}, "nothing but passed and skipped")
    expect(all(s == "skipped" for name, s in status.items() if name.startswith("sanitizers/")), "no sanitizers without a GPU")
    expect(said.splitlines()[-1].startswith(f"{list(status.values()).count('passed')} passed, 0 failed"), "the last line to count")
    expect("| conformance | 12 | 0 | 0 |" in (folder / "results" / "results.md").read_text(), "a table in Markdown")
    run(*check)
    expect(json.loads((folder / "results" / "results.json").read_text()) == results, "a second run to do nothing again")
    check_module(folder)
    print(said.splitlines()[-1])


if __name__ == "__main__":
    main()
