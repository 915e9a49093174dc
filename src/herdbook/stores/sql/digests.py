"""How digests lie in the tables: as bytes, a third of the size of their text.

A column that holds sha256 only has the 32 bytes. A column that holds digests of several kinds, ids or free text has a
packed key: one byte for the kind, then the bytes. Both order as the text does within a kind.
"""

from __future__ import annotations

from herdbook.kernel.errors import InvalidError

_KINDS = {
    "sha256": (b"\x00", 64),
    "git-sha1": (b"\x01", 40),
    "md5": (b"\x02", 32),
    "adler32": (b"\x03", 8),
    "actor": (b"\x04", 32),
    "registry": (b"\x05", 32),
}
_WORDS = {tag[0]: word + ":" for word, (tag, _) in _KINDS.items()}
_TEXT = b"\xff"


def raw(digest: str) -> bytes:
    """Return the 32 bytes of ``sha256:…``.

    Raises:
        InvalidError: when the text is not a sha256 digest.
    """
    try:
        value = bytes.fromhex(digest[7:])
    except ValueError:
        value = b""
    if len(value) != 32:
        raise InvalidError(f"{digest!r} is not a sha256 digest", code="bad-digest", hint="Write sha256: and 64 digits.")
    return value


def text(value: bytes) -> str:
    """Return ``sha256:…`` for 32 bytes."""
    return "sha256:" + value.hex()


def pack(key: str) -> bytes:
    """Return the packed key of a digest, an id, or any text; ``unpack`` gives back exactly the same text."""
    word, _, digits = key.partition(":")
    tag, length = _KINDS.get(word, (_TEXT, -1))
    if len(digits) == length:
        try:
            value = bytes.fromhex(digits)
        except ValueError:
            return _TEXT + key.encode()
        if value.hex() == digits:  # upper-case digits and blanks are text
            return tag + value
    return _TEXT + key.encode()


def unpack(key: bytes) -> str:
    """Return the text of a packed key."""
    word = _WORDS.get(key[0])
    return key[1:].decode() if word is None else word + key[1:].hex()


def span(prefix: str, length: int) -> tuple[bytes, bytes] | None:
    """Return the first and the last value of ``length`` bytes whose hex digits begin so; ``None`` when none can."""
    try:
        return bytes.fromhex(prefix.ljust(2 * length, "0")), bytes.fromhex(prefix.ljust(2 * length, "f"))
    except ValueError:
        return None
