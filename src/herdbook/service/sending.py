"""A version's files into a place that takes them, and the location that is then said. Runs at the client."""

from __future__ import annotations

import contextlib
import hashlib
import re
import tempfile
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote

from herdbook.kernel import paths, times
from herdbook.kernel.errors import CorruptError, InvalidError, MissingError, UnavailableError
from herdbook.kernel.names import namespace_of
from herdbook.model.files import File
from herdbook.model.places import Sending, Sent
from herdbook.model.versions import Entry
from herdbook.ports.blobs import Progress
from herdbook.ports.places import Depot, Place, Places
from herdbook.ports.registry import Registry
from herdbook.service import placing

BUFFER = 1 << 20
_ODD = re.compile(r"[^A-Za-z0-9._-]+")
_LONGEST = 180
"""Characters of a dataset's name, so that those of its files stay below Rucio's 250."""
_LONGEST_LAST = 48


def put(
    registry: Registry,
    places: Places,
    reference: str,
    target: str,
    *,
    uri: str = "",
    scope: str = "",
    name: str = "",
    at: str = "",
    progress: Progress | None = None,
    clock: Callable[[], str] = times.now,
) -> Sent:
    """Put the files of a version into Rucio as a closed dataset, and say that they are there.

    Args:
        registry: where the version is.
        places: what takes the files.
        reference: the version.
        target: the storage element.
        uri: what the dataset is to be called; else it follows from ``scope`` and ``name``.
        scope: of Rucio; else that of the account that acts.
        name: of the dataset; else the model's with the label, dots for slashes.
        at: the URI of a folder that has the files already, under their paths, at ``target``: they are read there and
            compared, and registered where they lie.
        progress: is told of bytes that are read.
        clock: gives the time.

    Raises:
        MissingError: when bytes are not here.
        CorruptError: ``other-bytes``, when those at ``at`` are not the version's.
        ConflictError: ``other-content``, when the dataset is there with other files.
        InvalidError: ``unresolved``, when a file is not known by its sha256; ``no-depot``, when the place takes none.
    """
    entry = registry.versions.get(reference)
    if weak := [file.path for file in entry.version.files if not file.resolved]:
        raise InvalidError(
            f"the bytes of {weak[0]!r} are not here", code="unresolved", hint="Register them first, which resolves it."
        )
    uri = uri or _uri(places, entry, scope, name)
    place = places(uri)
    if not isinstance(place, Depot):
        raise InvalidError(f"{uri} is in a place that takes no files", code="no-depot", hint="Rucio does.")
    whole = uri.rpartition(":")[2]
    with tempfile.TemporaryDirectory(prefix="herdbook-put-") as folder:
        files = [
            _lying(places, file, at, whole, progress) if at else _staged(registry, entry, file, folder, whole, progress)
            for file in entry.version.files
        ]
        place.put(uri, _once(files), target)
    return _said(registry, places, entry, uri, clock)


def _uri(places: Places, entry: Entry, scope: str, name: str) -> str:
    called = name or _name(entry)
    if scope:
        return f"rucio:{scope}:{called}"
    place: Place = places("rucio:")
    if not isinstance(place, Depot):
        raise InvalidError("what serves rucio here takes no files", code="no-depot", hint="Use the one of Herdbook.")
    return place.default(called)


def _name(entry: Entry) -> str:
    """Return ``cms.tau.deeptau.2018v2p5``: labels never move, so neither does what is called by one."""
    last = entry.labels[0] if entry.labels else f"v{entry.ordinal}"
    return _ODD.sub("_", f"{entry.model.replace('/', '.')}.{last}")[-_LONGEST:].lstrip("._-")


def file_name(whole: str, file: File) -> str:
    """Return what a file is called: dataset, twelve digits of its sha256, the end of its path."""
    last = _ODD.sub("_", file.path.rpartition("/")[2])[-_LONGEST_LAST:]
    return f"{whole.replace('/', '.').lstrip('.')}.{file.digest[7:19]}.{last}"


def _once(files: Sequence[Sending]) -> list[Sending]:
    """Return files of equal content and name once: one copy serves both paths."""
    return list({file.name: file for file in files}.values())


def _staged(
    registry: Registry, entry: Entry, file: File, folder: str, whole: str, progress: Progress | None
) -> Sending:
    path = Path(folder, file.digest[7:])
    with contextlib.closing(registry.files.open(f"{entry.model}@{entry.ordinal}", file.path)) as stream:
        size, adler, md5, _ = _read(stream, path, progress)
    return Sending(name=file_name(whole, file), size=size, adler32=adler, md5=md5, source=str(path))


def _lying(places: Places, file: File, at: str, whole: str, progress: Progress | None) -> Sending:
    place = places(at)
    copy = next(place.copies(at, file.path), None)
    if copy is None:
        raise MissingError(f"{file.path!r} is not at {at}", code="gone", hint="Copy it there first.")
    with contextlib.closing(place.open(copy)) as stream:
        size, adler, md5, sha256 = _read(stream, None, progress)
    if sha256 != file.digest:
        raise CorruptError(
            f"the bytes at {copy} are {sha256}, not those of {file.path!r}",
            code="other-bytes",
            hint="Nothing was registered. Copy the right file there.",
        )
    return Sending(name=file_name(whole, file), size=size, adler32=adler, md5=md5, at=_pfn(at, file))


def _pfn(at: str, file: File) -> str:
    """Return the physical name that Rucio keeps: as its protocols take it, escaped on web servers only."""
    inside = paths.unescape(file.path).decode("utf-8", "surrogateescape")
    web = at.startswith(("http:", "https:", "dav:", "davs:"))
    return f"{at.rstrip('/')}/{quote(inside) if web else inside}"


def _read(stream: BinaryIO, into: Path | None, progress: Progress | None) -> tuple[int, str, str, str]:
    """Return size, adler32, md5 and sha256 of a stream, which is also written to a file where one is given."""
    sha256, md5 = hashlib.sha256(), hashlib.md5(usedforsecurity=False)
    adler, size = 1, 0
    with into.open("wb") if into else contextlib.nullcontext() as out:
        while chunk := stream.read(BUFFER):
            sha256.update(chunk)
            md5.update(chunk)
            adler, size = zlib.adler32(chunk, adler), size + len(chunk)
            if out:
                out.write(chunk)
            if progress:
                progress(len(chunk))
    return size, f"{adler:08x}", md5.hexdigest(), f"sha256:{sha256.hexdigest()}"


def _said(registry: Registry, places: Places, entry: Entry, uri: str, clock: Callable[[], str]) -> Sent:
    """Look whether it is there, and say so."""
    found = placing.look(places, uri, clock)
    if found.state != "exists":
        raise UnavailableError(
            f"{uri} was made, and cannot be seen: {found.detail}", code="not-asked", hint="Put it once more."
        )
    found = found.model_copy(update={"checked": "checksum"})
    record = entry.resolved_by or entry.record
    said = placing.say(registry, namespace_of(entry.model), record, found)
    assert said is not None, "what exists is said"
    return Sent(
        reference=entry.reference,
        record=record,
        location=found,
        statement=said.digest,
        files=found.files or 0,
        size_bytes=found.size_bytes or 0,
    )
