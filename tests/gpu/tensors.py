"""Files of named arrays without numpy, which a GPU machine may lack: enough of .npz and .safetensors to compare results."""
import array
import ast
import json
import struct
import zipfile

CODES = {"f4": "f", "f8": "d", "i1": "b", "u1": "B", "i2": "h", "i4": "i", "i8": "q", "b1": "B"}
SAFE = {"F32": "f", "F64": "d", "I32": "i", "I64": "q", "U8": "B", "I8": "b"}


def _npy(data):
    size, start = (struct.unpack("<H", data[8:10])[0], 10) if data[6] == 1 else (struct.unpack("<I", data[8:12])[0], 12)
    header = ast.literal_eval(data[start:start + size].decode("latin-1"))
    code = CODES.get(header["descr"].lstrip("<|="))
    values = array.array(code or "B")
    values.frombytes(data[start + size:])
    return values


def read(path):
    """name -> array.array; of types that Python has no numbers for, the bytes."""
    path = str(path)
    if path.endswith(".npz"):
        with zipfile.ZipFile(path) as archive:
            return {name.removesuffix(".npy"): _npy(archive.read(name)) for name in archive.namelist()}
    data = open(path, "rb").read()
    size = struct.unpack("<Q", data[:8])[0]
    found = {}
    for name, info in json.loads(data[8:8 + size]).items():
        if name != "__metadata__":
            begin, end = info["data_offsets"]
            found[name] = array.array(SAFE.get(info["dtype"], "B"))
            found[name].frombytes(data[8 + size + begin:8 + size + end])
    return found


def difference(found, expected):
    """(largest |a - b| / largest |b| over the arrays, name of that array). Arrays that are zero but for rounding are judged by
    the largest number of all; a missing array, another size or a NaN on one side only counts as infinite."""
    worst, where = 0.0, ""
    largest = max((max(map(abs, b)) for b in expected.values() if len(b)), default=0.0)
    for name, b in expected.items():
        a = found.get(name)
        if a is None or len(a) != len(b):
            return float("inf"), name
        if a == b or not len(b):
            continue
        scale = max(max(map(abs, b)), 1e-6 * largest, 1e-30)
        error = max((abs(x - y) if x == x and y == y else 0.0 if x != x and y != y else float("inf")) for x, y in zip(a, b)) / scale
        if not error <= worst:
            worst, where = error, name
    return worst, where
