"""Hashing of local files that are only looked at: all digests in one pass, in flat memory."""

from __future__ import annotations

import hashlib
import os
import zlib

from herdbook.model.files import Content
from herdbook.ports.formats import ReadAt

CHUNK = 1 << 20


class OpenFile:
    """A local file as readers see it."""

    def __init__(self, path: bytes) -> None:
        self._handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self.size = os.fstat(self._handle).st_size

    def read_at(self, offset: int, length: int) -> bytes:
        """Return bytes from an offset on."""
        return os.pread(self._handle, length, offset)

    def close(self) -> None:
        """Release the file."""
        os.close(self._handle)


def content(file: ReadAt) -> Content:
    """Return size and digests of what a file holds."""
    sha256, md5 = hashlib.sha256(), hashlib.md5(usedforsecurity=False)
    git = hashlib.sha1(b"blob %d\0" % file.size, usedforsecurity=False)
    adler, offset = 1, 0
    while chunk := file.read_at(offset, CHUNK):
        for digest in (sha256, md5, git):
            digest.update(chunk)
        adler = zlib.adler32(chunk, adler)
        offset += len(chunk)
    return Content(
        size=offset,
        sha256=f"sha256:{sha256.hexdigest()}",
        md5=f"md5:{md5.hexdigest()}",
        adler32=f"adler32:{adler:08x}",
        git_sha1=f"git-sha1:{git.hexdigest()}",
    )
