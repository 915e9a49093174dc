"""Get, and filtered search with words, in process, at several sizes, against MLflow's store and a bare statement."""

from __future__ import annotations

import collections
import gc
import itertools
import json
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from bench import peer
from bench.population import label, name, registrations

CHUNK = 20_000
PEER_SIZE = 100_000
SEARCHES = {
    "rare word": "w3000",
    "rare word and filter": "w3000 AND licence = MIT",
    "middling word": "w100",
    "middling word and filter": "w100 AND step = reconstruction",
    "common word": "w1",
    "common word and filter": "w1 AND step = reconstruction AND metric.auc > 0.9",
}
"""Words of the population's texts, whose frequency falls like Zipf's law."""


def run(quick: bool) -> list[dict[str, Any]]:
    """Return rows for get and search at each size."""
    import herdbook

    sizes = (1_000,) if quick else tuple(map(int, os.environ.get("BENCH_SIZES", "1000,100000,1000000").split(",")))
    rows: list[dict[str, Any]] = []
    for size in sizes:
        folder = Path(peer.scratch()) / f"versions-{size}"
        with herdbook.open(str(folder / "registry")) as registry:
            _fill(registry, folder / "filled", size)
            theirs = _peer(size, 50 if quick else 300) if size <= PEER_SIZE else None
            rows += _gets(registry, folder, size, theirs)
            rows += _searches(registry, size, theirs)
    return rows


def _fill(registry: Any, filled: Path, size: int) -> None:  # noqa: ANN401 - the façade
    """Fill a registry that is kept for the next run; what was broken off goes on where it was."""
    source = registrations(size)
    done = int(filled.read_text("utf-8")) if filled.exists() else 0
    if done < size:
        collections.deque(itertools.islice(source, done), maxlen=0)
    while done < size:
        chunk = list(itertools.islice(source, CHUNK))
        begun = time.perf_counter()
        registry.versions.record(chunk, batch=True)
        done += len(chunk)
        filled.write_text(str(done), "utf-8")
        print(f"{done:,}: {len(chunk) / (time.perf_counter() - begun):.0f} versions/s", file=sys.stderr, flush=True)


def _peer(size: int, rounds: int) -> dict[str, list[float]] | None:
    python = peer.python()
    if python is None:
        return None
    folder = tempfile.mkdtemp(dir=peer.scratch())
    try:
        done = subprocess.run(
            [str(python), peer.SCRIPT, "catalogue", folder, str(size), str(rounds)],
            check=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
    finally:
        shutil.rmtree(folder)
    answer: dict[str, list[float]] = json.loads(done.stdout.splitlines()[-1])
    return answer


def _gets(registry: Any, folder: Path, size: int, theirs: dict[str, list[float]] | None) -> list[dict[str, Any]]:  # noqa: ANN401 - the façade
    rng = random.Random(3)
    numbers = [rng.randrange(size) for _ in range(1000)]
    references = [f"{name(number)}:{label(number)}" for number in numbers]
    times = _times([partial(registry.versions.get, reference) for reference in references])
    rows = [_against(f"get at {size:,}", times, theirs["get"] if theirs else None, 5.0)]
    if size > PEER_SIZE:
        rows.append(_limit(f"get at {size:,}, p99", times, 1.0))
    database = sqlite3.connect(f"file:{folder}/registry/catalogue.sqlite?mode=ro", uri=True)
    bare = "SELECT v.ordinal, b.body FROM versions v JOIN bodies b ON b.id = v.record WHERE v.item = ?"
    items = [rng.randrange(1, size + 1) for _ in range(1000)]
    raw = _times([partial(database.execute, bare, (item,)) for item in items])
    database.close()
    note = f"a bare prepared statement by primary key takes {_median(raw) * 1e6:.0f} µs, median"
    return [{**row, "note": f"{row['note']}; {note}".strip("; ")} for row in rows]


def _searches(registry: Any, size: int, theirs: dict[str, list[float]] | None) -> list[dict[str, Any]]:  # noqa: ANN401 - the façade
    rows = []
    for what, query in SEARCHES.items():
        found = registry.versions.search(query, limit=50, total=True)
        times = _times([partial(registry.versions.search, query, limit=50)] * 100)
        row = _against(f"search at {size:,}: {what}", times, theirs["search"] if theirs else None, 10.0)
        more = "" if found.total_is_exact else "more than "
        row["note"] = f"`{query}`, {more}{found.total} matches"
        rows.append(row)
        if size > PEER_SIZE:
            rows.append(_limit(f"search at {size:,}: {what}, p99", times, 50.0 if what.startswith("common") else 10.0))
    return rows


def _times(calls: list[Callable[[], object]]) -> list[float]:
    for call in calls:
        call()  # pages of the database that were not in memory are another measurement
    gc.collect()
    gc.freeze()  # as a service does after its start: what was imported is not looked at by each collection
    times = []
    for call in calls:
        begun = time.perf_counter()
        call()
        times.append(time.perf_counter() - begun)
    return times


def _median(times: list[float]) -> float:
    return sorted(times)[len(times) // 2]


def _p99(times: list[float]) -> float:
    return sorted(times)[min(len(times) - 1, len(times) * 99 // 100)]


def _against(what: str, times: list[float], theirs: list[float] | None, aim: float) -> dict[str, Any]:
    mine = f"{_median(times) * 1e3:.2f} ms (p99 {_p99(times) * 1e3:.2f})"
    if theirs is None:
        return _row(what, mine, "", None, "", None, "")
    ratio = _median(theirs) / _median(times)
    other = f"MLflow 3: {_median(theirs) * 1e3:.2f} ms"
    if f"at {PEER_SIZE:,}" not in what:
        return _row(what, mine, other, ratio, "", None, "")  # the aims are for 10^5
    return _row(what, mine, other, ratio, f"≥ {aim:g} ×", ratio >= aim, "")


def _limit(what: str, times: list[float], limit_ms: float) -> dict[str, Any]:
    value = _p99(times) * 1e3
    return _row(what, f"{value:.2f} ms", "", None, f"< {limit_ms:g} ms", value < limit_ms, "")


def _row(
    what: str, ours: str, other: str, ratio: float | None, aim: str, met: bool | None, note: str
) -> dict[str, Any]:
    return {"what": what, "ours": ours, "peer": other, "ratio": ratio, "aim": aim, "met": met, "note": note}


if __name__ == "__main__":
    print(json.dumps(run("--quick" in sys.argv), indent=1, ensure_ascii=False))
