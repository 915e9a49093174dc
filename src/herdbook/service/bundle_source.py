"""A bundle's files, from a folder or a tar of it. Links, devices and names that lead outside are never followed."""

from __future__ import annotations

import errno
import io
import os
import stat
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Protocol, Self, cast

from herdbook.kernel.errors import InvalidError, MissingError, UnavailableError


class Source(Protocol):
    """A bundle's files by name."""

    def open(self, name: str) -> BinaryIO:
        """Open a file.

        Raises:
            MissingError: when it is not there, or is no plain file.
        """
        ...

    def names(self) -> Iterator[tuple[str, bool]]:
        """Yield every name, and whether it is a plain file, once, inside; folders are not among them."""
        ...

    def close(self) -> None:
        """Release what is held."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *exc: object) -> None: ...


def open_source(place: str) -> Source:
    """Open a bundle, a folder or an uncompressed tar.

    Raises:
        MissingError: when there is nothing at this place.
        InvalidError: when it is neither.
    """
    path = Path(place)
    if path.is_dir():
        return FolderSource(path)
    if not path.exists():
        raise MissingError(f"there is no bundle at {path}", code="no-bundle", hint="Check the path.")
    return TarSource(path)


def _missing(name: str) -> MissingError:
    return MissingError(f"{name} is not in the bundle", code="bundle-file-missing")


class FolderSource:
    """A folder."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def open(self, name: str) -> BinaryIO:
        """Open a file."""
        try:
            fd = os.open(self._root / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            if error.errno in {errno.EACCES, errno.EIO, errno.EMFILE}:
                raise UnavailableError(f"{name} cannot be read: {error.strerror}", code="unreadable") from error
            raise _missing(name) from error
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            os.close(fd)
            raise _missing(name)
        return os.fdopen(fd, "rb")

    def names(self) -> Iterator[tuple[str, bool]]:
        """Yield every name and whether it is a plain file."""
        yield from self._below(self._root, "")

    def _below(self, folder: Path, prefix: str) -> Iterator[tuple[str, bool]]:
        with os.scandir(folder) as items:
            for item in items:
                name = prefix + item.name
                if item.is_dir(follow_symlinks=False):
                    yield from self._below(Path(item.path), name + "/")
                else:
                    yield name, item.is_file(follow_symlinks=False)

    def close(self) -> None:
        """Nothing is held."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


class TarSource:
    """An uncompressed tar. Its members are read where they lie; nothing is unpacked."""

    def __init__(self, path: Path) -> None:
        self._places: dict[str, tuple[int, int]] = {}
        self._wrong: list[str] = []
        try:
            with tarfile.open(path, "r:") as tar:
                for member in tar:
                    self._add(member)
        except (tarfile.TarError, OSError, ValueError) as error:
            raise InvalidError(
                f"{path} is neither a folder nor an uncompressed tar: {error}",
                code="not-a-bundle",
                hint="A compressed one is to be unpacked first.",
            ) from error
        self._file = path.open("rb")

    def _add(self, member: tarfile.TarInfo) -> None:
        name = member.name.removeprefix("./")
        inside = not name.startswith("/") and ".." not in name.split("/")
        if inside and member.isdir():
            return
        plain = member.type in {tarfile.REGTYPE, tarfile.AREGTYPE} and member.sparse is None
        if not inside or not plain or name in self._places:
            self._wrong.append(name)
        else:
            self._places[name] = (member.offset_data, member.size)

    def open(self, name: str) -> BinaryIO:
        """Open a file."""
        if name not in self._places:
            raise _missing(name)
        raw = _Slice(self._file.fileno(), *self._places[name])
        return cast("BinaryIO", io.BufferedReader(raw, 2**18))

    def names(self) -> Iterator[tuple[str, bool]]:
        """Yield every name and whether it is a plain file, once, inside."""
        yield from ((name, True) for name in self._places)
        yield from ((name, False) for name in self._wrong)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


class _Slice(io.RawIOBase):
    """A piece of a file."""

    def __init__(self, fd: int, offset: int, size: int) -> None:
        super().__init__()
        self._fd = fd
        self._offset = offset
        self._left = size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]  # any writable buffer
        count = os.preadv(self._fd, [memoryview(buffer)[: self._left]], self._offset) if self._left else 0
        self._offset += count
        self._left -= count
        return count
