"""Blobs: file contents by sha256. Stored once, durable when kept, verified when read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import BinaryIO, Protocol

from herdbook.model.files import Content
from herdbook.ports.formats import ReadAt

Progress = Callable[[int], None]
"""Called with a number of bytes just done."""


class Staged(Protocol):
    """Bytes that are on disk under a temporary name, hashed, and not yet kept."""

    content: Content

    def keep(self) -> bool:
        """Give the bytes their name: bytes, name and folder are on disk on return. Say whether they are new.

        Keeping what is there already is no error; what is there is compared by size and made whole if cut.
        """
        ...

    def discard(self) -> None:
        """Drop the temporary bytes; harmless after ``keep``."""
        ...


class Blob(ReadAt, Protocol):
    """A kept blob, open for reading."""

    def stream(self) -> BinaryIO:
        """Return a seekable stream that hands out no wrong byte.

        Read from start to end it is verified as it goes: the last bytes come only when the digest fits. At the first
        seek elsewhere, the whole content is verified before a byte is given out.

        Raises:
            CorruptError: while reading, when the bytes are not what the digest says.
        """
        ...

    def close(self) -> None:
        """Release the file."""
        ...


class Uploads(Protocol):
    """Bytes that come piece by piece, perhaps through several processes, and over days.

    An upload's id is 32 hex digits, random: whoever knows it may go on. What ``append`` answered survives a crash of
    the process; ``sweep`` removes uploads to which nothing was added for a week.
    """

    def begin(self, *, size: int | None = None) -> str:
        """Begin an upload, of ``size`` bytes where that is known, which may spare work; return its id."""
        ...

    def offset(self, upload: str) -> int:
        """Return how many bytes of it are here.

        Raises:
            MissingError: ``no-upload``, when there is none: it was kept, abandoned, swept, or never begun.
        """
        ...

    def append(self, upload: str, offset: int, source: BinaryIO) -> int:
        """Add what follows; return how many bytes are here now.

        What a source gave before it broke off is kept as far as the store can, and the error passed on.

        Raises:
            MissingError: ``no-upload``.
            ConflictError: ``wrong-offset``, when another number of bytes is here; says how many. ``upload-finished``.
        """
        ...

    def finish(self, upload: str, *, progress: Progress | None = None) -> Staged:
        """Hash what is here and return it as ``stage`` does; the upload is gone once that is kept or discarded.

        Until then nothing more can be added, and it may be finished again, also by another process.

        Raises:
            MissingError: ``no-upload``.
        """
        ...

    def abandon(self, upload: str) -> None:
        """Drop an upload; harmless when there is none."""
        ...


class BlobStore(Protocol):
    """Blobs by sha256."""

    uploads: Uploads

    def stage(self, source: BinaryIO, *, progress: Progress | None = None) -> Staged:
        """Copy a stream under a temporary name, computing all digests in one pass; memory stays flat.

        Raises:
            UnavailableError: when the disk is full or read-only; nothing half-written is left.
        """
        ...

    def open(self, sha256: str) -> Blob:
        """Open a blob.

        Raises:
            MissingError: when it is not here.
        """
        ...

    def size(self, sha256: str) -> int | None:
        """Return the size in bytes, or ``None`` when the blob is not here."""
        ...

    def verify(self, sha256: str, *, progress: Progress | None = None) -> None:
        """Read the blob and compare.

        Raises:
            MissingError: when it is not here.
            CorruptError: when its bytes are not what the digest says.
        """
        ...

    def delete(self, sha256: str) -> int:
        """Remove a blob; return how many bytes that freed, 0 when it was not here."""
        ...

    def list(self) -> Iterator[tuple[str, int]]:
        """Yield (sha256, size) of every blob, sorted by sha256."""
        ...

    def sweep(self, older_than_s: float) -> int:
        """Remove temporary bytes whose writer is gone; return how many bytes that freed."""
        ...

    def close(self) -> None:
        """Let go of connections and locks; a later use takes hold of them again."""
        ...
