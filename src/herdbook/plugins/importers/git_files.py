"""The files of a git directory: read bounded, never through a symbolic link, never from a pipe or a device."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from herdbook.kernel import paths
from herdbook.kernel.errors import DeniedError, UnavailableError
from herdbook.plugins.importers.git_troubles import Troubles, too_large

_READ = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
_TOO_MANY = {errno.EMFILE, errno.ENFILE}


class Directory:
    """A git directory. Names are relative to it, with ``/``; no part of them may be a symbolic link."""

    def __init__(self, top: Path, troubles: Troubles) -> None:
        self.top = top
        self._troubles = troubles
        self._checked: dict[str, bool] = {"": True}

    def open(self, name: str) -> int | None:
        """Return a descriptor of a regular file; ``None`` when there is none."""
        if not self.is_folder(name.rpartition("/")[0]):
            return None
        try:
            handle = os.open(self.top / name, _READ)
        except FileNotFoundError:
            return None
        except OSError as error:
            if error.errno in {errno.ELOOP, errno.ENXIO}:
                self._refuse(name)
                return None
            raise _unreadable(self.top / name, error) from error
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            os.close(handle)
            self._refuse(name)
            return None
        return handle

    def read(self, name: str, limit: int) -> bytes | None:
        """Return what a small file holds; ``None`` when there is none.

        Raises:
            InvalidError: when it holds more than ``limit`` bytes.
        """
        handle = self.open(name)
        if handle is None:
            return None
        with os.fdopen(handle, "rb") as stream:
            data = stream.read(limit + 1)
        if len(data) > limit:
            raise too_large(f"{name} has more than {limit} bytes")
        return data

    def is_folder(self, name: str) -> bool:
        """Say whether a folder is there that no symbolic link leads to."""
        known = self._checked.get(name)
        if known is None:
            known = self.is_folder(name.rpartition("/")[0]) and self._is_real_folder(name)
            self._checked[name] = known
        return known

    def _is_real_folder(self, name: str) -> bool:
        try:
            mode = os.lstat(self.top / name).st_mode
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError as error:
            raise _unreadable(self.top / name, error) from error
        if not stat.S_ISDIR(mode):
            self._refuse(name)
        return stat.S_ISDIR(mode)

    def names(self, name: str) -> list[str]:
        """Return the sorted names in a folder; none when it is not there."""
        if not self.is_folder(name):
            return []
        try:
            return sorted(path.name for path in (self.top / name).iterdir())
        except OSError as error:
            raise _unreadable(self.top / name, error) from error

    def walk(self, name: str) -> Iterator[str]:
        """Yield the names of all files below a folder, never following a link."""
        waiting = [name] if self.is_folder(name) else []
        while waiting:
            folder = waiting.pop()
            try:
                with os.scandir(self.top / folder) as listing:
                    found = sorted(listing, key=lambda item: item.name)
            except OSError as error:
                raise _unreadable(self.top / folder, error) from error
            for item in found:
                inside = f"{folder}/{item.name}"
                if item.is_dir(follow_symlinks=False):
                    self._checked[inside] = True
                    waiting.append(inside)
                else:
                    yield inside

    def _refuse(self, name: str) -> None:
        shown = paths.escape(os.fsencode(name))
        self._troubles.add("not-followed", f"{shown} is a link, or no regular file: it was not looked into", shown)


def _unreadable(path: Path, error: OSError) -> DeniedError | UnavailableError:
    shown = paths.escape(os.fsencode(path))
    if error.errno in _TOO_MANY:
        return UnavailableError(
            f"{shown} cannot be read: too many files are open", code="too-many-open-files", hint="Raise `ulimit -n`."
        )
    return DeniedError(f"{shown} cannot be read: {error.strerror}", code="unreadable", hint="Check its permissions.")
