"""Fetch: files of a version into a folder; verified, all or nothing for each file, never over something else."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO, Protocol, cast

from herdbook.kernel import paths
from herdbook.kernel.errors import (
    ConflictError,
    CorruptError,
    HerdbookError,
    InvalidError,
    MissingError,
    UnavailableError,
)
from herdbook.model.files import File
from herdbook.model.places import Tried
from herdbook.ports.blobs import Progress
from herdbook.ports.places import Places
from herdbook.ports.registry import Registry
from herdbook.service.replicas import Replicas

BUFFER = 1 << 20
LANES = 4
"""How many files are opened at once: a server's must be brought first."""


class Linkable(Protocol):
    """A stream of a file that can have a further name."""

    def link_to(self, target: Path) -> bool:
        """Give it one; say whether that can be."""
        ...


def fetch(
    registry: Registry,
    reference: str,
    folder: str | os.PathLike[str],
    *,
    link: bool = False,
    progress: Progress | None = None,
    places: Places | None = None,
    from_replica: bool = False,
    tried: Callable[[Tried], None] | None = None,
) -> list[str]:
    """Write the files of a version into a folder, which is made; return the paths that were written.

    A file that is there already with the right content stays. Each file appears under its name when it is complete and
    verified. With ``link`` it is a further name of the file in the cache, where that can be: it takes no room, is
    read-only, and shares its bytes with the cache and with whatever else was linked.

    With ``places``, bytes that the registry does not have, or has wrong, come from where statements say that there are
    copies, one after the other until one is right; with ``from_replica`` the registry's own are not asked for at all.
    ``tried`` hears of each copy.

    Raises:
        InvalidError: when the folder, or one above it, is a file; nothing is written then.
        ConflictError: when a file of that name is there with other content; nothing is written then.
        MissingError: when the bytes of a file are not here; nothing is written then.
        CorruptError: when bytes are not what their digest says.
        UnavailableError: when there is no room.
    """
    entry = registry.versions.get(reference)
    exact = f"{entry.model}@{entry.ordinal}"
    top = Path(os.fspath(folder))
    _check_folder(top)
    todo = [file for file in entry.version.files if not _there(top, file.path, file.digest, file.size)]
    copies = Replicas(registry, places, entry, tried or (lambda _: None)) if places else None
    source = _Source(registry, exact, copies, top, from_replica=from_replica)
    try:
        with _opened(source, todo, progress) as streams:
            top.mkdir(parents=True, exist_ok=True)
            for file, stream, told in streams:
                target = _target(top, file.path)
                target.parent.mkdir(parents=True, exist_ok=True)
                if link and _linked(stream, target):
                    continue
                try:
                    _write(stream, target, told)
                except CorruptError as error:
                    with contextlib.closing(source.instead(file, told, error)) as other:
                        _write(other, target, told)
    except OSError as error:
        raise UnavailableError(
            f"cannot write into {top}: {error.strerror}",
            code="cannot-write",
            hint="Is there room, and may you write there?",
        ) from error
    return [file.path for file in todo]


class _Source:
    """Where the files of a version come from: the registry, and where that has them not, or wrong, a place."""

    def __init__(
        self, registry: Registry, exact: str, copies: Replicas | None, top: Path, *, from_replica: bool
    ) -> None:
        self._registry = registry
        self._exact = exact
        self._copies = copies
        self._top = top
        self._only = from_replica

    def open(self, file: File, told: _Told) -> BinaryIO:
        """Open a file from wherever it is first to be had."""
        if self._only and self._copies is not None:
            return self._copies.open(file, self._top, told.brought)
        try:
            return self._registry.files.open(self._exact, file.path, progress=told.brought)
        except (CorruptError, MissingError, UnavailableError) as error:
            return self.instead(file, told, error)

    def instead(self, file: File, told: _Told, error: HerdbookError) -> BinaryIO:
        """Open a copy, as the registry had an error; where there is none, or nobody waits, that error stands."""
        if self._copies is None or told.stopped:
            raise error
        try:
            return self._copies.open(file, self._top, told.brought)
        except MissingError as none:
            raise error from none


class _Told:
    """What was told of one file: of bytes that are brought and then written, once."""

    def __init__(self, progress: Progress | None, lock: threading.Lock, stop: threading.Event) -> None:
        self._progress = progress
        self._lock = lock
        self._stop = stop
        self._brought = 0

    @property
    def stopped(self) -> bool:
        """Whether nobody waits any more."""
        return self._stop.is_set()

    def brought(self, count: int) -> None:
        """So many bytes more came from a server; raises where nobody waits for them any more."""
        if self._stop.is_set():
            raise UnavailableError("stopped", code="stopped", hint="Fetch again.")
        self._brought += count
        with self._lock:
            if self._progress:
                self._progress(count)

    def written(self, count: int) -> None:
        """So many bytes more were written."""
        new = max(0, count - self._brought)
        self._brought = max(0, self._brought - count)
        if self._progress and new:
            self._progress(new)


@contextlib.contextmanager
def _opened(
    source: _Source, files: Sequence[File], progress: Progress | None
) -> Iterator[list[tuple[File, BinaryIO, _Told]]]:
    """Open files of a version, several at once."""
    lock, stop = threading.Lock(), threading.Event()
    told = [_Told(progress, lock, stop) for _ in files]
    with contextlib.ExitStack() as stack:

        def open_(file: File, heard: _Told) -> BinaryIO:
            stream = source.open(file, heard)
            with lock:
                stack.enter_context(contextlib.closing(stream))
            return stream

        with ThreadPoolExecutor(LANES, thread_name_prefix="herdbook-fetch") as threads:
            try:
                streams = list((threads.map if len(files) > 1 else map)(open_, files, told))
            except BaseException:
                stop.set()
                threads.shutdown(wait=False, cancel_futures=True)
                raise
        yield list(zip(files, streams, told, strict=True))


def _check_folder(top: Path) -> None:
    for place in (top, *top.parents):
        if os.path.lexists(place) and not os.path.isdir(place):  # noqa: PTH112 - it never raises
            what = "a file, not a folder" if os.path.exists(place) else "a link that leads nowhere"  # noqa: PTH110 - the same
            raise InvalidError(f"{place} is {what}", code="not-a-folder", hint="Name a folder; it is made if need be.")


def _target(top: Path, path: str) -> Path:
    target = top / os.fsdecode(paths.unescape(paths.check(path)))
    inside = target.parent
    while inside != top:
        if inside.is_symlink():
            raise ConflictError(f"{inside} is a link", code="link-out", hint="Fetch into another folder.")
        if os.path.lexists(inside) and not inside.is_dir():
            raise ConflictError(
                f"{inside} is a file, not a folder", code="file-exists", hint="Fetch into another folder."
            )
        inside = inside.parent
    return target


def _there(top: Path, path: str, digest: str, size: int | None) -> bool:
    target = _target(top, path)
    if not os.path.lexists(target):
        return False
    if not target.is_file() or target.is_symlink() or target.stat().st_size != size or _sha256(target) != digest:
        raise ConflictError(
            f"{target} is there with other content",
            code="file-exists",
            hint="Fetch into another folder, or move it away.",
        )
    return True


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return "sha256:" + hashlib.file_digest(stream, "sha256").hexdigest()


def _linked(stream: BinaryIO, target: Path) -> bool:
    try:
        return hasattr(stream, "link_to") and cast("Linkable", stream).link_to(target)
    except FileExistsError as error:
        raise _appeared(target) from error


def _appeared(target: Path) -> ConflictError:
    return ConflictError(f"{target} appeared meanwhile", code="file-exists", hint="Look at it, then again.")


def _write(stream: BinaryIO, target: Path, told: _Told) -> None:
    handle, name = tempfile.mkstemp(prefix=".herdbook-", dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as out:
            while chunk := stream.read(BUFFER):
                out.write(chunk)
                told.written(len(chunk))
            out.flush()
            os.fsync(out.fileno())
        Path(name).chmod(0o644)
        os.link(name, target)  # never over a file that came meanwhile
    except FileExistsError as error:
        raise _appeared(target) from error
    finally:
        Path(name).unlink()
