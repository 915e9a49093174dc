"""LocalStack's S3, one for all tests of a process, started when the first needs it.

``from tests.servers.localstack import localstack, s3_place`` in a conftest or a test file gives the fixtures.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import pytest
from tests.servers.places import S3Place, S3Server, away, forget, fresh, let_in

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".cache" / "localstack"
START = ROOT / "tools" / "servers" / "start_localstack.py"
_START_S = 60.0


class _Shared:
    """The server, and how many fixtures hold it: each file that imports the fixture has one of its own."""

    holders: ClassVar[int] = 0
    server: ClassVar[S3Server | None] = None
    stop: ClassVar[contextlib.ExitStack] = contextlib.ExitStack()


@pytest.fixture(scope="session")
def localstack() -> Iterator[S3Server]:
    """Give LocalStack's S3; stop it when the last who uses it is done."""
    if not (VENV / ".ready").exists():
        away("LocalStack is not here: `make .cache/localstack/.ready` gets it")
    if _Shared.server is None:
        _Shared.server = _Shared.stop.enter_context(running())
    _Shared.holders += 1
    yield _Shared.server
    _Shared.holders -= 1
    if not _Shared.holders:
        _Shared.server = None
        _Shared.stop.close()


@pytest.fixture
def s3_place(localstack: S3Server, monkeypatch: pytest.MonkeyPatch) -> S3Place:
    """Give a bucket with a fresh prefix; the credentials are in the environment."""
    let_in(localstack, monkeypatch)
    return fresh(localstack)


@contextlib.contextmanager
def running() -> Iterator[S3Server]:
    """Run one; all its files are in a folder that goes with it."""
    with tempfile.TemporaryDirectory(prefix="herdbook-localstack-", ignore_cleanup_errors=True) as folder:
        port = _free_port()
        log = Path(folder, "log")
        with log.open("wb") as out:
            process = subprocess.Popen(
                [VENV / "bin" / "python", START, str(port), folder, "--with-parent"],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                cwd=folder,
            )
        try:
            _wait(process, port, log)
            server = S3Server(f"http://[::1]:{port}", "test", "test")
            yield server
            forget(server)
        finally:
            _end(process)


def _free_port() -> int:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
            return int(probe.getsockname()[1])
    except OSError:
        away("LocalStack needs IPv6 on the loopback interface, which is not here")
        raise


def _wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    until = time.monotonic() + _START_S
    while time.monotonic() < until:
        with contextlib.suppress(OSError), socket.create_connection(("::1", port), timeout=1):
            return
        if process.poll() is not None:
            break
        time.sleep(0.05)
    pytest.fail(f"LocalStack did not start:\n{log.read_text('utf-8', 'replace')[-2000:]}")


def _end(process: subprocess.Popen[bytes]) -> None:
    # It has nothing to lose, and takes a second to stop by itself.
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(30)
