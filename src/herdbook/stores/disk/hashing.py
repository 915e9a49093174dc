"""Four digests of bytes that are written into a file."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from herdbook.kernel import hashing
from herdbook.kernel.hashing import BUFFER
from herdbook.model.files import Content

if TYPE_CHECKING:
    from collections.abc import Callable


class Digests(hashing.Digests):
    """The digests of what stands in a file."""

    def content(self, fd: int) -> Content:
        """Return the content; ``fd`` is read once more for git's sha1 when the size was not the one promised."""
        if not self.git_known:
            _reread(fd, self.git_again())
        return Content(**self.facts())


def _reread(fd: int, take: Callable[[memoryview], None]) -> None:
    view = memoryview(bytearray(BUFFER))
    offset = 0
    while count := os.preadv(fd, [view], offset):
        take(view[:count])
        offset += count
