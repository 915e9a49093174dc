"""Answers that were given before: they save transfer, and are what can still be read while the server is away.

One file for each address and principal, ``CACHE/answers/SERVER/…``: a line that says what it is, then the answer's
bytes. A file that is not whole is as good as none.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import random
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

MOST_BYTES = 256 * 2**20
"""Bytes of answers of one server that are kept; the oldest go first."""
_SWEEP_EVERY = 500


@dataclass(frozen=True, slots=True)
class Kept:
    """An answer that was given before: its ETag, when it was given (seconds since 1970), its bytes."""

    etag: str
    at: float
    body: bytes

    @property
    def date(self) -> str:
        """When it was given, in UTC."""
        return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(self.at))


class KeptAnswers:
    """Answers of one server to one principal. Where the folder cannot be used, nothing is kept and nothing said.

    Args:
        folder: of the cache; ``None`` keeps nothing.
        server: its address.
        principal: to whom it answers.
    """

    def __init__(self, folder: Path | None, server: str, principal: str) -> None:
        self._folder = folder and folder / "answers" / _hex(server)[:16]
        self._principal = principal

    def _path(self, address: str) -> Path | None:
        if self._folder is None:
            return None
        name = _hex(f"{self._principal}\n{address}")
        return self._folder / name[:2] / name

    def find(self, address: str) -> Kept | None:
        """Return what was answered at an address (path and query)."""
        path = self._path(address)
        if path is None:
            return None
        try:
            head, _, body = path.read_bytes().partition(b"\n")
            told = json.loads(head)
            if told["address"] != address or told["sha256"] != hashlib.sha256(body).hexdigest():
                return None
            return Kept(str(told["etag"]), float(told["at"]), body)
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def keep(self, address: str, etag: str, body: bytes) -> None:
        """Keep an answer; when that cannot be, do not."""
        path = self._path(address)
        if path is None:
            return
        told = {"address": address, "etag": etag, "at": time.time(), "sha256": hashlib.sha256(body).hexdigest()}
        with contextlib.suppress(OSError):
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle, temporary = tempfile.mkstemp(prefix=".", dir=path.parent)
            try:
                with os.fdopen(handle, "wb") as stream:
                    stream.write(json.dumps(told).encode() + b"\n" + body)
                Path(temporary).rename(path)
            except OSError:
                Path(temporary).unlink()
                raise
            if random.randrange(_SWEEP_EVERY) == 0:  # noqa: S311 - no secret hangs on it
                self.sweep()

    def again(self, address: str) -> None:
        """Note that an answer still holds."""
        if (path := self._path(address)) is not None:
            with contextlib.suppress(OSError):
                os.utime(path)

    def sweep(self, most: int = MOST_BYTES) -> None:
        """Remove what was not used longest until the rest is not larger than ``most`` bytes."""
        assert self._folder is not None
        sweep(self._folder, most)


def sweep(folder: Path, most: int) -> int:
    """Remove the oldest files below a folder until the rest has at most ``most`` bytes; return how many that freed."""
    found: list[tuple[float, int, Path]] = []
    for path in folder.rglob("*"):
        with contextlib.suppress(OSError):
            status = path.stat()
            if path.is_file():
                found.append((status.st_mtime, status.st_size, path))
    left = sum(size for _, size, _ in found)
    freed = 0
    for _, size, path in sorted(found):
        if left <= most:
            break
        with contextlib.suppress(OSError):
            path.unlink()
            freed += size
        left -= size
    return freed


def _hex(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()
