"""What the tests of the SQLite catalogue share: a fresh file, and scripts that run in processes of their own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from herdbook.stores.sql.catalogue import SqlCatalogue

NOBODY = 65534
PREAMBLE = """
import os, sys, time
from herdbook.kernel.errors import HerdbookError
from herdbook.model.rows import FileRow, Head, Lease, Projection
from herdbook.stores.sql.catalogue import SqlCatalogue
from herdbook.testing.events import begin, named, placed, tell
path = sys.argv[1]
"""
Script = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "registry" / "catalogue.sqlite"


@pytest.fixture
def catalogue(path: Path) -> Iterator[SqlCatalogue]:
    catalogue = SqlCatalogue.open(path, create=True)
    yield catalogue
    catalogue.close()


@pytest.fixture
def script() -> Iterator[Script]:
    """Return a function that starts a script on a database; what still runs at the end is ended."""
    started: list[subprocess.Popen[str]] = []

    def start(text: str, path: Path, *args: str, user: int | None = None) -> subprocess.Popen[str]:
        # Only after the imports: another user may not be able to read this checkout.
        become = "" if user is None else f"os.setgid({user}); os.setuid({user})\n"
        process = subprocess.Popen(
            [sys.executable, "-c", PREAMBLE + become + text, str(path), *args],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd="/",
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """Yield a folder that another user can reach: pytest's own folders are private."""
    folder = Path(tempfile.mkdtemp(prefix="herdbook-test-"))
    folder.chmod(0o755)
    yield folder
    folder.chmod(0o755)
    shutil.rmtree(folder)


@pytest.fixture
def other_user() -> int | None:
    """Return a user whom permissions bind: nobody when the tests run as root, else whoever runs them (``None``)."""
    return NOBODY if os.geteuid() == 0 else None
