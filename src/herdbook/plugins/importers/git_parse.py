"""Commits and tags as text: read from bytes that may be anything."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from datetime import UTC, datetime

from herdbook.kernel import times
from herdbook.model.histories import Author

MAX_MESSAGE = 1 << 16
_ID = re.compile(rb"[0-9a-f]{40}")
_WHO = re.compile(rb"([^<]*)<([^>]*)>(?: +(-?\d{1,20})(?: .*)?)?")
_UNSHOWN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_NOT_TEXT = frozenset({"idna", "punycode", "unicode_escape", "raw_unicode_escape", "unicode-escape",
                       "raw-unicode-escape", "undefined", "utf-7", "mbcs", "oem"})  # fmt: skip
"""Codecs that cost more than they read, or make other things than text of a message."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """A commit's head and message. Times are seconds since 1970, ``None`` where none is readable."""

    tree: str
    parents: tuple[str, ...]
    author: Author | None
    authored: int | None
    committed: int | None
    message: str
    cut: bool


def commit(data: bytes) -> Parsed | None:
    """Read a commit; ``None`` when it has no tree."""
    head, _, body = data.partition(b"\n\n")
    tree, encoding = "", ""
    parents: list[str] = []
    people: dict[bytes, bytes] = {}
    for line in head.split(b"\n"):
        key, _, value = line.partition(b" ")
        if key == b"tree" and _ID.fullmatch(value) and not tree:
            tree = value.decode()
        elif key == b"parent" and _ID.fullmatch(value):
            parents.append(value.decode())
        elif key in {b"author", b"committer"}:
            people.setdefault(key, value)
        elif key == b"encoding":
            encoding = value.decode("ascii", "replace")
    if not tree:
        return None
    author, authored = _who(people.get(b"author", b""), encoding)
    _, committed = _who(people.get(b"committer", b""), encoding)
    text = _text(body[:MAX_MESSAGE], encoding)
    return Parsed(tree, tuple(parents), author, authored, committed, text, len(body) > MAX_MESSAGE)


def tag(data: bytes) -> str | None:
    """Return the id of what an annotated tag leads to, ``None`` when it does not say."""
    key, _, value = data.partition(b"\n")[0].partition(b" ")
    return value.decode() if key == b"object" and _ID.fullmatch(value) else None


def _who(value: bytes, encoding: str) -> tuple[Author | None, int | None]:
    found = _WHO.match(value)
    if found is None:
        return None, None
    name, email = (_text(part.strip(), encoding).replace("\n", " ") for part in found.group(1, 2))
    return Author(name=name, email=email), int(found[3]) if found[3] else None


def _text(data: bytes, encoding: str) -> str:
    try:
        known = codecs.lookup(encoding).name if re.fullmatch(r"[\w.:-]{1,40}", encoding, re.ASCII) else "utf-8"
        text = data.decode("utf-8" if known in _NOT_TEXT else known, "replace")
    except (LookupError, ValueError):
        text = data.decode("utf-8", "replace")
    return _UNSHOWN.sub("�", text.replace("\r\n", "\n"))


def time(seconds: int | None) -> str | None:
    """Return a time as records write it, ``None`` for one before 1970 or after the year 9999."""
    if seconds is None or seconds < 0:
        return None
    try:
        return times.write(datetime.fromtimestamp(seconds, UTC))
    except (OverflowError, ValueError, OSError):
        return None
