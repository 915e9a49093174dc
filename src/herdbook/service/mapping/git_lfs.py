"""Pointers of Git LFS: small texts that stand in a repository where the content is kept elsewhere."""

from __future__ import annotations

import re
from dataclasses import dataclass

SHORTEST, LONGEST = 100, 400
"""Bytes that a pointer has; those of today have some 130."""

_POINTER = re.compile(
    rb"version https://(?:git-lfs\.github\.com/spec|hawser\.github\.com/spec)/v1\r?\n(?:ext-[^\n]*\n)*"
    rb"oid sha256:(?P<sha256>[0-9a-f]{64})\r?\nsize (?P<size>\d{1,18})\r?\n?"
)
"""The format of version 1: docs/spec.md of the project git-lfs."""


@dataclass(frozen=True, slots=True)
class Pointer:
    """What a pointer tells of the content: its sha256 (``sha256:…``) and its size in bytes."""

    sha256: str
    size: int

    def __str__(self) -> str:
        return f"a pointer of Git LFS: its content, {self.sha256} of {self.size} bytes, is not in the source"


def read(data: bytes) -> Pointer | None:
    """Return what a pointer tells; ``None`` for what is none."""
    found = _POINTER.fullmatch(data)
    return Pointer(f"sha256:{found['sha256'].decode()}", int(found["size"])) if found else None
