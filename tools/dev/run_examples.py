#!/usr/bin/env python3
"""Runs the commands that pages show: each ```bash block after a comment `<!-- run -->`, in page order.

  run_examples.py --build DIR PAGE…

The commands run in one scratch folder per page that looks like the repository's root: every top-level entry is a link
to the real one, and `build` is the build folder. So what they write stays out of the tree.
"""
import argparse
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"<!-- run -->\n\s*```bash\n(.*?)```", re.S)


def run_page(page, build):
    blocks = BLOCK.findall((ROOT / page).read_text())
    if not blocks:
        print(f"{page}: expects blocks to run, but got none", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        for entry in ROOT.iterdir():
            if not entry.name.startswith((".", "build")):
                (folder / entry.name).symlink_to(entry)
        (folder / "build").symlink_to(build)
        for block in blocks:
            done = subprocess.run(["bash", "-euo", "pipefail", "-c", block], cwd=folder, capture_output=True, text=True)
            if done.returncode:
                print(f"{page}: expects success of\n{block}but got exit status {done.returncode}:\n{done.stdout}{done.stderr}",
                      file=sys.stderr)
                return 1
    print(f"{page}: {len(blocks)} blocks ran")
    return 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build")
    parser.add_argument("pages", nargs="+")
    args = parser.parse_args()
    return max(run_page(page, pathlib.Path(args.build).absolute()) for page in args.pages)


if __name__ == "__main__":
    sys.exit(main())
