"""How an upload stands, in one object: which multipart upload it is, and the bytes that do not fill a part yet."""

from __future__ import annotations

import hashlib
import json
import secrets
from dataclasses import dataclass
from typing import Final, Self

from herdbook.stores.s3 import trouble
from herdbook.stores.s3.bucket import Bucket
from herdbook.stores.s3.sending import md5_header, part_size

HEADER: Final = 2048
"""Bytes that the first part of the object takes, a line of JSON and spaces; an id of AWS has about 130."""
_MOST: Final = HEADER + part_size(10_000)


@dataclass(frozen=True)
class State:
    """How an upload stands.

    Attributes:
        multipart: the store's id of the multipart upload that holds the full parts.
        start: how many bytes are in full parts; where the tail begins.
        length: how many bytes the tail has.
        turn: random, another at each change.
        plain: whether this store's ETags are MD5, which shows in that of the object itself.
        tail: the tail's bytes; empty where only the header was read.
        etag: of the object, when it was read.
    """

    multipart: str
    start: int
    length: int
    turn: str
    plain: bool
    tail: bytes
    etag: str = ""

    @classmethod
    def read(cls, bucket: Bucket, key: str, *, whole: bool) -> Self:
        """Read it, with the tail's bytes when ``whole``.

        Raises:
            MissingError: when it is not there.
            UnavailableError: ``store-altered``, when what comes back is not what was written.
        """
        for _ in range(2):
            data, etag = bucket.get(key, _MOST if whole else HEADER, ranged=not whole)
            try:
                head = json.loads(data[:HEADER])
                tail, plain = data[HEADER:], whole and _md5(data) == etag
                state = cls(head["multipart"], head["start"], head["length"], head["turn"], plain, tail, etag)
                if not whole or (len(tail) == state.length and _md5(tail) == head["md5"]):
                    return state
            except (ValueError, KeyError, TypeError):
                continue
        raise trouble.altered("the note of an upload")

    def write(self, bucket: Bucket, key: str) -> str:
        """Write it, in one request, which is done whole or not at all; return its MD5."""
        head = {
            "multipart": self.multipart,
            "start": self.start,
            "length": self.length,
            "turn": self.turn,
            "md5": _md5(self.tail),
        }
        data = json.dumps(head).encode().ljust(HEADER) + self.tail
        bucket.ask("put_object", Key=key, Body=data, ContentMD5=md5_header(data))
        return _md5(data)

    def then(self, start: int, tail: bytes) -> State:
        """Return how it stands when ``start`` bytes are in parts, and ``tail`` follows."""
        return State(self.multipart, start, len(tail), secrets.token_hex(8), self.plain, tail)


def begun(multipart: str) -> State:
    """Return how an upload stands that has no bytes yet."""
    return State(multipart, 0, 0, secrets.token_hex(8), plain=False, tail=b"")


def _md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()
