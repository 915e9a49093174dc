"""The files of a dataset: found one after another, hashed several at once, told as a manifest. Nothing is stored."""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import IO, BinaryIO, TypeVar

from herdbook.kernel import paths, spilling
from herdbook.kernel.errors import ConflictError, DeniedError, InvalidError, MissingError
from herdbook.model.datasets import ManifestLine, write_manifest
from herdbook.ports.blobs import Progress
from herdbook.service import intake

CHUNK = 1 << 20
_HINT = "Name the files that are meant."
A = TypeVar("A")
B = TypeVar("B")


@dataclass(frozen=True, slots=True)
class DataPath:
    """A file of a dataset: its path in the manifest, where it lies here, and its size in bytes."""

    path: str
    source: Path
    size: int


def found(given: Sequence[str | os.PathLike[str]]) -> Iterator[DataPath]:
    """Yield the files of folders, or files, each folder's in the order of their names.

    One folder yields its content; several files or folders yield each under its own name. A ``.herdbookignore`` at the
    top of a folder leaves out. A link to a file is that file; one to a folder is not followed.

    Raises:
        MissingError: ``no-path``, when a path is not there.
        InvalidError: on a special file, a link that leads to a folder, or ``no-files``.
        DeniedError: when a folder cannot be read.
    """
    nothing = True
    for path in given:
        top = os.path.abspath(os.fsencode(path))  # noqa: PTH100 - file names are bytes here
        name = b"" if len(given) == 1 else os.path.basename(top)  # noqa: PTH119 - the same
        info = _stat(top)
        if stat.S_ISDIR(info.st_mode):
            for item in _walk(top, b"", name, intake.ignoring(top)):
                nothing = False
                yield item
        else:
            nothing = False
            yield _one(os.path.basename(top), top, info)  # noqa: PTH119 - the same
    if nothing:
        raise InvalidError("there is no file to read", code="no-files", hint="The folder is empty.")


def _walk(top: bytes, inside: bytes, name: bytes, ignored: Callable[[str], bool]) -> Iterator[DataPath]:
    folder = top + b"/" + inside if inside else top
    for key, _ in spilling.ordered(_names(folder)):  # a folder may hold a million files
        is_folder, own = key.endswith(b"/"), key.rstrip(b"/")
        path = inside + b"/" + own if inside else own
        if ignored(paths.escape(path) + ("/" if is_folder else "")):
            continue
        if is_folder:
            yield from _walk(top, path, name, ignored)
        else:
            whole = top + b"/" + path
            yield _one(name + b"/" + path if name else path, whole, _stat(whole))


def _names(folder: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield what is in a folder, folders with a slash, so that they sort as the paths of what is in them."""
    try:
        with os.scandir(folder) as listing:
            for item in listing:
                yield item.name + (b"/" if item.is_dir(follow_symlinks=False) else b""), b""
    except OSError as error:
        shown = paths.escape(folder)
        raise DeniedError(f"{shown} cannot be read: {error.strerror}", code="unreadable") from error


def _one(path: bytes, source: bytes, info: os.stat_result) -> DataPath:
    shown = paths.escape(path)
    if stat.S_ISDIR(info.st_mode):
        raise InvalidError(f"the link {shown!r} leads to a folder", code="bad-link", hint=_HINT)
    if not stat.S_ISREG(info.st_mode):
        raise InvalidError(f"{shown!r} is not a file", code="special-file", hint=_HINT)
    return DataPath(paths.check(shown), Path(os.fsdecode(source)), info.st_size)


def _stat(path: bytes) -> os.stat_result:
    try:
        return os.stat(path)  # noqa: PTH116 - file names are bytes here
    except FileNotFoundError as error:
        raise MissingError(f"{paths.escape(path)} is not there", code="no-path", hint="Check the path.") from error
    except OSError as error:
        raise DeniedError(f"{paths.escape(path)} cannot be read: {error.strerror}", code="unreadable") from error


def lines(files: Iterable[DataPath], progress: Progress | None = None, *, width: int = 0) -> Iterator[ManifestLine]:
    """Yield the manifest's lines of files, several of which are read at once.

    Args:
        files: what to read.
        progress: told of bytes.
        width: how many at once; 0 leaves it to the number of processors.

    Raises:
        ConflictError: ``changed-while-read``.
        DeniedError: ``unreadable``.
    """
    yield from several(lambda file: _line(file, progress), files, width or min(8, os.cpu_count() or 1))


def several(do: Callable[[A], B], items: Iterable[A], width: int) -> Iterator[B]:
    """Do something for several items at once, and yield what comes of each in their order; only a few wait."""
    under_way: deque[Future[B]] = deque()
    with ThreadPoolExecutor(max(1, width), "herdbook-files") as threads:
        try:
            for item in items:
                under_way.append(threads.submit(do, item))
                if len(under_way) > 2 * width:
                    yield under_way.popleft().result()
            while under_way:
                yield under_way.popleft().result()
        finally:
            for waiting in under_way:
                waiting.cancel()


def _line(file: DataPath, progress: Progress | None) -> ManifestLine:
    try:
        with file.source.open("rb", buffering=0) as stream:
            before = os.fstat(stream.fileno())
            line = summed(file.path, stream, progress)
            after = os.fstat(stream.fileno())
    except OSError as error:
        raise DeniedError(f"{file.path!r} cannot be read: {error.strerror}", code="unreadable") from error
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns) or line.size != after.st_size:
        raise ConflictError(
            f"{file.path!r} changed while it was read", code="changed-while-read", hint="Try again when it is at rest."
        )
    return line


def summed(
    path: str, stream: BinaryIO | IO[bytes], progress: Progress | None = None, into: IO[bytes] | None = None
) -> ManifestLine:
    """Return the manifest's line of a stream that is read to its end: size and digests, in one pass.

    Args:
        path: in the manifest.
        stream: the bytes.
        progress: told of bytes.
        into: where to copy them, too.
    """
    sha256, md5 = hashlib.sha256(), hashlib.md5(usedforsecurity=False)
    adler, size = 1, 0
    while chunk := stream.read(CHUNK):
        sha256.update(chunk)
        md5.update(chunk)
        adler = zlib.adler32(chunk, adler)
        size += len(chunk)
        if into is not None:
            into.write(chunk)
        if progress is not None:
            progress(len(chunk))
    return ManifestLine(path=path, size=size, sha256=sha256.hexdigest(), adler32=f"{adler:08x}", md5=md5.hexdigest())


@dataclass
class Manifest:
    """A manifest in a temporary file, and what it sums up to."""

    stream: IO[bytes]
    files: int = 0
    size_bytes: int = 0


def manifest(told: Iterable[ManifestLine]) -> Manifest:
    """Write the lines of a manifest, sorted, into a temporary file; the caller closes its stream.

    Raises:
        InvalidError: ``paths-collide``, when a path stands twice.
    """
    result = Manifest(tempfile.TemporaryFile(prefix="herdbook-manifest-"))  # noqa: SIM115 - the caller closes it

    def counted() -> Iterator[ManifestLine]:
        for line in told:
            result.files += 1
            result.size_bytes += line.size or 0
            yield line

    try:
        for text in write_manifest(counted()):
            result.stream.write(text)
        result.stream.seek(0)
    except BaseException:
        result.stream.close()
        raise
    return result
