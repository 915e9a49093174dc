"""The servers that are measured, each as a user starts it, on loopback: ours, MLflow's, and a PostgreSQL for both."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

from bench import peer

_START_S = 120
RAW = str(peer.ROOT / "bench" / "raw_http.py")


@contextlib.contextmanager
def ours(folder: Path, *options: str) -> Iterator[int]:
    """Serve a registry; give the port."""
    port = free_port()
    command = [
        str(Path(sys.executable).with_name("herdbook")),
        "-R",
        str(folder),
        "serve",
        "--port",
        str(port),
        *options,
    ]
    with _running(command, folder.parent / "ours.log", f"http://127.0.0.1:{port}/health"):
        yield port


def registry(home: Path, uri: str = "") -> Path:
    """Make a registry below a folder, its catalogue in the folder or in a PostgreSQL database; return its folder."""
    folder = home / "registry"
    folder.mkdir()
    if uri:
        (folder / "registry.toml").write_text(f'catalogue = "{uri}"\n', "utf-8")
    herdbook = str(Path(sys.executable).with_name("herdbook"))
    environment = {**os.environ, "HERDBOOK_CONFIG": str(home / "config.toml")}
    subprocess.run([herdbook, "init", str(folder)], check=True, capture_output=True, env=environment)
    return folder


@contextlib.contextmanager
def mlflow(folder: Path, database: str, workers: int = 1) -> Iterator[int]:
    """Serve MLflow over a database; give the port."""
    port = free_port()
    python = peer.python()
    assert python is not None
    command = [str(python), "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--workers", str(workers), "--backend-store-uri", database]
    command += ["--artifacts-destination", str(folder / "artifacts")]
    with _running(command, folder / "mlflow.log", f"http://127.0.0.1:{port}/health"):
        yield port


@contextlib.contextmanager
def postgres(folder: Path) -> Iterator[str]:
    """Start a PostgreSQL that syncs, as it does by default; give the URI of its database ``postgres``.

    There is another one, ``peer``.
    """
    import pgserver

    server = pgserver.get_server(folder / "postgres")
    try:
        server.psql("CREATE DATABASE peer")
        yield cast("str", server.get_uri())
    finally:
        server.cleanup()


@contextlib.contextmanager
def scratch() -> Iterator[Path]:
    """Give a folder on the disk that is measured; short, since sockets lie in it."""
    folder = Path(tempfile.mkdtemp(dir=peer.scratch()))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@contextlib.contextmanager
def _running(command: list[str], log: Path, health: str) -> Iterator[None]:
    environment = {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true", "HERDBOOK_CONFIG": str(log.parent / "config.toml")}
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, env=environment, start_new_session=True)
    try:
        _wait(process, health, log)
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        process.wait(60)


def _wait(process: subprocess.Popen[bytes], health: str, log: Path) -> None:
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError), urllib.request.urlopen(health, timeout=5):
            return
        time.sleep(0.1)
    raise SystemExit(f"{health} does not answer: {log.read_text('utf-8', 'replace')[-2000:]}")


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


def clients(what: str, port: int, given: list[dict[str, Any]]) -> tuple[list[float], float]:
    """Let clients work at the same time, a process each; return seconds of all calls, and of the slowest client."""
    started = [
        subprocess.Popen([sys.executable, RAW, what, str(port)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        for _ in given
    ]
    for process, item in zip(started, given, strict=True):
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(item).encode() + b"\n")
        process.stdin.flush()
        assert process.stdout.readline() == b"ready\n"
    for process in started:
        assert process.stdin is not None
        process.stdin.write(b"go\n")
        process.stdin.flush()
    answers = [json.loads(process.communicate()[0]) for process in started]
    return [time_ for answer in answers for time_ in answer["times"]], max(answer["seconds"] for answer in answers)
