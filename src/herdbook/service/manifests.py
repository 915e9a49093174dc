"""Manifests of any length: written sorted, read line by line, held against a listing; memory stays flat."""

from __future__ import annotations

import contextlib
import heapq
import itertools
import json
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import IO, BinaryIO

from herdbook.kernel import canonical
from herdbook.kernel.errors import CorruptError, InvalidError
from herdbook.model.datasets import ManifestLine

AT_ONCE = 50_000
"""Lines that are sorted in memory; longer manifests are sorted in parts, on disk."""
NAMED = 100
"""How many differences are named; all are counted."""
Keyed = tuple[bytes, bytes]


@dataclass(frozen=True)
class Kept:
    """A manifest in a temporary file, at its beginning, and what it adds up to; sizes in bytes."""

    file: BinaryIO
    files: int
    size: int | None
    events: int | None


@contextlib.contextmanager
def kept(lines: Iterable[ManifestLine]) -> Iterator[Kept]:
    """Give the manifest of lines that come in any order, for the time of a block.

    Raises:
        InvalidError: ``paths-collide``, when a path stands twice; ``no-files``, when there is no line.
    """
    files, sizes, events = 0, _Sum("size"), _Sum("events")
    with contextlib.ExitStack() as stack:
        out = stack.enter_context(tempfile.TemporaryFile(prefix="herdbook-manifest-"))
        before: Keyed = (b"", b"")
        for item in _sorted(map(_keyed, lines), stack):
            if item == before:  # a file of two datasets of one container
                continue
            if item[0] == before[0]:
                path = before[0].decode()
                raise InvalidError(f"the path {path!r} stands twice, for different files", code="paths-collide")
            before = item
            out.write(item[1])
            told = json.loads(item[1])
            files, sizes, events = files + 1, sizes.add(told), events.add(told)
        if not files:
            raise InvalidError("it has no files", code="no-files", hint="Resolve it again when it has some.")
        out.seek(0)
        yield Kept(out, files, sizes.value, events.value)


class _Sum:
    """A sum over files; where it is unknown of one, it is unknown."""

    def __init__(self, name: str) -> None:
        self._name = name
        self.value: int | None = 0

    def add(self, told: Mapping[str, int]) -> _Sum:
        more = told.get(self._name)
        self.value = None if self.value is None or more is None else self.value + more
        return self


def _keyed(line: ManifestLine) -> Keyed:
    return line.path.encode(), canonical.dumps(line.json_object()) + b"\n"


def _sorted(lines: Iterator[Keyed], stack: contextlib.ExitStack) -> Iterator[Keyed]:
    parts: list[IO[bytes]] = []
    while part := sorted(line for _, line in zip(range(AT_ONCE), lines, strict=False)):
        if not parts and len(part) < AT_ONCE:
            return iter(part)
        spilt = stack.enter_context(tempfile.TemporaryFile(prefix="herdbook-manifest-"))  # noqa: SIM115 - the stack closes it
        spilt.writelines(line for _, line in part)
        spilt.seek(0)
        parts.append(spilt)
    return heapq.merge(*map(_read_keyed, parts))


def _read_keyed(file: Iterable[bytes]) -> Iterator[Keyed]:
    for line in file:
        yield str(json.loads(line)["path"]).encode(), line


def read(file: Iterable[bytes]) -> Iterator[ManifestLine]:
    """Yield the lines of a manifest.

    Raises:
        CorruptError: ``bad-manifest``, when one is none.
    """
    for number, line in enumerate(file, 1):
        try:
            yield ManifestLine.read_json(line)
        except InvalidError as error:
            raise CorruptError(
                f"line {number} of the manifest is none: {error.message}",
                code="bad-manifest",
                hint="Resolve the dataset again.",
            ) from error


@dataclass
class Differences:
    """What a listing says of a manifest: counts, and the first names of what is not there as it was.

    ``summed`` counts files whose checksum both know.
    """

    files: int = 0
    summed: int = 0
    missing: int = 0
    changed: int = 0
    added: int = 0
    lacking: list[str] = field(default_factory=list)

    def lack(self, path: str) -> None:
        """Name a file that is not there as it was."""
        if len(self.lacking) < NAMED:
            self.lacking.append(path)


def compare(manifest: Iterable[ManifestLine], listing: Iterable[ManifestLine]) -> Differences:
    """Hold a listing, in any order, against a manifest, which is sorted."""
    found = Differences()
    with contextlib.ExitStack() as stack:
        there = _sorted(map(_keyed, listing), stack)
        there = (item for item, _ in itertools.groupby(there))
        here = ((line.path.encode(), line) for line in manifest)
        path, now = next(there, (b"", b""))
        for wanted, was in here:
            found.files += 1
            while now and path < wanted:
                found.added += 1
                path, now = next(there, (b"", b""))
            if not now or path != wanted:
                found.missing += 1
                found.lack(was.path)
                continue
            pairs = _pairs(was, ManifestLine.read_json(now))
            found.summed += any(name != "size" for name, *_ in pairs)
            if any(mine != theirs for _, mine, theirs in pairs):
                found.changed += 1
                found.lack(was.path)
            path, now = next(there, (b"", b""))
        found.added += bool(now) + sum(1 for _ in there)
    return found


def _pairs(was: ManifestLine, now: ManifestLine) -> list[tuple[str, object, object]]:
    """Return what both say of a file; what only one says proves nothing."""
    told = ((name, getattr(was, name), getattr(now, name)) for name in ("size", "sha256", "md5", "adler32"))
    return [(name, mine, theirs) for name, mine, theirs in told if mine is not None and theirs is not None]
