"""Impact and trace in a large lineage, beside a bare recursive SELECT over a table of pairs in SQLite.

One raw dataset, a hundred sets for training, and chains of fifty versions, each fine-tuned from the one before: all
descend from the raw dataset, fifty-two steps deep at most.
"""

from __future__ import annotations

import hashlib
import itertools
import os
import sqlite3
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import herdbook
from bench import peer
from herdbook.model.activities import Activity, Part
from herdbook.model.datasets import Dataset
from herdbook.model.files import File
from herdbook.model.identifiers import Identifier
from herdbook.model.registrations import Registration
from herdbook.model.versions import Version

CHAIN = 50
SETS = 100
AIM_S = 1.0
CHUNK = 5000
RAW = Dataset(id=Identifier(scheme="local", value="raw"))
_PAIRS = """
WITH RECURSIVE reached(node) AS (
  SELECT made FROM pairs WHERE taken = ?
  UNION SELECT pairs.made FROM reached JOIN pairs ON pairs.taken = reached.node)
SELECT count(*) FROM reached
"""


def run(quick: bool) -> list[dict[str, Any]]:
    """Return rows for impact and trace at each size."""
    sizes = (2_000,) if quick else tuple(map(int, os.environ.get("BENCH_SIZES", "100000,400000").split(",")))
    rows: list[dict[str, Any]] = []
    for size in sizes:
        folder = Path(peer.scratch()) / f"lineage-{size}"
        with herdbook.open(str(folder / "registry")) as registry:
            _fill(registry, folder / "filled", size)
            rows += _rows(registry, folder, size)
    return rows


def training_set(number: int) -> Dataset:
    """Return one of the sets that were made from the raw one."""
    return Dataset(id=Identifier(scheme="local", value=f"set-{number}"))


def version(number: int) -> Version:
    """Return a version of one file whose bytes nobody holds."""
    digest = "sha256:" + hashlib.sha256(f"lineage {number}".encode()).hexdigest()
    return Version.of([File(path="model.onnx", digest=digest, size=1000)])


def registrations(size: int) -> Iterator[Registration]:
    """Yield the versions, chain by chain."""
    for number in range(size):
        chain, place = divmod(number, CHAIN)
        record = version(number)
        data = training_set(chain % SETS)
        inputs = [Part(record=data.digest, role="train")]
        if place:
            inputs.append(Part(record=version(number - 1).digest, role="parent"))
        activity = Activity(
            kind="fine-tuning" if place else "training",
            status="finished",
            inputs=tuple(inputs),
            outputs=(Part(record=record.digest, role="model"),),
            ids=(Identifier(scheme="herdbook-run", value=f"{number:032x}"),),
        )
        yield Registration(
            model=f"demo/chains/c{chain}",
            label=f"v{place}",
            version=record,
            datasets=(data,),
            activities=(activity,),
            absent=tuple(str(file.digest) for file in record.files),
        )


def _fill(registry: Any, filled: Path, size: int) -> None:  # noqa: ANN401 - the façade
    """Fill a registry that is kept for the next run."""
    done = int(filled.read_text("utf-8")) if filled.exists() else 0
    source = itertools.islice(registrations(size), done, None)
    while part := list(itertools.islice(source, CHUNK)):
        registry.versions.record(part, batch=True)
        done += len(part)
        filled.write_text(str(done), "utf-8")
    registry.datasets.register("demo", RAW)
    for number in range(SETS):
        made = Part(record=registry.datasets.register("demo", training_set(number)).record, role="data")
        registry.activities.register(
            "demo",
            Activity(
                kind="dataset-conversion",
                status="finished",
                inputs=(Part(record=RAW.digest, role="raw"),),
                outputs=(made,),
                ids=(Identifier(scheme="herdbook-run", value=f"set{number:029x}"),),
            ),
        )


def _rows(registry: Any, folder: Path, size: int) -> list[dict[str, Any]]:  # noqa: ANN401 - the façade
    found = registry.versions.impact("local:raw", limit=50)
    assert (found.versions, found.datasets) == (size, SETS), found
    bare = _bare(folder / "pairs.sqlite", size)
    last = f"demo/chains/c{size // CHAIN - 1}:v{CHAIN - 1}"
    walked = registry.versions.trace(last, depth=2 * CHAIN + 4, limit=1000)
    assert len([node for node in walked.nodes if node.kind == "version"]) == CHAIN
    first = f"demo/chains/c{size // CHAIN - 1}:v0"
    share = len(range(0, size // CHAIN, SETS)) * CHAIN
    assert registry.versions.impact("local:set-0").versions == share
    assert registry.versions.impact(first).versions == CHAIN - 1
    what = f"{size:,} versions, as many activities"
    impact = _median(lambda: registry.versions.impact("local:raw", limit=50))
    of_set = _median(lambda: registry.versions.impact("local:set-0", limit=50))
    of_first = _median(lambda: registry.versions.impact(first, limit=50))
    trace = _median(lambda: registry.versions.trace(last, depth=2 * CHAIN + 4, limit=1000))
    aim = "< 1 s"
    return [
        {
            "what": f"impact of the raw dataset, all of {what}",
            "ours": f"{impact * 1000:.0f} ms",
            "peer": f"bare recursive SELECT over pairs, counted: {bare * 1000:.0f} ms",
            "ratio": impact / bare,
            "aim": aim,
            "met": impact < AIM_S,
            "note": "with models, aliases, releases and the first 50 versions; in process, warm",
        },
        {
            "what": f"impact of one of {SETS} training sets, among {what}",
            "ours": f"{of_set * 1000:.0f} ms",
            "aim": aim,
            "met": of_set < AIM_S,
            "note": f"{share:,} versions come of it",
        },
        {
            "what": f"impact of the beginning of a chain, {CHAIN} versions deep, among {what}",
            "ours": f"{of_first * 1000:.0f} ms",
            "aim": aim,
            "met": of_first < AIM_S,
            "note": f"{CHAIN - 1} versions come of it",
        },
        {
            "what": f"trace of the end of a chain, {CHAIN} versions deep, among {what}",
            "ours": f"{trace * 1000:.0f} ms",
            "aim": aim,
            "met": trace < AIM_S,
            "note": f"{len(walked.nodes)} nodes",
        },
    ]


def _bare(path: Path, size: int) -> float:
    path.unlink(missing_ok=True)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE pairs (taken BLOB, made BLOB, PRIMARY KEY (taken, made)) WITHOUT ROWID")
        pairs = {(RAW.digest, training_set(number).digest) for number in range(SETS)}
        for item in registrations(size):
            parts = item.activities[0].inputs or ()
            pairs |= {(str(part.record), item.version.digest) for part in parts}
        raw = [(bytes.fromhex(taken[7:]), bytes.fromhex(made[7:])) for taken, made in sorted(pairs)]
        connection.executemany("INSERT INTO pairs VALUES (?, ?)", raw)
        connection.commit()
        root = bytes.fromhex(RAW.digest[7:])
        assert connection.execute(_PAIRS, (root,)).fetchone() == (size + SETS,)
        return _median(lambda: connection.execute(_PAIRS, (root,)).fetchone())


def _median(act: Callable[[], object]) -> float:
    times = []
    for _ in range(5):
        begun = time.perf_counter()
        act()
        times.append(time.perf_counter() - begun)
    return statistics.median(times)
