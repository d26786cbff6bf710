#!/usr/bin/env python3
"""Does training in bf16 reach the loss of f32? 1,000 AdamW steps of a GPT and of ResNet-18, same weights, same data, same order.

usage: precision_curve.py [--only GLOB] [--steps N] [--seeds N] [--brief] [--jobs N] [--torch] [--json OUT] [--dlc PATH]

Figure: (last(bf16) - last(f32)) / last(f32), where last is the mean training loss of the last tenth of the steps; bound
1 % for bf16, either way. Rounding alone drives two trainings of ResNet-18 in the same precision 0.6 % apart, so that one
pair of them says little about 1 % (bf16's pairs differ by 2 %, standard deviation): the figure is the mean over seeds, each of which draws its own data and order for
both precisions, and it comes with its standard error. For information, without a bound: f16 with its dynamic loss scale;
f32 at a learning rate one millionth larger, which shows what rounding alone does; the loss on held-out samples after the
last step (`eval`); with --torch, PyTorch's f32 and autocast on the first seed's data. The learning rate rises over the
first tenth of the steps and falls along a cosine: at a constant one, f32 trainings of ResNet-18 are percents apart.

The data must not let a net drive its loss to zero, or 1 % of it would be noise: characters of a novel, and digits made
hard. Each of those is drawn afresh: one of the 1,500 scans, enlarged to 24x24, somewhere in a 32x32 image with its own
brightness under noise of 1.5 times the stroke's height in three channels. No image comes twice, so nothing is memorized.
"""
import concurrent.futures
import copy
import fnmatch
import json
import math
import pathlib
import sys

import numpy as np

import common
from common import Failed

BOUND = 0.01
RATE = 1e-3
NOISE = 1.5
PERTURBED = "f32 perturbed"
MODELS = [("char-gpt-4x128", "default", 23, 16, "chars"), ("resnet18-32", "unoptimized", 18, 32, "digits")]


def hard_digits(name, count, seed):
    draw = np.random.default_rng(seed)
    digits = np.load(common.DATA / f"digits_{name}.npz")
    chosen = draw.integers(0, len(digits["target"]), count)
    x = NOISE * draw.standard_normal((count, 3, 32, 32), np.float32)
    for image, which, (top, left), height in zip(x, chosen, draw.integers(0, 9, (count, 2)), draw.uniform(0.5, 1.5, count)):
        image[:, top:top + 24, left:left + 24] += np.float32(height) * np.kron(digits["x"][which, 0], np.ones((3, 3), np.float32))
    return {"x": x, "target": digits["target"][chosen]}


def samples(kind, name, count, seed):
    """`count` samples; the novel's windows again and again, each pass in its own order."""
    if kind == "digits":
        return hard_digits(name, count, seed)
    windows, draw = np.load(common.DATA / f"chars_{name}.npz"), np.random.default_rng(seed)
    length = len(windows["target"])
    order = np.concatenate([draw.permutation(length) for _ in range(-(-count // length))])[:count]
    return {key: windows[key][order] for key in ("tokens", "target")}


def last(losses):
    """A nan in any of them stays one."""
    return float(np.mean(losses[-max(1, len(losses) // 10):]))


def train(dlc, folder, label, steps, batch):
    """(last loss, held-out loss)"""
    precision, rate = (label, RATE) if label != PERTURBED else ("f32", RATE * (1 + 1e-6))
    log = folder / f"{label}.jsonl"
    dlc.train(folder / "m.onnx", folder / "train.npz", folder / f"{label}.safetensors", "--eval", folder / "test.npz", "--epochs", 1,
              "--batch", batch, "--lr", rate, "--schedule", "cosine", "--warmup", steps // 10, "--precision", precision,
              "--loss", "cross-entropy", "--optimizer", "adamw", log=log, timeout=7200)
    rows = [json.loads(x) for x in log.read_text().splitlines()]
    losses = [x["loss"] for x in rows if "loss" in x]
    held_out = [x["eval_loss"] for x in rows if "eval_loss" in x]
    if len(losses) != steps or len(held_out) != 1:
        raise Failed(f"the log holds {len(losses)} steps and {len(held_out)} evaluations, not {steps} and 1")
    return last(losses), held_out[0]


def train_torch(case, arrays, steps, batch, narrow):
    import torch

    module = copy.deepcopy(case.module).train()
    module = module.to(memory_format=torch.channels_last) if "x" in arrays else module
    optimizer, losses, warm = torch.optim.AdamW(module.parameters(), lr=RATE), [], steps // 10
    share = lambda i: (i + 1) / warm if i < warm else (1 + math.cos(math.pi * (i - warm) / (steps - warm))) / 2
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, share)
    for i in range(steps):
        part = {n: torch.from_numpy(v[i * batch:(i + 1) * batch]) for n, v in arrays.items()}
        target = part.pop("target")
        optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=narrow):
            loss = case.loss_of(module(*part.values()), target)
        loss.backward()
        optimizer.step()
        schedule.step()
        losses.append(loss.item())
    return last(losses)


def train_seed(dlc, row, args, seed, folder):
    """{label: (last loss, held-out loss)} on data of this seed's own."""
    name, _, _, batch, kind = row
    folder.mkdir()
    (folder / "m.onnx").symlink_to(folder.parent / "m.onnx")
    np.savez(folder / "train.npz", **samples(kind, "train", args.steps * batch, 2 * seed - 1))
    np.savez(folder / "test.npz", **samples(kind, "test", 20 * batch, 2 * seed))
    labels = ["f32", "bf16"] if args.brief else ["f32", PERTURBED, "bf16", "f16"]
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        found = dict(zip(labels, pool.map(lambda label: train(dlc, folder, label, args.steps, batch), labels)))
    print(f"{name} seed {seed}: " + ", ".join(f"{label} {found[label][0]:.5f}" for label in labels), file=sys.stderr, flush=True)
    return found


def mean_and_error(values):
    """Mean and its standard error (None of one value)."""
    return np.mean(values), np.std(values, ddof=1) / math.sqrt(len(values)) if len(values) > 1 else None


def percent(values):
    mean, error = mean_and_error(values)
    return f"{100 * mean:+.3f}" + (f" ± {100 * error:.3f}" if error is not None else "") + " %"


def check(dlc, row, args, folder, report):
    import export
    import models

    name, exporter, opset, batch, kind = row
    case = models.make(name)
    case.batch = batch
    export.export(case, folder / "m.onnx", exporter, opset)
    seeds = [train_seed(dlc, row, args, seed, folder / str(seed)) for seed in range(1, args.seeds + 1)]
    for precision in seeds[0]:
        away = [[(seed[precision][i] - seed["f32"][i]) / seed["f32"][i] for seed in seeds] for i in range(2)]
        loss, evaluation = (np.mean([seed[precision][i] for seed in seeds]) for i in range(2))
        ok = precision != "bf16" or abs(np.mean(away[0])) <= BOUND
        report.add(ok, model=name, precision=precision, last=f"{loss:.5f}", distance=percent(away[0]), eval=f"{evaluation:.5f}",
                   **{"eval distance": percent(away[1])})
    if args.torch:
        case, arrays = models.make(name), samples(kind, "train", args.steps * batch, 1)
        wide, narrow = (train_torch(case, arrays, args.steps, batch, n) for n in (False, True))
        for precision, loss in (("torch f32", wide), ("torch bf16", narrow)):
            report.add(True, model=name, precision=precision, last=f"{loss:.5f}", distance=f"{100 * (loss - wide) / wide:+.3f} %")


def main():
    parser = common.arguments(__doc__)
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--seeds", type=int, default=5, help="trainings in each precision, over which the mean is taken")
    parser.add_argument("--brief", action="store_true", help="only f32 and bf16")
    parser.add_argument("--torch", action="store_true", help="PyTorch's f32 and autocast on the same data, too")
    parser.add_argument("--jobs", type=int, default=1, help="trainings at a time")
    parser.add_argument("--threads", type=int, help="of dlc [DLC_NUM_THREADS, or one per CPU]")
    args = parser.parse_args()
    dlc = common.Dlc(args.dlc, args.threads)
    report = common.Report(f"Mean loss of the last tenth of {args.steps} steps, over {args.seeds} seeds; distance from f32, bound {100 * BOUND:.0f} % for bf16",
                           ["model", "precision", "last", "distance", "eval", "eval distance", "note"])
    for row in MODELS:
        if not fnmatch.fnmatch(row[0], args.only):
            continue
        try:
            with common.scratch() as folder:
                check(dlc, row, args, pathlib.Path(folder), report)
        except Failed as failure:
            report.add(False, model=row[0], note=str(failure))
    return report.finish(args.json)


if __name__ == "__main__":
    sys.exit(main())
