"""What the shim wrote while a training ran: its lines, read as they come, and put together."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from herdbook.kernel import canonical
from herdbook.kernel.errors import HerdbookError
from herdbook.model.base import Json

MOST_FILES = 100_000
"""So many opened files are told of one run."""
MOST_SEEDS = 16
"""So many seeds of one generator are kept: data loaders set one for each worker."""
LONGEST = 4096
"""Characters after which a parameter's text is cut."""


class Lines:
    """Reads the files of a folder as they grow; a line that is not whole yet is left for later."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._at: dict[str, int] = {}

    def new(self) -> Iterator[Json]:
        """Yield the objects that were added since the last time; what is none is passed over."""
        for path in sorted(self._folder.glob("*.ndjson")):
            try:
                with path.open("rb") as stream:
                    stream.seek(self._at.get(path.name, 0))
                    for line in stream:
                        if not line.endswith(b"\n"):
                            break
                        self._at[path.name] = self._at.get(path.name, 0) + len(line)
                        if (item := _object(line)) is not None:
                            yield {**item, "from": path.name}
            except OSError:
                continue


def _object(line: bytes) -> Json | None:
    try:
        item = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return item if isinstance(item, dict) and isinstance(item.get("what"), str) else None


@dataclass
class Opened:
    """A file, and how the training opened it: for reading first, or written first."""

    path: str
    read: bool = False
    written: bool = False
    read_first: bool = False
    size: int | None = None
    mtime_ns: int | None = None
    via: str = ""
    time: float = 0.0
    """When it was opened first, in seconds since 1970."""


@dataclass
class Figure:
    """The last value of a metric."""

    value: float | str
    time: float
    steps: bool = False


@dataclass
class Seen:
    """All that was seen of one run until now."""

    opened: dict[str, Opened] = field(default_factory=dict)
    more_files: bool = False
    libraries: dict[str, str] = field(default_factory=dict)
    parameters: dict[tuple[str, str], tuple[str, str | None]] = field(default_factory=dict)
    """By (source, name): text and type; the last one counts."""
    seeds: dict[str, dict[str, None]] = field(default_factory=dict)
    flags: dict[str, str] = field(default_factory=dict)
    states: dict[str, str] = field(default_factory=dict)
    metrics: dict[tuple[str, str | None], Figure] = field(default_factory=dict)
    processes: dict[str, Json] = field(default_factory=dict)
    """By file of lines."""
    within: list[str] = field(default_factory=list)
    """Folders of runs that were started inside this one."""
    limits: set[str] = field(default_factory=set)
    """Sorts of lines of which there were more than a process tells."""
    exception: str | None = None
    main: str = ""
    """The file of the first process."""

    def take(self, lines: Iterable[Json]) -> None:
        """Add lines; one that is not as it should be is passed over."""
        for item in lines:
            try:
                getattr(self, f"_{item['what'].replace('-', '_')}", self._other)(item)
            except (KeyError, TypeError, ValueError, AttributeError):
                continue

    def _other(self, item: Json) -> None:
        """Pass over what a newer shim may tell."""

    def _process(self, item: Json) -> None:
        self.processes[item["from"]] = item
        first = self.processes.get(self.main)
        if first is None or item["t"] < first["t"]:
            self.main = item["from"]

    def _open(self, item: Json) -> None:
        path, mode = str(item["path"]), str(item["mode"])
        path.encode("utf-8")  # a name of other bytes cannot be written into a record
        if path not in self.opened and len(self.opened) >= MOST_FILES:
            self.more_files = True
            return
        reads = not mode.startswith(("w", "a", "x")) or "+" in mode
        writes = not mode.startswith("r") or "+" in mode
        known = self.opened.setdefault(path, Opened(path, read_first=reads and not mode.startswith(("w", "x"))))
        known.time = known.time or float(item["t"])
        if reads and known.size is None and not known.written:
            known.size, known.mtime_ns = _count(item.get("size")), _count(item.get("mtime_ns"))
        known.read |= reads
        known.written |= writes
        known.via = known.via or str(item.get("via") or "")

    def _library(self, item: Json) -> None:
        self.libraries.setdefault(str(item["name"]), str(item["version"]))

    def _parameter(self, item: Json) -> None:
        kind = item.get("type")
        value = (_clean(str(item["text"])), str(kind) if kind else None)
        self.parameters[str(item.get("source") or ""), _clean(str(item["name"]))] = value

    def _seed(self, item: Json) -> None:
        text = str(int(str(item["text"])))
        name = _clean(str(item["name"]))
        known = self.seeds.setdefault(name, {})
        if item["from"] != self.main and known:
            return  # a worker's, made from the first
        if len(known) < MOST_SEEDS:
            known[text] = None

    def _flag(self, item: Json) -> None:
        self.flags[_clean(str(item["name"]))] = _clean(str(item["value"]))

    def _random_state(self, item: Json) -> None:
        if item["from"] == self.main or item["name"] not in self.states:
            self.states[str(item["name"])] = str(item["sha256"])

    def _metric(self, item: Json) -> None:
        split = item.get("split")
        key = (_clean(str(item["name"])), _clean(str(split)) if split else None)
        known = self.metrics.get(key)
        if known is None or item["t"] >= known.time:
            self.metrics[key] = Figure(figure(item["value"]), float(item["t"]), steps="step" in item)

    def _limit(self, item: Json) -> None:
        self.limits.add(str(item["name"]))

    def _run(self, item: Json) -> None:
        self.within.append(str(item["folder"]))

    def _end(self, item: Json) -> None:
        if item["from"] == self.main and item.get("status") == "failed":
            self.exception = _clean(str(item.get("exception") or "failed"))


def _count(value: Any) -> int | None:  # noqa: ANN401 - JSON
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _clean(text: str) -> str:
    """Return a text that records can hold: no lone surrogate, not endless."""
    return text[:LONGEST].encode("utf-8", "replace").decode("utf-8")


def figure(value: Any) -> float | str:  # noqa: ANN401 - JSON
    """Return a metric's value as records write it.

    Raises:
        ValueError: when it is no number, or one that has no canonical bytes (whole, from 2^53 to 10^21).
    """
    number = float(value)
    if math.isnan(number):
        return "NaN"
    if math.isinf(number):
        return "Infinity" if number > 0 else "-Infinity"
    if 2**53 <= abs(number) < 1e21:
        raise ValueError(value)
    return number


def history(folder: Path) -> Iterator[bytes]:
    """Yield the history of metrics, those lines that have a step, as canonical JSON lines, in the order of the files.

    Each has ``name``, ``value``, ``step`` and, where known, ``split``, ``t`` (seconds since 1970).
    """
    for item in Lines(folder).new():
        if item["what"] != "metric" or item.get("step") is None:
            continue
        try:
            told: Json = {"name": _clean(str(item["name"])), "value": figure(item["value"]), "step": item["step"]}
            if item.get("split"):
                told["split"] = _clean(str(item["split"]))
            if isinstance(item.get("t"), float | int):
                told["t"] = item["t"]
            yield canonical.dumps(told) + b"\n"
        except (KeyError, TypeError, ValueError, HerdbookError):
            continue
