"""What the capture shim saw of the command: its metrics and seeds."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from herdbook.kernel.errors import HerdbookError
from herdbook.model.activities import Metric, Seed

MAX_BYTES = 256 << 20
"""Bytes of lines that are read: more is what a command wrote that wants to be noticed."""


@dataclass(frozen=True, slots=True)
class Seen:
    """Metrics without a step (the last of each name and split) and seeds, in the order in which they came."""

    metrics: tuple[Metric, ...] = ()
    seeds: tuple[Seed, ...] = ()
    lines: int = 0


def seen_in(folder: Path) -> Seen:
    """Read ``seen/*.ndjson``; lines that do not fit are passed over, an absent folder is an empty one."""
    metrics: dict[tuple[str, str | None], Metric] = {}
    seeds: dict[tuple[str, str], Seed] = {}
    count = 0
    for line in _lines(folder / "seen"):
        count += 1
        try:
            if line.get("what") == "metric" and line.get("step") is None:
                metric = Metric.read(
                    {"name": line["name"], "value": _number(line["value"]), "split": line.get("split")}
                )
                metrics[metric.name, metric.split] = metric
            elif line.get("what") == "seed":
                seed = Seed.read({"name": line["name"], "text": line["text"]})
                seeds[seed.name, seed.text] = seed
        except (HerdbookError, KeyError, TypeError):
            continue
    return Seen(tuple(metrics.values()), tuple(seeds.values()), count)


def _lines(folder: Path) -> Iterator[dict[str, Any]]:
    left = MAX_BYTES
    for file in sorted(folder.glob("*.ndjson")):
        if file.is_symlink() or not file.is_file():
            continue
        with file.open("rb") as stream:
            while left > 0 and (raw := stream.readline(left)):
                left -= len(raw)
                try:
                    line = json.loads(raw)
                except (ValueError, RecursionError):
                    continue
                if isinstance(line, dict):
                    yield line


def _number(value: object) -> object:
    if isinstance(value, float) and value != value:  # noqa: PLR0124 - only NaN is not equal to itself
        return "NaN"
    return (
        {float("inf"): "Infinity", float("-inf"): "-Infinity"}.get(value, value) if isinstance(value, float) else value
    )
