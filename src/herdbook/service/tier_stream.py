"""A blob of which several stores may have a copy, open: when one breaks off or is wrong, another goes on."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from typing import TYPE_CHECKING, BinaryIO, Final, Protocol, cast

from herdbook.kernel.errors import CorruptError, HerdbookError, InvalidError, MissingError, UnavailableError
from herdbook.kernel.verified import Raw, VerifiedStream
from herdbook.ports.blobs import Blob

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

SMALL: Final = 8 << 20
"""Bytes up to which a blob is read as a whole, and compared, before a byte of it is given out."""
NEAR: Final = 1 << 30
"""Bytes up to which the same is done with a blob on a disk here; it is then read again, as a rule from memory."""
_BUFFER: Final = 1 << 20


class Copies(Protocol):
    """Where copies of blobs are."""

    def opened(self, sha256: str, size: int | None = None) -> Iterator[tuple[str, Blob]]:
        """Yield a blob, open, from one store after the other."""
        ...

    def passed(self, name: str, sha256: str, error: HerdbookError) -> None:
        """Take note that a store was passed over."""
        ...


class TierBlob:
    """The blob, open in the first store that has it."""

    def __init__(self, copies: Copies, sha256: str, size: int | None = None) -> None:
        self._copies = copies
        self._sha256 = sha256
        self._more = copies.opened(sha256, size)
        self._name, self._blob = next(self._more)
        self._closed = False

    @property
    def size(self) -> int:
        """How many bytes there are."""
        return self._blob.size

    def read_at(self, offset: int, length: int) -> bytes:
        """Return ``length`` bytes from ``offset`` on, unverified; fewer only at the end.

        Raises:
            HerdbookError: when no store gives them.
        """
        while True:
            try:
                return self._blob.read_at(offset, length)
            except InvalidError:
                raise
            except HerdbookError as error:
                if self._closed:
                    raise
                self._copies.passed(self._name, self._sha256, error)
                self._blob.close()
                try:
                    self._name, self._blob = next(self._more)
                except (StopIteration, HerdbookError):
                    self._more = iter(())
                    raise error from None

    def stream(self) -> BinaryIO:
        """Return a seekable, verified stream, which stays good after this blob is closed.

        Raises:
            HerdbookError: while reading, when no store has the right bytes. ``bytes-taken-back``, when bytes that were
                given out turn out to be wrong: read it once more, and they come from another store.
        """
        raw = _TierRaw(self._copies, self._sha256, self.size)
        return cast("BinaryIO", VerifiedStream(raw))  # typing's BinaryIO is no base class for a real stream

    def close(self) -> None:
        """Release the blob."""
        self._closed = True
        self._blob.close()


class _TierRaw(Raw):
    """The unbuffered part.

    A blob that is small or near is compared as a whole before it is given out. Another one is given out as it comes,
    its last bytes once its digest fits. When its store breaks off, the next store's copy is read from the start: what
    was given out must be the beginning of it.
    """

    def __init__(self, copies: Copies, sha256: str, size: int) -> None:
        super().__init__()
        self.size = size
        self._copies = copies
        self._sha256 = sha256
        self._more = copies.opened(sha256)
        self._name = ""
        self._inner: BinaryIO | None = None
        self._at = 0
        self._proven = False
        self._given = hashlib.sha256()
        self._given_at = 0
        self._failed: HerdbookError | None = None

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
        at = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self.size}[whence] + offset
        if at < 0:
            raise ValueError(f"negative seek position {at}")
        self._at = at
        return at

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Read the next bytes.

        Raises:
            HerdbookError: when no store has the right ones.
        """
        self._ready()
        if not self._proven and self._at != self._given_at:
            self.prove()
        view = memoryview(buffer).cast("B")
        while True:
            inner = self._ready()
            try:
                if self._proven:
                    inner.seek(self._at)
                count = inner.readinto(view)  # type: ignore[attr-defined]  # BinaryIO's stub lacks it
                break
            except HerdbookError as error:
                self._pass(error)
        if not self._proven:
            self._given.update(view[:count])
            self._given_at += count
        self._at += count
        return int(count)

    def readall(self) -> bytes:
        """Read what is left, in one piece of memory."""
        data = bytearray()
        while part := self.read(max(_BUFFER, min(self.size - self._at, 64 * _BUFFER))):
            data += part
        return bytes(data)

    def prove(self) -> None:
        """Compare the whole, before a byte from elsewhere is given out.

        Raises:
            HerdbookError: when no store has the right bytes.
        """
        self._ready()
        while not self._proven:
            inner = self._ready()
            try:
                _prove(inner, self.size)
                self._proven = True
            except HerdbookError as error:
                self._pass(error)

    def close(self) -> None:
        """Release the blob."""
        if not self.closed:
            super().close()
            if self._inner is not None:
                self._inner.close()
            self._more = iter(())

    def _ready(self) -> BinaryIO:
        if self._failed is not None:
            raise self._failed
        if self._inner is None:
            self._inner = self._next([])
        return self._inner

    def _pass(self, error: HerdbookError) -> None:
        self._copies.passed(self._name, self._sha256, error)
        if self._inner is not None:
            self._inner.close()
        self._inner = self._next([error])

    def _next(self, troubles: list[HerdbookError]) -> BinaryIO:
        """Return the stream of the next store that can go on."""
        while True:
            try:
                self._name, blob = next(self._more)
            except (StopIteration, HerdbookError) as end:
                self._failed = gravest([*troubles, *([end] if isinstance(end, HerdbookError) else [])])
                raise self._failed from None
            try:
                stream = blob.stream()
            finally:
                blob.close()
            try:
                return self._begin(blob, stream)
            except HerdbookError as error:
                stream.close()
                if self._failed is not None:
                    raise
                self._copies.passed(self._name, self._sha256, error)
                troubles.append(error)

    def _begin(self, blob: Blob, stream: BinaryIO) -> BinaryIO:
        """Return the stream behind what was given out already."""
        size, proven = blob.size, self._proven
        if size <= SMALL:
            data = stream.read()  # at once: a store far away is asked no second time
            stream.close()
            stream, size, proven = io.BytesIO(data), len(data), True
        elif proven or (hasattr(blob, "fileno") and size <= NEAR):
            _prove(stream, size)
            stream.seek(0)
            proven = True
        if not self._proven:
            self._compare(stream, size, proven=proven)
        self.size, self._proven = size, proven
        return stream

    def _compare(self, stream: BinaryIO, size: int, *, proven: bool) -> None:
        """Read as much as was given out, and compare: it must be the beginning of this copy too."""
        digest, left = hashlib.sha256(), self._given_at
        while left and (data := stream.read(min(left, _BUFFER))):
            digest.update(data)
            left -= len(data)
        if not left and digest.digest() == self._given.digest():
            return
        if not proven:
            _prove(stream, size)
        self._failed = CorruptError(
            f"the first {self._given_at} bytes of {self._sha256} that were given out are wrong",
            code="bytes-taken-back",
            hint="Drop them and read it once more: another store has the right ones.",
            sha256=self._sha256,
        )
        raise self._failed


def _prove(stream: BinaryIO, size: int) -> None:
    """Let a stream compare the whole: it does before it gives out a byte that is not the next."""
    stream.seek(max(0, size - 1))
    stream.read(1)


def gravest(troubles: list[HerdbookError]) -> HerdbookError:
    """Return the error that says most: that somebody could not be asked, then wrong bytes, then that all lack it."""
    return min(troubles, key=lambda error: (isinstance(error, MissingError), not isinstance(error, UnavailableError)))
