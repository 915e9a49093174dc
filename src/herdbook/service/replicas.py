"""Bytes of a version's files from the places where statements say that they are. Runs at the client.

Who said so is not asked: no byte is handed out before the whole file has the sha256 of the record.
"""

from __future__ import annotations

import contextlib
import hashlib
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from herdbook.kernel.errors import HerdbookError, InvalidError, MissingError
from herdbook.model.datasets import ManifestLine
from herdbook.model.files import File
from herdbook.model.places import Tried
from herdbook.model.versions import Entry
from herdbook.ports.blobs import Progress
from herdbook.ports.places import Place, Places
from herdbook.ports.registry import Registry
from herdbook.service import placing

BUFFER = 1 << 20
_MOST = 100_000
"""Files of a place that are remembered; a version's place has few."""


class Replicas:
    """Copies of the files of one version, for the time of one call; several threads may use it.

    Args:
        registry: what says where they are.
        places: what opens them.
        entry: the version.
        told: hears of each copy that is tried.
    """

    def __init__(self, registry: Registry, places: Places, entry: Entry, told: Callable[[Tried], None]) -> None:
        self._registry = registry
        self._places = places
        self._records = [record for record in (entry.resolved_by, entry.record) if record]
        self._told = told
        self._lock = threading.Lock()
        self._uris: list[str] | None = None
        self._listings: dict[str, list[ManifestLine] | None] = {}

    def open(self, file: File, beside: Path, progress: Progress | None = None) -> BinaryIO:
        """Return a file's verified bytes, brought into a nameless file on the disk of ``beside``.

        Raises:
            MissingError: ``no-replica``, when no place has a copy that is right.
        """
        if file.resolved:
            for uri in self._where():
                for copy in self._copies(uri, file):
                    if (stream := self._brought(copy, file, beside, progress)) is not None:
                        return stream
        tried = f"; tried were {', '.join(self._where()[:5])}" if self._where() else ""
        raise MissingError(
            f"no place has the bytes of {file.path!r}{tried}",
            code="no-replica",
            hint="`herdbook data where` shows what is said of places; name another with a location statement.",
        )

    def _where(self) -> list[str]:
        with self._lock:
            if self._uris is None:
                known = [each for record in self._records for each in placing.known(self._registry, record)]
                good = [each.location.uri for each in known if each.location.state != "gone"]
                self._uris = [uri for uri in dict.fromkeys(good) if not uri.startswith("git+")]
            return self._uris

    def _copies(self, uri: str, file: File) -> Iterator[str]:
        """Yield URIs of what may be this file at a place; one that cannot be asked is passed over."""
        try:
            place = self._places(uri)
            for path in self._paths(place, uri, file):
                with contextlib.suppress(MissingError):
                    yield from place.copies(uri, path)
        except HerdbookError as error:
            self._told(Tried(path=file.path, uri=uri, problem=error.message))

    def _paths(self, place: Place, uri: str, file: File) -> list[str]:
        """Return the paths under which a place may have a file: first that of its name, then by what it says of it."""
        with self._lock:
            if uri not in self._listings:
                self._listings[uri] = _listing(place, uri)
        lines = self._listings[uri]
        if lines is None:
            return [file.path]
        found = [line.path for line in lines if line.path == file.path and line.size in {None, file.size}]
        begin = file.digest[7:19]  # `data put` writes it into the name
        found += [line.path for line in lines if line.sha256 == file.digest[7:] or begin in line.path]
        return list(dict.fromkeys(found))

    def _brought(self, copy: str, file: File, beside: Path, progress: Progress | None) -> BinaryIO | None:
        try:
            with contextlib.closing(self._places(copy).open(copy)) as stream:
                out, problem = _copied(stream, file, beside, progress)
        except HerdbookError as error:
            out, problem = None, error.message
        except OSError as error:
            out, problem = None, f"it broke off: {error.strerror or error}"
        self._told(Tried(path=file.path, uri=copy, problem=problem))
        return out


def _listing(place: Place, uri: str) -> list[ManifestLine] | None:
    try:
        return [line for line, _ in zip(place.listing(uri), range(_MOST), strict=False)]
    except InvalidError as error:
        if error.code != "no-listing":
            raise
        return None


def _copied(
    stream: BinaryIO, file: File, beside: Path, progress: Progress | None
) -> tuple[BinaryIO | None, str | None]:
    """Copy bytes into a nameless file, and say what is wrong with them."""
    digest, size = hashlib.sha256(), 0
    out = tempfile.TemporaryFile(dir=_there(beside))  # noqa: SIM115 - it is handed out
    try:
        while chunk := stream.read(BUFFER):
            size += len(chunk)
            if file.size is not None and size > file.size:
                break
            digest.update(chunk)
            out.write(chunk)
            if progress:
                progress(len(chunk))
        problem = None
        if file.size is not None and size != file.size:
            problem = (
                f"it has {'more' if size > file.size else 'fewer'} bytes than the {file.size} that were registered"
            )
        elif f"sha256:{digest.hexdigest()}" != file.digest:
            problem = f"its bytes are sha256:{digest.hexdigest()}, which is not what was registered"
        if problem is None:
            out.seek(0)
            return out, None
    except BaseException:
        out.close()
        raise
    out.close()
    return None, problem


def _there(folder: Path) -> Path:
    """Return the folder, or the nearest above it that is there."""
    absolute = folder.absolute()
    return next(each for each in (absolute, *absolute.parents) if each.is_dir())


def problems(tried: Iterable[Tried]) -> list[Tried]:
    """Return what was passed over."""
    return [each for each in tried if each.problem is not None]
