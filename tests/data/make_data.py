#!/usr/bin/env python3
"""Makes the data sets of this folder.

usage: make_data.py digits              needs scikit-learn; writes digits_train.npz and digits_test.npz
       make_data.py text RDB            writes persuasion.txt from the data file of Debian's r-cran-janeaustenr
       make_data.py chars [--context N] writes chars_train.npz and chars_test.npz from persuasion.txt

digits: `x` float32 [N, 1, 8, 8] in 0..1, `target` int64 [N]; 1500 / 297 samples, shuffled with a fixed seed.
chars: `tokens` int64 [N, context] and `target`, the same shifted by one; the last tenth of the text is the test set.
       A character's number is its place in ALPHABET; anything else is left out.
"""
import argparse
import pathlib
import re
import struct
import zlib

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
ALPHABET = "\n !\"'(),-.:;?ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
TEXT_BYTES = 240_000


def digits():
    from sklearn.datasets import load_digits

    data = load_digits()
    order = np.random.RandomState(0).permutation(len(data.target))
    x = (data.images[order] / 16).astype(np.float32)[:, None]
    target = data.target[order].astype(np.int64)
    np.savez_compressed(HERE / "digits_train.npz", x=x[:1500], target=target[:1500])
    np.savez_compressed(HERE / "digits_test.npz", x=x[1500:], target=target[1500:])


def strings_of(rdb, title):
    """The character vector that starts with `title` in an R lazy-load file: length-prefixed zlib streams, each a
    serialized vector of (flags, length, bytes) entries."""
    offset = 0
    while offset < len(rdb):
        size = struct.unpack(">I", rdb[offset:offset + 4])[0]
        stream = zlib.decompressobj()
        block = stream.decompress(rdb[offset + 4:])
        offset = len(rdb) - len(stream.unused_data)
        if len(block) != size:
            raise ValueError(f"block holds {len(block)} bytes, but its head says {size}")
        entry = struct.pack(">II", 0x00040009, len(title)) + title.encode()
        at = block.find(entry)
        while 0 <= at < len(block):
            length = struct.unpack(">i", block[at + 4:at + 8])[0]
            yield block[at + 8:at + 8 + length].decode()
            at += 8 + length
            if block[at:at + 4] != b"\x00\x04\x00\x09":
                return


def text(rdb):
    lines = list(strings_of(pathlib.Path(rdb).read_bytes(), "Persuasion"))
    whole = re.sub(r"\n{3,}", "\n\n", "\n".join(lines).replace("_", ""))
    (HERE / "persuasion.txt").write_text(whole[:whole.index("\n", TEXT_BYTES)] + "\n")


def chars(context):
    codes = {c: i for i, c in enumerate(ALPHABET)}
    stream = np.array([codes[c] for c in (HERE / "persuasion.txt").read_text() if c in codes], np.int64)
    split = len(stream) * 9 // 10
    for name, part in (("train", stream[:split]), ("test", stream[split:])):
        count = (len(part) - 1) // context
        windows = lambda start: part[start:start + count * context].reshape(count, context)
        order = np.random.RandomState(0).permutation(count)
        np.savez_compressed(HERE / f"chars_{name}.npz", tokens=windows(0)[order], target=windows(1)[order])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["digits", "text", "chars"])
    parser.add_argument("rdb", nargs="?")
    parser.add_argument("--context", type=int, default=64)
    args = parser.parse_args()
    {"digits": digits, "text": lambda: text(args.rdb), "chars": lambda: chars(args.context)}[args.what]()


if __name__ == "__main__":
    main()
