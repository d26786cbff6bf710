#!/usr/bin/env python3
"""Times a whole training step (forward, loss, backward, AdamW) of dlc and of its peers, side by side in one run.
Without MODEL: the five models of the table in docs/benchmarks; `resnet50-224` is there too.

usage: step_time.py [MODEL …] [--peers dlc eager compile jax] [--precision f32|bf16] [--threads N] [--steps N] [--rounds N] [--out PREFIX]

Peers are PyTorch eager, torch.compile and JAX; one that is not installed is named in the report and left out. Every
timing is a process of its own and the peers take turns, `--rounds` times. Turns alone do not make a busy machine fair: a
compiler running beside it slows one timing tenfold and spares the next. So each timing waits for a quiet machine (at most
`--wait` seconds) and notes how much processor time others took meanwhile; above 3 % it is disturbed, is marked with `*`,
and gives way to any undisturbed one. A ratio with a `*` says nothing; run again, or compare the processor time, which
counts only what the program itself did (with `--threads 1`, lest it counts threads that spin).

Every peer is first tried in each environment (flags of its threads' library and of malloc) and, for images, memory
layout; the best goes on. Each figure is the best round's median. Threads and precision are equal (bf16: PyTorch's
autocast, master weights in f32).
compile_s is cold: an empty cache in the first round. peak_mb is the process' peak resident size.

Writes PREFIX.md and PREFIX.json (default: .cache/bench/step_time in the repository); ratio = best peer / dlc, so above 1
dlc is faster. Models are exported to ONNX into .cache/bench when they are not there (this needs PyTorch).
Run it with a Python that has the peers, on a quiet machine.
"""
import argparse
import importlib.metadata
import importlib.util
import json
import os
import pathlib
import platform
import resource
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
CACHE = ROOT / ".cache" / "bench"
MODELS = ["mlp", "char-gpt-4x128", "char-gpt-6x384", "gpt2-124m-b4t64", "resnet18-32"]
PEERS = {"eager": ["torch"], "compile": ["torch"], "jax": ["jax", "optax"]}
PASSIVE = {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "0", "KMP_BLOCKTIME": "0"}
KEEP = {"MALLOC_TRIM_THRESHOLD_": str(1 << 40), "MALLOC_MMAP_THRESHOLD_": str(1 << 40), "MALLOC_TOP_PAD_": str(1 << 28)}
ENVIRONMENTS = {"plain": {}, "keep": KEEP, "passive+keep": {**PASSIVE, **KEEP}}
# dlc's own model files: the default exporter folds BatchNorm, so a net that has it uses the other form
EXPORTS = {"resnet18-32": ("unoptimized", 18), "resnet50-224": ("unoptimized", 18)}
DEFAULT_EXPORT = ("default", 23)
QUIET = 0.03  # share of the processors that others may take


def missing(peer, dlc):
    """Why a peer cannot run here, or nothing."""
    if peer == "dlc":
        return "" if os.access(dlc, os.X_OK) else f"{dlc} is not there: build it first"
    absent = [m for m in PEERS[peer] if importlib.util.find_spec(m) is None]
    return f"Python package {absent[0]} is not installed" if absent else ""


def export(name):
    path = CACHE / f"{name}.onnx"
    if not path.exists():
        exporter, opset = EXPORTS.get(name, DEFAULT_EXPORT)
        CACHE.mkdir(parents=True, exist_ok=True)
        part = CACHE / f"{name}.part.onnx"
        run = subprocess.run([sys.executable, str(HERE.parent / "fixtures" / "export.py"), name, "--exporter", exporter, "--opset",
                              str(opset), "--static", "--out", str(part)], capture_output=True, text=True)
        if run.returncode:
            raise RuntimeError(f"export of {name}: {run.stderr.strip().splitlines()[-1]}")
        part.rename(path)
    return path


def variants(peer, name, args):
    """(environment, layout) pairs to try."""
    if peer == "dlc":
        return [("plain", "plain")]
    layouts = ["plain"]
    if peer != "jax" and name.startswith("resnet"):
        layouts = ["channels_last", "plain"]
    environments = ["plain", "keep"] if peer == "jax" else list(ENVIRONMENTS)
    environments = [e for e in environments if e in args.environments] or environments
    return [(e, l) for e in environments for l in layouts]


def busy_seconds():
    """Processor seconds that the whole machine has been busy or was kept from running, since its start."""
    user, nice, system, _, _, irq, soft, steal = (int(x) for x in open("/proc/stat").readline().split()[1:9])
    return (user + nice + system + irq + soft + steal) / os.sysconf("SC_CLK_TCK")


def wait_for_quiet(limit):
    """Returns once the processors were nearly idle for a second, or after `limit` seconds."""
    end = time.monotonic() + limit
    while time.monotonic() < end:
        before = busy_seconds()
        time.sleep(1)
        if busy_seconds() - before < QUIET * os.cpu_count():
            return


def measure(peer, name, variant, args, cache):
    """One timing as a dict, with the share of the processors that others took; {"error": …} when it fails."""
    if peer == "dlc":
        export(name)
    wait_for_quiet(args.wait)
    own = lambda: sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2])
    start, busy, used = time.monotonic(), busy_seconds(), own()
    found = run_peer(peer, name, variant, args, cache)
    others = (busy_seconds() - busy) - (own() - used)
    found["others"] = max(0.0, others / (time.monotonic() - start) / os.cpu_count())
    return found


def run_peer(peer, name, variant, args, cache):
    environment = {**os.environ, **ENVIRONMENTS[variant[0]], "OMP_NUM_THREADS": str(args.threads), "CUDA_VISIBLE_DEVICES": "",
                   "TORCHINDUCTOR_CACHE_DIR": f"{cache}/{peer}", "DLC_CACHE_DIR": f"{cache}/dlc",
                   "JAX_PLATFORMS": "cpu", "DLC_NUM_THREADS": str(args.threads)}
    if peer == "dlc":
        command = [args.dlc, "bench", str(export(name)), "--entry", "step", "--loss", "cross-entropy", "--optimizer", "adamw",
                   "--precision", args.precision, "--steps", str(args.steps), "--json"]
    else:
        command = [sys.executable, str(HERE / "peers.py"), peer, variant[1], name, str(args.steps), str(args.threads), args.precision]
    command = ["taskset", "-c", f"0-{args.threads - 1}", *command] if args.pin else command
    try:
        run = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=args.timeout)
    except subprocess.TimeoutExpired:
        return {"error": f"ran past {args.timeout} s"}
    if run.returncode:
        return {"error": (run.stderr.strip().splitlines() or [f"exit status {run.returncode}"])[-1][:300]}
    found = json.loads(run.stdout if peer == "dlc" else run.stdout.strip().splitlines()[-1])
    return {**found, "variant": "/".join(variant) if peer != "dlc" else ""}


def better(a, b):
    """Of two timings of a peer the undisturbed, then the faster one, with the first's (cold) compile time."""
    if a is None or "error" in a or "error" in b:
        return b if a is None or "error" in a else a
    best = dict(min(a, b, key=lambda r: (r["others"] > QUIET, r["step_ms"])))
    best["compile_s"], best["compile_others"] = a["compile_s"], a.get("compile_others", a["others"])
    best["min_ms"], best["cpu_ms"] = min(a["min_ms"], b["min_ms"]), min(a["cpu_ms"], b["cpu_ms"])
    return best


def disturbed(result, key="step_ms"):
    share = result.get("compile_others", result["others"]) if key == "compile_s" else result["others"]
    return key not in ("peak_mb", "cpu_ms") and share > QUIET


def time_model(name, peers, args):
    """peer -> its best timing. First round: every variant; later ones: the best variant of each peer, in turns."""
    best = {}
    with tempfile.TemporaryDirectory() as cache:
        for peer in peers:
            for variant in variants(peer, name, args):
                best[peer] = better(best.get(peer), measure(peer, name, variant, args, cache))
            say(name, peer, best[peer])
        for _ in range(args.rounds - 1):
            for peer in peers:
                if "error" not in best[peer]:
                    chosen = tuple(best[peer]["variant"].split("/")) if peer != "dlc" else ("plain", "plain")
                    best[peer] = better(best[peer], measure(peer, name, chosen, args, cache))
    return best


def say(name, peer, result):
    text = result.get("error") or f"{result['step_ms']:.2f} ms, others took {100 * result['others']:.0f} % of the processors"
    print(f"{name:18} {peer:8} {text}", file=sys.stderr, flush=True)


def cell(result, key, digits):
    if not result or key not in result:
        return "–"
    return f"{result[key]:.{digits}f}" + ("*" if disturbed(result, key) else "")


def table(results, absent, args):
    """The report in Markdown."""
    columns = [p for p in args.peers if p not in absent]
    lines = [f"Training step, {args.precision}, {args.threads} threads, {machine()}. Best of {args.rounds} rounds of {args.steps} steps (median).", ""]
    if any(disturbed(r) or disturbed(r, "compile_s") for f in results.values() for r in f.values() if "step_ms" in r):
        lines += ["`*`: other programs took processor time meanwhile; the figure is too high by an unknown amount.", ""]
    lines += [f"{peer} left out: {why}." for peer, why in absent.items()]
    for key, title, digits in (("step_ms", "step time, ms", 2), ("cpu_ms", "processor time of a step, ms", 2), ("compile_s", "compile time, cold, s", 2), ("peak_mb", "peak resident size, MiB", 0)):
        ratio = key in ("step_ms", "cpu_ms") and "dlc" in columns
        lines += ["", f"| {title} | " + " | ".join(columns) + (" | best peer / dlc |" if ratio else " |"),
                  "|---|" + "---:|" * (len(columns) + ratio)]
        for name, found in results.items():
            row = [cell(found.get(p), key, digits) for p in columns]
            row += [ratio_of(found, key)] if ratio else []
            lines.append(f"| {name} | " + " | ".join(row) + " |")
    failures = [f"{name}, {p}: {r['error']}" for name, found in results.items() for p, r in found.items() if "error" in r]
    return "\n".join(lines + ([""] + failures if failures else [])) + "\n"


def ratio_of(found, key):
    peers = [r[key] for p, r in found.items() if p != "dlc" and key in r]
    if not peers or key not in found.get("dlc", {}):
        return "–"
    mark = "*" if any(disturbed(r, key) for r in found.values() if key in r) else ""
    return f"{min(peers) / found['dlc'][key]:.2f}{mark}"


def machine():
    for line in open("/proc/cpuinfo"):
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def versions():
    found = {}
    for package in ("torch", "jax", "optax"):
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            pass
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", default=MODELS)
    parser.add_argument("--peers", nargs="+", default=["dlc", *PEERS], choices=["dlc", *PEERS])
    parser.add_argument("--precision", default="f32", choices=["f32", "bf16"])
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--environments", nargs="+", default=list(ENVIRONMENTS), choices=list(ENVIRONMENTS), help="of the peers, to try")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--timeout", type=int, default=900)
    parser.add_argument("--wait", type=int, default=60, help="seconds to wait for a quiet machine before each timing")
    parser.add_argument("--pin", action="store_true", help="bind every process to the first --threads CPUs")
    parser.add_argument("--dlc", default=str(ROOT / "build" / "bin" / "dlc"))
    parser.add_argument("--out", default=str(CACHE / "step_time"))
    args = parser.parse_args()
    absent = {p: missing(p, args.dlc) for p in args.peers if missing(p, args.dlc)}
    if args.precision != "f32" and "jax" in args.peers:
        absent["jax"] = "it has no automatic mixed precision"
    peers = [p for p in args.peers if p not in absent]
    for peer, why in absent.items():
        print(f"{peer} is left out: {why}", file=sys.stderr)
    results = {}
    pathlib.Path(args.out).parent.mkdir(parents=True, exist_ok=True)
    for name in args.models:
        results[name] = time_model(name, peers, args)
        report = {"version": 1, "machine": machine(), "precision": args.precision, "threads": args.threads, "steps": args.steps, "rounds": args.rounds,
                  "packages": versions(), "absent": absent, "results": results}
        pathlib.Path(args.out + ".json").write_text(json.dumps(report, indent=1) + "\n")
        pathlib.Path(args.out + ".md").write_text(table(results, absent, args))
    print(table(results, absent, args))
    return 1 if any("error" in r for found in results.values() for r in found.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
