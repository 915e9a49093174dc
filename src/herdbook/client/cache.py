"""The cache: files by sha256 in a folder that processes share. It holds nothing that cannot be had again.

``CACHE/blobs/9c/9c02…`` is a whole file, read-only; ``9c02….part`` is one that somebody brings: whoever holds its lock.
Of several processes that want one file one brings it, the others wait. A lock ends with its process, and what it left
is gone on with. Everything is hashed before it gets its name, and again whenever it is opened.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import stat
import tempfile
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, cast

from herdbook.client import offline
from herdbook.kernel.errors import HerdbookWarning, UnavailableError
from herdbook.kernel.verified import RawVerified, VerifiedStream
from herdbook.ports.blobs import Progress

PART: Final = ".part"
STALE_S: Final = 7 * 24 * 3600.0
"""Seconds after which what somebody began to bring, and nobody goes on with, is dropped."""
_BUFFER: Final = 1 << 20
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


@dataclass(frozen=True, slots=True)
class Held:
    """A file of the cache: its sha256, its size in bytes, when it was last used (seconds since 1970)."""

    sha256: str
    size: int
    used: float


class CachedStream(VerifiedStream):
    """A stream of a file of the cache."""

    def __init__(self, raw: RawVerified, fd: int, path: Path | None) -> None:
        super().__init__(raw)
        self._fd = fd
        self._path = path

    def link_to(self, target: Path) -> bool:
        """Give the file a further name, and say whether that can be; what has it is read-only and shares the bytes.

        Raises:
            FileExistsError: when something has that name.
        """
        if self._path is None:
            return False
        try:
            os.fsync(self._fd)
            os.link(self._path, target)
        except FileExistsError:
            raise
        except OSError:  # another file system, or one without links
            return False
        if _is(self._fd, target):
            return True
        target.unlink()  # another file took the place of ours
        return False


class Whole:
    """An open file that was compared with its sha256; nobody removes it from the cache while it is open."""

    def __init__(self, sha256: str, fd: int, path: Path | None) -> None:
        self.sha256 = sha256
        self.size = os.fstat(fd).st_size
        self._fd = fd
        self._path = path

    def stream(self) -> BinaryIO:
        """Return it as a seekable stream, which closes the file at its end."""
        fd = self._fd

        def read(offset: int, view: memoryview) -> None:
            done = 0
            while done < len(view):
                count = os.preadv(fd, [view[done:]], offset + done)
                if not count:
                    raise UnavailableError(
                        f"the cached file of {self.sha256} was cut short while it was open",
                        code="cache-cut",
                        hint="Nothing but Herdbook should write into the cache. Try again.",
                    )
                done += count

        raw = RawVerified(self.sha256, self.size, read, lambda: os.close(fd), proven=True)
        return cast(
            "BinaryIO", CachedStream(raw, fd, self._path)
        )  # typing's BinaryIO is no base class for a real stream

    def read_at(self, offset: int, length: int) -> bytes:
        """Return bytes from an offset on."""
        return os.pread(self._fd, length, offset)

    def close(self) -> None:
        """Release the file."""
        os.close(self._fd)


class Slot:
    """A place for a file that is being brought; what came before an interruption is there already.

    Args:
        sha256: what the whole must be.
        fd: of the file, open for reading and writing.
        part: its name for the time being; ``None`` for one without a name, which is gone when it is closed.
    """

    def __init__(self, sha256: str, fd: int, part: Path | None) -> None:
        self.sha256 = sha256
        self.have = 0
        self._fd = fd
        self._part = part
        self._digest = hashlib.sha256()
        self._kept = False

    def look(self) -> None:
        """Hash what is there."""
        while data := os.pread(self._fd, _BUFFER, self.have):
            self._digest.update(data)
            self.have += len(data)

    def restart(self) -> None:
        """Drop what is there."""
        os.ftruncate(self._fd, 0)
        self.have, self._digest = 0, hashlib.sha256()

    def add(self, data: bytes | memoryview) -> None:
        """Add what follows.

        Raises:
            OSError: when there is no room.
        """
        view, offset = memoryview(data), self.have
        while view:
            count = os.pwrite(self._fd, view, offset)
            view, offset = view[count:], offset + count
        self._digest.update(data)
        self.have = offset

    @property
    def found(self) -> str:
        """The sha256 of what is there."""
        return "sha256:" + self._digest.hexdigest()

    def keep(self, final: Path | None) -> Whole:
        """Give the file its name, and return it; to be called when it is what it should be."""
        assert self.found == self.sha256
        self._kept = True
        if self._part is None:
            final = None
        elif final is not None:
            os.fchmod(self._fd, 0o444)
            self._part.rename(final)
            _lock(self._fd, fcntl.LOCK_SH | fcntl.LOCK_NB)  # from now on others may read, and none remove
        return Whole(self.sha256, self._fd, final)

    def leave(self) -> None:
        """Let go; what is there stays for who comes next. Harmless after ``keep``."""
        if not self._kept:
            self._kept = True
            os.close(self._fd)


class Cache:
    """The cache in a folder; threads and processes share it.

    Args:
        folder: is made when it is needed.
        most: bytes that its files may have together; what was not used longest goes first.
    """

    def __init__(self, folder: Path, most: int) -> None:
        self.folder = folder
        self.most = most
        self._blobs = folder / "blobs"
        self._told = False
        self._added: int | None = None

    def path(self, sha256: str) -> Path:
        """Return where a file is, or would be."""
        name = sha256.removeprefix("sha256:")
        return self._blobs / name[:2] / name

    # -- reading

    def find(self, sha256: str) -> Whole | None:
        """Return a file when it is here and sound; one that is not is removed."""
        path = self.path(sha256)
        try:
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError:
            return None
        _lock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        if _sound(fd, sha256):
            with contextlib.suppress(OSError):  # another's file, or a cache that is only read
                os.utime(path)
            return Whole(sha256, fd, path)
        os.close(fd)
        with contextlib.suppress(OSError):
            path.unlink()
        return None

    # -- bringing

    @contextlib.contextmanager
    def filling(self, sha256: str, *, beside: bool = False) -> Iterator[Slot | Whole]:
        """Give a slot for a file; while another process brings it, wait, and give the file.

        Args:
            sha256: what is to be brought.
            beside: not in the cache, whose disk is full.
        """
        slot = _nameless(sha256) if beside else self._slot(sha256)
        try:
            yield slot
        finally:
            if isinstance(slot, Slot):
                slot.leave()

    def _slot(self, sha256: str) -> Slot | Whole:
        path = self.path(sha256)
        part = path.with_name(path.name + PART)
        while True:
            if (whole := self.find(sha256)) is not None:
                return whole
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                fd = os.open(part, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
            except OSError as error:
                self._tell(error)
                return _nameless(sha256)
            if not _lock(fd, fcntl.LOCK_EX):  # a network file system without locks: each brings its own
                os.close(fd)
                return Slot(sha256, *_own(part))
            if _is(fd, part):
                return Slot(sha256, fd, part)
            os.close(fd)  # whoever had it is done, and it has its name

    def keep(self, slot: Slot) -> Whole:
        """Give what a slot holds its name; make room for it."""
        path = self.path(slot.sha256)
        size = slot.have
        try:
            whole = slot.keep(path)
        except OSError as error:
            self._tell(error)
            return slot.keep(None)
        if self._added is None or self._added + size > self.most // 64:
            self.shrink()
            self._added = 0
        self._added += size
        return whole

    def _tell(self, error: OSError) -> None:
        if not self._told:
            self._told = True
            message = f"the cache {self.folder} cannot be used ({error.strerror}): files are brought each time anew"
            warnings.warn(message, HerdbookWarning, stacklevel=6)

    # -- keeping house

    def held(self) -> list[Held]:
        """Return what is here, by sha256."""
        return sorted((held for held, _ in self._files()), key=lambda held: held.sha256)

    def _files(self) -> Iterator[tuple[Held, Path]]:
        for path in self._blobs.glob("*/*"):
            with contextlib.suppress(OSError):
                status = path.stat()
                if stat.S_ISREG(status.st_mode):
                    yield Held(f"sha256:{path.name}", status.st_size, status.st_mtime), path

    def shrink(self, most: int | None = None) -> int:
        """Remove what was not used longest, but nothing that is in use; return how many bytes that freed."""
        bound = self.most if most is None else most
        files = sorted(self._files(), key=lambda item: item[0].used)
        left, freed, old = sum(held.size for held, _ in files), 0, time.time() - STALE_S
        for held, path in files:
            unfinished = PART in path.name
            if (left > bound or (unfinished and held.used < old)) and _remove(path):
                freed += held.size
                left -= held.size
        return freed

    def make_room(self, size: int) -> None:
        """Remove what was not used longest, ``size`` bytes at least, on a disk that is full."""
        self.shrink(max(0, sum(held.size for held, _ in self._files()) - size))

    def clear(self) -> int:
        """Remove files that are not in use, and kept answers; return how many bytes that freed."""
        return self.shrink(0) + offline.sweep(self.folder / "answers", 0)

    def verify(self, progress: Progress | None = None) -> list[tuple[Held, bool]]:
        """Hash every file; return each with whether it is sound. One that is not is removed."""
        checked: list[tuple[Held, bool]] = []
        for held in self.held():
            if PART not in held.sha256:
                whole = self.find(held.sha256)
                checked.append((held, whole is not None))
                if whole is not None:
                    whole.close()
                if progress:
                    progress(held.size)
        return checked


def _sound(fd: int, sha256: str) -> bool:
    """Say whether an open file is a plain one and what its name says."""
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        return False
    digest, offset = hashlib.sha256(), 0
    try:
        while data := os.pread(fd, _BUFFER, offset):
            digest.update(data)
            offset += len(data)
    except OSError:
        return False
    return "sha256:" + digest.hexdigest() == sha256


def _lock(fd: int, how: int) -> bool:
    """Lock an open file; say whether that is possible where it lies, and was."""
    try:
        fcntl.flock(fd, how)
    except OSError:
        return False
    return True


def _is(fd: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(fd), path.stat())
    except OSError:
        return False


def _remove(path: Path) -> bool:
    """Remove a file that nobody has locked; say whether it is gone."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.unlink()
    except OSError as error:
        # Where there are no locks nobody can say that it is in use; who reads it keeps it open.
        if error.errno in {errno.EWOULDBLOCK, errno.EACCES, errno.EPERM, errno.EROFS}:
            return False
        with contextlib.suppress(OSError):
            path.unlink()
    finally:
        os.close(fd)
    return not path.exists()


def _own(part: Path) -> tuple[int, Path]:
    fd, name = tempfile.mkstemp(prefix=part.name + "-", dir=part.parent)
    return fd, Path(name)


def _nameless(sha256: str) -> Slot:
    """Return a slot outside the cache, which is gone when it is closed."""
    with tempfile.TemporaryFile(prefix="herdbook-") as file:
        return Slot(sha256, os.dup(file.fileno()), None)


def full(error: OSError) -> bool:
    """Say whether there is no room."""
    return error.errno in _FULL
