"""Model files without their weights, and the weights again.

Random weights do not compress, so a folder for another machine holds the graph, with all large tensors in one external file,
and that file's recipe: for each tensor its place, and the constant or the spread of the normal numbers that fill it.

    strip(model, folder, name)   writes NAME.onnx and NAME.weights.json; needs the package onnx
    fill(folder, name)           writes NAME.weights, which NAME.onnx refers to; needs Python alone
"""
import array
import json
import pathlib
import random

SMALLEST = 4096  # bytes; smaller tensors stay in the file
BLOCK = 1 << 18  # normal numbers drawn once; tensors take stretches of them from random places


def strip(model, folder, name):
    import numpy
    from onnx import TensorProto, helper, numpy_helper, save

    recipe, offset = [], 0
    for tensor in model.graph.initializer:
        if tensor.data_type != TensorProto.FLOAT:
            continue
        values = numpy_helper.to_array(tensor)
        if values.nbytes < SMALLEST:
            continue
        recipe.append({"offset": offset, "elements": int(values.size), "mean": float(values.mean()), "deviation": float(values.std())})
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


def fill(folder, name):
    folder = pathlib.Path(folder)
    path = folder / f"{name}.weights"
    recipe = json.loads((folder / f"{name}.weights.json").read_text())
    if path.exists() and path.stat().st_size == recipe["bytes"]:
        return
    rng = random.Random(0)
    normal = [rng.gauss(0, 1) for _ in range(BLOCK)]
    scaled = {}
    with open(path, "wb") as file:
        for tensor in recipe["tensors"]:
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
