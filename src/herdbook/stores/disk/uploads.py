"""Uploads on disk: ``ROOT/uploads/ID.part`` holds the bytes, ``ID.note`` how many of them are there for good."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

from herdbook.kernel.errors import ConflictError, MissingError, UnavailableError
from herdbook.kernel.sources import Source
from herdbook.model.files import Content
from herdbook.ports.blobs import Progress
from herdbook.stores.disk import copying, durable, trouble, upload_note
from herdbook.stores.disk.hashing import Digests
from herdbook.stores.disk.staged import DiskStaged, Shelves, is_whole
from herdbook.stores.disk.upload_note import Note, Said

if TYPE_CHECKING:
    pass

WEEK_S: Final = 7 * 24 * 3600.0
"""How long an upload may stand still, in seconds."""
MARK_EVERY: Final = 64 << 20
"""Bytes after which they are made sure of in the middle of an ``append``: no more than that is lost with a process."""
_WAIT_S: Final = 5.0
_REMEMBERED: Final = 512
_ID = re.compile(r"[0-9a-f]{32}")
_PART = ".part"
_NOTE = ".note"


class DiskUploads:
    """Uploads below one folder; threads and processes may share it, and go on with one another's.

    A process that saw all bytes of an upload in their order has their digests when they end. Else ``finish`` reads
    them once.
    """

    def __init__(self, folder: Path, shelves: Shelves) -> None:
        self._folder = folder
        self._shelves = shelves
        self._lock = threading.Lock()
        self._seen: OrderedDict[str, tuple[int, int, Digests]] = OrderedDict()

    def begin(self, *, size: int | None = None) -> str:
        """Begin an upload; return its id. With ``size``, the bytes to come, ``finish`` need not read for git's digest.

        Raises:
            UnavailableError: when the disk is full or read-only.
            DeniedError: when we may not write there.
        """
        upload = secrets.token_hex(16)
        with _writing(self._folder):
            durable.make_folder(self._folder)
            os.close(os.open(self._path(upload), os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644))
            upload_note.create(self._note(upload))
            durable.sync_folder(self._folder)
        self._remember(upload, 0, Digests(size))
        return upload

    def offset(self, upload: str) -> int:
        """Return how many bytes of it are on disk for good.

        Raises:
            MissingError: ``no-upload``, when there is none.
        """
        with self._open(upload) as note:
            return note.read().size

    def append(self, upload: str, offset: int, source: BinaryIO) -> int:
        """Add what follows; return how many bytes are here now, all on disk.

        What a source gave before it broke off is kept, and its error passed on; so is what went onto a disk before it
        was full.

        Raises:
            MissingError: ``no-upload``.
            ConflictError: ``wrong-offset``, with ``offset``, when another number of bytes is here; ``upload-finished``.
            UnavailableError: ``upload-busy``, while somebody else adds to it; when the disk is full.
            InvalidError: when the source is not a blocking stream of bytes.
        """
        with self._open(upload) as note:  # before anybody waits for a lock
            _check(note.read(), offset)
        with self._take(upload) as note:
            here = _check(note.read(), offset)
            with _writing(self._folder):
                fd = os.open(self._path(upload), os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
                try:
                    if os.fstat(fd).st_nlink > 1:
                        raise _none(upload)  # it was kept, and who kept it died before it could say so
                    os.ftruncate(fd, here)
                    return self._extend(upload, note, fd, here, source)
                finally:
                    os.close(fd)

    def _extend(self, upload: str, note: Note, fd: int, here: int, source: BinaryIO) -> int:
        digests = self._recall(upload, here)
        until = Source(source)

        def mark(at: int) -> None:
            durable.sync(fd)
            note.write(at)

        try:
            works = digests.parts if digests else ()
            at = copying.extend(until, fd, here, works, mark, every=MARK_EVERY)
        except OSError:
            # The digests may be ahead of the disk, so they are forgotten; what went onto it counts.
            with contextlib.suppress(OSError):
                mark(os.fstat(fd).st_size)
            raise
        mark(at)
        if digests is not None:
            self._remember(upload, at, digests)
        until.check_broken()
        return at

    def finish(self, upload: str, *, progress: Progress | None = None) -> UploadStaged:
        """Hash what is here and return it as ``stage`` does; the upload is gone once that is kept or discarded.

        From here on nobody adds to it. Dropped without a word it is let go of, and may be finished again.

        Raises:
            MissingError: ``no-upload``.
            UnavailableError: ``upload-busy``, while somebody adds to it.
        """
        note = self._close(upload)
        try:
            with _writing(self._folder):
                content = self._content(upload, note.read().size, progress)
        except BaseException:
            note.close()
            raise
        return UploadStaged(content, self._path(upload), note, self._shelves)

    def _close(self, upload: str) -> Note:
        """Return the note of an upload to which nothing is added any more, locked with all who finish it."""
        note = self._take(upload, shared=True)
        try:
            if not note.read().finished:
                note.close()
                note = self._take(upload)
                with _writing(self._folder):
                    here = note.read().size
                    _cut(self._path(upload), here)
                    note.write(here, finished=True)
            note.lock(_WAIT_S, shared=True)
        except FileNotFoundError as error:
            note.close()
            raise _none(upload) from error
        except BaseException:
            note.close()
            raise
        return note

    def _content(self, upload: str, size: int, progress: Progress | None) -> Content:
        digests = self._recall(upload, size)
        fd = os.open(self._path(upload), os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        try:
            if digests is None:
                digests = _hashed(fd, size, progress)
            elif progress is not None and size:
                progress(size)
            return digests.content(fd)
        finally:
            os.close(fd)

    def abandon(self, upload: str) -> None:
        """Drop an upload; harmless when there is none.

        Raises:
            UnavailableError: ``upload-busy``, while somebody adds to it.
        """
        with contextlib.suppress(MissingError), self._take(upload, shared=True) as note, _writing(self._folder):
            _remove(self._path(upload), note)
        self._recall(upload, -1)

    def sweep(self, older_than_s: float = WEEK_S) -> int:
        """Remove uploads to which nothing was added for so long, and nobody adds now; return how many bytes that freed.

        Raises:
            OSError: when the folder cannot be read, or a file cannot be removed.
        """
        if not self._folder.is_dir():
            return 0
        freed = 0
        for path in sorted(self._folder.iterdir()):
            if _ID.fullmatch(path.stem) and path.suffix == _NOTE:
                freed += self._sweep(path, older_than_s)
            elif _ID.fullmatch(path.stem) and path.suffix == _PART and not path.with_suffix(_NOTE).exists():
                freed += _sweep_bare(path, older_than_s)
        return freed

    def _sweep(self, path: Path, older_than_s: float) -> int:
        try:
            with Note(path) as note:
                if not note.lock(0) or note.read().age() < older_than_s:
                    return 0
                return _remove(self._path(path.stem), note)
        except FileNotFoundError:
            return 0

    # -- names and locks

    def _path(self, upload: str) -> Path:
        return self._folder / f"{upload}{_PART}"

    def _note(self, upload: str) -> Path:
        return self._folder / f"{upload}{_NOTE}"

    def _open(self, upload: str) -> Note:
        if not _ID.fullmatch(upload):
            raise _none(upload)
        try:
            return Note(self._note(upload))
        except (FileNotFoundError, NotADirectoryError) as error:
            raise _none(upload) from error
        except OSError as error:
            raise trouble.writing(error, self._folder) from error

    def _take(self, upload: str, *, shared: bool = False) -> Note:
        """Return the note, locked."""
        note = self._open(upload)
        try:
            if note.lock(_WAIT_S, shared=shared):
                return note
        except FileNotFoundError as error:
            note.close()
            raise _none(upload) from error
        note.close()
        raise UnavailableError(
            "somebody else adds to this upload",
            code="upload-busy",
            hint="Try again in some seconds: ask how many bytes are here, and go on there.",
        )

    # -- digests of what this process saw

    def _remember(self, upload: str, size: int, digests: Digests) -> None:
        with self._lock:
            self._seen[upload] = (os.getpid(), size, digests)
            if len(self._seen) > _REMEMBERED:
                self._seen.popitem(last=False)

    def _recall(self, upload: str, size: int) -> Digests | None:
        """Take out the digests of the first ``size`` bytes; a forked child and its parent go on apart."""
        with self._lock:
            pid, seen, digests = self._seen.pop(upload, (0, 0, None))
        return digests if (pid, seen) == (os.getpid(), size) else None


class UploadStaged(DiskStaged):
    """The bytes of an upload, hashed, and not yet kept; as a context, discarded at its end.

    Who drops it without a word lets go of the upload, which stays.
    """

    def __init__(self, content: Content, path: Path, note: Note, shelves: Shelves) -> None:
        super().__init__(content, path, note, shelves, leave=note.close)
        self._note = note

    def _place(self, target: Path) -> bool:
        try:
            # Kept bytes are nobody's to change.
            self._path.chmod(self._path.stat().st_mode & 0o444)
            return super()._place(target)
        except FileNotFoundError as error:
            if is_whole(target, self.content.size):
                return False  # somebody else finished it too, and kept it
            raise _none(self._path.stem) from error

    def _clear(self) -> None:
        if self._drop.alive:
            with contextlib.suppress(OSError):  # a later sweep takes what cannot be removed now
                _remove(self._path, self._note)
        super()._clear()


@contextlib.contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise trouble.writing(error, path) from error


def _hashed(fd: int, size: int, progress: Progress | None) -> Digests:
    """Read a file once for its digests."""
    digests = Digests(size)
    with open(fd, "rb", buffering=0, closefd=False) as source:
        copying.hash_all(source, digests.parts, progress=progress)
    return digests


def _check(said: Said, offset: int) -> int:
    """Return how many bytes are here when it is so many, and more may come."""
    if said.finished:
        raise ConflictError(
            "this upload is finished, and nothing is added to it",
            code="upload-finished",
            hint="Begin a new one for other bytes.",
            offset=said.size,
        )
    if offset != said.size:
        raise ConflictError(
            f"{said.size} bytes of this upload are here, so that it does not go on at {offset}",
            code="wrong-offset",
            hint=f"Go on at {said.size}.",
            offset=said.size,
        )
    return offset


def _cut(path: Path, size: int) -> None:
    """Take away what was not acknowledged."""
    fd = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        if os.fstat(fd).st_size > size:
            os.ftruncate(fd, size)
            durable.sync(fd)
    finally:
        os.close(fd)


def _remove(part: Path, note: Note) -> int:
    """Remove an upload whose note is locked; return how many bytes that freed. Without its note it is none."""
    note.path.unlink(missing_ok=True)
    try:
        size = part.stat().st_size
        part.unlink()
    except FileNotFoundError:
        return 0
    return size


def _sweep_bare(part: Path, older_than_s: float) -> int:
    """Remove bytes that a dead process left without a note."""
    try:
        status = part.stat()
        if time.time() - status.st_mtime < older_than_s:
            return 0
        part.unlink()
    except FileNotFoundError:
        return 0
    return status.st_size


def _none(upload: str) -> MissingError:
    return MissingError(
        f"there is no upload {upload[:40]!r}",
        code="no-upload",
        hint="It was kept, abandoned, or stood still for a week: begin a new one.",
    )
