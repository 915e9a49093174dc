"""Readers on every model of the data pack, warm: beside each format's official library, and a bare parse of texts."""

from __future__ import annotations

import gzip
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.parsers import expat

from pydantic_core import from_json

from bench.formats_peer import PEERS
from bench.peer import ROOT
from herdbook.plugins.host import found

MAX_MS, MAX_TEXT, MAX_MEMORY_MB = 10.0, 1.5, 100.0
SMALL = 5 * 2**20
TEXTS = frozenset(
    [
        "xgboost-json",
        "conifer-json",
        "lwtnn-json",
        "lwtnn-graph-json",
        "mxnet-symbol",
        "keras-json",
        "weaver-preprocess",
        "json-other",
        "normalisation-dict",
        "tmva-xml",
        "tmva-xml-gz",
        "pmml",
        "lightgbm-text",
    ]
)
_SCRIPT = str(ROOT / "bench" / "formats_peer.py")
_PYTHONS = (
    Path(sys.executable),
    ROOT / ".cache/frameworks/bin/python",
    ROOT / ".cache/formats/bin/python",
)


class OnDisk:
    """ReadAt over a file, which counts what is read."""

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_RDONLY)
        self.size = os.fstat(self._fd).st_size
        self.read = 0

    def read_at(self, offset: int, length: int) -> bytes:
        """Return bytes."""
        data = os.pread(self._fd, max(0, length), offset)
        self.read += len(data)
        return data

    def close(self) -> None:
        """Close it."""
        os.close(self._fd)


def run(quick: bool) -> list[dict[str, Any]]:
    """Return a row for each format, and one for memory."""
    pack = Path(os.environ.get("HERDBOOK_DATA", ROOT.parent / "shared" / "data")) / "models"
    if not pack.is_dir():
        return [{"what": "formats", "note": "the data pack is not here", "met": None}]
    formats, failed = found.load(found.targets())
    assert not failed, failed
    idle = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    groups: dict[str, list[tuple[Path, Any, float, int]]] = defaultdict(list)
    for path in sorted(each for each in pack.rglob("*") if each.is_file()):
        for name, timed in _measure(formats, path, 3 if quick else 15):
            groups[name].append((path, *timed))
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 - idle
    rows = [_row(name, files, 3 if quick else 15) for name, files in sorted(groups.items())]
    memory = {
        "what": "memory over that of an idle reader, all files of the pack one after the other",
        "ours": f"{grown:.0f} MB",
        "aim": f"< {MAX_MEMORY_MB:.0f} MB",
        "met": grown < MAX_MEMORY_MB,
        "note": "largest resident size of this process",
    }
    return [*rows, memory]


def _measure(formats: list[Any], path: Path, rounds: int) -> list[tuple[str, tuple[Any, float, int]]]:
    """Return (format, (reader, median seconds, bytes read)) of probing by all readers in turn and reading, warm."""
    times, read, facts, reader = [], 0, None, None
    for _ in range(rounds + 1):
        file = OnDisk(path)
        begun = time.perf_counter()
        reader = next((each for each in formats if each.probe(file, path.name)), None)
        facts = reader.read(file, path.name, {}) if reader else None
        times.append(time.perf_counter() - begun)
        read = file.read
        file.close()
    return [(facts.format, (reader, statistics.median(times[1:]), read))] if facts else []


def _row(name: str, files: list[tuple[Path, Any, float, int]], rounds: int) -> dict[str, Any]:
    path, _, seconds, read = max(files, key=lambda each: each[0].stat().st_size)
    size = path.stat().st_size
    worst = max(each[2] for each in files)
    row: dict[str, Any] = {
        "what": f"{name}: {len(files)} file(s), the largest {size / 1024:.0f} kB",
        "ours": f"{seconds * 1000:.2f} ms",
    }
    note = f"{100 * read / size:.0f} % of its bytes read"
    if name in TEXTS:
        bare = _median(_bare(path), rounds)
        row |= {"peer": f"bare parse: {bare * 1000:.2f} ms", "ratio": seconds / bare, "aim": f"≤ {MAX_TEXT} ×"}
        row["met"] = seconds / bare <= MAX_TEXT
    elif size < SMALL:
        row |= {"aim": f"< {MAX_MS:.0f} ms", "met": worst < MAX_MS / 1000}
    if official := _official(name, path, rounds):
        note += f"; official library {official['median_s'] * 1000:.1f} ms, its import {official['import_s']:.2f} s"
    return {**row, "note": note}


def _median(work: Callable[[], object], rounds: int) -> float:
    times = []
    for _ in range(rounds + 1):
        begun = time.perf_counter()
        work()
        times.append(time.perf_counter() - begun)
    return statistics.median(times[1:])


def _bare(path: Path) -> Callable[[], object]:
    """Return what only parses the text, by the parser that our reader uses, from the disk on."""
    if path.suffix == ".txt":
        return lambda: path.read_bytes().decode().split("\n")
    if path.suffix == ".gz":
        return lambda: expat.ParserCreate().Parse(gzip.decompress(path.read_bytes()).strip(), True)
    if path.suffix == ".xml":
        return lambda: expat.ParserCreate().Parse(path.read_bytes().strip(), True)
    return lambda: from_json(path.read_bytes())


def _official(name: str, path: Path, rounds: int) -> dict[str, float] | None:
    if name not in PEERS:
        return None
    for python in _PYTHONS:
        if python.exists():
            done = subprocess.run(
                [str(python), _SCRIPT, name, str(path), str(rounds)], capture_output=True, text=True, check=False
            )
            if done.returncode == 0:
                result: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
                return result
    return None
