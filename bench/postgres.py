"""The ceiling of writes: registrations of versions without bytes, from several processes, on PostgreSQL and SQLite.

All writes of a registry come one after the other (ADR 0006), so this is what a registry, and so a namespace, can take.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from bench import peer, servers

WRITERS = (1, 2, 4, 8)
_PROGRAM = """
import hashlib, json, sys, time
import herdbook
from herdbook.model.registrations import Registration

folder, namespace, who, seconds = sys.argv[1], sys.argv[2], sys.argv[3], float(sys.argv[4])
count = 0


def one():
    digest = "sha256:" + hashlib.sha256(f"{who} {count}".encode()).hexdigest()
    version = {"schema": "herdbook/version/1", "files": [{"path": "model.bin", "digest": digest, "size": 4}]}
    model = f"{namespace}/bench/model{who}"
    item = {"model": model, "label": f"v{count}a", "version": version, "absent": [digest]}
    registry.versions.record([Registration.read(item)])


with herdbook.open(folder) as registry:
    one()
    print("ready", flush=True)
    sys.stdin.readline()
    times, end = [], time.perf_counter() + seconds
    while (begun := time.perf_counter()) < end:
        count += 1
        one()
        times.append(time.perf_counter() - begun)
print(json.dumps(times))
"""


def run(quick: bool) -> list[dict[str, Any]]:
    """Return a row for each number of writers and of namespaces."""
    seconds = 2.0 if quick else 8.0
    rows = []
    with tempfile.TemporaryDirectory(dir=peer.scratch()) as name:
        folder = Path(name)
        folder.chmod(0o755)  # PostgreSQL runs as somebody else
        with servers.postgres(folder) as uri:
            for namespaces in (1, 4):
                for writers in WRITERS if namespaces == 1 else WRITERS[2:]:
                    place = folder / f"{namespaces}-{writers}"
                    rows.append(_row(place, uri, writers, namespaces, seconds))
    return rows


def _row(place: Path, uri: str, writers: int, namespaces: int, seconds: float) -> dict[str, Any]:
    database = f"bench_{namespaces}_{writers}"
    _make(uri, database)
    homes = {}
    for kind in ("postgresql", "sqlite"):
        homes[kind] = place / kind
        homes[kind].mkdir(parents=True)
    ours = _together(servers.registry(homes["postgresql"], _named(uri, database)), writers, namespaces, seconds)
    theirs = _together(servers.registry(homes["sqlite"]), writers, namespaces, seconds)
    many = "" if writers == 1 else "s"
    return {
        "what": f"register versions without bytes: {writers} process{'es' if many else ''}, "
        f"{namespaces} namespace{'s' if namespaces > 1 else ''}",
        "ours": f"{len(ours) / seconds:.0f} /s, p50 {_part(ours, 0.5):.0f} ms, p99 {_part(ours, 0.99):.0f} ms",
        "peer": f"SQLite, the same: {len(theirs) / seconds:.0f} /s, p99 {_part(theirs, 0.99):.0f} ms",
        "ratio": len(ours) / max(1, len(theirs)),
        "note": "PostgreSQL on the same machine over its socket, synced at each commit, as SQLite is",
    }


def _together(folder: Path, writers: int, namespaces: int, seconds: float) -> list[float]:
    """Return how long each registration took, of processes that begin at once, in seconds."""
    started = [
        subprocess.Popen(
            [sys.executable, "-c", _PROGRAM, str(folder), f"n{number % namespaces}", f"{number}", str(seconds)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(writers)
    ]
    for process in started:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in started:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    found: list[float] = []
    for process in started:
        found += json.loads(process.communicate()[0])
        assert process.returncode == 0
    return found


def _part(times: list[float], part: float) -> float:
    """Return a quantile, in milliseconds."""
    return 1000 * sorted(times)[min(len(times) - 1, int(part * len(times)))]


def _make(uri: str, database: str) -> None:
    import psycopg

    with psycopg.connect(uri, autocommit=True) as raw:
        raw.execute(f"CREATE DATABASE {database}")


def _named(uri: str, database: str) -> str:
    """Return the address of another database of the same server."""
    from psycopg.conninfo import conninfo_to_dict

    given = conninfo_to_dict(uri)
    return f"postgresql:///{database}?host={given['host']}&user={given['user']}"


if __name__ == "__main__":
    print(json.dumps(run("--quick" in sys.argv), indent=1))
