"""Paths inside a version: relative, UTF-8, never normalised; other bytes, and ``%`` itself, are %-escaped."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

from herdbook.kernel.errors import InvalidError

if TYPE_CHECKING:
    from collections.abc import Iterable

_BAD_PERCENT = re.compile(r"%(?![0-9A-F]{2})")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_SURROGATE = re.compile("[\ud800-\udfff]")


def escape(raw: bytes) -> str:
    """Return the path of a file name's bytes as a record writes it."""
    text = raw.decode("utf-8", "surrogateescape")
    return "".join(
        "%25" if char == "%" else f"%{ord(char) - 0xDC00:02X}" if "\udc80" <= char <= "\udcff" else char
        for char in text
    )


def unescape(path: str) -> bytes:
    """Return the file name's bytes of a checked path."""
    return unquote_to_bytes(path)


def check(path: str) -> str:
    """Return the path when a record may hold it.

    Raises:
        InvalidError: on an empty, absolute or climbing path, empty or dot segments, control characters, or an escape
            that stands for anything but ``%`` or bytes that are not UTF-8.
    """
    if problem := _problem(path):
        raise InvalidError(f"the path {path!r} {problem}", code="bad-path", path=path)
    return path


def _problem(path: str) -> str:
    if not path:
        return "is empty"
    if path.startswith("/"):
        return "is absolute; paths are relative to the registered folder"
    segments = path.split("/")
    if ".." in segments:
        return "leaves the folder"
    if "" in segments or "." in segments:
        return "has an empty or a dot segment"
    if _CONTROL.search(path):
        return "has a control character"
    if _SURROGATE.search(path):
        return "has a lone surrogate, which is not Unicode; write a byte that is not UTF-8 as %XX"
    if "%" in path and (_BAD_PERCENT.search(path) or escape(unescape(path)) != path):
        return "has a % that does not stand for itself (%25) or for a byte that is not UTF-8"
    return ""


def fold(path: str) -> str:
    """Return what two paths must not share: a file system may take them for one."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", path).casefold())


def check_together(paths: Iterable[str]) -> None:
    """Check that paths can lie in one folder on any file system.

    Raises:
        InvalidError: when a path stands twice, is a folder of another, or collides with another without case or under
            Unicode normalisation.
    """
    taken: dict[str, str] = {}
    for path in paths:
        folded = fold(path)
        if (other := taken.get(folded)) is not None:
            how = (
                "stands twice"
                if other == path
                else f"and {other!r} are one file where names ignore case or Unicode form"
            )
            raise InvalidError(f"the path {path!r} {how}", code="paths-collide", path=path)
        taken[folded] = path
    for folded, path in taken.items():
        parts = folded.split("/")
        for count in range(1, len(parts)):
            if (other := taken.get("/".join(parts[:count]))) is not None:
                raise InvalidError(f"{other!r} is a file and, in {path!r}, a folder", code="paths-collide", path=path)
