"""Virtual environments made from a lock: one for each lock, kept in the cache, and looked at again before each use."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from herdbook.jobs.folders import discard
from herdbook.jobs.locks import Pin
from herdbook.kernel.errors import UnavailableError

_MAKE_S = 7200.0
_READY = ".ready"


def made(pins: Sequence[Pin], base: str, version: str, cache: Path) -> Path:
    """Return the interpreter of an environment with exactly these distributions; made when it is not there.

    Args:
        pins: what is installed, and nothing else.
        base: the interpreter it is made of.
        version: that interpreter's, ``3.11.7``.
        cache: where environments are kept, by what is in them.

    Raises:
        UnavailableError: ``environment-not-made``, with what the installer said.
    """
    lost = [pin.name for pin in pins if pin.folder]
    if lost:
        raise _failed(f"{', '.join(lost[:5])} came from a folder of the original's machine")
    lines = sorted(pin.requirement for pin in pins)
    key = hashlib.sha256(json.dumps([lines, version, sysconfig.get_platform()]).encode()).hexdigest()[:32]
    folder = cache / key
    with _alone(cache, key):
        if not (folder / _READY).is_file():
            discard(folder)
            try:
                _make(pins, base, folder)
            except BaseException:
                discard(folder)
                raise
            (folder / _READY).write_text("\n".join(lines), "utf-8")
    return folder / "bin" / "python"


def forget(python: Path) -> None:
    """Take an environment out of the cache that is no longer what it was."""
    folder = python.parent.parent
    if (folder / _READY).is_file():
        with _alone(folder.parent, folder.name):
            discard(folder)


def _make(pins: Sequence[Pin], base: str, folder: Path) -> None:
    _run([base, "-m", "venv", "--without-pip", str(folder)])
    hashed = [pin.requirement for pin in pins if pin.hashes]
    plain = [pin.requirement for pin in pins if not pin.hashes]
    for name, lines, options in (("hashed", hashed, ["--require-hashes"]), ("plain", plain, [])):
        if lines:
            (folder / f"{name}.txt").write_text("\n".join(lines) + "\n", "utf-8")
            _run([*_installer(folder), "--no-deps", *options, "-r", str(folder / f"{name}.txt")])


def _installer(folder: Path) -> list[str]:
    """Return what installs into an environment that has no installer: its own would be one distribution too many."""
    python = str(folder / "bin" / "python")
    if uv := shutil.which("uv"):
        # Without --python it would take the one that UV_PYTHON names.
        return [uv, "pip", "install", "--quiet", "--python", python, "--no-config"]
    quiet = ["--quiet", "--no-input", "--disable-pip-version-check", "--retries", "2", "--timeout", "20"]
    return [sys.executable, "-m", "pip", "--python", python, "install", *quiet]


@contextmanager
def _alone(cache: Path, key: str) -> Iterator[None]:
    cache.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(cache / f"{key}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _run(argv: Sequence[str]) -> None:
    try:
        done = subprocess.run(  # noqa: S603 - the installer
            list(argv),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_MAKE_S,
            check=False,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise _failed(str(error)) from error
    if done.returncode:
        raise _failed((done.stderr or done.stdout).strip()[-600:])


def _failed(why: str) -> UnavailableError:
    return UnavailableError(
        f"the environment cannot be made from the lock: {why}",
        code="environment-not-made",
        hint="Can the packages be had from here? Else make it elsewhere, and name its interpreter with --python.",
    )
