"""A tar that is written whole and durably, or not at all, and the same for the same content: a bundle as one file.

GNU's format (the Tar Reference Manual, "Basic Tar Format"): a header has the same length whatever the size that stands
in it, so that a file whose size is not known before is written first and its header completed afterwards.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Self

from herdbook.kernel.errors import ConflictError
from herdbook.service.new_folder import Progress, pour, sync, writing

END = 2 * tarfile.BLOCKSIZE


class NewTar:
    """A tar under a temporary name beside its own, which ``finish`` gives it when all is on disk.

    As a context it is discarded at the end, unless it was finished. What a crash leaves is named ``.NAME.….part``.

    Raises:
        ConflictError: when something of that name is there.
        DeniedError: when we may not write there.
    """

    def __init__(self, target: Path) -> None:
        self.target = target.absolute()
        self.path = self.target.with_name(f".{self.target.name}.{secrets.token_hex(8)}.part")
        self._names: set[str] = set()
        if self.target.exists() or self.target.is_symlink():
            raise self._taken()
        with writing(self.target):
            self.target.parent.mkdir(parents=True, exist_ok=True)
            self._file = self.path.open("xb")

    def _taken(self) -> ConflictError:
        return ConflictError(
            f"{self.target} is there", code="not-empty", hint="Name a new file; nothing is ever overwritten."
        )

    def write(self, name: str, data: bytes) -> None:
        """Write a file."""
        with self.create(name) as file:
            file.write(data)

    @contextlib.contextmanager
    def create(self, name: str) -> Iterator[BinaryIO]:
        """Give a new file to write, one at a time; when that fails, it is as if it had not been begun."""
        start = self._file.tell()
        with writing(self.target):
            try:
                self._file.write(_header(name, 0))
                begun = self._file.tell()
                yield self._file
                self._complete(name, start, begun)
            except BaseException:
                self._file.seek(start)
                self._file.truncate()
                raise
        self._names.add(name)

    def _complete(self, name: str, start: int, begun: int) -> None:
        end = self._file.tell()
        self._file.write(bytes(-(end - begun) % tarfile.BLOCKSIZE))
        self._file.seek(start)
        self._file.write(_header(name, end - begun))
        self._file.seek(0, os.SEEK_END)

    def copy(self, name: str, stream: BinaryIO, progress: Progress | None = None) -> int:
        """Copy a stream; one that breaks off leaves nothing. Return its size in bytes."""
        with self.create(name) as file:
            return pour(stream, file, progress)

    def has(self, name: str) -> bool:
        """Say whether a file was written already."""
        return name in self._names

    def finish(self) -> None:
        """Give the tar its name, durably."""
        with writing(self.target):
            self._file.write(bytes(END))
            self._file.flush()
            os.fsync(self._file.fileno())
            try:
                os.link(self.path, self.target)
            except FileExistsError as error:
                raise self._taken() from error
            except OSError:  # a file system without hard links, as many sticks have
                if self.target.exists():
                    raise self._taken() from None
                self.path.rename(self.target)
            sync(self.target.parent)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._file.close()
        self.path.unlink(missing_ok=True)


def _header(name: str, size: int) -> bytes:
    """Return a member's header: nothing of who wrote it, when and where, so that equal bundles are equal tars."""
    info = tarfile.TarInfo(name)
    info.size = size
    info.mode = 0o644
    return info.tobuf(tarfile.GNU_FORMAT)
