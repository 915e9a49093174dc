"""One large file over loopback, up, and down with verification, against curl, openssl and sync one by one."""

from __future__ import annotations

import json
import os
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench import servers

AIM = 1.6
GROWTH_MB = 100
PIECE = 2**20
_CLIENT = """
import json, sys, time, hashlib
import herdbook
what, url, path, reference = sys.argv[1:5]
def peak():
    return int(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1]) / 1000
with herdbook.open(url) as registry:
    registry.namespaces.list()
    before, begun = peak(), time.perf_counter()
    if what == "up":
        registry.versions.register(reference, path)
    else:
        from herdbook.service.fetch import fetch
        fetch(registry, reference, path, link=what == "link")
    print(json.dumps({"seconds": time.perf_counter() - begun, "growth": peak() - before}))
"""


def run(quick: bool) -> list[dict[str, Any]]:
    """Return a row for each direction."""
    size = 2**28 if quick else 4 * 2**30
    rounds = 1 if quick else 3
    with servers.scratch() as folder:
        file = folder / "model.bin"
        _write(file, size)
        up: list[dict[str, float]] = []
        down: list[dict[str, float]] = []
        copied: list[dict[str, float]] = []
        with _served(folder) as (url, process):
            for number in range(rounds):
                reference = f"demo/m{number}/large:v1"
                up.append(_against(_peer_up(file), _client("up", url, file, reference, folder, number), process))
                for how, found in (("link", down), ("down", copied)):
                    target = folder / f"got-{how}-{number}"
                    asked = _client(how, url, target, reference, folder, number)
                    found.append(_against(_peer_down(file), asked, process))
                    _forget(target, file)
    what = f"{size / 2**30:g} GB over loopback"
    return [
        _row(f"upload {what}: register", up),
        _row(f"download with verification {what}: fetch --link", down),
        _row(f"download with verification {what}: fetch, which keeps one in the cache and one in the folder", copied),
    ]


def _write(file: Path, size: int) -> None:
    """Write bytes that no disk compresses; a megabyte of them again and again, each marked."""
    noise = os.urandom(PIECE - 8)
    with file.open("wb") as out:
        for number in range(size // PIECE):
            out.write(number.to_bytes(8) + noise)
        os.fsync(out.fileno())


@contextmanager
def _served(folder: Path) -> Iterator[tuple[str, int]]:
    home = folder / "home"
    home.mkdir()
    with servers.ours(servers.registry(home)) as port:
        yield f"http://127.0.0.1:{port}", _listener(port)


def _listener(port: int) -> int:
    import psutil

    return next(
        int(connection.pid)
        for connection in psutil.net_connections("tcp")
        if connection.status == "LISTEN" and connection.laddr.port == port
    )


def _peak(process: int) -> float:
    lines = Path(f"/proc/{process}/status").read_text("utf-8").splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1000


def _client(what: str, url: str, path: Path, reference: str, folder: Path, number: int) -> list[str]:
    cache = f"HERDBOOK_CACHE={folder}/cache-{number}-{what}"
    config = f"HERDBOOK_CONFIG={folder}/config-{number}.toml"
    return ["env", cache, config, sys.executable, "-c", _CLIENT, what, url, str(path), reference]


def _against(peer_seconds: float, command: list[str], process: int) -> dict[str, float]:
    before = _peak(process)
    answer = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    return {
        "ours": answer["seconds"],
        "peer": peer_seconds,
        "client": answer["growth"],
        "server": _peak(process) - before,
    }


def _peer_up(file: Path) -> float:
    target = file.with_name("peer.bin")
    begun = time.perf_counter()
    with _sink(target) as port:
        subprocess.run(["curl", "-sfT", str(file), f"http://127.0.0.1:{port}/"], check=True, capture_output=True)
    _hash_and_sync(target)
    seconds = time.perf_counter() - begun
    target.unlink()
    return seconds


def _peer_down(file: Path) -> float:
    target = file.with_name("peer.bin")
    begun = time.perf_counter()
    with _source(file) as port:
        subprocess.run(["curl", "-sfo", str(target), f"http://127.0.0.1:{port}/"], check=True)
    _hash_and_sync(target)
    seconds = time.perf_counter() - begun
    target.unlink()
    return seconds


def _hash_and_sync(target: Path) -> None:
    subprocess.run(["openssl", "dgst", "-sha256", str(target)], check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["sync", str(target)], check=True)


@contextmanager
def _once(serve: Any) -> Iterator[int]:  # noqa: ANN401 - a function of a socket
    """Serve one request, as barely as can be."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=lambda: serve(listening.accept()[0]))
        thread.start()
        yield listening.getsockname()[1]
        thread.join()


def _sink(target: Path) -> Any:  # noqa: ANN401 - a context manager of a port
    def serve(connection: socket.socket) -> None:
        with connection, target.open("wb") as out:
            head = b""
            while b"\r\n\r\n" not in head:
                head += connection.recv(65536)
            fields, _, begun = head.partition(b"\r\n\r\n")
            length = int(
                next(line for line in fields.split(b"\r\n") if line.lower().startswith(b"content-length"))[15:]
            )
            if b"100-continue" in fields.lower():
                connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
            out.write(begun)
            left, buffer = length - len(begun), bytearray(PIECE)
            while left and (count := connection.recv_into(buffer)):
                out.write(memoryview(buffer)[:count])
                left -= count
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    return _once(serve)


def _source(file: Path) -> Any:  # noqa: ANN401 - a context manager of a port
    def serve(connection: socket.socket) -> None:
        with connection, file.open("rb") as source:
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % file.stat().st_size)
            connection.sendfile(source)

    return _once(serve)


def _forget(target: Path, file: Path) -> None:
    for path in target.rglob("*"):
        path.unlink()
    for cache in file.parent.glob("cache-*"):
        subprocess.run(["rm", "-rf", str(cache)], check=True)


def _row(what: str, times: list[dict[str, float]]) -> dict[str, Any]:
    median = {key: statistics.median(time_[key] for time_ in times) for key in times[0]}
    ratio = median["ours"] / median["peer"]
    grown = {side: max(time_[side] for time_ in times) for side in ("client", "server")}
    flat = max(grown.values()) < GROWTH_MB
    return {
        "what": what,
        "ours": f"{median['ours']:.1f} s",
        "peer": f"curl, openssl dgst, sync: {median['peer']:.1f} s",
        "ratio": ratio,
        "aim": f"≤ {AIM:g} ×, < {GROWTH_MB} MB",
        "met": ratio <= AIM and flat,
        "note": f"memory grew by {grown['client']:.0f} MB at the client, {grown['server']:.0f} MB at the server",
    }
