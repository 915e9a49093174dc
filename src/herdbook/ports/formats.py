"""Formats: readers of model files and of what lies beside them. They yield values; the service decides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from herdbook.model.facts import Facts, Probe


class ReadAt(Protocol):
    """Random access to bytes, and never a path."""

    @property
    def size(self) -> int:
        """How many bytes there are."""
        ...

    def read_at(self, offset: int, length: int) -> bytes:
        """Return ``length`` bytes from ``offset`` on; fewer only at the end.

        Raises:
            CorruptError: when the bytes can no longer be had as they were.
        """
        ...


Listing = Mapping[str, int | None]
"""The files of the version, or of the inspected folder: path → size in bytes, ``None`` where it is unknown."""


class Format(Protocol):
    """A reader of one format. It executes nothing, follows nothing out of the listing, and needs bounded memory."""

    name: str
    version: str

    def probe(self, file: ReadAt, path: str) -> Probe | None:
        """Say, after reading a few kilobytes at most, whether this is the format; ``None`` when it is not."""
        ...

    def read(self, file: ReadAt, path: str, listing: Listing) -> Facts:
        """Read the facts.

        Raises:
            CorruptError: when the bytes are not what the format promises.
            InvalidError: when limits of this reader are exceeded.
        """
        ...


class Readers(Protocol):
    """All formats at work in worker processes with limits on memory and time. One that dies is a finding."""

    def read(self, files: Sequence[tuple[str, ReadAt]], listing: Listing) -> list[Facts | None]:
        """Return, for each (path, bytes), the facts of the first format that takes it, or ``None`` when none does.

        A reader that hangs, dies, or eats memory gives facts of format ``unreadable``, whose finding says so.
        """
        ...

    def prepare(self) -> None:
        """Begin to start what reading will need; return at once, and say nothing when it cannot be had."""
        ...

    @property
    def versions(self) -> Mapping[str, str]:
        """Reader name → reader version, as they would read now."""
        ...

    def close(self) -> None:
        """Stop the workers."""
        ...
