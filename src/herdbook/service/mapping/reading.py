"""Reading what a source holds: short texts, beginnings, sizes and checksums; bytes are never all in memory."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from herdbook.kernel import paths
from herdbook.kernel.errors import HerdbookError
from herdbook.model.drafts import Finding
from herdbook.ports.importers import History
from herdbook.service.mapping import git_lfs
from herdbook.service.mapping.git_lfs import Pointer

MAX_TEXT = 1 << 20
BEGINNING = 1 << 16
_CHUNK = 1 << 20


class Findings:
    """Findings in the order in which they came, each once."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str, str], Finding] = {}

    def add(self, code: str, message: str, where: str = "") -> None:
        """Note one."""
        self._found.setdefault((code, message, where), Finding(code=code, message=message, where=where))

    def extend(self, findings: tuple[Finding, ...] | list[Finding]) -> None:
        """Note several."""
        for each in findings:
            self._found.setdefault((each.code, each.message, each.where), each)

    def all(self) -> tuple[Finding, ...]:
        """Return all."""
        return tuple(self._found.values())


class Contents:
    """The bytes of a history, each looked at once: what cannot be read becomes a finding."""

    def __init__(self, history: History, findings: Findings) -> None:
        self._history, self._findings = history, findings
        self._sizes: dict[str, int | None] = {}
        self._pointers: dict[str, Pointer] = {}
        self._links: dict[str, str | None] = {}
        self._md5: dict[str, str | None] = {}

    def size(self, digest: str) -> int | None:
        """Return the size of a blob in bytes, ``None`` when its content is absent, if only a pointer stands for it."""
        if digest not in self._sizes:
            size = self._history.size(digest)
            if size is not None and git_lfs.SHORTEST <= size <= git_lfs.LONGEST and self._points(digest):
                size = None
            self._sizes[digest] = size
        return self._sizes[digest]

    def pointer(self, digest: str) -> Pointer | None:
        """Return what a pointer of Git LFS tells of the content that it stands for; ``None`` when it is none."""
        self.size(digest)
        return self._pointers.get(digest)

    def _points(self, digest: str) -> bool:
        try:
            with self._history.open(digest) as stream:
                found = git_lfs.read(stream.read(git_lfs.LONGEST + 1))
        except HerdbookError:
            return False  # who reads it for what it holds says so
        if found is not None:
            self._pointers[digest] = found
        return found is not None

    def text(self, digest: str, path: str) -> str | None:
        """Return a text of at most 1 MiB; bytes that are not UTF-8 become U+FFFD. ``None``: there is none."""
        data = self.data(digest, path)
        return None if data is None else data.decode("utf-8", "replace")

    def data(self, digest: str, path: str) -> bytes | None:
        """Return the bytes of a text of at most 1 MiB; a longer one is a finding and is not looked at."""
        size = self.size(digest)
        if size is None:
            return None
        if size > MAX_TEXT:
            message = f"the text has {size} bytes; texts above {MAX_TEXT} bytes are not looked at"
            self._findings.add("text-too-long", message, f"{digest}:{path}")
            return None
        return self._read(digest, path, MAX_TEXT)

    def beginning(self, digest: str, path: str) -> bytes:
        """Return the first 64 KiB of a blob; nothing when it is absent."""
        return b"" if self.size(digest) is None else self._read(digest, path, BEGINNING) or b""

    def link(self, digest: str) -> str | None:
        """Return the text of a symbolic link, escaped as paths are; ``None`` when it is absent."""
        if digest not in self._links:
            data = None if self.size(digest) is None else self._read(digest, "", BEGINNING)
            self._links[digest] = None if data is None else paths.escape(data)
        return self._links[digest]

    def md5(self, digest: str, path: str) -> str | None:
        """Return the MD5 of a blob's bytes in hex, ``None`` when its content is absent."""
        if digest not in self._md5:
            hasher = hashlib.md5(usedforsecurity=False)
            self._md5[digest] = hasher.hexdigest() if self._stream(digest, path, hasher.update) else None
        return self._md5[digest]

    def _read(self, digest: str, path: str, most: int) -> bytes | None:
        parts: list[bytes] = []
        return b"".join(parts) if self._stream(digest, path, parts.append, most) else None

    def _stream(self, digest: str, path: str, take: Callable[[bytes], object], most: int | None = None) -> bool:
        if self.size(digest) is None:
            return False
        try:
            with self._history.open(digest) as stream:
                left = most
                while left is None or left > 0:
                    chunk = stream.read(_CHUNK if left is None else min(left, _CHUNK))
                    if not chunk:
                        break
                    take(chunk)
                    left = None if left is None else left - len(chunk)
        except HerdbookError as error:
            self._findings.add("unreadable", error.message, f"{digest}:{path}" if path else digest)
            return False
        return True
