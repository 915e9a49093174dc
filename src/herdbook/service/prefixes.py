"""Digest prefixes: what a person copies from a table, made whole again."""

from __future__ import annotations

import re

from herdbook.kernel import digests
from herdbook.kernel.errors import ConflictError
from herdbook.ports.catalogue import Reader
from herdbook.service import bodies
from herdbook.service.bodies import Body

_PREFIX = re.compile(r"(?:sha256:)?([0-9a-f]{12,64})")


def is_one(text: str) -> bool:
    """Say whether a text can be a digest or the beginning of one, and nothing else."""
    return _PREFIX.fullmatch(text) is not None


def whole(tx: Reader, text: str, *kinds: type[Body]) -> str | None:
    """Return the digest of a record or statement of these kinds that begins so; ``None`` when nothing does.

    Raises:
        ConflictError: when several do.
    """
    if digests.is_sha256(text):
        return text
    match = _PREFIX.fullmatch(text)
    if match is None:
        return None
    values = bodies.load(tx, tx.digests_like(match[1]))
    found = sorted(digest for digest, value in values.items() if isinstance(value, kinds))
    if len(found) > 1:
        raise ConflictError(
            f"{text!r} fits {len(found)} digests", code="ambiguous", hint="Write one of: " + ", ".join(found[:5]) + "."
        )
    return found[0] if found else None
