"""Putting local files into a registry: small ones together; what changes while it is read is refused."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from typing import BinaryIO

from herdbook.kernel import paths
from herdbook.kernel.errors import ConflictError, DeniedError, HerdbookError
from herdbook.model.files import Content
from herdbook.model.registrations import Intake
from herdbook.ports.blobs import Progress
from herdbook.ports.registry import Registry

CHANGED = "changed-while-read"
SMALL = 4 * 2**20
"""Bytes up to which a file is put together with others."""
TOGETHER = 64
"""How many files are put together."""


def put(
    registry: Registry, taken: Iterable[Intake], progress: Progress | None = None
) -> Iterator[tuple[Intake, Content]]:
    """Put files in their order, and yield each with its content.

    Raises:
        ConflictError: when one changed while it was read.
        DeniedError: when one cannot be read.
    """
    for group in _groups(taken):
        yield from zip(group, _together(registry, group, progress), strict=True)


def _groups(taken: Iterable[Intake]) -> Iterator[list[Intake]]:
    """Yield files as they are put: small ones together, since each costs a way to the server and back."""
    group: list[Intake] = []
    total = 0
    for item in taken:
        if item.size > SMALL:
            yield [item]
            continue
        if len(group) >= TOGETHER or total > TOGETHER * SMALL // 4:
            yield group
            group, total = [], 0
        group.append(item)
        total += item.size
    if group:
        yield group


def _together(registry: Registry, items: Sequence[Intake], progress: Progress | None) -> list[Content]:
    """Put several files; what changes while it is read is refused.

    Raises:
        ConflictError: when one changed.
        DeniedError: when one cannot be read.
    """
    with ExitStack() as stack:
        streams = [stack.enter_context(_open(item)) for item in items]
        before = [os.fstat(stream.fileno()) for stream in streams]
        changed: HerdbookError | None = None
        stored: list[Content] = []
        try:
            stored = registry.files.put_many(streams, progress=progress)
        except HerdbookError as error:
            if error.code != CHANGED:
                raise
            changed = error
        for number, (item, stream, was) in enumerate(zip(items, streams, before, strict=True)):
            now = os.fstat(stream.fileno())
            same = (was.st_size, was.st_mtime_ns) == (now.st_size, now.st_mtime_ns)
            if not same or (stored and stored[number].size != now.st_size) or (changed and len(items) == 1):
                raise _changed(item.path) from changed
        if changed is not None:
            raise changed
        return stored


def _open(item: Intake) -> BinaryIO:
    try:
        return open(paths.unescape(item.source), "rb")  # noqa: PTH123 - a file's name is bytes
    except OSError as error:
        raise DeniedError(
            f"{item.path!r} cannot be read: {error.strerror}", code="unreadable", hint="Check its permissions."
        ) from error


def _changed(path: str) -> ConflictError:
    return ConflictError(
        f"{path!r} changed while it was read",
        code=CHANGED,
        hint="Wait until nothing writes to it any more, then try again.",
    )
