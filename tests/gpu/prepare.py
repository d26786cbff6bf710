"""Makes the folder that a GPU machine needs: `gpu-check --prepare DIR [--build build] [--python PYTHON]`.

    DIR/gpu-check          the command; results come into DIR/results
    DIR/bin/dlc            the compiler and runtime, without LLVM's shared libraries; lib, glibc: what else it loads
    DIR/bin/library-test   products and convolutions by the GPU's libraries against their definitions
    DIR/models, DIR/data   artifacts of the test models, for any x86-64-v3 CPU for cuda and for the emulated device, with samples
    DIR/bench              graphs of larger models; their weights are drawn on the other machine (weights.py)
    DIR/scripts            this program's other half (check.py) and PyTorch's and JAX's models
    DIR.tar.xz             all of it, at most 60 MiB

Models for benchmarks are exported by PYTHON, which needs torch, onnx and onnxscript; without them they are left out and named.
"""
import argparse
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
FIXTURES, DATA = ROOT / "tests" / "fixtures", ROOT / "tests" / "data"
MOST = 60 << 20
# What is built: what it is called there.
PROGRAMS = {"dlc-static": "dlc", "dlc_gpu_library_test": "library-test"}
TARGETS = "cpu,cuda:sm_80,sm_90,emulated"
CPU = "x86-64-v3"
# The C library goes with the folder for machines whose own is older; never mixed with theirs.
GLIBC = re.compile(r"^(ld-linux-x86-64|lib(c|m|dl|rt|pthread|resolv|util))\.so")
TRAINING = {"mlp_small.default": {"data": "mlp_small.data.npz", "steps": 20, "lr": 1e-3},
            "digits_cnn_nobn": {"data": "digits_train.npz", "steps": 30, "lr": 1e-3},
            "gpt2l_fused.default": {"data": "gpt2l.data.npz", "steps": 20, "lr": 1e-3},
            "resnet18_tiny.unopt": {"data": "resnet18_tiny.data.npz", "steps": 10, "lr": 1e-3}}
KERNELS = {"softmax": ["--loss", "mse"], "layer_norm": ["--loss", "mse"], "bias_gelu": ["--loss", "mse"], "transpose": ["--loss", "mse"],
           "products": ["--loss", "mse", "--precision", "bf16"], "convolution": ["--loss", "mse", "--precision", "bf16"],
           "embedding": ["--loss", "mse"]}
# More artifacts of test models; products in bf16 add what is rounded in another order.
VARIANTS = {"gpt2l_plain.older.cudnn": {"file": "gpt2l_plain.older", "options": ["--precision", "bf16", "--attention", "cudnn"], "allowed": 4e-2}}
# name: preset of tests/fixtures/models.py, exporter, opset, batch, tokens of a sample
BENCHMARKS = {"gpt2-124m": ("gpt2-124m-t1024", "default", 23, 64, 1024, "bf16"),
              "char-gpt-6x384": ("char-gpt-6x384", "default", 23, 64, 256, "bf16"),
              "resnet50": ("resnet50-224", "unoptimized", 18, 256, 1, "bf16"),
              "resnet18-32": ("resnet18-32", "unoptimized", 18, 128, 1, "bf16"),
              "mlp": ("mlp", "default", 23, 128, 1, "f32")}
PEERS = ["eager", "compile", "graphs", "jax"]


def say(text):
    print(text, flush=True)


def run(command, **more):
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, **more)
    if done.returncode:
        sys.exit(f"prepare: {' '.join(map(str, command[:3]))} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.stdout


def copy_program(folder, build, program=None):
    """Returns the version of the C library that it was built with."""
    version = [int(n) for n in os.confstr("CS_GNU_LIBC_VERSION").split()[-1].split(".")]
    for name in ("bin", "lib", "glibc"):
        (folder / name).mkdir()
    if program:
        shutil.copy2(program, folder / "bin" / "dlc")
        return version
    for target, name in PROGRAMS.items():
        program = build / "bin" / target
        run(["cmake", "--build", build, "--target", target])
        shutil.copy2(program, folder / "bin" / name)
        copy_libraries(folder, program)
    return version


def copy_libraries(folder, program):
    for line in run(["ldd", program]).splitlines():
        found = re.search(r"(\S+) => (/\S+)", line) or re.search(r"^\s*()(/\S*ld-linux\S+)", line)
        if found:
            name = found.group(1) or pathlib.Path(found.group(2)).name
            shutil.copy2(os.path.realpath(found.group(2)), folder / ("glibc" if GLIBC.match(name) else "lib") / name)


def find_assembler(build):
    """Puts NVIDIA's assembler on the path, where the compiler looks for it; false if there is none."""
    cache = build / "CMakeCache.txt"
    known = re.search(r"^DLC_PTXAS:\w+=(/.*)$", cache.read_text(), re.M) if cache.exists() else None
    if known:
        os.environ["PATH"] += f":{pathlib.Path(known.group(1)).parent}"
    return shutil.which("ptxas") is not None


def cases():
    rows = [line.split() for line in (FIXTURES / "cases.txt").read_text().splitlines() if line and line[0] != "#"]
    return [dict(zip(("file", "values", "loss", "batch", "trained", "check"), row)) for row in rows]


def entries_of(case):
    """What can be compared in one call: of models with dropout not the forward as written; `step` is compared in training."""
    return ["infer"] if case["check"] == "infer" else ["infer", "eval", "grad"]


def compile_models(folder, dlc, only):
    models, training, schedules = {}, {}, {}
    (folder / "models").mkdir()
    (folder / "data").mkdir()
    rows = [case | {"name": case["file"], "options": []} for case in cases() if case["check"] != "none"]
    rows += [case | variant | {"name": name} for name, variant in VARIANTS.items() for case in rows if case["file"] == variant["file"]]
    for case in rows:
        name, artifact = case["name"], folder / "models" / f"{case['name']}.dlc"
        if only and case["file"] not in only:
            continue
        entries = entries_of(case)
        run([dlc, "compile", FIXTURES / f"{case['file']}.onnx", "-o", artifact, "--loss", case["loss"], "--batch", case["batch"], "--target",
             TARGETS, "--cpu", CPU, "--entries", ",".join([*entries, "step"]), *case["options"]])
        models[name] = {"values": case["values"], "entries": entries} | ({"allowed": case["allowed"]} if "allowed" in case else {})
        found = json.loads(run([dlc, "inspect", artifact, "--json"]))
        schedules[name] = {k["schedule"] for k in found["kernels"] if k.get("schedule")}
        shutil.copy2(FIXTURES / f"{case['values']}.batch.npz", folder / "data")
        if name in TRAINING:
            job = TRAINING[name]
            source = DATA / job["data"]
            shutil.copy2(source if source.exists() else FIXTURES / job["data"], folder / "data")
            training[name] = {**job, "batch": int(case["batch"])}
    return models, training, covering(schedules, list(training))


def covering(schedules, chosen):
    """`chosen` and few other models, that have all schedules of kernels between them."""
    missing = set().union(*schedules.values()).difference(*(schedules[name] for name in chosen))
    while missing:
        best = max(sorted(schedules), key=lambda name: len(schedules[name] & missing))
        chosen.append(best)
        missing -= schedules[best]
    return chosen


STRIP = """
import sys
sys.path[:0] = [{gpu!r}, {fixtures!r}]
import onnx, weights, kernel_models
source, folder, name = sys.argv[1:4]
model = kernel_models.make(name) if source == "-" else onnx.load(source)
weights.strip(model, folder, name)
"""


def benchmark_models(folder, python, cache):
    """(kernels, benchmarks, what is left out)"""
    (folder / "bench").mkdir()
    cache.mkdir(parents=True, exist_ok=True)
    if subprocess.run([python, "-c", "import torch, onnx, onnxscript"], capture_output=True).returncode:
        return {}, {}, f"benchmarks: {python} lacks torch, onnx or onnxscript"
    script = STRIP.format(gpu=str(HERE), fixtures=str(FIXTURES))
    kernels, benchmarks = {}, {}
    for name, options in KERNELS.items():
        run([python, "-c", script, "-", folder / "bench", name])
        kernels[name] = {"options": options}
    for name, (preset, exporter, opset, batch, tokens, precision) in BENCHMARKS.items():
        path = cache / f"{preset}.onnx"
        if not path.exists():
            say(f"exporting {preset}")
            part = path.with_suffix(".part.onnx")
            run([python, FIXTURES / "export.py", preset, "--exporter", exporter, "--opset", opset, "--out", part])
            part.rename(path)
        run([python, "-c", script, path, folder / "bench", name])
        benchmarks[name] = {"preset": preset, "batch": batch, "tokens": tokens, "precision": precision, "is_small": name == "mlp",
                            "ways": [[], ["--attention", "cudnn"]] if "gpt" in name else [[]]}
    return kernels, benchmarks, ""


def copy_scripts(folder):
    (folder / "scripts").mkdir()
    for path in [HERE / n for n in ("check.py", "tensors.py", "weights.py", "peers.py")] + [
            FIXTURES / "models.py", ROOT / "tests" / "bench" / "jax_models.py"]:
        shutil.copy2(path, folder / "scripts")
    shutil.copy2(ROOT / "tools" / "gpu-check", folder / "gpu-check")


def pack(folder):
    archive = folder.with_name(folder.name + ".tar.xz")
    run(["tar", "-C", folder.parent, "-cf", archive, "-I", "xz -6 -T0", "--exclude", f"{folder.name}/results", folder.name])
    return archive


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--prepare", type=pathlib.Path, required=True, metavar="DIR")
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build")
    parser.add_argument("--python", default=sys.executable, help="exports the models of benchmarks [this one]")
    parser.add_argument("--no-benchmarks", action="store_true")
    parser.add_argument("--models", type=lambda t: t.split(","), help="only these test models, to try it")
    parser.add_argument("--program", type=pathlib.Path, help="this dlc, without its libraries and without an archive, to try it here")
    args = parser.parse_args()
    folder = args.prepare.resolve()
    if folder.exists() and any(folder.iterdir()) and not (folder / "manifest.json").exists():
        sys.exit(f"prepare: {folder} holds something else")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    say("copying the compiler")
    glibc = copy_program(folder, args.build.resolve(), args.program)
    if not find_assembler(args.build.resolve()):
        say("no ptxas: artifacts have PTX alone, which the GPU's driver compiles")
    say("compiling the test models")
    models, training, sanitized = compile_models(folder, folder / "bin" / "dlc", args.models)
    kernels, benchmarks, absent = {}, {}, "benchmarks: not asked for"
    if not args.no_benchmarks:
        kernels, benchmarks, absent = benchmark_models(folder, args.python, ROOT / ".cache" / "gpu")
    copy_scripts(folder)
    (folder / "manifest.json").write_text(json.dumps(
        {"glibc": glibc, "models": models, "training": training, "sanitized": sanitized, "kernels": kernels, "benchmarks": benchmarks,
         "peers": PEERS}, indent=1) + "\n")
    if args.program:
        return
    archive = pack(folder)
    size = archive.stat().st_size
    say(f"{archive}: {size / 2**20:.1f} MiB, {len(models)} test models, {len(benchmarks)} benchmarks" + (f"; left out: {absent}" if absent else ""))
    if size > MOST:
        sys.exit(f"prepare: the archive must be at most {MOST >> 20} MiB, but got {size / 2**20:.1f}")


if __name__ == "__main__":
    main()
