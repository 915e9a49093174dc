"""64 clients, reads and writes mixed, on SQLite and PostgreSQL: no error, the slowest hundredth, flat memory."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import threading
import time
from collections import defaultdict
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from bench import servers
from bench.raw_http import Line

CLIENTS = 64
PROCESSES = 4
SECONDS = 600.0
SIZE = 10_000
"""Bytes of a file that is registered."""


def run(quick: bool) -> list[dict[str, Any]]:
    """Return a row for each database."""
    seconds = float(os.environ.get("BENCH_SECONDS", "20" if quick else str(SECONDS)))
    with servers.scratch() as folder:
        rows = [_row("SQLite", *_load(folder / "sqlite", "", seconds))]
        with servers.postgres(folder) as uri:
            rows.append(_row("PostgreSQL, 2 server processes", *_load(folder / "pg", uri, seconds, "--workers", "2")))
    return rows


def _load(home: Path, uri: str, seconds: float, *options: str) -> tuple[dict[str, Any], list[float]]:
    home.mkdir()
    registry = servers.registry(home, uri)
    memory: list[float] = []
    answered = [home / f"client-{number}.json" for number in range(PROCESSES)]  # more than a pipe holds
    with servers.ours(registry, *options) as port:
        command = [sys.executable, "-m", "bench.clients", str(port), str(seconds)]
        started = [
            subprocess.Popen([*command, str(number)], stdout=said.open("wb"), cwd=Path(__file__).parents[1])
            for number, said in enumerate(answered)
        ]
        while any(process.poll() is None for process in started):
            memory.append(_memory(port))
            time.sleep(seconds / 40)
        assert all(process.returncode == 0 for process in started)
    answers = [json.loads(said.read_bytes()) for said in answered]
    merged: dict[str, Any] = {"errors": [error for answer in answers for error in answer["errors"]], "times": {}}
    for answer in answers:
        for what, times in answer["times"].items():
            merged["times"].setdefault(what, []).extend(times)
    merged["seconds"] = seconds
    return merged, memory


def _memory(port: int) -> float:
    """Return the resident memory of the server's processes together, in MB."""
    import psutil

    pids = {
        connection.pid
        for connection in psutil.net_connections("tcp")
        if connection.laddr and connection.laddr.port == port and connection.status in {"LISTEN", "ESTABLISHED"}
    }
    found = 0
    for pid in pids - {None, os.getpid()}:
        with_name = psutil.Process(pid)
        if "bench.clients" not in " ".join(with_name.cmdline()):
            found += with_name.memory_info().rss
    return found / 1e6


def _row(database: str, found: dict[str, Any], memory: list[float]) -> dict[str, Any]:
    times = found["times"]
    total = sum(map(len, times.values()))
    slow = ", ".join(f"{what} {_p99(values) * 1e3:.0f} ms" for what, values in sorted(times.items()))
    quarter = max(1, len(memory) // 4)
    early, late = sum(memory[quarter : 2 * quarter]) / quarter, sum(memory[-quarter - 1 : -1]) / quarter
    return {
        "what": f"{CLIENTS} clients, reads and writes mixed, {found['seconds']:.0f} s, {database}",
        "ours": f"{total / found['seconds']:.0f} requests/s, {len(found['errors'])} errors",
        "peer": "",
        "ratio": None,
        "aim": "no error, memory flat",
        "met": not found["errors"] and late < 1.1 * early + 10,
        "note": f"p99: {slow}; memory of the server {early:.0f} MB in the second quarter, {late:.0f} MB in the last; "
        + "; ".join(sorted(set(found["errors"]))[:3]),
    }


def _p99(times: list[float]) -> float:
    return sorted(times)[min(len(times) - 1, len(times) * 99 // 100)]


class _Client(threading.Thread):
    """One client on its own connection."""

    def __init__(self, port: int, who: str, until: float) -> None:
        super().__init__()
        self._port = port
        self._who = who
        self._until = until
        self._random = random.Random(who)
        self._known: list[str] = []
        self.times: dict[str, list[float]] = defaultdict(list)
        self.errors: list[str] = []

    def run(self) -> None:
        line = Line(self._port)
        while time.monotonic() < self._until:
            what = self._random.choices(("get", "dossier", "search", "register", "alias"), (60, 10, 15, 10, 5))[0]
            if not self._known:
                what = "register"
            begun = time.perf_counter()
            try:
                getattr(self, what)(line)
            except (OSError, SystemExit, ValueError) as error:
                self.errors.append(f"{what}: {error}"[:300])
                line = Line(self._port)
            self.times[what].append(time.perf_counter() - begun)

    def get(self, line: Line) -> None:
        line.ask("GET", "/api/v1/version?" + urlencode({"reference": self._random.choice(self._known)}))

    def dossier(self, line: Line) -> None:
        line.ask("GET", "/api/v1/version/dossier?" + urlencode({"reference": self._random.choice(self._known)}))

    def search(self, line: Line) -> None:
        query = self._random.choice(("model", f"m{self._random.randrange(20)}", "format = onnx"))
        line.ask("GET", "/api/v1/versions/search?" + urlencode({"query": query, "limit": 20}))

    def register(self, line: Line) -> None:
        content = self._random.randbytes(SIZE)
        sent = json.loads(line.ask("POST", "/api/v1/files", content, "application/octet-stream"))
        file = {"path": "model.onnx", "digest": sent["sha256"], "size": sent["size"]}
        model = f"demo/{self._who}/m{self._random.randrange(20)}"
        label = f"v{len(self._known)}a"
        item = {"model": model, "label": label, "version": {"schema": "herdbook/version/1", "files": [file]}}
        line.ask("POST", "/api/v1/versions", json.dumps({"registrations": [item]}).encode())
        self._known.append(f"{model}:{label}")

    def alias(self, line: Line) -> None:
        target = self._random.choice(self._known)
        asked = {"model": target.partition(":")[0], "alias": "production", "to": target}
        line.ask("POST", "/api/v1/pointers/alias", json.dumps(asked).encode())


def main() -> None:
    """Run a share of the clients; print what they saw."""
    port, seconds, number = int(sys.argv[1]), float(sys.argv[2]), sys.argv[3]
    until = time.monotonic() + seconds
    started = [_Client(port, f"c{number}x{each}", until) for each in range(CLIENTS // PROCESSES)]
    for client in started:
        client.start()
    times: dict[str, list[float]] = defaultdict(list)
    errors: list[str] = []
    for client in started:
        client.join()
        errors += client.errors
        for what, found in client.times.items():
            times[what] += found
    print(json.dumps({"times": times, "errors": errors}))


if __name__ == "__main__":
    main()
