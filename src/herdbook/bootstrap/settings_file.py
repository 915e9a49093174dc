"""The configuration file is changed one key at a time: under a lock, whole or not at all, readable by its owner."""

from __future__ import annotations

import contextlib
import fcntl
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import tomli_w

from herdbook.bootstrap import settings
from herdbook.kernel.errors import DeniedError, InvalidError


def change(values: dict[str, str | None]) -> Path:
    """Write settings by their dotted names, ``None`` to remove one; return the file. Comments in it are lost.

    Raises:
        InvalidError: when a setting is unknown, a value does not fit, or the file as it is cannot be read.
        DeniedError: when the file cannot be written.
    """
    path = settings.config_file()
    # A file that is a link, as dotfiles often are, stays one.
    target = Path(os.path.realpath(path))
    try:
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _alone(target.parent):
            table = settings.read_file(target)
            for name, value in values.items():
                _put(table, name, None if value is None else settings.check(name, value, "the command"), path)
            _write(target, tomli_w.dumps(table).encode())
    except OSError as error:
        raise DeniedError(
            f"the configuration file {path} cannot be written: {error.strerror}",
            code="config-unwritable",
            hint=f"Make it writable, or name another with {settings.CONFIG}.",
        ) from error
    return path


def _put(table: dict[str, Any], name: str, value: str | int | None, path: Path) -> None:
    *parents, last = name.split(".")
    for part in parents:
        inner = table.setdefault(part, {})
        if not isinstance(inner, dict):
            raise InvalidError(f"{part} in {path} is no table", code="bad-config", hint=f"Write it as [{part}].")
        table = inner
    if value is None:
        table.pop(last, None)
    else:
        table[last] = value


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keep other processes from changing the file meanwhile; where the file system has no locks, hope."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _write(path: Path, data: bytes) -> None:
    handle, temporary = tempfile.mkstemp(prefix=".config-", dir=path.parent)  # made with mode 0600
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
