"""Bytes of what is adopted: those that one may not name at the target yet come from the source, several at once."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import BinaryIO

from herdbook.kernel.errors import CorruptError, HerdbookError, MissingError
from herdbook.model.files import Content, File
from herdbook.ports.blobs import Progress
from herdbook.ports.registry import Registry
from herdbook.service.adopt_select import Choice

GROUP_FILES = 128
GROUP_BYTES = 16 * 2**20
"""Small files are read into memory up to so many bytes, and put together; a larger one is streamed alone."""
THREADS = 8

Places = Mapping[str, tuple[str, int | None]]
"""By sha256: the namespace at the source, and the size in bytes where a record says it."""


def bring(
    source: Registry, target: Registry, wanted: Places, *, progress: Progress | None = None
) -> tuple[int, dict[str, str]]:
    """Bring blobs; return how many bytes that were, and by sha256 why some could not be had.

    Raises:
        CorruptError: when the source gives other bytes than it should; these are in no journal, and go by themselves.
        UnavailableError: when the source cannot serve, or there is no room at the target.
    """
    total = 0
    absent: dict[str, str] = {}
    with ThreadPoolExecutor(THREADS, thread_name_prefix="herdbook-adopt") as threads:
        for group in _groups(wanted):
            opened = list(threads.map(lambda digest: _open(source, wanted, digest), group))
            try:
                streams = {d: s for d, s in zip(group, opened, strict=True) if not isinstance(s, str)}
                absent.update({d: s for d, s in zip(group, opened, strict=True) if isinstance(s, str)})
                contents = target.files.put_many(list(streams.values()), progress=progress)
                _check(source, streams, contents)
                total += sum(content.size for content in contents)
            finally:
                for stream in opened:
                    if not isinstance(stream, str):
                        stream.close()
    return total, absent


def put(target: Registry, kept: Iterable[bytes]) -> None:
    """Put bytes that are here."""
    data = list(kept)
    for start in range(0, len(data), GROUP_FILES):
        target.files.put_many([io.BytesIO(item) for item in data[start : start + GROUP_FILES]])


def weak(source: Registry, target: Registry, choice: Choice, file: File) -> Content | None:
    """Bring the bytes of a file that its version names by a weaker digest.

    Returns:
        What came; ``None`` when the target has them already, or the source has none.

    Raises:
        CorruptError: when they are other bytes.
    """
    assert choice.here is not None
    with contextlib.suppress(MissingError), target.files.open(choice.here.reference, file.path):
        return None
    try:
        with source.files.open(choice.origin, file.path) as stream:
            content = target.files.put(stream)
    except MissingError:
        return None
    if file.digest not in content.digests:
        raise _corrupt(source, file.digest)
    return content


def _groups(wanted: Places) -> Iterator[list[str]]:
    group: list[str] = []
    total = 0
    for digest, (_, size) in sorted(wanted.items()):
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


def _open(source: Registry, wanted: Places, sha256: str) -> BinaryIO | str:
    """Return a stream, of a small file one in memory; or why it cannot be had."""
    namespace, size = wanted[sha256]
    try:
        stream = source.files.blob(namespace, sha256)
        if size is None or size > GROUP_BYTES // 4:
            return stream
        with stream:
            return io.BytesIO(stream.read(size + 1))
    except MissingError as error:
        return error.code
    except CorruptError as error:
        raise _corrupt(source, sha256) from error


def _check(source: Registry, streams: Iterable[str], contents: Iterable[Content]) -> None:
    for sha256, content in zip(streams, contents, strict=True):
        if content.sha256 != sha256:
            raise _corrupt(source, sha256)


def _corrupt(source: Registry, sha256: str) -> HerdbookError:
    return CorruptError(
        f"{source.url} gave other bytes for {sha256}",
        code="source-unsound",
        hint="Run `herdbook doctor` there; nothing was written here.",
    )
