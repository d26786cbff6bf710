#!/usr/bin/env python3
"""The report against the artifact and the runtime: its figures, its page, its refusals.

usage: report.py DLC SCRATCH MODEL.onnx [compile option…]

Checks, for one model: the parts sum to the total; text, JSON, page and the runtime's measured peak agree to the byte; the
page is well-formed and loads nothing; a limit of exactly the total fits and one byte less is refused with ways out; and
every way out, applied, needs what was promised.
"""
import html.parser
import json
import pathlib
import re
import subprocess
import sys

VOID = {"meta", "br"}


class Page(html.parser.HTMLParser):
    """Tags must nest; nothing may be loaded."""

    def __init__(self):
        super().__init__()
        self.open, self.problems, self.text, self.counts = [], [], [], {}

    def handle_starttag(self, tag, attributes):
        self.counts[tag] = self.counts.get(tag, 0) + 1
        if tag in ("link", "img", "iframe", "object", "embed"):
            self.problems.append(f"<{tag}> loads something")
        for name, value in attributes:
            if name in ("src", "href", "xlink:href", "action") or re.search(r"https?:|//|url\(", value or ""):
                self.problems.append(f"{name}={value!r} refers outside")
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        pass  # <line …/>: nothing to close

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.problems.append(f"</{tag}> closes another tag at {self.getpos()}")

    def handle_data(self, data):
        self.text.append(data)
        if self.open and self.open[-1] in ("style", "script") and re.search(r"https?://|@import|url\(|fetch\(", data):
            self.problems.append("style or script refers outside")


def fail(what):
    sys.exit(f"report.py: {what}")


def expect(is_true, what):
    if not is_true:
        fail(f"expects {what}")


class Tool:
    def __init__(self, dlc, folder, model, options):
        self.dlc, self.folder, self.model, self.options = dlc, folder, model, options

    def run(self, *arguments):
        done = subprocess.run([self.dlc, *map(str, arguments)], capture_output=True, text=True)
        expect(not done.returncode, f"success of {arguments}, but got {done.returncode}:\n{done.stdout}{done.stderr}")
        return done

    def command(self, *more):
        """Options in `more` replace those of the test."""
        own = [o for i in range(0, len(self.options), 2) if self.options[i] not in more for o in self.options[i:i + 2]]
        return ["compile", self.model, "-o", self.folder / "m.dlc", *own, *more]

    def compile(self, *more):
        return self.run(*self.command(*more))


SCHEMA = {
    "version": int, "model": str, "producer": str, "precision": str, "target": dict, "options": list, "memory": dict,
    "machine": dict, "phases_s": dict, "compile_s": float, "entries": list, "states": list, "parameters": list,
    "remarks": list, "decisions": list,
}
ENTRY = {
    "name": str, "planned_bytes": int, "peak_instruction": int, "peak_bytes": int, "flops": int, "bytes_moved": int,
    "instructions": list, "buffers": list, "alive_at_peak": list,
}
INSTRUCTION = {
    "number": int, "kind": str, "kernel": str, "label": str, "schedule": str, "nodes": list, "precision": list, "flops": int,
    "bytes_read": int, "bytes_written": int, "intensity": (int, float), "alive_bytes": int, "alive": dict, "bound": str,
    "least_us": (int, float),
}
BUFFER = {"name": str, "category": str, "offset": int, "bytes": int, "first": int, "last": int, "producer": int, "nodes": list}


def check_schema(item, schema, where):
    for key, kind in schema.items():
        expect(key in item and isinstance(item[key], kind), f"{where} to have '{key}' of {kind}, but got {item.get(key)!r}")


def check_json(report):
    check_schema(report, SCHEMA, "the report")
    expect(report["version"] == 1, "version 1")
    for entry in report["entries"]:
        check_schema(entry, ENTRY, "an entry")
        for instruction in entry["instructions"]:
            check_schema(instruction, INSTRUCTION, "an instruction")
        for buffer in entry["buffers"]:
            check_schema(buffer, BUFFER, "a buffer")
        check_entry(entry)
    memory = report["memory"]
    expect(sum(memory["parts"].values()) == memory["total_bytes"], f"parts that sum to the total, but got {memory}")
    expect(memory["arena_bytes"] + memory["scratch_bytes"] + memory["constant_bytes"] == memory["total_bytes"],
           "arena, scratch and constants to be the total")
    largest = max(e["planned_bytes"] for e in report["entries"])
    expect(memory["arena_bytes"] == memory["state_bytes"] + largest, "the arena to be the states and the largest program")


def check_entry(entry):
    """What is alive follows from the lifetimes, and places that live together are apart."""
    alive = [0] * len(entry["instructions"])
    for buffer in entry["buffers"]:
        for i in range(max(buffer["first"], 0), min(buffer["last"] + 1, len(alive))):
            alive[i] += buffer["bytes"]
    for instruction in entry["instructions"]:
        expect(instruction["alive_bytes"] == alive[instruction["number"]] == sum(instruction["alive"].values()),
               f"the bytes alive at instruction {instruction['number']} of {entry['name']} to be the sum of its buffers")
    expect(entry["peak_bytes"] == max(alive, default=0), "the peak to be the most that is alive")
    at_peak = sum(entry["buffers"][i]["bytes"] for i in entry["alive_at_peak"])
    expect(at_peak == entry["peak_bytes"], "the buffers at the peak to sum to it")
    places = [entry["buffers"][i] for i in entry["alive_at_peak"]]
    places.sort(key=lambda b: b["offset"])
    for one, next_one in zip(places, places[1:]):
        expect(one["offset"] + one["bytes"] <= next_one["offset"], "places at the peak to lie apart")


def check_page(path, report):
    text = path.read_text()
    page = Page()
    page.feed(text)
    page.close()
    expect(not page.problems and not page.open, f"a well-formed page, but got {page.problems[:3]} and open {page.open}")
    expect(page.counts.get("svg", 0) >= 2, "two pictures")
    words = "".join(page.text)
    expect(f"{report['memory']['total_bytes']:,}" in words, "the total on the page")
    expect(len(text) < 8 << 20, "a page below 8 MiB")


def check_agreement(tool, report):
    total, arena = report["memory"]["total_bytes"], report["memory"]["arena_bytes"]
    inspected = json.loads(tool.run("inspect", tool.folder / "m.dlc", "--json").stdout)["memory"]
    expect(inspected["arena_bytes"] == arena, "inspect to agree")
    expect(inspected["categories"] == report["memory"]["parts"], "inspect's categories to agree")
    printed = tool.run("explain", tool.folder / "m.dlc").stdout
    entry = report["memory"]["entry"]
    peak = next(e for e in report["entries"] if e["name"] == entry)["peak_instruction"]
    expect(f"at the peak of '{entry}', instruction {peak} of" in printed, "explain to name the peak")
    rows = dict(re.findall(r"^  (\S.*?) {2,}.*?([\d,]+) B$", printed.split("memory at the peak")[1].split("\n\n")[0], re.M))
    rows = {k: int(v.replace(",", "")) for k, v in rows.items()}
    expect(rows.pop("arena, allocated once") == arena, "the printed arena to agree")
    expect(rows.pop("total", total) == total, "the printed total to agree")
    expect(sum(rows.values()) == total, f"the printed parts to sum to {total}, but got {rows}")
    bench = json.loads(tool.run("bench", tool.folder / "m.dlc", "--entry", entry, "--steps", 1, "--warmup", 0, "--json").stdout)
    expect(bench["arena_peak_bytes"] == arena, f"a measured peak of {arena}, but got {bench['arena_peak_bytes']}")


def compiled_or_refused(tool, limit, *options):
    """The total of a compilation held against a limit, its fixes, and whether it was refused."""
    done = subprocess.run([tool.dlc, *map(str, tool.command("--memory-limit", limit, "--json", *options))],
                          capture_output=True, text=True)
    expect(done.returncode in (0, 1), f"status 0 or 1, but got {done.returncode}: {done.stderr}")
    document = json.loads(done.stdout)
    memory = document["memory"]
    parts = memory["parts" if done.returncode else "categories"]
    expect(sum(parts.values()) == memory["total_bytes"], f"the parts to sum to what is needed, but got {memory}")
    expect((memory["total_bytes"] > limit) == bool(done.returncode), f"a refusal only above {limit}, but got {memory}")
    if done.returncode:
        expect("error DLC4110" in done.stderr, f"DLC4110, but got {done.stderr}")
    return memory["total_bytes"], document.get("fixes", []), done.returncode != 0


def check_limit(tool, limit, most, *options):
    """Refused at `limit`: the first ways out need what they promise, under the same limit."""
    total, fixes, is_refused = compiled_or_refused(tool, limit, *options)
    expect(is_refused and fixes, f"a refusal at {limit} with ways out, but it needs {total}")
    for fix in fixes[:most]:
        own = [o.strip("'") for o in fix["options"].split(" ")]
        more = [o for i in range(0, len(options), 2) if options[i] not in own for o in options[i:i + 2]]
        saved = total - compiled_or_refused(tool, limit, *own, *more)[0]
        expect(abs(saved - fix["saved_bytes"]) <= 0.01 * fix["saved_bytes"],
               f"'{fix['options']}' to save {fix['saved_bytes']} within 1 %, but it saves {saved}")
        print(f"limit {limit}, {fix['options']}: promised {fix['saved_bytes']}, saves {saved}")


def check_limits(tool, report):
    total = report["memory"]["total_bytes"]
    keep = ("--recompute", "none")
    expect(compiled_or_refused(tool, total, *keep)[::2] == (total, False), "the same plan at a limit that it just fits")
    check_limit(tool, total - 1, 20, *keep)
    # Far below what recomputation reaches: the states alone are more.
    check_limit(tool, max(report["memory"]["state_bytes"] // 2, 1), 2)


def main():
    dlc, scratch, model, *options = sys.argv[1:]
    folder = pathlib.Path(scratch)
    folder.mkdir(parents=True, exist_ok=True)
    tool = Tool(dlc, folder, model, options)
    machine = ("--machine", "100,20")
    tool.compile("--report", folder / "r.html", *machine)
    tool.compile("--report", folder / "r.json", *machine)
    report = json.loads((folder / "r.json").read_text())
    check_json(report)
    check_page(folder / "r.html", report)
    check_agreement(tool, report)
    check_limits(tool, report)


if __name__ == "__main__":
    main()
