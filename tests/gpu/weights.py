"""Model files without their weights, and the weights again.

Random weights do not compress, so a folder for another machine holds the graph, with all large tensors in one external file,
and that file's recipe: for each tensor its place, and the mean and spread of the normal numbers that fill it, or the tensor that it
equals, perhaps transposed: exporters write tied parameters twice, and dlc knows them by their equal values.

    strip(model, folder, name)   writes NAME.onnx and NAME.weights.json; needs the package onnx
    fill(folder, name)           writes NAME.weights, which NAME.onnx refers to; needs Python alone
"""
import array
import json
import pathlib
import random

SMALLEST = 4096  # bytes; smaller tensors stay in the file
BLOCK = 1 << 18  # normal numbers drawn once; tensors take stretches of them from random places


def _content(values, seen):
    """What fills a tensor; `seen` are those before it."""
    constant = bool((values == values.flat[0]).all())
    for number, other in enumerate(seen):
        if constant or values.size != other.size:
            continue
        if values.ndim == other.ndim == 2 and values.shape == other.shape[::-1] and (values == other.T).all():
            seen.append(values)
            return {"same_as": number, "columns": other.shape[1]}
        if values.shape == other.shape and (values == other).all():
            seen.append(values)
            return {"same_as": number, "columns": 0}
    seen.append(values)
    return {"mean": float(values.mean()), "deviation": 0.0 if constant else float(values.std())}


def strip(model, folder, name):
    import numpy
    from onnx import TensorProto, helper, numpy_helper, save

    recipe, offset, seen = [], 0, []
    for tensor in model.graph.initializer:
        if tensor.data_type != TensorProto.FLOAT:
            continue
        values = numpy_helper.to_array(tensor)
        if values.nbytes < SMALLEST:
            continue
        recipe.append({"offset": offset, "elements": int(values.size), **_content(values, seen)})
        for field in ("raw_data", "float_data"):
            tensor.ClearField(field)
        tensor.data_location = TensorProto.EXTERNAL
        del tensor.external_data[:]
        for key, value in {"location": f"{name}.weights", "offset": offset, "length": values.nbytes}.items():
            entry = tensor.external_data.add()
            entry.key, entry.value = key, str(value)
        offset += -(-values.nbytes // 4096) * 4096
    folder = pathlib.Path(folder)
    save(model, str(folder / f"{name}.onnx"))
    (folder / f"{name}.weights.json").write_text(json.dumps({"bytes": offset, "tensors": recipe}))


def _copy(file, source, target):
    """Copies a tensor that is there; `columns` of it where it is to be transposed."""
    values = array.array("f")
    file.seek(source["offset"])
    values.fromfile(file, source["elements"])
    file.seek(target["offset"])
    columns = target["columns"]
    for column in range(columns):
        values[column::columns].tofile(file)
    if not columns:
        values.tofile(file)


def fill(folder, name):
    folder = pathlib.Path(folder)
    path = folder / f"{name}.weights"
    recipe = json.loads((folder / f"{name}.weights.json").read_text())
    if path.exists() and path.stat().st_size == recipe["bytes"]:
        return
    rng = random.Random(0)
    normal = [rng.gauss(0, 1) for _ in range(BLOCK)]
    scaled = {}
    with open(path, "w+b") as file:
        for tensor in recipe["tensors"]:
            if "same_as" in tensor:
                _copy(file, recipe["tensors"][tensor["same_as"]], tensor)
                continue
            spread = (tensor["mean"], tensor["deviation"])
            if spread not in scaled:
                scaled[spread] = array.array("f", [spread[0] + spread[1] * x for x in normal])
            file.seek(tensor["offset"])
            left = tensor["elements"]
            while left:
                start = rng.randrange(BLOCK // 2)
                piece = scaled[spread][start:start + min(left, BLOCK - start)]
                piece.tofile(file)
                left -= len(piece)
        file.truncate(recipe["bytes"])
