"""Digests: how bytes are named, and how strong a name is."""

from __future__ import annotations

import hashlib
import re
import secrets

from herdbook.kernel.errors import InvalidError

HEX_DIGITS = {"sha256": 64, "git-sha1": 40, "md5": 32, "adler32": 8}
"""Algorithms from strongest to weakest, with the number of hex digits each has."""

_STRENGTH = {name: index for index, name in enumerate(HEX_DIGITS)}
_DIGEST = re.compile("|".join(f"{name}:[0-9a-f]{{{count}}}" for name, count in HEX_DIGITS.items()))
_SHA256 = re.compile(r"sha256:[0-9a-f]{64}")
_ID = re.compile(r"(?:actor|registry):[0-9a-f]{32}")


def of(data: bytes) -> str:
    """Return ``sha256:…`` of these bytes."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def is_sha256(text: str) -> bool:
    """Say whether the text is a sha256 digest as records write it."""
    return _SHA256.fullmatch(text) is not None


def check(text: str) -> str:
    """Return the text when it is a digest.

    Raises:
        InvalidError: when it is not.
    """
    if _DIGEST.fullmatch(text) is None:
        raise InvalidError(
            f"{text!r} is not a digest",
            code="bad-digest",
            hint="Digests are sha256:…, git-sha1:…, md5:… or adler32:… with lower-case hex digits.",
        )
    return text


def check_sha256(text: str) -> str:
    """Return the text when it is a sha256 digest.

    Raises:
        InvalidError: when it is not.
    """
    if _SHA256.fullmatch(text) is None:
        raise InvalidError(
            f"{text!r} is not a sha256 digest", code="bad-digest", hint="Write sha256: and 64 lower-case hex digits."
        )
    return text


def algorithm(digest: str) -> str:
    """Return the algorithm's name, the part before the colon."""
    return digest.partition(":")[0]


def strength(digest: str) -> int:
    """Return 0 for the strongest algorithm, growing as they get weaker."""
    return _STRENGTH[algorithm(digest)]


def check_id(text: str, kind: str) -> str:
    """Return the text when it is the id of an ``actor`` or a ``registry``.

    Raises:
        InvalidError: when it is not.
    """
    if _ID.fullmatch(text) is None or not text.startswith(kind + ":"):
        raise InvalidError(
            f"{text!r} is not the id of a {kind}", code="bad-id", hint=f"Write {kind}: and 32 hex digits."
        )
    return text


def new_id(kind: str) -> str:
    """Return a fresh id of 128 random bits for an ``actor`` or a ``registry``."""
    return f"{kind}:{secrets.token_hex(16)}"
