"""A real PostgreSQL for tests: started once a session, without root or system packages where its wheel is.

The wheel ``pgserver`` brings PostgreSQL's programs; else those of the system do. The server listens on a Unix socket in
its own folder in the temporary folder, never on the network. It ends with the tests, or with the process that started
it. Fixtures: ``postgres_server``, ``postgres_url`` (a new, empty catalogue), ``pg_folder`` (a registry that names one).
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any

import psutil
import pytest

SYSTEM = Path("/usr/lib/postgresql")
TEMPLATE = "herdbook_template"
NOBODY = 65534
PLAIN = ("fsync=off", "full_page_writes=off")
"""Settings for tests that do not break the server: what it makes durable is not lost then."""

_SETTINGS = (
    "listen_addresses=",
    "max_connections=200",
    "shared_buffers=64MB",
    "max_wal_size=512MB",
    "log_timezone=UTC",
    "timezone=UTC",
)
_START_S = 30.0


def programs() -> Path | None:
    """Return the folder with ``initdb`` and ``postgres``: of the wheel, else the newest of the system's."""
    found = importlib.util.find_spec("pgserver")
    places = [Path(place) / "pginstall" / "bin" for place in (found.submodule_search_locations or [])] if found else []
    places += of_the_system()
    return next((place for place in places if (place / "initdb").exists() and (place / "postgres").exists()), None)


def of_the_system() -> list[Path]:
    """Return the folders of the system's own programs, the newest first."""
    return sorted(SYSTEM.glob("*/bin"), reverse=True)


class Server:
    """One PostgreSQL server in a folder of its own.

    Args:
        folder: where it lives; its path must be short, for the socket's sake.
        settings: ``name=value`` each.
        place: where its programs are.
    """

    def __init__(self, folder: Path, settings: tuple[str, ...] = PLAIN, place: Path | None = None) -> None:
        self.folder = folder
        self._settings = (*_SETTINGS, *settings)
        self._process: subprocess.Popen[bytes] | None = None
        self.programs = self._reachable(place or _found())

    def _reachable(self, place: Path) -> Path:
        """Return programs that the server's user may run: a checkout in root's home is not for others."""
        if not self._as_user() or all(folder.stat().st_mode & 1 for folder in place.parents):
            return place
        return Path(shutil.copytree(place.parent, self.folder / "programs")) / "bin"

    def _as_user(self) -> list[str]:
        """Return what runs a program as nobody: PostgreSQL refuses root."""
        return ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"] if os.geteuid() == 0 else []

    def make(self) -> None:
        """Make the database files."""
        self.folder.chmod(0o755)
        data = self.folder / "data"
        data.mkdir()
        if os.geteuid() == 0:
            os.chown(data, NOBODY, NOBODY)
            os.chown(self.folder, NOBODY, NOBODY)
        told = ["-A", "trust", "-U", "herdbook", "-E", "UTF8", "--locale=C", "--no-sync"]
        command = [*self._as_user(), str(self.programs / "initdb"), "-D", str(data), *told]
        subprocess.run(command, cwd="/", check=True, capture_output=True, stdin=subprocess.DEVNULL, env=_environment())

    def start(self) -> None:
        """Start it and wait until it answers. It ends with the thread that starts it: start it from the main one."""
        command = [str(self.programs / "postgres"), "-D", str(self.folder / "data"), "-k", str(self.folder)]
        for setting in self._settings:
            command += ["-c", setting]
        ends_with_us = ["setpriv", "--pdeathsig", "QUIT"] if shutil.which("setpriv") else []
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [*(self._as_user() + ends_with_us[1:] if self._as_user() else ends_with_us), *command],
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                env=_environment(),
            )
        self.wait()

    def wait(self) -> None:
        """Wait until it answers."""
        import psycopg

        assert self._process
        deadline = time.monotonic() + _START_S
        while True:
            try:
                psycopg.connect(self.url("postgres"), connect_timeout=5).close()
            except psycopg.OperationalError:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise
                time.sleep(0.02)
            else:
                return

    @property
    def pid(self) -> int:
        """The process that all others of the server come from."""
        assert self._process
        return self._process.pid

    def stop(self, how: signal.Signals = signal.SIGQUIT) -> None:
        """Stop it: at once by default, SIGINT in good order, SIGKILL as a crash of the machine does."""
        if self._process is None:
            return
        family = [psutil.Process(self._process.pid), *psutil.Process(self._process.pid).children(recursive=True)]
        for process in family if how is signal.SIGKILL else family[:1]:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(how)
        self._process.wait(30)
        psutil.wait_procs(family, timeout=30)  # what is left of it would keep its memory, and the next from starting
        self._process = None

    def url(self, database: str) -> str:
        """Return a database's URL."""
        return f"postgresql:///{database}?host={self.folder}&user=herdbook"

    def say(self, statement: str, database: str = "postgres") -> list[Any]:
        """Run a statement outside any transaction; return its rows."""
        import psycopg

        with closing(psycopg.connect(self.url(database), autocommit=True)) as raw:
            cursor = raw.execute(statement)
            return cursor.fetchall() if cursor.description else []


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_"))} | {"LC_ALL": "C"}


def _found() -> Path:
    place = programs()
    if place is None:
        reason = "this test needs PostgreSQL: neither the wheel pgserver nor /usr/lib/postgresql is here"
        if os.environ.get("CI", "").lower() in {"1", "true"}:
            pytest.fail(reason)
        pytest.skip(reason)
    return place


@contextmanager
def running(settings: tuple[str, ...] = PLAIN, place: Path | None = None) -> Iterator[Server]:
    """Give a server that ends with the block, and its folder with it."""
    folder = Path(tempfile.mkdtemp(prefix="herdbook-pg-"))
    try:
        server = Server(folder, settings, place)
        server.make()
        server.start()
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Server]:
    """Give the session's server."""
    from herdbook.stores.sql.catalogue import SqlCatalogue

    with running() as server:
        server.say(f"CREATE DATABASE {TEMPLATE}")
        SqlCatalogue.connect(server.url(TEMPLATE), create=True).close()
        yield server


_NUMBERS = count(1)


@contextmanager
def fresh(server: Server, template: str = TEMPLATE) -> Iterator[str]:
    """Give the URL of a new database that goes with the block; a catalogue in it has an id of its own."""
    from herdbook.kernel import digests

    name = f"t{next(_NUMBERS)}"
    server.say(f"CREATE DATABASE {name} TEMPLATE {template}")
    try:
        if template == TEMPLATE:
            server.say(f"UPDATE registry SET id = '{digests.new_id('registry')}'", name)
        yield server.url(name)
    finally:
        server.say(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def postgres_url(postgres_server: Server) -> Iterator[str]:
    """Give the URL of a new, empty catalogue."""
    with fresh(postgres_server) as url:
        yield url


@pytest.fixture
def blank_url(postgres_server: Server) -> Iterator[str]:
    """Give the URL of a new database without tables."""
    with fresh(postgres_server, "template1") as url:
        yield url


@pytest.fixture
def pg_folder(postgres_url: str, tmp_path: Path) -> Path:
    """Return a registry's folder whose catalogue is a new one in PostgreSQL, and whose blobs are in the folder."""
    folder = tmp_path / "registry"
    folder.mkdir()
    (folder / "registry.toml").write_text(f'catalogue = "{postgres_url}"\n', "utf-8")
    return folder
