"""Runs the benchmarks: `python -m bench [--quick] [NAME…]`; the table is kept in docs/reference/benchmarks.md."""

from __future__ import annotations

import importlib
import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

NAMES = (
    *("register", "catalogue", "ingest", "verify", "onnx_headers", "show", "importing", "mirror"),
    *("service", "transfer", "clients", "postgres", "lineage", "capture", "formats", "checks"),
)
ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "reference" / "benchmarks.md"
HEAD = """# Benchmarks

<!-- not tested: figures of one machine -->

`make bench` makes this table anew. Each row was measured beside its peer in one run on one machine; look at ratios,
not at single times. A missed aim stands here as missed; [why](../explanation/speed.md).

"""


def main() -> None:
    """Run what is asked for."""
    quick = "--quick" in sys.argv
    names = [word for word in sys.argv[1:] if not word.startswith("-")] or list(NAMES)
    results: dict[str, list[dict[str, Any]]] = {}
    for word in names:
        begun = time.perf_counter()
        print(f"{word} …", file=sys.stderr, flush=True)
        results[word] = importlib.import_module(f"bench.{word}").run(quick)
        print(f"{word}: {time.perf_counter() - begun:.0f} s", file=sys.stderr, flush=True)
        print(table(results[word]), flush=True)
    if not quick:
        keep(results)


def keep(results: dict[str, list[dict[str, Any]]]) -> None:
    """Write the page; sections that were not run keep their last figures."""
    store = ROOT / "bench" / "results.json"
    before = json.loads(store.read_text("utf-8")) if store.exists() else {}
    merged: dict[str, dict[str, Any]] = {}
    for word in NAMES:
        if word in results:
            merged[word] = {"machine": machine(), "rows": results[word]}
        elif word in before:
            merged[word] = before[word]
    store.write_text(json.dumps(merged, indent=1, ensure_ascii=False) + "\n", "utf-8")
    parts = [f"## {word}\n\n{section['machine']}\n\n{table(section['rows'])}\n" for word, section in merged.items()]
    PAGE.write_text(HEAD + "\n".join(parts), "utf-8")


def machine() -> str:
    """Return the machine in a line."""
    model = next(
        (
            line.split(":")[1].strip()
            for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines()
            if "model name" in line
        ),
        platform.machine(),
    )
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{model}, {os.cpu_count()} cores, {memory:.0f} GiB, Linux {platform.release().split('-')[0]}, "
        f"Python {platform.python_version()}, {time.strftime('%Y-%m-%d')}, commit {commit.stdout.strip()}."
    )


def table(rows: list[dict[str, Any]]) -> str:
    """Return rows as a Markdown table."""
    lines = ["| what | ours | peer | ratio | aim | met | note |", "|---|---|---|---|---|---|---|"]
    blank = {"peer": "", "ratio": None, "aim": "", "met": None, "note": ""}
    for row in (blank | row for row in rows):
        ratio = "" if row["ratio"] is None else f"{row['ratio']:.2f}"
        met = {True: "yes", False: "**no**", None: ""}[row["met"]]
        cells = (row["what"], row["ours"], row["peer"], ratio, row["aim"], met, row["note"])
        lines.append("| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
