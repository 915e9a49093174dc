"""Backup: a copy of a registry that is in use, which opens as a registry: a folder, wherever the registry itself lies.

In which order, and why. First the catalogue is copied, as it was at one moment; then the blobs that it names; last the
new catalogue takes the old copy's place. A blob that was needed at that moment is needed later too, unless a purge
dropped it, so that garbage collection cannot take it before it is copied; what others register meanwhile is not in the
copied catalogue, and needs no blob. The other way round, a registration between the two steps would be in the catalogue
without its bytes. And since the new catalogue comes into its place when all blobs are there, a backup that breaks off
leaves the one before as good as it was.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import secrets
import shutil
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from herdbook.kernel import canonical
from herdbook.kernel.errors import (
    ConflictError,
    CorruptError,
    HerdbookError,
    InvalidError,
    MissingError,
    UnavailableError,
)
from herdbook.model.health import BundleReport
from herdbook.ports.admin import Step
from herdbook.service import garbage, journal
from herdbook.service.bundle_manifest import blob_name
from herdbook.service.context import Context
from herdbook.service.findings import Findings
from herdbook.service.new_folder import pour, sync, sync_below, writing

CATALOGUE = "catalogue.sqlite"
MARK = "herdbook-backup.json"
SCHEMA = "herdbook/backup/1"
NEXT = ".next"
LOOK = 500
THREADS = 8
"""Blobs that are copied at once: a store that is far away answers each of them late."""


def backup(
    context: Context, source: str, folder: str, *, verify: bool = False, step: Step | None = None
) -> BundleReport:
    """Copy the registry into a folder; a second run copies only what is new.

    The report's checkpoints are those of the moment before the copy began: it has them all, and perhaps more. Files
    that the folder has already are held by their size, with ``verify`` by their digest.

    Args:
        context: the registry.
        source: its folder.
        folder: where to; new, empty, or an earlier backup of this registry.
        verify: read what is there already, and copy again what is not as it should be.
        step: is told how far it is.

    Raises:
        ConflictError: when the folder holds something else, or the backup of another registry.
        InvalidError: when it lies in the registry, or the other way round.
        UnavailableError: when the disk is full, or another backup is at work there.
    """
    target = Path(folder).absolute()
    _check_apart(Path(source).resolve(), target.resolve())
    with writing(target):
        target.mkdir(parents=True, exist_ok=True)
        with _alone(target):
            _check_mark(context, target)
            return _Backup(context, target, verify=verify, step=step).run()


def _check_apart(source: Path, target: Path) -> None:
    if source == target or source in target.parents or target in source.parents:
        raise InvalidError(
            f"{target} and the registry in {source} lie one in the other",
            code="bad-backup",
            hint="Name a folder elsewhere, best on another disk.",
        )


@contextlib.contextmanager
def _alone(target: Path) -> Iterator[None]:
    handle = os.open(target, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UnavailableError(
                f"another backup is at work in {target}", code="locked", hint="Wait for it, or name another folder."
            ) from error
        except OSError:
            pass  # a file system without locks
        yield
    finally:
        os.close(handle)


def _check_mark(context: Context, target: Path) -> None:
    """Take a new or empty folder; refuse one with anything but our own backup."""
    mark = target / MARK
    if not mark.exists():
        if any(target.iterdir()):
            raise ConflictError(
                f"{target} is not empty, and no backup", code="not-empty", hint="Name a new or empty folder."
            )
        _write(mark, canonical.dumps({"schema": SCHEMA, "registry": context.catalogue.registry}) + b"\n")
        return
    try:
        told = canonical.loads(mark.read_bytes())
    except InvalidError:
        told = {}
    if not isinstance(told, dict) or told.get("registry") != context.catalogue.registry:
        raise ConflictError(
            f"{target} holds the backup of another registry", code="other-registry", hint="Name another folder."
        )


def _write(path: Path, data: bytes) -> None:
    part = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    part.write_bytes(data)
    sync(part)
    part.replace(path)
    sync(path.parent)


class _Backup:
    """One backup at work."""

    def __init__(self, context: Context, target: Path, *, verify: bool, step: Step | None) -> None:
        self._context = context
        self._target = target
        self._next = target / NEXT
        self._verify = verify
        self._step = step
        self._findings = Findings()
        self._copied = 0
        self._bytes = 0

    def run(self) -> BundleReport:
        """Copy what is new; see the module for the order."""
        shutil.rmtree(self._next, ignore_errors=True)  # of one that broke off
        self._next.mkdir()
        with self._context.catalogue.read() as tx:
            heads = tx.heads()
        self._context.catalogue.backup(str(self._next))
        self._copy_blobs()
        sync_below(self._target)
        (self._next / CATALOGUE).replace(self._target / CATALOGUE)
        sync(self._target)
        shutil.rmtree(self._next, ignore_errors=True)
        return BundleReport(
            folder=str(self._target),
            complete=True,
            checkpoints=tuple(journal.checkpoint(head) for head in heads),
            states={},
            events=sum(head.seq for head in heads),
            bodies=0,
            blobs=self._copied,
            blob_bytes=self._bytes,
            findings=self._findings.all(),
        )

    def _copy_blobs(self) -> None:
        done = 0
        for part in _parts(self._context.blobs.list()):
            sha256s = [sha256 for sha256, _ in part]
            with self._context.catalogue.read() as tx:
                needed, leased = garbage.protected(self._context, tx, sha256s)
            lacking = [sha256 for sha256, size in part if sha256 in needed | leased and not self._here(sha256, size)]
            with ThreadPoolExecutor(THREADS, thread_name_prefix="herdbook-backup") as threads:
                sizes = dict(zip(lacking, threads.map(self._copy, lacking), strict=True))
            copied = [sha256 for sha256, size in sizes.items() if size is not None]
            self._take(copied)
            self._copied += len(copied)
            self._bytes += sum(size for size in sizes.values() if size is not None)
            done += len(part)
            if self._step:
                self._step("copying files", done, 0)

    def _here(self, sha256: str, size: int) -> bool:
        path = self._target / blob_name(sha256)
        if not path.is_file() or path.stat().st_size != size:
            return False
        if not self._verify:
            return True
        with path.open("rb") as file:
            return "sha256:" + hashlib.file_digest(file, "sha256").hexdigest() == sha256

    def _copy(self, sha256: str) -> int | None:
        """Copy a blob, checked while it is read; return its size.

        One that is corrupt or gone here is told, and what the backup has stays.
        """
        part = self._next / sha256[7:]
        try:
            with self._open(sha256) as stream, part.open("xb") as file:
                size = pour(stream, file)
        except (MissingError, CorruptError) as error:
            self._tell(sha256, error)
            part.unlink(missing_ok=True)
            return None
        part.chmod(0o444)
        return size

    def _take(self, sha256s: list[str]) -> None:
        """Give copies their names once their bytes are on disk: a crash never leaves a name with other bytes."""
        if sha256s:
            sync_below(self._next)
        for sha256 in sha256s:
            path = self._target / blob_name(sha256)
            path.parent.mkdir(parents=True, exist_ok=True)
            (self._next / sha256[7:]).replace(path)

    def _tell(self, sha256: str, error: HerdbookError) -> None:
        if isinstance(error, CorruptError):
            self._findings.error(error.code, error.message, sha256)
        elif self._needed(sha256):
            self._findings.error("blob-gone", "it was here when the backup began, and is gone", sha256)

    def _needed(self, sha256: str) -> bool:
        with self._context.catalogue.read() as tx:
            return sha256 in tx.needed([sha256])

    def _open(self, sha256: str) -> BinaryIO:
        blob = self._context.blobs.open(sha256)
        try:
            return blob.stream()
        finally:
            blob.close()


def _parts(items: Iterable[tuple[str, int]]) -> Iterator[list[tuple[str, int]]]:
    rest = iter(items)
    while part := list(islice(rest, LOOK)):
        yield part
