"""Fetch: files of a version into a folder; verified, all or nothing for each file, never over something else."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path
from typing import BinaryIO

from herdbook.kernel import paths
from herdbook.kernel.errors import ConflictError, InvalidError, UnavailableError
from herdbook.ports.blobs import Progress
from herdbook.ports.registry import Registry

BUFFER = 1 << 20


def fetch(
    registry: Registry, reference: str, folder: str | os.PathLike[str], *, progress: Progress | None = None
) -> list[str]:
    """Write the files of a version into a folder, which is made; return the paths that were written.

    A file that is there already with the right content stays. Each file appears under its name when it is complete and
    verified.

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
    streams = [(file, registry.files.open(exact, file.path)) for file in todo]
    try:
        top.mkdir(parents=True, exist_ok=True)
        for file, stream in streams:
            target = _target(top, file.path)
            target.parent.mkdir(parents=True, exist_ok=True)
            _write(stream, target, progress)
    except OSError as error:
        raise UnavailableError(
            f"cannot write into {top}: {error.strerror}",
            code="cannot-write",
            hint="Is there room, and may you write there?",
        ) from error
    finally:
        for _, stream in streams:
            stream.close()
    return [file.path for file in todo]


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


def _write(stream: BinaryIO, target: Path, progress: Progress | None) -> None:
    handle, name = tempfile.mkstemp(prefix=".herdbook-", dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as out:
            while chunk := stream.read(BUFFER):
                out.write(chunk)
                if progress:
                    progress(len(chunk))
            out.flush()
            os.fsync(out.fileno())
        Path(name).chmod(0o644)
        os.link(name, target)  # never over a file that came meanwhile
    except FileExistsError as error:
        raise ConflictError(
            f"{target} appeared meanwhile", code="file-exists", hint="Look at it, then again."
        ) from error
    finally:
        Path(name).unlink()
