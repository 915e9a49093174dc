"""Four digests of bytes that come one after the other."""

from __future__ import annotations

import hashlib
import zlib
from typing import TYPE_CHECKING, Final, TypedDict

if TYPE_CHECKING:
    from collections.abc import Callable

BUFFER: Final = 1 << 20
"""Bytes read at once, where one thread does all."""


class Facts(TypedDict):
    """What one pass tells: the size in bytes, and the digests as records write them."""

    size: int
    sha256: str
    md5: str
    adler32: str
    git_sha1: str


class Digests:
    """sha256, md5, adler32, and git's sha1 of a blob, which is of ``blob SIZE NUL`` and then the bytes.

    The parts may be fed from several threads, one thread a part. ``size`` is in bytes, ``None`` when it is not known
    beforehand.
    """

    def __init__(self, size: int | None) -> None:
        self.size = 0
        self._promised = size
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
        self.size += len(data)

    @property
    def sha256(self) -> str:
        """The sha256 of what came so far, as records write it."""
        return f"sha256:{self._sha256.hexdigest()}"

    @property
    def git_known(self) -> bool:
        """Whether git's sha1 is that of the bytes: the size was the one promised."""
        return self._promised == self.size

    def git_again(self) -> Callable[[memoryview], None]:
        """Begin git's sha1 once more, the size being known now; return what all bytes must be given for it."""
        self._promised = self.size
        self._git = _git(self.size)
        return self._git.update

    def facts(self) -> Facts:
        """Return the size and all digests, as ``model.files.Content`` takes them."""
        return {
            "size": self.size,
            "sha256": self.sha256,
            "md5": f"md5:{self._md5.hexdigest()}",
            "adler32": f"adler32:{self._adler:08x}",
            "git_sha1": f"git-sha1:{self._git.hexdigest()}",
        }


def _git(size: int) -> hashlib._Hash:
    # Source: git-hash-object(1), Pro Git §10.2: the object's type, its size in decimal, NUL, the bytes.
    return hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)
