"""Runs everything on a GPU machine, part by part, and writes results.json and results.md.

usage: gpu-check [--device cuda|emulated|cpu] [--part NAME[,NAME...]] [--list] [--budget SECONDS] [--out DIR] [--again]

Results are appended to results.json as they come, so that a run that was cut off goes on where it stopped; --again forgets
those of the parts that are asked for. --budget (540 s) ends the run in time: what was not reached is said and comes next time.
"""
import argparse
import json
import os
import pathlib
import platform
import shutil
import subprocess
import sys
import time

import tensors
import weights

HERE = pathlib.Path(__file__).resolve().parent
FOLDER = HERE.parent
# Of single precision: sums are the same bits on every device, products by libraries are not.
OUTPUTS, GRADIENTS, LOSSES = 1e-5, 1e-4, 1e-5
# Attention by cuDNN is on request, and a machine may have an older one.
OLD_CUDNN = "DLC6214"
SANITIZERS = ["memcheck", "racecheck", "synccheck", "initcheck"]


class OutOfTime(Exception):
    pass


class Failed(Exception):
    pass


class Skipped(Exception):
    pass


def package_folders():
    """Where NVIDIA's Python packages have cuBLASLt and cuDNN, if this Python has them, as PyTorch's does."""
    found = [folder for path in sys.path if path for folder in sorted(pathlib.Path(path).glob("nvidia/*/lib"), reverse=True)]
    return [str(folder) for folder in found if any(folder.glob("libcu[bd]*")) or any(folder.glob("libnvrtc.*"))]


def loader(folder=FOLDER):
    """What goes before a program so that it runs with the folder's libraries: with the system's C library if it is as new as
    the folder's, else with the folder's own. What the machine says of libraries stays: a container's driver is found by it."""
    try:
        have = tuple(int(n) for n in platform.libc_ver()[1].split("."))
    except ValueError:
        have = ()
    needed = tuple(json.loads((folder / "manifest.json").read_text())["glibc"])
    given = [path for path in os.environ.get("LD_LIBRARY_PATH", "").split(":") if path]
    paths = [str(folder / "lib"), *given, *package_folders()]
    if have >= needed:
        return [], {"LD_LIBRARY_PATH": ":".join(paths)}
    return [str(folder / "glibc" / "ld-linux-x86-64.so.2"), "--library-path", ":".join([str(folder / "glibc"), *paths])], {}


class Run:
    def __init__(self, args):
        self.args, self.device = args, args.device
        self.out = pathlib.Path(args.out)
        self.scratch = self.out / "scratch"
        self.scratch.mkdir(parents=True, exist_ok=True)
        self.manifest = json.loads((FOLDER / "manifest.json").read_text())
        self.end = time.monotonic() + args.budget
        self.path = self.out / "results.json"
        self.results = json.loads(self.path.read_text()) if self.path.exists() else []
        self.before, self.environment = loader()

    # -- commands ------------------------------------------------------------------------------------------------------

    def left(self):
        return self.end - time.monotonic()

    def command(self, words, device=None, prefix=(), limit=300, environment=None):
        """stdout of `dlc words`; Failed with its last line of stderr."""
        env = {**os.environ, **self.environment, "DLC_DEVICE": device or self.device, **(environment or {})}
        return self.program([*prefix, *self.before, FOLDER / "bin" / "dlc", *words], env, limit)

    def program(self, words, env=None, limit=300, told=()):
        """stdout of a program; Failed with its last line, or with the first that says one of `told`."""
        if self.left() < 5:
            raise OutOfTime
        limit = min(limit, self.left())
        try:
            done = subprocess.run([str(w) for w in words], capture_output=True, text=True, env=env, timeout=limit)
        except subprocess.TimeoutExpired:
            if self.left() < 5:
                raise OutOfTime from None
            raise Failed(f"ran past {limit:.0f} s") from None
        if done.returncode:
            lines = ((done.stderr or done.stdout) if not told else done.stdout + done.stderr).strip().splitlines()
            chosen = next((line for line in lines if any(word in line for word in told)), (lines or [""])[-1])
            raise Failed((chosen or f"exit status {done.returncode}")[:400])
        return done.stdout

    # -- results -------------------------------------------------------------------------------------------------------

    def has(self, part, item):
        return any(r["part"] == part and r["item"] == item and r["device"] == self.device for r in self.results)

    def item(self, part, name, work):
        """Runs `work`, a function that returns a dict of figures, unless its result is there."""
        if self.has(part, name):
            return
        if self.left() < 5:
            raise OutOfTime
        start, record = time.monotonic(), {"part": part, "item": name, "device": self.device}
        try:
            record |= {"status": "passed", **work()}
        except Failed as error:
            record |= {"status": "skipped" if OLD_CUDNN in str(error) else "failed", "why": str(error)}
        except Skipped as reason:
            record |= {"status": "skipped", "why": str(reason)}
        except OutOfTime:
            raise
        except Exception as error:  # of this item alone: what is not there, or not as it should be, must not end the others
            record |= {"status": "failed", "why": f"{type(error).__name__}: {error}"[:400]}
        record["seconds"] = round(time.monotonic() - start, 3)
        self.results.append(record)
        self.save()
        print(f"{part:12} {name:32} {record['status']} {record.get('why', '')}", flush=True)

    def save(self):
        part = self.path.with_suffix(".part")
        part.write_text(json.dumps(self.results, indent=1) + "\n")
        part.replace(self.path)


# -- parts -------------------------------------------------------------------------------------------------------------


def machine(run):
    def about():
        found = {"system": platform.platform(), "cpu": os.cpu_count(), "dlc": run.command(["--version"]).splitlines()[0],
                 "packages": package_folders(), "ptxas": shutil.which("ptxas") or ""}
        if shutil.which("nvidia-smi"):
            query = ["nvidia-smi", "--query-gpu=name,driver_version,memory.total,clocks.max.sm", "--format=csv,noheader"]
            found["gpu"] = run.program(query).strip()
        elif run.device == "cuda":
            raise Failed("nvidia-smi is not there")
        return found

    run.item("machine", "about", about)


def libraries(run):
    """Random products, convolutions and attention by cuBLASLt and cuDNN, through the backend, against sums written out."""
    program = FOLDER / "bin" / "library-test"
    for name in ("CudaGemmTest", "CudaConvTest", "CudaAttentionTest"):
        def compare(name=name):
            if run.device != "cuda":
                raise Skipped("only for cuda")
            if not program.exists():
                raise Skipped("bin/library-test is not in this folder")
            said = run.program([*run.before, program, f"--gtest_filter={name}.*"], {**os.environ, **run.environment}, told=("error", "must be"))
            if OLD_CUDNN in said:
                raise Skipped("cuDNN is older than its attention needs")
            if "SKIPPED" in said or "[  PASSED  ] 0 tests" in said:
                raise Failed(next((line for line in said.splitlines() if "DLC" in line), "nothing ran")[:400])
            return {"said": said.strip().splitlines()[-1][:200]}

        run.item("libraries", name, compare)


def conformance(run):
    """Every entry of every test artifact on the device against the CPU's results, from the same file."""
    for name, case in run.manifest["models"].items():
        for entry in case["entries"]:
            def compare(name=name, case=case, entry=entry):
                files = {}
                for device in ("cpu", run.device):
                    files[device] = run.scratch / f"{name}.{entry}.{device}.npz"
                    run.command(["run", FOLDER / "models" / f"{name}.dlc", "--entry", entry, "--inputs",
                                 FOLDER / "data" / f"{case['values']}.batch.npz", "--outputs", files[device]], device)
                error, where = tensors.difference(tensors.read(files[run.device]), tensors.read(files["cpu"]))
                for file in files.values():
                    file.unlink(missing_ok=True)
                allowed = case.get("allowed", GRADIENTS if entry == "grad" else OUTPUTS)
                if not error <= allowed:
                    raise Failed(f"'{where}' differs by {error:.2e}, allowed are {allowed:.0e}")
                return {"difference": error}

            run.item("conformance", f"{name}/{entry}", compare)


def losses(path):
    return [row["loss"] for row in map(json.loads, path.read_text().splitlines()) if "loss" in row]


def training(run):
    """Losses of training on the device against the CPU's, and the same bits when it is run again."""
    for name, job in run.manifest["training"].items():
        def train(device, again=0, name=name, job=job):
            stem = run.scratch / f"{name}.{device}.{again}"
            log, saved = stem.with_suffix(stem.suffix + ".jsonl"), stem.with_suffix(stem.suffix + ".safetensors")
            log.unlink(missing_ok=True)
            run.command(["train", FOLDER / "models" / f"{name}.dlc", "--data", FOLDER / "data" / job["data"], "--steps", job["steps"],
                         "--batch", job["batch"], "--lr", job["lr"], "--seed", 1, "--no-shuffle", "--log", log, "--save", saved],
                        device)
            return losses(log), saved.read_bytes()

        def parity():
            (expected, _), (found, first), (_, second) = train("cpu"), train(run.device), train(run.device, 1)
            if len(found) != len(expected) or not found:
                raise Failed(f"{len(found)} losses, but the CPU logs {len(expected)}")
            error = max(abs(a - b) / max(abs(b), 1e-6) for a, b in zip(found, expected))
            if not error <= LOSSES:
                raise Failed(f"losses differ by {error:.2e}, allowed are {LOSSES:.0e}")
            if first != second:
                raise Failed("a second run left other bits")
            return {"difference": error, "steps": len(found), "last_loss": found[-1]}

        run.item("training", name, parity)


def sanitizers(run):
    """Every family of kernels under the sanitizers: the models in the manifest have all schedules between them."""
    tool = shutil.which("compute-sanitizer") or next(
        (p for p in ("/usr/local/cuda/bin/compute-sanitizer",) if os.access(p, os.X_OK)), None)
    for name in run.manifest["sanitized"]:
        for check in SANITIZERS:
            def sanitize(name=name, check=check):
                if run.device != "cuda":
                    raise Skipped("only for cuda")
                if not tool:
                    raise Skipped("compute-sanitizer is not there")
                case, job = run.manifest["models"][name], run.manifest["training"].get(name)
                words = ["run", FOLDER / "models" / f"{name}.dlc", "--entry", case["entries"][-1], "--inputs",
                         FOLDER / "data" / f"{case['values']}.batch.npz", "--outputs", run.scratch / "sanitized.npz"]
                if job:
                    words = ["train", FOLDER / "models" / f"{name}.dlc", "--data", FOLDER / "data" / job["data"], "--steps", 2,
                             "--batch", job["batch"], "--no-shuffle"]
                said = run.command(words, prefix=[tool, "--tool", check, "--error-exitcode", "9", "--target-processes", "all"])
                return {"said": said.strip().splitlines()[-1][:200] if said.strip() else ""}

            run.item("sanitizers", f"{name}/{check}", sanitize)


def bench(run, model, options, steps):
    """(result of `dlc bench`, times per instruction beside the prediction)"""
    report = run.scratch / "bench.json"
    report.unlink(missing_ok=True)
    said = json.loads(run.command(["bench", model, "--steps", steps, "--json", "--report", report, *options], limit=400))
    return said, json.loads(report.read_text()) if report.exists() else {"entries": []}


def ready(run, name):
    """The path of a model whose weights are made here."""
    weights.fill(FOLDER / "bench", name)
    return FOLDER / "bench" / f"{name}.onnx"


def kernels(run):
    """The kernels of small models: measured time of each beside the roofline's."""
    for name, job in run.manifest["kernels"].items():
        def measure(name=name, job=job):
            model = ready(run, name)
            options = [*job["options"], "--target", "cuda" if run.device == "cuda" else run.device]
            said, report = bench(run, model, options, run.args.steps)
            inspected = json.loads(run.command(["inspect", model, *options, "--roofline", run.args.roofline, "--all", "--json"]))
            predicted = {i["number"]: i for i in inspected["instructions"]}
            rows = []
            for entry in report["entries"]:
                for instruction in entry["instructions"]:
                    guess = predicted.get(instruction["number"])
                    if entry["name"] == "step" and guess and "measured_us" in instruction:
                        rows.append({"kernel": instruction["kernel"], "label": instruction["label"],
                                     "measured_us": instruction["measured_us"], "predicted_us": guess["predicted_us"],
                                     "limit": guess["limit"]})
            return {"step_ms": said["step_ms"], "predicted_ms": inspected["predicted_ms"], "instructions": rows}

        run.item("kernels", name, measure)


def on_this(run, job):
    """What a GPU trains in 100 ms needs more memory than a CPU has, and minutes."""
    if run.device != "cuda" and not job["is_small"]:
        raise Skipped("only for cuda")


def models(run):
    """Training steps of whole models, then of PyTorch and JAX where they are installed, one after the other on this machine."""
    for name, job in run.manifest["benchmarks"].items():
        def measure(more, name=name, job=job):
            on_this(run, job)
            model = ready(run, name)
            options = ["--batch", job["batch"], "--precision", job["precision"], "--target",
                       "cuda" if run.device == "cuda" else run.device, *more]
            said, _ = bench(run, model, options, run.args.steps)
            inspected = json.loads(run.command(["inspect", model, *options, "--roofline", run.args.roofline, "--json"]))
            return {key: said.get(key) for key in ("step_ms", "min_ms", "compile_s", "arena_mb", "loss")} | {
                "predicted_ms": inspected["predicted_ms"], "samples": job["batch"] * job.get("tokens", 1)}

        for more in job["ways"]:
            run.item("models", f"{name}/{' '.join(['dlc', *more])}", lambda: measure(more))
    # The others afterwards: what they take is not this program's, and there may be no time for all.
    for peer in run.manifest["peers"]:
        for name, job in run.manifest["benchmarks"].items():
            def other(name=name, job=job, peer=peer):
                on_this(run, job)
                device = "cuda" if run.device == "cuda" else "cpu"
                said = run.program([sys.executable, HERE / "peers.py", peer, job["preset"], job["batch"], job["precision"],
                                    run.args.steps, device], limit=400)
                found = json.loads(said.strip().splitlines()[-1])
                if "skipped" in found:
                    raise Skipped(found["skipped"])
                return {**found, "samples": job["batch"] * job.get("tokens", 1)}

            run.item("models", f"{name}/{peer}", other)


def tune(run):
    """Training steps with the libraries' fastest kernels in place of those they advise, from artifacts that keep them."""
    for name, job in run.manifest["benchmarks"].items():
        def measure(name=name, job=job):
            if run.device != "cuda":
                raise Skipped("only for cuda")
            file = run.scratch / f"{name}.tuned.dlc"
            options = [*job["ways"][0], "--batch", job["batch"], "--precision", job["precision"], "--target", "cuda", "--entries", "step"]
            tuned = json.loads(run.command(["tune", ready(run, name), "-o", file, "--json", *options], limit=400))
            said = json.loads(run.command(["bench", file, "--steps", run.args.steps, "--json"]))
            inspected = json.loads(run.command(["inspect", file, "--json"]))
            taken = sum(t["tuning"]["choices"] for t in inspected["targets"] if t.get("tuning"))
            file.unlink()
            return {key: said.get(key) for key in ("step_ms", "min_ms", "compile_s", "arena_mb", "loss")} | {
                "samples": job["batch"] * job.get("tokens", 1), "choices": taken, "entries": tuned["entries"], "calls": tuned["calls"]}

        run.item("tune", f"{name}/dlc, tuned", measure)


# The slowest last.
PARTS = {"machine": machine, "libraries": libraries, "conformance": conformance, "training": training, "kernels": kernels, "models": models,
         "tune": tune, "sanitizers": sanitizers}


# -- the table ---------------------------------------------------------------------------------------------------------


def markdown(results):
    lines = ["| part | passed | failed | skipped |", "|---|---:|---:|---:|"]
    for part in PARTS:
        of = [r["status"] for r in results if r["part"] == part]
        if of:
            lines.append(f"| {part} | {of.count('passed')} | {of.count('failed')} | {of.count('skipped')} |")
    about = next((r for r in results if r["part"] == "machine" and r["status"] == "passed"), {})
    head = ", ".join(str(about[key]) for key in ("gpu", "system", "dlc") if key in about)
    lines = [f"{head}." if head else "", "", *lines]
    timed = [r for r in results if r["part"] in ("models", "tune") and "step_ms" in r]
    if timed:
        lines += ["", "| model | program | step, ms | samples or tokens/s | predicted, ms | compile, s |", "|---|---|---:|---:|---:|---:|"]
        for r in timed:
            model, program = r["item"].rsplit("/", 1)
            predicted = f"{r['predicted_ms']:.2f}" if "predicted_ms" in r else "–"
            lines.append(f"| {model} | {program} | {r['step_ms']:.2f} | {1000 * r['samples'] / r['step_ms']:,.0f} | {predicted} | "
                         f"{r['compile_s']:.1f} |")
    kernels_of = [(r["item"], i) for r in results if r["part"] == "kernels" for i in r.get("instructions", [])]
    if kernels_of:
        lines += ["", "| model | kernel | limit | measured, us | predicted, us | predicted / measured |", "|---|---|---|---:|---:|---:|"]
        for name, i in kernels_of:
            lines.append(f"| {name} | {i['label'] or i['kernel']} | {i['limit']} | {i['measured_us']:.1f} | {i['predicted_us']:.1f} | "
                         f"{i['predicted_us'] / max(i['measured_us'], 1e-3):.2f} |")
    wrong = [r for r in results if r["status"] != "passed"]
    if wrong:
        lines += ["", *[f"- {r['part']} {r['item']}: {r['status']}: {r['why']}" for r in wrong]]
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda", choices=["cuda", "emulated", "cpu"])
    parser.add_argument("--part", type=lambda t: t.split(","), default=list(PARTS))
    parser.add_argument("--list", action="store_true", help="print the parts")
    parser.add_argument("--budget", type=float, default=540)
    parser.add_argument("--steps", type=int, default=20, help="timed calls of each benchmark")
    parser.add_argument("--roofline", default="h200", help="the device of predictions")
    parser.add_argument("--out", default=str(FOLDER / "results"))
    parser.add_argument("--again", action="store_true")
    args = parser.parse_args()
    unknown = [p for p in args.part if p not in PARTS]
    if args.list or unknown:
        print("\n".join(f"{name:12} {(part.__doc__ or 'the machine and its GPU').splitlines()[0]}" for name, part in PARTS.items()))
        return 2 if unknown else 0
    run = Run(args)
    if args.again:
        run.results = [r for r in run.results if r["part"] not in args.part or r["device"] != args.device]
    reached = True
    for part in args.part:
        try:
            PARTS[part](run)
        except OutOfTime:
            print(f"{part}: no time left; run the same command again to go on")
            reached = False
            break
    mine = [r for r in run.results if r["device"] == args.device]
    (run.out / "results.md").write_text(markdown(mine))
    counts = {status: sum(r["status"] == status for r in mine) for status in ("passed", "failed", "skipped")}
    print(", ".join(f"{n} {status}" for status, n in counts.items()) + ("" if reached else ", not all reached"))
    return 1 if counts["failed"] else 0 if reached else 75


if __name__ == "__main__":
    sys.exit(main())
