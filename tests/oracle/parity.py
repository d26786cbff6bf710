#!/usr/bin/env python3
"""f64 parity with PyTorch: loss, every gradient, every parameter and BatchNorm statistic after 3 AdamW steps.

usage: parity.py [--only GLOB] [--fixtures-only] [--json OUT] [--dlc PATH]

Part 1 runs every committed fixture against its committed values. Part 2 exports the main models in f64 with each
exporter, and other sizes and shapes of them, and compares with PyTorch as it is installed; there the literals of the file
are f64 too, so the bound is 1e-9 for all. Also checked: the trained tensors are PyTorch's parameters, one for one.
"""
import fnmatch
import json
import pathlib
import sys

import numpy as np

import common
from common import Failed

BOUND = 1e-9
LIVE = [  # model, exporter, opset
    *[(m, e, o) for m in ("mlp_small", "digits_cnn_p0", "resnet18_tiny", "gpt2l", "gpt2l_fused", "gpt12l", "gpt12l_fused")
      for e, o in (("default", 18), ("unoptimized", 18), ("older", 17))],
    *[(m, e, 23) for m in ("gpt2l_fused", "gpt12l_fused") for e in ("default", "unoptimized")],
    *[(m, e, o) for m in ("gpt2l", "digits_cnn_p0") for e, o in (("default", 20), ("unoptimized", 22), ("older", 14))],
    ("gpt2l_plain", "default", 18), ("gpt2l_plain", "unoptimized", 20), ("gpt2l_plain", "older", 15),
    ("gpt2l_buffer", "older", 13), ("mlp_small", "older", 13), ("resnet18_tiny", "older", 13),
    ("gpt:layers=1,heads=3,width=33,vocab=101,context=7,batch=5", "default", 18),
    ("gpt:layers=3,heads=5,width=20,vocab=77,context=13,batch=1,attention=fused", "default", 23),
    ("gpt:layers=2,heads=4,width=16,vocab=67,context=9,batch=3,gelu=tanh", "default", 20),
    ("resnet18:width=5,batch=3,side=37", "unoptimized", 18), ("resnet18:width=4,batch=2,side=64", "older", 18),
    ("mlp:sizes=1-1-2,batch=1", "default", 18), ("mlp:sizes=257-63-129-31,batch=33", "default", 18),
    ("mlp:sizes=7-19-3,loss=mse", "unoptimized", 18), ("mlp:sizes=7-19-1,loss=bce", "older", 17),
    *[(m, e, 18) for m in ("gated", "conv1d", "transposed", "batch_norm_mlp", "layer_norm_mlp", "group_norm", "instance_norm",
                           "average_pool", "padded_pool", "dilated", "mobile", "class_token") for e in ("default", "older")],
    *[(f"mlp:sizes=7-19-3,act={a}", e, 18)
      for a in ("silu", "elu", "softplus", "hardswish", "gelu_tanh", "mish", "prelu", "leaky_relu", "celu", "selu")
      for e in ("default", "older")],
]


def step_values(dlc, model, loss, batch, inputs, folder, check):
    """What dlc computes: {"loss", "grad", "param", "losses"} with dicts of arrays."""
    compiled, out = folder / "m.dlc", folder / "grad.npz"
    options = ("--loss", loss, "--optimizer", "adamw", "--precision", "f64")
    dlc("compile", model, "-o", compiled, "--entries", "grad,infer", *options)
    dlc("run", compiled, "--entry", "grad", "--inputs", inputs["batch"], "--outputs", out)
    arrays = np.load(out)
    found = {"loss": arrays["loss"], "grad": {n[5:]: arrays[n] for n in arrays.files if n.startswith("grad/")}}
    if check == "step":
        saved, log = folder / "trained.safetensors", folder / "log.jsonl"
        dlc.train(model, inputs["data"], saved, "--steps", 3, "--batch", batch, "--lr", "1e-3", *options, log=log)
        found["param"] = common.read_safetensors(saved)
        found["losses"] = [x["loss"] for x in common.read_log(log)]
    return found


def judge(found, expected, renamed, trained):
    """(errors by kind, note) of what dlc found against the expected values."""
    group = lambda prefix: {n[len(prefix):]: expected[n] for n in expected if n.startswith(prefix)}
    errors, notes = {"loss": common.error(found["loss"], expected["loss"])}, []
    grads = group("grad/")
    if len(found["grad"]) != trained:
        notes.append(f"{len(found['grad'])} trained tensors, PyTorch has {trained}")
    errors["grad"], where, extra = common.compare(found["grad"], grads, renamed)
    notes += [f"grad worst: {where}"] if errors["grad"] > 1e-12 else []
    notes += [f"not a PyTorch parameter: {', '.join(extra[:4])}"] if extra else []
    if "param" in found:
        errors["param"], where, _ = common.compare(found["param"], group("param/"), renamed)
        notes += [f"param worst: {where}"] if errors["param"] > 1e-12 else []
        if group("stat/"):
            errors["stat"], _, _ = common.compare(found["param"], group("stat/"), renamed)
        errors["losses"] = common.error(found["losses"][:3], expected["losses"])
    return errors, "; ".join(notes), len(found["grad"]) == trained and not extra


def record(report, name, tolerance, make):
    try:
        errors, note, same_set = make()
        report.add(same_set and max(errors.values()) <= tolerance, model=name, tolerance=tolerance, **errors, note=note)
    except Failed as failure:
        report.add(False, model=name, note=str(failure))


def committed(dlc, row):
    with common.scratch() as folder:
        prefix = common.FIXTURES / row["values"]
        inputs = {"batch": f"{prefix}.batch.npz", "data": f"{prefix}.data.npz"}
        model = common.FIXTURES / f"{row['file']}.onnx"
        found = step_values(dlc, model, row["loss"], row["batch"], inputs, pathlib.Path(folder), row["check"])
        renamed = json.loads((common.FIXTURES / "mapping.json").read_text()).get(model.name, {})
        return judge(found, dict(np.load(f"{prefix}.expected.npz")), renamed, row["trained"])


def live(dlc, name, exporter, opset):
    """Exports in f64 and compares with PyTorch here and now."""
    import export
    import models

    with common.scratch() as scratch:
        folder = pathlib.Path(scratch)
        case = models.make(name)
        data, target = export.draw(case)
        wide = models.make(name)
        wide.module.double()
        narrow = wide.inputs
        wide.inputs = lambda n: {k: v.double() if v.is_floating_point() else v for k, v in narrow(n).items()}
        model = export.export(wide, folder / "m.onnx", exporter, opset)
        reference = models.make(name)
        reference.module.double()
        renamed = export.mapping(reference, model)
        arrays = {**{n: v.numpy() for n, v in data.items()}, "target": target.numpy()}
        arrays = {n: v.astype(np.float64) if v.dtype == np.float32 else v for n, v in arrays.items()}
        inputs = {"batch": folder / "batch.npz", "data": folder / "data.npz"}
        np.savez(inputs["data"], **arrays)
        np.savez(inputs["batch"], **{n: v[:case.batch] for n, v in arrays.items()})
        if export.is_folded(case, model):
            return infer_only(dlc, folder, case, export.expected(case, data, target))
        found = step_values(dlc, folder / "m.onnx", case.loss, case.batch, inputs, folder, "grad" if case.has_dropout else "step")
        return judge(found, export.expected(case, data, target), renamed, len(list(case.module.parameters())))


def infer_only(dlc, folder, case, expected):
    """A file whose BatchNorms were folded is another model to train: only its outputs can be compared."""
    dlc("compile", folder / "m.onnx", "-o", folder / "m.dlc", "--entries", "infer", "--precision", "f64")
    dlc("run", folder / "m.dlc", "--entry", "infer", "--inputs", folder / "batch.npz", "--outputs", folder / "out.npz")
    out = np.load(folder / "out.npz")
    return {"infer": common.error(out[out.files[0]], expected["infer/logits"])}, "BatchNorm folded: outputs only", True


def main():
    parser = common.arguments(__doc__)
    parser.add_argument("--fixtures-only", action="store_true")
    args = parser.parse_args()
    dlc = common.Dlc(args.dlc)
    report = common.Report("f64 parity with PyTorch", ["model", "loss", "grad", "param", "stat", "losses", "infer", "tolerance", "note"])
    for row in common.read_cases(args.only):
        if row["check"] in ("grad", "step"):
            record(report, row["file"], row["tolerance"], lambda: committed(dlc, row))
    for name, exporter, opset in () if args.fixtures_only else LIVE:
        label = f"{name} {exporter} {opset}"
        if fnmatch.fnmatch(label, args.only):
            record(report, label, BOUND, lambda: live(dlc, name, exporter, opset))
    return report.finish(args.json)


if __name__ == "__main__":
    sys.exit(main())
