"""Answers as bytes: JSON that may be compressed, and need not be sent when the client has it."""

from __future__ import annotations

import hashlib
import re
import zlib

from starlette.requests import Request
from starlette.responses import Response

JSON = "application/json"
COMPRESS_FROM = 1024
"""Bytes below which compressing gains nothing."""
LEVEL = 1
_GZIP = re.compile(r"(?:^|,)\s*(?:gzip|\*)\s*(?:;\s*q\s*=\s*([0-9.]+)\s*)?(?:,|$)", re.IGNORECASE)


def answer(request: Request, data: bytes, media_type: str = JSON) -> Response:
    """Return bytes as the answer to a GET: with ETag, and without the bytes when ``If-None-Match`` has it.

    The tag is weak: with compression and without the bytes differ, and what they say does not.
    """
    tag = f'W/"{hashlib.sha256(data).hexdigest()[:32]}"'
    headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
    if _has(request.headers.get("if-none-match"), tag):
        return Response(status_code=304, headers=headers)
    return plain(request, data, headers, media_type)


def plain(request: Request, data: bytes, headers: dict[str, str] | None = None, media_type: str = JSON) -> Response:
    """Return bytes as an answer, compressed where that is welcome and pays."""
    headers = {**(headers or {}), "Vary": "Accept-Encoding, Herdbook-Principal"}
    if len(data) > COMPRESS_FROM and _welcome(request.headers.get("accept-encoding")):
        headers["Content-Encoding"] = "gzip"
        data = gzip(data)
    return Response(data, media_type=media_type, headers=headers)


def gzip(data: bytes) -> bytes:
    """Return the bytes in the format of RFC 1952, without a time."""
    packer = zlib.compressobj(LEVEL, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


def _has(header: str | None, tag: str) -> bool:
    """Say whether an If-None-Match holds a tag, by weak comparison (RFC 9110 §13.1.2)."""
    if header is None:
        return False
    return header.strip() == "*" or tag.removeprefix("W/") in {
        item.strip().removeprefix("W/") for item in header.split(",")
    }


def _welcome(header: str | None) -> bool:
    found = _GZIP.search(header) if header else None
    return found is not None and (found[1] is None or float(found[1].strip(".") or 0) > 0)
