"""Four digests of bytes that come one after the other."""

from __future__ import annotations

import hashlib
import os
import zlib
from typing import TYPE_CHECKING, Final

from herdbook.model.files import Content

if TYPE_CHECKING:
    from collections.abc import Callable

BUFFER: Final = 1 << 20
"""Bytes read at once, where one thread does all."""


class Digests:
    """sha256, md5, adler32, and git's sha1 of a blob, which is of ``blob SIZE NUL`` and then the bytes.

    The parts may be fed from several threads, one thread a part. ``size`` is in bytes, ``None`` when it is not known
    beforehand.
    """

    def __init__(self, size: int | None) -> None:
        self._promised = size
        self._size = 0
        self._sha256 = hashlib.sha256()
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._git = _git(size or 0)
        self._adler = 1

    @property
    def parts(self) -> tuple[Callable[[memoryview], None], ...]:
        """What must each be given all bytes, in order. They take about equally long."""
        if self._promised is None:
            return (self._md5.update, self._add)
        return (self._md5.update, self._add, self._git.update)

    def _add(self, data: memoryview) -> None:
        self._sha256.update(data)
        self._adler = zlib.adler32(data, self._adler)
        self._size += len(data)

    def content(self, fd: int) -> Content:
        """Return the content; ``fd`` is read once more for git's sha1 when the size was not the one promised."""
        if self._promised != self._size:
            self._git = _git(self._size)
            _reread(fd, self._git.update)
        return Content(
            size=self._size,
            sha256=f"sha256:{self._sha256.hexdigest()}",
            md5=f"md5:{self._md5.hexdigest()}",
            adler32=f"adler32:{self._adler:08x}",
            git_sha1=f"git-sha1:{self._git.hexdigest()}",
        )


def _git(size: int) -> hashlib._Hash:
    # Source: git-hash-object(1), Pro Git §10.2: the object's type, its size in decimal, NUL, the bytes.
    return hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)


def _reread(fd: int, take: Callable[[memoryview], None]) -> None:
    view = memoryview(bytearray(BUFFER))
    offset = 0
    while count := os.preadv(fd, [view], offset):
        take(view[:count])
        offset += count
