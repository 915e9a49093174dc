"""A PostgreSQL of a test's own, with its programs on PATH as the user that it runs as: what a site's operator has."""

from __future__ import annotations

import os
import shlex
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.servers.postgres import NOBODY, programs

PROGRAMS = ["initdb", "pg_ctl", "psql", "pg_basebackup", "pg_verifybackup"]
FILES = ["cp", "mkdir", "touch"]
"""What else an operator uses as that user: what it makes is to be read by the server."""
WRAPPER = """#!/bin/sh
if [ "$(id -u)" -eq 0 ]; then exec setpriv --reuid={user} --regid={user} --clear-groups {program} "$@"; fi
exec {program} "$@"
"""


@dataclass
class Cluster:
    """A database server in a folder. ``environment`` is what a shell of its operator has."""

    folder: Path
    binaries: Path
    port: int
    environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        tools = self.folder / "bin"
        tools.mkdir()
        found = {name: str(self.binaries / name) for name in PROGRAMS}
        found |= {name: shutil.which(name) or name for name in FILES}
        for name, program in found.items():
            script = tools / name
            script.write_text(WRAPPER.format(user=NOBODY, program=shlex.quote(program)), "utf-8")
            script.chmod(0o755)
        self.environment |= {
            "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}",
            "PGHOST": "127.0.0.1",
            "PGPORT": str(self.port),
            "PGUSER": "herdbook",
            "PGDATABASE": "herdbook",
            "PGDATA": str(self.folder / "data"),
        }

    @property
    def url(self) -> str:
        """Where the database is."""
        return f"postgresql://herdbook@127.0.0.1:{self.port}/herdbook"

    def run(self, *words: str) -> str:
        """Run one of the programs."""
        done = subprocess.run(
            words, env={**os.environ, **self.environment}, cwd="/", stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, f"{shlex.join(words)}\n{done.stdout}"
        return done.stdout

    def start(self) -> None:
        """Make the database, and start."""
        self.run("initdb", "-D", self.environment["PGDATA"], "-A", "trust", "-U", "herdbook", "-E", "UTF8",
                 "--locale=C", "--no-sync")  # fmt: skip
        settings = Path(self.environment["PGDATA"], "postgresql.auto.conf")
        with settings.open("a", encoding="utf-8") as file:
            file.write(
                f"listen_addresses = '127.0.0.1'\nport = {self.port}\nfsync = off\n"
                f"unix_socket_directories = '{self.folder}'\nshared_buffers = 16MB\n"
            )
        self.run("pg_ctl", "-D", self.environment["PGDATA"], "-w", "-l", str(self.folder / "log"), "start")
        self.run("psql", "-qc", "CREATE DATABASE herdbook", "postgres")

    def stop(self) -> None:
        """Stop what runs, whichever folder it has now."""
        subprocess.run(
            ["pg_ctl", "-D", self.environment["PGDATA"], "-w", "-m", "immediate", "stop"],
            env={**os.environ, **self.environment}, cwd="/", capture_output=True, check=False, timeout=60,
        )  # fmt: skip


def _free_port() -> int:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return int(server.getsockname()[1])


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """Return a database server that runs; its folder is searchable for the user that it runs as."""
    binaries = programs()
    if binaries is None:
        reason = "this test needs PostgreSQL: neither the wheel pgserver nor /usr/lib/postgresql is here"
        if os.environ.get("CI", "").lower() in {"1", "true"}:
            pytest.fail(reason)
        pytest.skip(reason)
    folder = Path(tempfile.mkdtemp(prefix="herdbook-"))
    folder.chmod(0o777)
    if os.geteuid() == 0 and not all(above.stat().st_mode & 1 for above in binaries.parents):
        binaries = Path(shutil.copytree(binaries.parent, folder / "programs")) / "bin"  # a checkout for root alone
    made = Cluster(folder, binaries, _free_port())
    try:
        made.start()
        yield made
    finally:
        made.stop()
        shutil.rmtree(folder, ignore_errors=True)
