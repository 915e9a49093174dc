"""Bringing bytes from a source into a registry: in groups of bounded size, streamed, and checked when they arrived."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO, cast

from herdbook.kernel.errors import CorruptError, MissingError
from herdbook.model.files import Content
from herdbook.model.versions import Entry
from herdbook.ports.blobs import Progress
from herdbook.ports.importers import Source
from herdbook.ports.registry import Registry
from herdbook.service.import_holdings import from_source, search

GROUP_FILES = 256
GROUP_BYTES = 16 * 2**20
"""Small files are read into memory up to so many bytes and put together; a larger one is streamed alone."""


def bring(
    registry: Registry, source: Source, sizes: Mapping[str, int | None], *, progress: Progress | None = None
) -> Iterator[Content]:
    """Put the files with these digests, in their order; ``sizes`` in bytes, where they are known.

    Raises:
        CorruptError: when what the source gave is not what its digest says.
        MissingError: when the source lacks one.
        UnavailableError: when there is no room.
    """
    for group in _groups(sizes):
        if len(group) == 1:
            contents = [registry.files.put(_stream(source, group[0]), progress=progress)]
        else:
            contents = registry.files.put_many([_whole(source, digest) for digest in group], progress=progress)
        for digest, content in zip(group, contents, strict=True):
            if digest not in content.digests:
                raise CorruptError(
                    f"{source.name} gave other bytes for {digest}: they are {content.sha256}",
                    code="source-corrupt",
                    hint="Check the source (`git fsck`); when it changed meanwhile, plan again.",
                )
        yield from contents


def _groups(sizes: Mapping[str, int | None]) -> Iterator[list[str]]:
    group: list[str] = []
    total = 0
    for digest, size in sizes.items():
        if size is None or size > GROUP_BYTES // 4:
            yield [digest]
            continue
        if len(group) >= GROUP_FILES or total + size > GROUP_BYTES:
            yield group
            group, total = [], 0
        group.append(digest)
        total += size
    if group:
        yield group


def _whole(source: Source, digest: str) -> BinaryIO:
    """Return a small file in memory: a source is read by one thread, and several put what it gave."""
    with source.open(digest) as stream:
        return io.BytesIO(stream.read())


def _stream(source: Source, digest: str) -> BinaryIO:
    return cast("BinaryIO", _Later(source, digest))


class _Later(io.RawIOBase):
    """A file of a source, opened when it is first read: of a whole group, one is open at a time."""

    def __init__(self, source: Source, digest: str) -> None:
        super().__init__()
        self._source = source
        self._digest = digest
        self._open: BinaryIO | None = None
        self._ended = False

    def readable(self) -> bool:
        return True

    def read(self, size: int | None = -1, /) -> bytes:
        if self._ended:
            return b""
        if self._open is None:
            self._open = self._source.open(self._digest)
        data = self._open.read(-1 if size is None else size)
        if not data or size is None or size < 0:
            self._ended = True
            self._open.close()
        return data

    def readinto(self, buffer: Any, /) -> int:  # noqa: ANN401 - whatever takes bytes
        view = memoryview(buffer)
        data = self.read(len(view))
        view[: len(data)] = data
        return len(data)

    def close(self) -> None:
        if self._open is not None:
            self._open.close()
        super().close()


def offers(registry: Registry, source: Source, namespace: str) -> bool:
    """Say whether a source has bytes that versions from it wait for: it was a poorer clone when it was imported."""
    for entry in search(registry, f"{from_source(namespace, source.name)} AND resolved = no"):
        for file in entry.version.files:
            if not file.resolved and _has(source, file.digest) and not _known(registry, entry, file.path):
                return True
    return False


def _has(source: Source, digest: str) -> bool:
    with contextlib.suppress(MissingError, CorruptError), source.open(digest):
        return True
    return False


def _known(registry: Registry, entry: Entry, path: str) -> bool:
    with contextlib.suppress(MissingError), registry.files.open(entry.reference, path):
        return True
    return False


def same(one: BinaryIO, other: BinaryIO, *, progress: Progress | None = None, step: int = 2**20) -> bool:
    """Say whether two streams give the same bytes; reads both to the end of the shorter."""
    while True:
        left, right = _exactly(one, step), _exactly(other, step)
        if progress is not None:
            progress(len(right))
        if left != right:
            return False
        if not left:
            return True


def _exactly(stream: BinaryIO, count: int) -> bytes:
    parts: list[bytes] = []
    while count > 0 and (part := stream.read(count)):
        parts.append(part)
        count -= len(part)
    return b"".join(parts)
