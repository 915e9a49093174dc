"""Files and folders of this machine: ``file:///PATH``, ``file://HOST/PATH``, or an absolute path."""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Iterator
from typing import BinaryIO
from urllib.parse import quote, urlsplit

from herdbook.kernel import paths
from herdbook.kernel.errors import InvalidError, MissingError, UnavailableError
from herdbook.model.datasets import ManifestLine
from herdbook.model.places import Standing

MOUNTS = frozenset({"afs", "cvmfs", "eos", "media", "mnt", "net", "nfs", "pnfs"})
"""Folders at the top whose own folders are mounted: one that is not there says nothing about what lies in it."""


class FilePlace:
    """What lies on disks of this machine, and what is mounted here."""

    def look(self, uri: str) -> Standing:
        """Ask for the file or folder; see ``Place.look``."""
        host, path = _parts(uri)
        if not _here(host):
            return Standing(state="unknown", detail=f"it lies on {host}, and this is {socket.gethostname()}")
        if (top := _not_mounted(path)) is not None:
            return Standing(state="unknown", detail=f"there is no {top} on this machine: is it mounted?")
        try:
            info = os.stat(path)  # noqa: PTH116 - names are bytes here
            if stat.S_ISREG(info.st_mode):
                return Standing(state="exists", files=1, size_bytes=info.st_size, checked="size")
            if not stat.S_ISDIR(info.st_mode):
                return Standing(state="unknown", detail="it is neither a file nor a folder")
            sizes = [size for _, size in _walk(path)]
        except (FileNotFoundError, NotADirectoryError):
            return Standing(state="gone", detail="there is no such file")
        except OSError as error:
            return Standing(state="unknown", detail=f"it cannot be looked at: {error.strerror}")
        return Standing(state="exists", files=len(sizes), size_bytes=sum(sizes), checked="size")

    def listing(self, uri: str) -> Iterator[ManifestLine]:
        """Yield the files of a folder, or the one file under its own name, with sizes; see ``Place.listing``."""
        path = self._local(uri)
        try:
            if not os.path.isdir(path):  # noqa: PTH112 - names are bytes here
                name = paths.escape(os.path.basename(path))  # noqa: PTH119 - the same
                yield ManifestLine(path=name, size=os.stat(path).st_size)  # noqa: PTH116 - the same
                return
            for name_, size in _walk(path):
                yield ManifestLine(path=paths.escape(name_), size=size)
        except OSError as error:
            raise _trouble(uri, error) from error

    def absent(self, uri: str) -> Iterator[str]:
        """Yield nothing: what is listed is there."""
        self._local(uri)
        return iter(())

    def copies(self, uri: str, path: str = "") -> Iterator[str]:
        """Yield the one URI."""
        where = self._local(uri)
        if path:
            where = os.path.join(where, paths.unescape(paths.check(path)))  # noqa: PTH118 - names are bytes here
        yield "file://" + quote(where)

    def open(self, uri: str, path: str = "") -> BinaryIO:
        """Open a file, or a file of a folder; see ``Place.open``."""
        where = self._local(uri)
        if path:
            where = os.path.join(where, paths.unescape(paths.check(path)))  # noqa: PTH118 - names are bytes here
        try:
            # A pipe without a writer would wait for ever.
            handle = os.open(where, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                os.close(handle)
                raise UnavailableError(
                    f"{uri} {path} is no file".replace("  ", " "), code="not-a-file", hint="Name a file."
                )
            return os.fdopen(handle, "rb")
        except OSError as error:
            raise _trouble(f"{uri} {path}".rstrip(), error) from error

    def close(self) -> None:
        """Nothing is kept open."""

    def _local(self, uri: str) -> bytes:
        host, path = _parts(uri)
        if not _here(host):
            raise UnavailableError(
                f"{uri} lies on {host}, and this is {socket.gethostname()}",
                code="other-host",
                hint="Do it there, or copy it here.",
            )
        if (top := _not_mounted(path)) is not None:
            raise UnavailableError(f"there is no {top} on this machine", code="not-mounted", hint="Is it mounted?")
        return path


def _parts(uri: str) -> tuple[str, bytes]:
    """Return the host, empty for this one, and the path.

    Raises:
        InvalidError: ``bad-uri``.
    """
    if uri.startswith("/"):
        host, path = "", os.fsencode(uri)
    else:
        try:
            parts = urlsplit(uri)
            host = parts.hostname or ""
            odd = parts.scheme != "file" or parts.query or parts.fragment or parts.username is not None
        except ValueError:
            host, odd, parts = "", True, urlsplit("")
        path = paths.unescape(parts.path)
        if odd or not path.startswith(b"/"):
            raise InvalidError(
                f"a file: URI with the path {parts.path[:200]!r} names no file of a machine",
                code="bad-uri",
                hint="Write file:///absolute/path, nothing after it, and % signs of names as %25.",
            )
    if b"\0" in path:
        raise InvalidError(f"{uri[:200]!r} names no file", code="bad-uri", hint="A name holds no NUL.")
    return host, os.path.normpath(path) if b"/../" not in path + b"/" else path


def _here(host: str) -> bool:
    mine = socket.gethostname().lower()
    return host.lower() in {"", "localhost", mine, mine.partition(".")[0]}


def _not_mounted(path: bytes) -> str | None:
    """Return the folder at the top that is not there, so that nothing can be said about what would lie in it."""
    parts = [part for part in path.split(b"/") if part]
    if len(parts) < 2:
        return None
    deep = 2 if os.fsdecode(parts[0]) in MOUNTS and len(parts) > 2 else 1
    top = b"/" + b"/".join(parts[:deep])
    return None if os.path.lexists(top) else os.fsdecode(top)


def _walk(top: bytes) -> Iterator[tuple[bytes, int]]:
    """Yield (path inside, size) of the files of a folder; links to folders are not followed."""

    def stop(error: OSError) -> None:
        raise error

    for folder, folders, files in os.walk(top, onerror=stop):
        folders.sort()
        for name in sorted(files):
            info = os.stat(os.path.join(folder, name))  # noqa: PTH116, PTH118 - names are bytes here
            if stat.S_ISREG(info.st_mode):
                yield os.path.relpath(os.path.join(folder, name), top), info.st_size  # noqa: PTH118 - the same


def _trouble(what: str, error: OSError) -> MissingError | UnavailableError:
    if isinstance(error, (FileNotFoundError, NotADirectoryError)):
        return MissingError(f"{what} is not there", code="gone", hint="Look for another place that has it.")
    return UnavailableError(
        f"{what} cannot be read: {error.strerror}", code="cannot-read", hint="May you read it, and is the disk well?"
    )
