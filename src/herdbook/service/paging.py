"""Limits and cursors of listings: what is none of ours is refused."""

from __future__ import annotations

from herdbook.kernel import digests
from herdbook.kernel.errors import InvalidError
from herdbook.model.pages import MAX_LIMIT


def check_limit(limit: int) -> int:
    """Return a page's limit.

    Raises:
        InvalidError: when it is not between 1 and 1000.
    """
    if not 1 <= limit <= MAX_LIMIT:
        raise InvalidError(f"a page has 1 to {MAX_LIMIT} items, not {limit}", code="bad-limit", hint="Use the cursor.")
    return limit


def position(cursor: str | None) -> int:
    """Return the number that a cursor holds, 0 for the beginning.

    Raises:
        InvalidError: when it is none of a listing that counts.
    """
    if not cursor:
        return 0
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) < 16):
        raise _bad(cursor)
    return int(cursor)


def after_digest(cursor: str | None) -> str:
    """Return the digest that a cursor holds, empty for the beginning.

    Raises:
        InvalidError: when it is none.
    """
    if cursor and not digests.is_sha256(cursor):
        raise _bad(cursor)
    return cursor or ""


def _bad(cursor: str) -> InvalidError:
    return InvalidError(
        f"{cursor[:40]!r} is not a cursor of this listing",
        code="bad-cursor",
        hint="Take the cursor of the page before, or leave it out to begin.",
    )
