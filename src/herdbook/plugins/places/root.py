"""Files and folders of XRootD servers, ``root://HOST[:PORT]//PATH``, by the commands ``xrdfs`` and ``xrdcp``."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlsplit

from herdbook.kernel import paths
from herdbook.kernel.errors import InvalidError, MissingError, UnavailableError
from herdbook.model.datasets import ManifestLine
from herdbook.model.places import Standing

TIMEOUT_S = 60.0
LONG_S = 24 * 3600.0
"""Seconds for a copy: who waits ends it sooner."""
_PATIENCE = {"XRD_CONNECTIONWINDOW": "15", "XRD_CONNECTIONRETRY": "2", "XRD_REQUESTTIMEOUT": "60"}
_LINE = re.compile(r"(?P<mode>[d-]\S*)\s.*?(?P<size>\d+)\s+\d{4}-\d\d-\d\d\s+\S+\s+(?P<path>/.*)|(?P<short>/.*)")
_NOT_THERE = ("[3011]", "no such file")


class RootPlace:
    """What XRootD servers hold; who asks is known by the user's own proxy or token."""

    def look(self, uri: str) -> Standing:
        """Ask for the file or folder; see ``Place.look``."""
        host, path = _parts(uri)
        if shutil.which("xrdfs") is None:
            return Standing(state="unknown", detail="xrdfs, which asks XRootD servers, is not installed")
        status, out, err = _run("xrdfs", host, "stat", path)
        if status:
            gone = any(word in err.lower() for word in _NOT_THERE)
            return Standing(state="gone" if gone else "unknown", detail=_said(err))
        told = dict(line.partition(":")[::2] for line in out.splitlines() if ":" in line)
        if "IsDir" in told.get("Flags", ""):
            return Standing(state="exists", detail="folder")
        size = told.get("Size", "").strip()
        return Standing(state="exists", files=1, size_bytes=int(size) if size.isdigit() else None, checked="size")

    def listing(self, uri: str) -> Iterator[ManifestLine]:
        """Yield the files of a folder, and of folders in it, with sizes."""
        host, top = _parts(uri)
        status, out, err = _run("xrdfs", host, "ls", "-l", "-R", top, timeout_s=LONG_S)
        if status:
            raise _trouble(uri, err)
        for line in out.splitlines():
            match = _LINE.fullmatch(line.strip())
            if match is None or match["path"] is None or match["mode"].startswith("d"):
                continue
            inside = os.path.relpath(match["path"], top)
            yield ManifestLine(path=paths.escape(os.fsencode(inside)), size=int(match["size"]))

    def absent(self, uri: str) -> Iterator[str]:
        """Yield nothing: what is listed is there."""
        _parts(uri)
        return iter(())

    def copies(self, uri: str, path: str = "") -> Iterator[str]:
        """Yield the one URI; where the server redirects to is its own affair."""
        yield _joined(uri, path)

    def open(self, uri: str, path: str = "") -> BinaryIO:
        """Bring a file with ``xrdcp``; see ``Place.open``."""
        where = _joined(uri, path)
        with tempfile.TemporaryDirectory(prefix="herdbook-root-") as folder:
            target = Path(folder, "file")
            status, _, err = _run("xrdcp", "--silent", "--nopbar", where, str(target), timeout_s=LONG_S)
            if status or not target.is_file():
                raise _trouble(where, err)
            return target.open("rb")  # it lives as long as the stream

    def close(self) -> None:
        """Nothing is kept open."""


def _run(program: str, *words: str, timeout_s: float = TIMEOUT_S) -> tuple[int, str, str]:
    """Return status, output and complaint of a command; a status of -1 when it took too long.

    Raises:
        UnavailableError: ``no-extra``, when it is not installed.
    """
    found = shutil.which(program)
    if found is None:
        raise UnavailableError(
            f"{program} is not installed", code="no-extra", hint="Install XRootD's client, as xrootd-client."
        )
    process = subprocess.Popen(  # noqa: S603 - the user's own xrootd, with words that were checked
        [found, *words],
        env={**_PATIENCE, **os.environ},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="surrogateescape",
        start_new_session=True,
    )
    try:
        out, err = process.communicate(timeout=timeout_s)
    except BaseException as error:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        if not isinstance(error, subprocess.TimeoutExpired):
            raise
        return -1, "", f"no answer within {timeout_s:.0f} s"
    return process.returncode, out, err


def _parts(uri: str) -> tuple[str, str]:
    """Return ``HOST[:PORT]`` and the absolute path.

    Raises:
        InvalidError: ``bad-uri``.
    """
    try:
        parts = urlsplit(uri)
        good = parts.scheme.lower() == "root" and bool(parts.hostname) and parts.password is None and parts.port != 0
        good = good and uri.isprintable() and not parts.netloc.startswith("-") and not parts.fragment
        path = "/" + parts.path.lstrip("/")
    except ValueError:
        good, path = False, ""
    if not good or path == "/" or ".." in path.split("/"):
        raise InvalidError(
            f"{uri.rpartition('@')[2][:200]!r} names nothing on an XRootD server",
            code="bad-uri",
            hint="Write root://HOST//PATH, and no password.",
        )
    return parts.netloc, path


def _joined(uri: str, path: str) -> str:
    host, top = _parts(uri)
    inside = "/" + os.fsdecode(paths.unescape(paths.check(path))) if path else ""
    return f"root://{host}/{top.rstrip('/')}{inside}"


def _trouble(what: str, err: str) -> MissingError | UnavailableError:
    if any(word in err.lower() for word in _NOT_THERE):
        return MissingError(f"{what} is not there", code="gone", hint="Look for another place that has it.")
    return UnavailableError(f"{what} cannot be read: {_said(err)}", code="cannot-read", hint="Is the server up?")


def _said(err: str) -> str:
    lines = [line.strip() for line in err.splitlines() if line.strip()]
    return (lines[-1] if lines else "it says nothing")[:300].encode("utf-8", "replace").decode()
