"""A Rucio server, one for all tests of a process, started when the first needs it.

``from tests.servers.rucio import rucio, rucio_server`` in a conftest or a test file gives the fixtures.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import signal
import socket
import subprocess
import tempfile
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pytest
from tests.servers.places import away

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".cache" / "rucio"
START = ROOT / "tools" / "servers" / "start_rucio.py"
_START_S = 90.0
RSE = "DISK"
OTHER_RSE = "TAPE"
ROAMING_RSE = "LAPTOP"
"""Not deterministic: its files lie where who registers them says."""

CONFIGURATION = """[client]
rucio_host = http://127.0.0.1:{port}
auth_host = http://127.0.0.1:{port}
auth_type = userpass
username = {user}
password = {password}
account = {account}
auth_token_file_path = {folder}/token
request_retries = 0
"""


@dataclass(frozen=True)
class Rucio:
    """A running server, its folder, and an administrator's client of it."""

    port: int
    folder: Path
    client: Any
    scope: str

    def configure(self, folder: Path, monkeypatch: pytest.MonkeyPatch, **told: object) -> Path:
        """Write a ``rucio.cfg`` for one test into a folder, and point this process to it."""
        given = {"port": self.port, "user": "ddmlab", "password": "secret", "account": "root", "folder": folder}
        file = folder / "rucio.cfg"
        folder.mkdir(exist_ok=True)
        file.write_text(CONFIGURATION.format(**{**given, **told}), "utf-8")
        for name in [name for name in os.environ if name.startswith(("RUCIO_", "X509_", "BEARER_"))]:
            monkeypatch.delenv(name)
        monkeypatch.setenv("RUCIO_CONFIG", str(file))
        return file

    def storage(self, rse: str = RSE) -> Path:
        """Return the folder of a storage element."""
        return self.folder / "storage" / rse

    def dataset(self, name: str, files: dict[str, bytes], *, close: bool = True, scope: str = "") -> str:
        """Make a dataset of files whose bytes lie at the storage element; return its DID."""
        scope = scope or self.scope
        self.client.add_dataset(scope, name)
        if files:
            self.store(files, RSE, scope)
            self.client.attach_dids(scope, name, [{"scope": scope, "name": each} for each in files])
        if close:
            self.client.close(scope, name)
        return f"{scope}:{name}"

    def store(self, files: dict[str, bytes], rse: str, scope: str = "") -> None:
        """Register copies of files, with their bytes, at a storage element."""
        scope = scope or self.scope
        told = [
            {"scope": scope, "name": name, "bytes": len(data), "adler32": f"{zlib.adler32(data):08x}"}
            for name, data in files.items()
        ]
        self.client.add_replicas(rse, told)
        for name, data in files.items():
            for path in self.paths(name, rse, scope):
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(data)

    def paths(self, name: str, rse: str = "", scope: str = "") -> list[Path]:
        """Return where the bytes of a file lie."""
        found = self.client.list_replicas([{"scope": scope or self.scope, "name": name}])
        pfns = [pfn for each in found for at, pfns in each["rses"].items() if rse in {"", at} for pfn in pfns]
        return [Path(pfn.removeprefix("file://localhost")) for pfn in pfns]

    def inside(self, script: str) -> str:
        """Run Python in the server's environment, on its database: what an administrator does there."""
        done = subprocess.run(
            [VENV / "bin" / "python", "-c", script],
            env={**os.environ, "RUCIO_CONFIG": str(self.folder / "rucio.cfg"), "RUCIO_HOME": str(self.folder)},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-2000:]
        return done.stdout

    def erase(self, *names: str) -> None:
        """Erase DIDs, as the undertaker does when they expired."""
        dids = [{"scope": self.scope, "name": name} for name in names]
        self.inside(_ERASE.format(dids=json.dumps(json.dumps(dids))))


_ERASE = """
import datetime, json
from rucio.common.types import InternalAccount, InternalScope
from rucio.core import did
from rucio.db.sqla import models
from rucio.db.sqla.constants import DatabaseOperationType
from rucio.db.sqla.session import get_session
found = []
with get_session()() as session, session.begin():
    for each in json.loads({dids}):
        of = {{"scope": InternalScope(each["scope"]), "name": each["name"]}}
        row = session.query(models.DataIdentifier).filter_by(**of).one()
        found.append({{"scope": row.scope, "name": row.name, "did_type": row.did_type, "created_at": row.created_at,
                       "purge_replicas": False}})
    did.delete_dids(found, account=InternalAccount("root"), session=session)
"""


class _Shared:
    """The server, and how many fixtures hold it: each file that imports the fixture has one of its own."""

    holders: ClassVar[int] = 0
    server: ClassVar[Rucio | None] = None
    stop: ClassVar[contextlib.ExitStack] = contextlib.ExitStack()


@pytest.fixture(scope="session")
def rucio_server() -> Iterator[Rucio]:
    """Give a Rucio server; stop it when the last who uses it is done."""
    if not (VENV / ".ready").exists():
        away("Rucio is not here: `make .cache/rucio/.ready` gets it")
    if _Shared.server is None:
        _Shared.server = _Shared.stop.enter_context(running())
    _Shared.holders += 1
    yield _Shared.server
    _Shared.holders -= 1
    if not _Shared.holders:
        _Shared.server = None
        _Shared.stop.close()


@pytest.fixture
def rucio(rucio_server: Rucio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Rucio:
    """Give the server with a scope that nobody else uses, and let this process in as its administrator."""
    scope = f"user.t{secrets.token_hex(6)}"
    rucio_server.client.add_scope("root", scope)
    rucio_server.configure(tmp_path / "rucio-client", monkeypatch)
    return Rucio(rucio_server.port, rucio_server.folder, rucio_server.client, scope)


@contextlib.contextmanager
def running() -> Iterator[Rucio]:
    """Run one; all its files are in a folder that goes with it."""
    with tempfile.TemporaryDirectory(prefix="herdbook-rucio-", ignore_cleanup_errors=True) as top:
        folder = Path(top).resolve()
        port = _free_port()
        log = folder / "log.txt"
        with log.open("wb") as out:
            process = subprocess.Popen(
                [VENV / "bin" / "python", START, str(port), folder, "--with-parent"],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                cwd=folder,
            )
        client = None
        try:
            _wait(process, port, log)
            client = _administrator(port, folder)
            yield Rucio(port, folder, client, "")
        finally:
            if client is not None:
                client.session.close()
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(30)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    until = time.monotonic() + _START_S
    while time.monotonic() < until:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        if process.poll() is not None:
            break
        time.sleep(0.05)
    pytest.fail(f"Rucio did not start:\n{log.read_text('utf-8', 'replace')[-2000:]}")


def _administrator(port: int, folder: Path) -> Any:
    """Return a client, and make storage elements of folders."""
    from rucio.client.client import Client
    from rucio.common.config import clean_cached_config

    from herdbook.plugins.places.rucio_session import Quiet

    file = folder / "administrator.cfg"
    told = {"port": port, "user": "ddmlab", "password": "secret", "account": "root", "folder": folder}
    file.write_text(CONFIGURATION.format(**told), "utf-8")
    before = os.environ.get("RUCIO_CONFIG")
    os.environ["RUCIO_CONFIG"] = str(file)
    try:
        clean_cached_config()
        client = Client(logger=Quiet())
    finally:
        clean_cached_config()
        del os.environ["RUCIO_CONFIG"]
        if before is not None:
            os.environ["RUCIO_CONFIG"] = before
    for rse in (RSE, OTHER_RSE, ROAMING_RSE):
        (folder / "storage" / rse).mkdir(parents=True)
        client.add_rse(rse, deterministic=rse != ROAMING_RSE)
        may = {"read": 1, "write": 1, "delete": 1}
        protocol = {
            "scheme": "file",
            "hostname": "localhost",
            "port": 0,
            "prefix": str(folder / "storage" / rse),
            "impl": "rucio.rse.protocols.posix.Default",
            "domains": {"lan": may, "wan": may},
        }
        client.add_protocol(rse, protocol)
        client.set_local_account_limit("root", rse, -1)
    return client
