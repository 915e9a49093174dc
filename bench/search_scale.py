"""Search at the level of the index: builds registries of many versions directly in the tables, and asks.

    python bench/search_scale.py FOLDER [COUNT …]

Each size is built once, in FOLDER, and used again. Figures are of one warm process; times are milliseconds, by the
clock and, for machines that do other things too, of processor time.
The versions are random but shaped as real ones: Zipf-distributed words, few formats and datasets, a README each.
"""

from __future__ import annotations

import math
import os
import platform
import random
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

from sqlalchemy import Connection, create_engine, insert

from herdbook.model.query import Order
from herdbook.model.query_parser import parse
from herdbook.model.rows import Document
from herdbook.stores.sql.bulk import Many
from herdbook.stores.sql.index import IndexWriter
from herdbook.stores.sql.schema import bodies, files, journals, metadata, models, versions

BULK = 100_000
VERSIONS_PER_MODEL = 20
_BODIES = Many(insert(bodies).inline(), "id", "digest", "body", plain=True)
_FILES = Many(insert(files).inline(), "record", "position", "path", "digest", "size", plain=True)
_VERSIONS = Many(insert(versions).inline(), "item", "model", "ordinal", "record", "journal", "seq", plain=True)
_MODELS = Many(insert(models).inline(), "id", "name", "folded", "journal", "versions", "last", plain=True)


class Index(IndexWriter):
    """The mixin with a connection."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection


def word(rank: int) -> str:
    """Return the word of a rank: rank 1 is in every README."""
    return f"word{rank}"


def make(item: int, chance: random.Random) -> Document:
    """Return the document of a version: about 45 terms and 8 numbers."""
    model = item // VERSIONS_PER_MODEL
    words = {word(1), "readme", f"model{model}", f"v{item % VERSIONS_PER_MODEL}"}
    while len(words) < 28:  # Zipf: the word of rank r is in a share of about 1/r
        words.add(word(int(math.exp(chance.random() * math.log(200_000)))))
    kind = chance.choices(("onnx", "keras", "lwtnn", "json"), (70, 20, 8, 2))[0]
    terms = {("text", one) for one in words}
    terms |= {
        ("name", f"cms/group{model % 40}/model{model}"), ("namespace", "cms"),
        ("label", f"v{item % VERSIONS_PER_MODEL}"),
        ("path", f"model.{kind}"), ("path", "readme.md"), ("format", kind), ("format", "markdown"), ("safety", "safe"),
        ("input", chance.choice(("pf_points", "features", "input_1", "x"))), ("output", "softmax"),
        ("dataset", f"/ttto{chance.randrange(3000)}/run{chance.randrange(4)}/miniaodsim"), ("scheme", "cms-dbs"),
        ("activity", chance.choice(("training", "fine-tuning"))), ("licence", "apache-2.0"),
        ("step", chance.choice(("reconstruction", "trigger", "analysis"))), ("state", "current"), ("resolved", "yes"),
        ("by", f"actor:{chance.randrange(300):032x}"), ("code", f"{chance.getrandbits(40):040x}"),
    }  # fmt: skip
    numbers = {
        ("ordinal", 1.0 + item % VERSIONS_PER_MODEL), ("size", float(int(math.exp(chance.uniform(10, 20))))),
        ("files", 2.0), ("opset", float(chance.choice((9, 11, 13, 17)))), ("registered", 1.7e9 + item // 50),
        ("parameters", float(int(math.exp(chance.uniform(8, 17))))), ("metric.auc", round(chance.betavariate(9, 1), 5)),
        ("parameter.epochs", float(chance.randrange(1, 100))),
    }  # fmt: skip
    return Document(frozenset(terms), frozenset(numbers))


def build(path: Path, count: int) -> None:
    """Build a registry of ``count`` versions, and say how fast the index was."""
    connection = _connect(path)
    connection.exec_driver_sql("PRAGMA synchronous=OFF")
    connection.exec_driver_sql("PRAGMA cache_size=-262144")
    metadata.create_all(connection)
    zero = bytes(32)
    journal = {"id": 1, "namespace": "cms", "folded": "cms", "journal": zero, "home": "", "seq": 1, "head": zero}
    connection.execute(insert(journals), {**journal, "time": "", "current": True})
    names = [f"cms/group{number % 40}/model{number}" for number in range(count // VERSIONS_PER_MODEL + 1)]
    _MODELS.run(connection, [(number + 1, name, name, 1, 20, 20) for number, name in enumerate(names)])
    chance = random.Random(count)
    spent = 0.0
    for start in range(1, count + 1, BULK):
        items = range(start, min(start + BULK, count + 1))
        _BODIES.run(connection, [(item, chance.randbytes(32), b"") for item in items])
        _VERSIONS.run(connection, [(item, item // 20 + 1, item % 20 + 1, item, 1, 1) for item in items])
        _FILES.run(
            connection, [(item, at, f"{at}", b"\0" + chance.randbytes(32), 9) for item in items for at in (0, 1)]
        )
        told = {item: make(item, chance) for item in items}
        begin = time.thread_time()
        Index(connection).index(told)
        spent += time.thread_time() - begin
    connection.commit()
    connection.exec_driver_sql("ANALYZE")
    connection.close()
    size = path.stat().st_size / 2**20
    print(f"built {count}: {count / spent:.0f} documents a second of processor time; {size:.0f} MiB with bodies, files")


def _connect(path: Path) -> Connection:
    engine = create_engine("sqlite://", creator=lambda: sqlite3.connect(path, cached_statements=512))
    connection = engine.connect()
    for pragma in ("cache_size=-16384", "mmap_size=1073741824", "journal_mode=WAL"):
        connection.exec_driver_sql(f"PRAGMA {pragma}")
    return connection


def queries(chance: random.Random, count: int) -> dict[str, Callable[[], str]]:
    """Return makers of queries by kind; rare, middling and common words are in about 10, 1 % and a third or more."""

    def rare() -> str:
        return word(chance.randrange(100_000, 200_000))

    def middling() -> str:
        return word(chance.randrange(150, 400))

    def common() -> str:
        return word(chance.randrange(1, 4))

    return {
        "rare word": rare,
        "rare word, filter": lambda: f"{rare()} format = onnx",
        "middling word": middling,
        "middling word, filter": lambda: f"{middling()} format = keras step = trigger",
        "middling word, number": lambda: f"{middling()} parameters < 1e5 metric.auc > 0.9",
        "two middling words": lambda: f"{middling()} {middling()}",
        "common word": common,
        "common word, filter": lambda: f"{common()} format = json",
        "common word, number": lambda: f"{common()} size > 1e6 opset >= 13",
        "common words that never meet": lambda: f"{common()} format = onnx format = keras",
        "common word, rare number": lambda: f"{common()} metric.auc < 0.2",
        "equal number": lambda: f"size = {chance.randrange(10**7)}",
        "model": lambda: f"name = cms/group{chance.randrange(40)}/model{chance.randrange(count // 20)}",
        "OR and NOT": lambda: f"({middling()} OR {middling()}) NOT {common()} format != json",
        "prefix, few": lambda: f"word{chance.randrange(10_000, 20_000)}*",
        "prefix, very many": lambda: f"word{chance.randrange(1, 10)}*",
        "prefix, very many, and rare": lambda: f"word{chance.randrange(1, 10)}* {rare()}",
        "digest": lambda: f"{chance.getrandbits(64):016x}",
        "everything": lambda: "",
    }


def ask(path: Path, count: int, seconds: float) -> Iterator[tuple[str, ...]]:
    """Ask each kind of query for some seconds, and yield rows of the table."""
    connection = _connect(path)
    index = Index(connection)
    chance = random.Random(5)
    for name, make_query in queries(chance, count).items():
        for what, run in (
            ("newest 50", lambda query: index.search(query, Order.NEWEST, "", 50)),
            ("by name 50", lambda query: index.search(query, Order.NAME, "", 50)),
            ("count ≤ 10000", lambda query: index.count(query, 10_000)),
            ("facets", lambda query: index.facets(query, "format", 10)),
            ("facets", lambda query: index.facets(query, "dataset", 10)),
        ):
            times: list[float] = []
            busy: list[float] = []
            found = 0
            end = time.perf_counter() + seconds
            while len(times) < 30 or (time.perf_counter() < end and len(times) < 2000):
                query = parse(make_query())
                begin, begin_busy = time.perf_counter(), time.thread_time()
                answer = run(query)
                times.append((time.perf_counter() - begin) * 1e3)
                busy.append((time.thread_time() - begin_busy) * 1e3)
                found += answer if isinstance(answer, int) else len(answer)
                if sum(times) > 4e3 * seconds:
                    break
            figures = [
                f"{value:.2f}" for found_times in (times, busy) for value in (median(found_times), _p99(found_times))
            ]
            yield name, what, f"{found / len(times):.0f}", *figures, str(len(times))
    connection.close()


def _p99(times: list[float]) -> float:
    return sorted(times)[min(len(times) - 1, int(len(times) * 0.99))]


def one_by_one(path: Path) -> None:
    """Say what indexing one version costs, without the commit."""
    connection = _connect(path)
    index, chance = Index(connection), random.Random(9)
    first = index.last_item() + 1
    times = []
    for item in range(first, first + 300):
        document = make(item, chance)
        begin = time.perf_counter()
        index.index({item: document})
        times.append((time.perf_counter() - begin) * 1e3)
    connection.rollback()
    connection.close()
    print(f"index one more: median {median(times):.2f} ms, p99 {_p99(times):.2f} ms")


def main(folder: str, *counts: str) -> None:
    print(platform.machine(), os.cpu_count(), "cores; SQLite", sqlite3.sqlite_version)
    for count in map(int, counts or ("1000", "100000")):
        path = Path(folder) / f"search-{count}.db"
        if not path.exists():
            build(path, count)
        one_by_one(path)
        print(f"{count} versions | | found | median | p99 | median busy | p99 busy | asked")
        for row in ask(path, count, seconds=1.0):
            print(" | ".join(row), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
