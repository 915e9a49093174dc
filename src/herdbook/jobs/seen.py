"""What the capture shim saw of the command: its metrics and seeds."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from herdbook.kernel.errors import HerdbookError
from herdbook.model.activities import Metric, Seed

MAX_BYTES = 256 << 20
"""Bytes of lines that are read: more is what a command wrote that wants to be noticed."""


@dataclass(frozen=True, slots=True)
class Seen:
    """The last value of each metric (by name and split), and seeds: the first process's, and names only others set."""

    metrics: tuple[Metric, ...] = ()
    seeds: tuple[Seed, ...] = ()
    lines: int = 0


def seen_in(folder: Path) -> Seen:
    """Read ``seen/*.ndjson``; lines that do not fit are passed over, an absent folder is an empty one."""
    metrics: dict[tuple[str, str | None], tuple[float, Metric]] = {}
    seeds: dict[tuple[str, str], Seed] = {}
    own: dict[str, Path] = {}
    count = 0
    for file, line in _lines(_files(folder / "seen")):
        count += 1
        try:
            if line.get("what") == "metric":
                given = {"name": line["name"], "value": _number(line["value"]), "split": line.get("split") or None}
                metric, moment = Metric.read(given), float(line.get("t") or 0)
                if moment >= metrics.get((metric.name, metric.split), (moment, metric))[0]:
                    metrics[metric.name, metric.split] = moment, metric
            elif line.get("what") == "seed":
                seed = Seed.read({"name": line["name"], "text": line["text"]})
                if own.setdefault(seed.name, file) == file:  # else a worker's, made from the first
                    seeds[seed.name, seed.text] = seed
        except (HerdbookError, KeyError, TypeError, ValueError):
            continue
    return Seen(tuple(metric for _, metric in metrics.values()), tuple(seeds.values()), count)


def _files(folder: Path) -> list[Path]:
    """Return the files of lines, in the order in which their processes began."""
    begun: dict[Path, float] = {}
    for file in sorted(folder.glob("*.ndjson")):
        if not file.is_symlink() and file.is_file():
            first = next((line for _, line in _lines([file], 1 << 20) if line.get("what") == "process"), {})
            moment = first.get("t")
            begun[file] = float(moment) if isinstance(moment, float | int) else float("inf")
    return sorted(begun, key=lambda file: begun[file])


def _lines(files: Iterable[Path], left: int = MAX_BYTES) -> Iterator[tuple[Path, dict[str, Any]]]:
    for file in files:
        with file.open("rb") as stream:
            while left > 0 and (raw := stream.readline(left)):
                left -= len(raw)
                try:
                    line = json.loads(raw)
                except (ValueError, RecursionError):
                    continue
                if isinstance(line, dict):
                    yield file, line


def _number(value: Any) -> float | str:  # noqa: ANN401 - JSON
    """Return a metric's value as records write it."""
    number = float(value)
    if math.isnan(number):
        return "NaN"
    return number if math.isfinite(number) else "Infinity" if number > 0 else "-Infinity"
