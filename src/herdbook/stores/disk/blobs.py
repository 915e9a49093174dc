"""The blob store on a local disk: ``ROOT/9c/9c02…``, temporary files in ``ROOT/tmp/``."""

from __future__ import annotations

import os
import re
import stat
import threading
from typing import TYPE_CHECKING, BinaryIO

from herdbook.kernel import digests
from herdbook.kernel.errors import CorruptError, MissingError
from herdbook.stores.disk import durable, reading, temporary, trouble
from herdbook.stores.disk.copying import copy
from herdbook.stores.disk.staged import DiskStaged, Shelves
from herdbook.stores.disk.uploads import WEEK_S, DiskUploads

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from herdbook.ports.blobs import BlobStore, Progress, Uploads

_SHELF = re.compile(r"[0-9a-f]{2}")
_HEX = re.compile(r"[0-9a-f]{64}")


class DiskBlobs:
    """Blobs below one folder, which is created at the first write. May be shared by threads, and by processes.

    A blob is a read-only file; the umask says who may read it. Foreign files in the folder are left alone.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._shelves = Shelves(root)
        self._uploads = DiskUploads(root / "uploads", self._shelves)
        self.uploads: Uploads = self._uploads
        self._lock = threading.Lock()
        self._writer: tuple[int, temporary.Writer] | None = None

    def stage(self, source: BinaryIO, *, progress: Progress | None = None) -> DiskStaged:
        """Copy a stream under a temporary name, computing all digests in one pass; memory stays flat.

        On return the bytes are on disk.

        Raises:
            UnavailableError: when the disk is full or read-only, when the source cannot be read or changes while it is
                read; nothing half-written is left.
            DeniedError: when we may not write there.
            InvalidError: when the source is not a blocking stream of bytes.
        """
        try:
            writer, path, fd = self._create()
        except OSError as error:
            raise trouble.writing(error, self.root) from error
        try:
            try:
                content = copy(source, fd, progress=progress)
                durable.sync(fd)
            finally:
                os.close(fd)
        except BaseException as error:
            path.unlink(missing_ok=True)
            if isinstance(error, OSError):
                raise trouble.writing(error, self.root) from error
            raise
        return DiskStaged(content, path, writer, self._shelves)

    def _create(self) -> tuple[temporary.Writer, Path, int]:
        with self._lock:
            # A forked child must not take the names that its parent takes.
            if self._writer is None or self._writer[0] != os.getpid() or not self._writer[1].alive():
                self._writer = (os.getpid(), temporary.Writer(self.root / "tmp"))
            writer = self._writer[1]
        return writer, *writer.create()

    def _path(self, sha256: str) -> Path:
        return self._shelves.path(digests.check_sha256(sha256))

    def open(self, sha256: str) -> reading.DiskBlob:
        """Open a blob.

        Raises:
            MissingError: when it is not here.
            CorruptError: when a link, a folder or a device has its place.
            InvalidError: when this is not a sha256 digest.
        """
        path = self._path(sha256)
        try:
            return reading.DiskBlob(sha256, path)
        except FileNotFoundError as error:
            raise _missing(sha256) from error

    def size(self, sha256: str) -> int | None:
        """Return the size in bytes, or ``None`` when the blob is not here.

        Raises:
            InvalidError: when this is not a sha256 digest.
        """
        path = self._path(sha256)
        try:
            status = path.lstat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise trouble.reading(error, path) from error
        return status.st_size if stat.S_ISREG(status.st_mode) else None

    def verify(self, sha256: str, *, progress: Progress | None = None) -> None:
        """Read the blob and compare.

        Raises:
            MissingError: when it is not here.
            CorruptError: when its bytes are not what the digest says.
            InvalidError: when this is not a sha256 digest.
        """
        path = self._path(sha256)
        try:
            reading.verify(sha256, path, progress=progress)
        except FileNotFoundError as error:
            raise _missing(sha256) from error

    def delete(self, sha256: str) -> int:
        """Remove a blob, durably; return how many bytes that freed, 0 when it was not here.

        Raises:
            CorruptError: when a folder has its place.
            DeniedError: when we may not write there.
            UnavailableError: when the disk refuses.
        """
        path = self._path(sha256)
        freed = self.size(sha256) or 0
        try:
            path.unlink()
            durable.sync_folder(path.parent)
        except (FileNotFoundError, NotADirectoryError):
            return 0
        except OSError as error:
            if path.is_dir():
                raise CorruptError(
                    f"{path} is a folder, where a blob should be", code="not-a-plain-file", hint="Move it away."
                ) from error
            raise trouble.writing(error, path) from error
        return freed

    def list(self) -> Iterator[tuple[str, int]]:
        """Yield (sha256, size) of every blob, sorted by sha256; foreign files are not among them.

        Raises:
            DeniedError: when we may not read there.
        """
        for shelf in _names(self.root, _SHELF):
            folder = self.root / shelf
            for name in _names(folder, _HEX):
                size = self.size(f"sha256:{name}") if name.startswith(shelf) else None
                if size is not None:
                    yield f"sha256:{name}", size

    def sweep(self, older_than_s: float) -> int:
        """Remove temporary bytes whose writer is gone, and uploads that stood still for a week; return how many bytes.

        Raises:
            DeniedError: when we may not write there.
        """
        try:
            return temporary.sweep(self.root / "tmp", older_than_s) + self._uploads.sweep(max(older_than_s, WEEK_S))
        except OSError as error:
            raise trouble.writing(error, self.root / "tmp") from error

    def close(self) -> None:
        """Let go of the temporary folder; a later write takes hold of it again. Staged bytes stay protected."""
        with self._lock:
            self._writer = None

    def __repr__(self) -> str:
        return f"DiskBlobs({str(self.root)!r})"


def _missing(sha256: str) -> MissingError:
    return MissingError(
        f"the bytes of {sha256} are not here",
        code="blob-missing",
        hint="Bring them from a backup or a mirror, or register the file once more.",
        sha256=sha256,
    )


def _names(folder: Path, pattern: re.Pattern[str]) -> list[str]:
    try:
        return sorted(path.name for path in folder.iterdir() if pattern.fullmatch(path.name))
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise trouble.reading(error, folder) from error


if TYPE_CHECKING:
    from pathlib import Path as _Path

    _: BlobStore = DiskBlobs(_Path())
