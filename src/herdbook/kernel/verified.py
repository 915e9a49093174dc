"""A stream that hands out no wrong byte, over anything that reads at an offset."""

from __future__ import annotations

import hashlib
import io
from typing import TYPE_CHECKING, Any, Final

from herdbook.kernel.errors import CorruptError

if TYPE_CHECKING:
    from collections.abc import Callable

Buffer = Any
"""Whatever takes bytes; the type of the language has a name from Python 3.12 on."""
READ_AHEAD: Final = 1 << 18
"""Bytes read at once for a caller that asks for few."""
_BUFFER: Final = 1 << 20


def wrong(sha256: str, found: str) -> CorruptError:
    """Return the error for bytes that are not what their name says; ``found`` is the hex of their own sha256."""
    return CorruptError(
        f"the kept bytes of {sha256} are not what their name says; they are sha256:{found}",
        code="blob-corrupt",
        hint="Delete that blob, and bring the file back from a backup or a mirror, or register it once more.",
        sha256=sha256,
        found=f"sha256:{found}",
    )


class Raw(io.RawIOBase):
    """The unbuffered part of a verified stream; ``size`` in bytes."""

    size: int

    def prove(self) -> None:
        """Compare the whole, before a byte is given out that is not the next.

        Raises:
            CorruptError: when the bytes are not what the digest says.
        """
        raise NotImplementedError

    def entrust(self) -> None:
        """Leave the comparison to who reads, where that saves something."""


class RawVerified(Raw):
    """The unbuffered part: hashes what is read in order, and proves the whole before it reads anything else.

    It has no ``fileno``, on purpose: who reads the file past it (``numpy.fromfile``) would read unverified bytes.

    Args:
        sha256: what the bytes must be.
        size: how many there are.
        read: fills a buffer from an offset on, or raises.
        release: called once, at ``close``.
        wrong: returns the error for bytes that are others, given ``sha256`` and the hex of what they are.
        proven: whether the whole was compared already, and cannot have changed since.
    """

    def __init__(
        self,
        sha256: str,
        size: int,
        read: Callable[[int, memoryview], None],
        release: Callable[[], None],
        *,
        wrong: Callable[[str, str], CorruptError] = wrong,
        proven: bool = False,
    ) -> None:
        super().__init__()
        self.size = size
        self._sha256 = sha256
        self._read = read
        self._release = release
        self._digest = hashlib.sha256()
        self._hashed = 0
        self._wrong = wrong
        self._proven = proven
        self._at = 0

    def readable(self) -> bool:
        """Say yes."""
        return True

    def seekable(self) -> bool:
        """Say yes."""
        return True

    def tell(self) -> int:
        """Return the offset of the next byte."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move, and read nothing yet."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self.size}[whence]
        if base + offset < 0:
            raise ValueError(f"negative seek position {base + offset}")
        self._at = base + offset
        return self._at

    def readinto(self, buffer: Buffer) -> int:
        """Read the next bytes; the last of all come only when the digest fits.

        Raises:
            CorruptError: when it does not; the buffer is then zeroed.
        """
        if not self._proven and self._at != self._hashed:
            self.prove()
        view = memoryview(buffer).cast("B")
        view = view[: max(0, self.size - self._at)]
        if len(view):
            self._read(self._at, view)
        if not self._proven:
            self._digest.update(view)
            self._hashed += len(view)
            try:
                self._settle()
            except CorruptError:
                view[:] = bytes(len(view))
                raise
        self._at += len(view)
        return len(view)

    def readall(self) -> bytes:
        """Read what is left, in one piece of memory."""
        data = bytearray(max(0, self.size - self._at))
        self.readinto(data)
        return bytes(data)

    def prove(self) -> None:
        """Read what was not read in order yet, and compare the digest of the whole; memory stays flat.

        Raises:
            CorruptError: when the bytes are not what the digest says.
        """
        buffer = memoryview(bytearray(0 if self._proven else min(_BUFFER, self.size - self._hashed)))
        while self._hashed < self.size and not self._proven:
            view = buffer[: self.size - self._hashed]
            self._read(self._hashed, view)
            self._digest.update(view)
            self._hashed += len(view)
        self._settle()

    def _settle(self) -> None:
        if self._proven or self._hashed < self.size:
            return
        if (found := self._digest.hexdigest()) != self._sha256.removeprefix("sha256:"):
            raise self._wrong(self._sha256, found)
        self._proven = True

    def entrust(self) -> None:
        """Compare nothing."""
        self._proven = True

    def close(self) -> None:
        """Release what is read."""
        if not self.closed:
            super().close()
            self._release()


class VerifiedStream(io.BufferedIOBase):
    """The buffered stream: read in order it is verified as it goes; a byte from elsewhere costs a pass over the whole.

    To seek and come back, as those do who ask for the size, costs nothing.
    """

    def __init__(self, raw: Raw) -> None:
        super().__init__()
        self._raw = raw
        self._inner = io.BufferedReader(raw, max(1, min(READ_AHEAD, raw.size)))
        self._left: int | None = None

    def entrust(self) -> None:
        """Leave the comparison to who reads: for a store that computes the digest of all that it takes."""
        self._raw.entrust()

    def _ready(self) -> None:
        if self._left is not None:
            if self._inner.tell() != self._left:
                self._raw.prove()
            self._left = None

    def readable(self) -> bool:
        """Say yes."""
        return self._inner.readable()

    def seekable(self) -> bool:
        """Say yes."""
        return self._inner.seekable()

    def tell(self) -> int:
        """Return the offset of the next byte."""
        return self._inner.tell()

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Move; what is read there is verified first."""
        if self._left is None:
            self._left = self._inner.tell()
        return self._inner.seek(offset, whence)

    def read(self, size: int | None = -1, /) -> bytes:
        """Return ``size`` bytes, fewer only at the end; all that is left for -1.

        Raises:
            CorruptError: when the bytes are not what the digest says.
        """
        self._ready()
        if size is None or size < 0:
            return self._inner.read()
        # At the end one byte more is asked for, so that it is the digest that says it is the end, and not the size.
        return self._inner.read(min(size, max(1, self._raw.size - self._inner.tell())))

    def read1(self, size: int = -1, /) -> bytes:
        """Return what one read gives, ``size`` bytes at most."""
        self._ready()
        return self._inner.read1(min(size, READ_AHEAD))

    def readinto(self, buffer: Buffer, /) -> int:
        """Fill the buffer; return how many bytes came."""
        self._ready()
        return self._inner.readinto(buffer)

    def readinto1(self, buffer: Buffer, /) -> int:
        """Fill the buffer with what one read gives; return how many bytes came."""
        self._ready()
        return self._inner.readinto1(buffer)

    def readline(self, size: int | None = -1, /) -> bytes:
        """Return the next line with its end."""
        self._ready()
        return self._inner.readline(size)

    def peek(self, size: int = 0, /) -> bytes:
        """Return some of the next bytes without moving."""
        self._ready()
        return self._inner.peek(size)

    def close(self) -> None:
        """Release the blob."""
        if not self.closed:
            self._inner.close()
            super().close()
