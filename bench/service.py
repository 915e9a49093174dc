"""The service against MLflow's, bare HTTP against bare HTTP: get, filtered search, register; both databases."""

from __future__ import annotations

import json
import random
import statistics
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from bench import catalogue, peer, servers
from bench.population import label, name

SIZE = 100_000
LARGE = 1_000_000
API = "/api/v1"
THEIRS = "/api/2.0/mlflow/model-versions"
TOPICS = ("particlenet", "deeptau", "deepjet", "transformer", "regression", "pileup", "vertexing", "tracking")
SEARCHES = {
    "a tag": ("licence = MIT", "tags.licence = 'MIT'"),
    "a tag and a word of the name": ("deeptau AND licence = MIT", "name LIKE '%deeptau%' AND tags.licence = 'MIT'"),
    "a word of the name": ("deeptau", "name LIKE '%deeptau%'"),
}
DURABLE = {
    "sqlite": "ours: file, its name, its folder and the journal (SQLite, WAL, synchronous=FULL) are on the disk before "
    "the answer; MLflow: SQLite's commit is synced, the artefact is not",
    "postgresql": "ours: file, its name, its folder are synced, and PostgreSQL's commit; MLflow: PostgreSQL's commit "
    "only, the artefact is not",
}
Row = dict[str, Any]


def run(quick: bool) -> list[Row]:
    """Return rows of both databases."""
    if peer.python() is None:
        return [peer.missing("get a version over HTTP", 3.0)]
    size = 1_000 if quick else SIZE
    with servers.scratch() as folder:
        rows = _reading(folder, size, 50 if quick else 500)
        rows += _registering(folder, "sqlite", "sqlite", quick=quick)
        with servers.postgres(folder) as uri:
            rows += _registering(folder, "postgresql", uri, quick=quick)
    return rows


def _reading(folder: Path, size: int, rounds: int) -> list[Row]:
    database = f"sqlite:///{folder}/mlflow.db"
    subprocess.run(
        [str(peer.python()), peer.SCRIPT, "fill", database, str(size)], check=True, stdout=subprocess.DEVNULL
    )
    with servers.mlflow(folder, database) as port:
        theirs = {"get": _median(_get(port, _their_gets(size, rounds)))}
        for what, (_, query) in SEARCHES.items():
            path = f"{THEIRS}/search?{urlencode({'filter': query, 'max_results': 50})}"
            theirs[what] = _median(_get(port, [path] * max(5, rounds // 20)))
        client = _their_client(port, size)
    rows = []
    mine = _ours(size, rounds)
    row = _ratio(f"get a version at {size:,}, HTTP", mine["get"], theirs["get"], 3.0)
    delayed = ", of which 40 ms are delayed acknowledgement; not claimed" if client > 0.04 else ""
    row["note"] = f"MLflow's own client: {client * 1e3:.1f} ms{delayed}"
    rows.append(row)
    rows += [_ratio(f"search at {size:,}, HTTP: {what}", mine[what], theirs[what], 5.0) for what in SEARCHES]
    filled = Path(peer.scratch()) / f"versions-{LARGE}" / "filled"
    if size == SIZE and filled.exists():  # `python -m bench catalogue` fills it, in half an hour
        there = int(filled.read_text("utf-8"))
        large = _asked(filled.parent / "registry", there, rounds)
        rows += [_growth(what, there, mine[what], large[what]) for what in ("get", *SEARCHES)]
    return rows


def _ours(size: int, rounds: int) -> dict[str, list[float]]:
    import herdbook

    folder = Path(peer.scratch()) / f"versions-{size}"
    with herdbook.open(str(folder / "registry")) as registry:
        catalogue._fill(registry, folder / "filled", size)  # noqa: SLF001 - the same population
    return _asked(folder / "registry", size, rounds)


def _asked(registry: Path, size: int, rounds: int) -> dict[str, list[float]]:
    rng = random.Random(2)
    numbers = [rng.randrange(size) for _ in range(rounds)]
    gets = [f"{API}/version?{urlencode({'reference': f'{name(number)}:{label(number)}'})}" for number in numbers]
    with servers.ours(registry) as port:
        found = {"get": _get(port, gets)}
        for what, (query, _) in SEARCHES.items():
            path = f"{API}/versions/search?{urlencode({'query': query, 'limit': 50})}"
            found[what] = _get(port, [path] * max(100, rounds // 5))
    return found


def _their_gets(size: int, rounds: int) -> list[str]:
    rng = random.Random(2)
    numbers = [rng.randrange(size) for _ in range(rounds)]
    asked = [{"name": f"cms.tau.{TOPICS[n // 20 % 8]}-{n // 20}", "version": str(n % 20 + 1)} for n in numbers]
    return [f"{THEIRS}/get?{urlencode(each)}" for each in asked]


def _their_client(port: int, size: int) -> float:
    command = [str(peer.python()), peer.SCRIPT, "client", str(port), str(size), "20"]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return float(statistics.median(json.loads(done.stdout.splitlines()[-1])["get"]))


def _get(port: int, paths: list[str]) -> list[float]:
    return servers.clients("get", port, [{"paths": paths}])[0]


def _registering(folder: Path, database: str, uri: str, *, quick: bool) -> list[Row]:
    count, size = (10, 1_000_000) if quick else (40, 1_000_000)
    home = folder / database
    home.mkdir()
    registry = servers.registry(home, uri if database == "postgresql" else "")
    address = (
        uri.replace("postgresql://", "postgresql+psycopg://").replace("/postgres?", "/peer?")
        if database == "postgresql"
        else f"sqlite:///{home}/m.db"
    )
    rates: dict[str, dict[int, list[float]]] = {"ours": {1: [], 8: []}, "mlflow": {1: [], 8: []}}
    for round_ in range(1 if quick else 2):
        with servers.ours(registry) as port:
            _rates(rates["ours"], "ours", port, round_, count, size)
        with servers.mlflow(home, address) as port:
            _rates(rates["mlflow"], "mlflow", port, round_, count, size)
    rows = []
    for number, aim in ((1, 3.0), (8, 1.5)):
        mine, other = (statistics.median(rates[side][number]) for side in ("ours", "mlflow"))
        what = f"register with a 1 MB file, HTTP, {database}, {number} client{'s' if number > 1 else ''}"
        note = DURABLE[database]
        ratio = mine / other
        rows.append(
            _row(what, f"{mine:.1f} /s", f"MLflow 3: {other:.1f} /s", ratio, f"≥ {aim:g} ×", ratio >= aim, note)
        )
    return rows


def _rates(rates: dict[int, list[float]], side: str, port: int, round_: int, count: int, size: int) -> None:
    servers.clients(side, port, [{"who": f"w{round_}", "count": 5, "size": size}])
    for number, found in rates.items():
        given = [{"who": f"r{round_}n{number}c{who}", "count": count, "size": size} for who in range(number)]
        found.append(number * count / servers.clients(side, port, given)[1])


def _median(times: list[float]) -> float:
    return sorted(times)[len(times) // 2]


def _p99(times: list[float]) -> float:
    return sorted(times)[min(len(times) - 1, len(times) * 99 // 100)]


def _ratio(what: str, mine: list[float], other: float, aim: float) -> Row:
    ours = f"{_median(mine) * 1e3:.2f} ms (p99 {_p99(mine) * 1e3:.2f})"
    ratio = other / _median(mine)
    return _row(what, ours, f"MLflow 3: {other * 1e3:.2f} ms", ratio, f"≥ {aim:g} ×", ratio >= aim, "")


def _growth(what: str, size: int, mine: list[float], large: list[float]) -> Row:
    ratio = _p99(large) / _p99(mine)
    cells = [f"{_p99(times) * 1e3:.2f} ms" for times in (large, mine)]
    return _row(f"{what} at {size:,}, HTTP: p99", cells[0], f"at {SIZE:,}: {cells[1]}", ratio, "≤ 2 ×", ratio <= 2, "")


def _row(what: str, ours: str, other: str, ratio: float | None, aim: str, met: bool | None, note: str) -> Row:
    return {"what": what, "ours": ours, "peer": other, "ratio": ratio, "aim": aim, "met": met, "note": note}
