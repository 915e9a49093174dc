"""Objects that lie one to a file."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator
from contextlib import closing
from functools import partial

from herdbook.plugins.importers.git_files import Directory
from herdbook.plugins.importers.git_packs import KINDS
from herdbook.plugins.importers.git_stream import Inflate
from herdbook.plugins.importers.git_troubles import corrupt

_KINDS = {name.encode(): name for name in KINDS.values()}


class Loose:
    """The loose objects of a repository; its folders are listed once."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._listed: dict[str, frozenset[str]] = {}

    def has(self, digest: str) -> bool:
        """Say whether the object has a file."""
        folder = digest[:2]
        if folder not in self._listed:
            self._listed[folder] = frozenset(self._directory.names(f"objects/{folder}"))
        return digest[2:] in self._listed[folder]

    def head(self, digest: str) -> tuple[str, int] | None:
        """Return kind and size in bytes of an object, ``None`` when its file is gone or no file.

        Raises:
            CorruptError: when it does not begin as git writes it.
        """
        handle = self._open(digest)
        if handle is None:
            return None
        with closing(_File(handle)):
            return _head(handle)[:2]

    def pieces(self, digest: str) -> Iterator[bytes]:
        """Yield what an object holds; its file is open meanwhile."""
        handle = self._open(digest)
        if handle is None:
            return
        with closing(_File(handle)):
            _, size, skip = _head(handle)
            for piece in Inflate(partial(_read, handle), 0, skip + size):
                if skip < len(piece):
                    yield piece[skip:]
                skip = max(0, skip - len(piece))

    def _open(self, digest: str) -> int | None:
        return self._directory.open(f"objects/{digest[:2]}/{digest[2:]}")


class _File:
    """A descriptor that can be closed."""

    def __init__(self, handle: int) -> None:
        self._handle = handle

    def close(self) -> None:
        os.close(self._handle)


def _read(handle: int, offset: int, length: int) -> bytes:
    return os.pread(handle, length, offset)


def _head(handle: int) -> tuple[str, int, int]:
    """Return kind, size and the length of the head itself: ``blob 12`` and a zero byte."""
    try:
        start = zlib.decompressobj().decompress(os.pread(handle, 256, 0), 64)
    except zlib.error as error:
        raise corrupt(f"an object does not inflate ({error})") from error
    head, zero, _ = start.partition(b"\0")
    kind, _, size = head.partition(b" ")
    if not zero or kind not in _KINDS or not size.isdigit() or len(size) > 15:
        raise corrupt("the file of an object does not begin as git writes it")
    return _KINDS[kind], int(size), len(head) + 1
