"""An XRootD server for a test: anonymous, one folder, one port."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.servers.places import away

_START_S = 30.0
_SETTINGS = """all.export /
oss.localroot {folder}/root
all.adminpath {folder}/adm
all.pidpath {folder}/run
xrd.port {port}
xrootd.chksum max 2 adler32 md5
"""


@dataclass(frozen=True)
class XRootD:
    """A running server, and the folder that it serves as /."""

    port: int
    top: Path

    @property
    def url(self) -> str:
        """Its address."""
        return f"root://127.0.0.1:{self.port}/"


@pytest.fixture(scope="session")
def xrootd() -> Iterator[XRootD]:
    """Give a server; it is not run as root, which it refuses."""
    if shutil.which("xrootd") is None or shutil.which("xrdfs") is None:
        away("XRootD is not here: apt's xrootd-server and xrootd-client")
    with tempfile.TemporaryDirectory(prefix="herdbook-xrootd-", dir="/var/tmp", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)
        for inside in ("root", "adm", "run"):
            (folder / inside).mkdir()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        (folder / "x.cfg").write_text(_SETTINGS.format(folder=folder, port=port), "utf-8")
        as_user: list[str] = []
        if os.geteuid() == 0:
            for each in (folder, *folder.rglob("*")):
                shutil.chown(each, "nobody")
            as_user = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"]
        process = subprocess.Popen(
            [*as_user, "xrootd", "-c", folder / "x.cfg", "-l", folder / "run" / "log", "-n", "tests"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            cwd=folder,
        )
        try:
            _wait(process, port)
            yield XRootD(port, folder / "root")
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(30)


def _wait(process: subprocess.Popen[bytes], port: int) -> None:
    until = time.monotonic() + _START_S
    while time.monotonic() < until and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    pytest.fail("XRootD did not start")
