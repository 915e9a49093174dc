"""Folders that are written whole and durably, or not at all: bundles, and the new parts of a backup."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import secrets
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, Self

from herdbook.kernel.errors import ConflictError, DeniedError, HerdbookError, UnavailableError

BUFFER = 2**20
Progress = Callable[[int], None]


class NewFolder:
    """A folder under a temporary name beside its own, which ``finish`` gives it when all is on disk.

    As a context it is discarded at the end, unless it was finished. What a crash leaves is named ``.NAME.….part``.

    Raises:
        ConflictError: when a folder of that name is there and not empty.
        DeniedError: when we may not write there.
    """

    def __init__(self, target: Path) -> None:
        self.target = target.absolute()
        self.path = self.target.with_name(f".{self.target.name}.{secrets.token_hex(8)}.part")
        self._made: set[Path] = set()
        if self.target.is_symlink() or (
            self.target.exists() and (not self.target.is_dir() or any(self.target.iterdir()))
        ):
            raise ConflictError(
                f"{self.target} is there and not an empty folder",
                code="not-empty",
                hint="Name a new folder; nothing is ever overwritten.",
            )
        with writing(self.target):
            self.target.parent.mkdir(parents=True, exist_ok=True)
            self.path.mkdir()

    def write(self, name: str, data: bytes) -> None:
        """Write a file."""
        with self.create(name) as file:
            file.write(data)

    @contextlib.contextmanager
    def create(self, name: str) -> Iterator[BinaryIO]:
        """Give a new file to write."""
        path = self.path / name
        with writing(self.target):
            if path.parent not in self._made:
                path.parent.mkdir(parents=True, exist_ok=True)
                self._made.add(path.parent)
            with path.open("xb") as file:
                yield file

    def copy(self, name: str, stream: BinaryIO, progress: Progress | None = None) -> int:
        """Copy a stream; a file that could not be copied whole is removed. Return its size in bytes."""
        try:
            with self.create(name) as file:
                return pour(stream, file, progress)
        except BaseException:
            (self.path / name).unlink(missing_ok=True)
            raise

    def has(self, name: str) -> bool:
        """Say whether a file was written already."""
        return (self.path / name).exists()

    def finish(self) -> None:
        """Give the folder its name, durably."""
        with writing(self.target):
            sync_below(self.path)
            self.path.rename(self.target)  # an empty folder gives way
            sync(self.target.parent)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        shutil.rmtree(self.path, ignore_errors=True)


def _free(target: Path) -> bool:
    if target.is_symlink() or not target.exists():
        return not target.is_symlink()
    return target.is_dir() and not any(target.iterdir())


def pour(stream: BinaryIO, file: BinaryIO, progress: Progress | None = None) -> int:
    """Copy to the end; return how many bytes that were."""
    size = 0
    while data := stream.read(BUFFER):
        file.write(data)
        size += len(data)
        if progress:
            progress(len(data))
    return size


def sync(path: Path) -> None:
    """Return when a file's bytes, or a folder's names, are on disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_below(folder: Path) -> None:
    """Return when everything below a folder, and it itself, is on disk.

    Linux does that for a file system at once (syncfs(2)), which for many small files is far faster than one by one.
    """
    if sys.platform == "linux" and _sync_file_system(folder):
        return
    for parent, _, files in os.walk(folder, topdown=False):
        for name in files:
            sync(Path(parent, name))
        sync(Path(parent))


def _sync_file_system(folder: Path) -> bool:
    syncfs = getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)
    if syncfs is None:
        return False
    handle = os.open(folder, os.O_RDONLY)
    try:
        if syncfs(handle) == 0:
            return True
        code = ctypes.get_errno()
        if code == errno.ENOSYS:
            return False
        raise OSError(code, os.strerror(code))
    finally:
        os.close(handle)


@contextlib.contextmanager
def writing(where: Path) -> Iterator[None]:
    """Let errors of the operating system out as ours."""
    try:
        yield
    except OSError as error:
        raise _trouble(error, where) from error


def _trouble(error: OSError, where: Path) -> HerdbookError:
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return UnavailableError(
            f"{where} cannot be written: the disk is full",
            code="disk-full",
            hint="Free some space, or name another folder; nothing half-written is left.",
        )
    if error.errno in {errno.EACCES, errno.EPERM, errno.EROFS}:
        return DeniedError(
            f"{where} cannot be written: {error.strerror}", code="not-permitted", hint="Name another folder."
        )
    if error.errno in {errno.ENOTEMPTY, errno.EEXIST}:
        return ConflictError(f"{where} appeared meanwhile", code="not-empty", hint="Name a new folder.")
    return UnavailableError(
        f"{where} cannot be written: {error.strerror or error}", code="cannot-write", hint="Name another folder."
    )
