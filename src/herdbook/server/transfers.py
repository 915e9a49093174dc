"""Bytes of files: one that comes in one piece, and all that go. Nothing of them is in memory but a few blocks."""

from __future__ import annotations

import asyncio
import base64
import binascii
import io
import re
from collections.abc import Callable
from functools import partial
from typing import Any, BinaryIO
from urllib.parse import quote

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from herdbook.kernel.errors import HerdbookError, InvalidError
from herdbook.model.files import Content
from herdbook.ports.blobs import Blob
from herdbook.server import asking, errors, incoming, operation, principals, rendering
from herdbook.server.ranges import Wanted, wanted
from herdbook.service import downloads
from herdbook.service.context import Context
from herdbook.service.uploads import Uploads
from herdbook.wire import files as wire
from herdbook.wire import headers

BLOCK = 1 << 20
"""Bytes that are read and sent at once."""
_LENGTH = re.compile("[0-9]{1,18}")
_DIGEST = re.compile(r"sha-256\s*=\s*:([A-Za-z0-9+/=]*):")
_BYTES: dict[str, Any] = {"content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}}
_PUT: dict[str, Any] = {"requestBody": {**_BYTES, "required": True}}
_SENT: dict[int | str, dict[str, Any]] = {
    200: {"description": "The bytes.", **_BYTES},
    206: {"description": "The part that was asked for.", **_BYTES},
    304: {"description": "What the client has is what there is."},
}
_TEXT = asking.Parameter(str)

router = APIRouter(tags=["files"])


def _parameters(**about: str) -> dict[str, Any]:
    given = [
        {"name": name, "in": "query", "required": True, "description": text, "schema": {"type": "string"}}
        for name, text in about.items()
    ]
    return {"parameters": given}


def _asked(request: Request, *names: str) -> list[str]:
    """Return query parameters, all of which are needed."""
    given = asking.query(request.scope["query_string"], dict.fromkeys(names, _TEXT))
    for name in names:
        if name not in given:
            raise asking.missing(name)
    return [given[name] for name in names]


def announced(request: Request) -> str | None:
    """Return the sha256 that a request says its bytes have, ``None`` where it says none that we know.

    Raises:
        InvalidError: ``bad-repr-digest``.
    """
    text = request.headers.get(headers.SHA256)
    found = _DIGEST.search(text) if text else None
    if found is None:
        return None
    try:
        raw = base64.b64decode(found[1], validate=True)
    except binascii.Error:
        raw = b""
    if len(raw) != 32:
        raise InvalidError(
            f"{headers.SHA256} holds no sha256", code="bad-repr-digest", hint="Write sha-256=:BASE64 of 32 bytes:."
        )
    return "sha256:" + raw.hex()


def length(request: Request) -> int | None:
    """Return how many bytes a body has, ``None`` where it comes in chunks of unknown number.

    Raises:
        InvalidError: ``no-length``, when neither is said.
    """
    text = request.headers.get("content-length")
    if text is not None and _LENGTH.fullmatch(text):
        return int(text)
    if "transfer-encoding" in request.headers:
        return None
    raise InvalidError("the length of the body is not said", code="no-length", hint="Send Content-Length.")


@router.post(wire.PUT.path, operation_id=wire.PUT.name, name=wire.PUT.name, openapi_extra=_PUT)
async def put(request: Request) -> Response:
    """Store the bytes of a file, under a lease of a day; returns their digests. With `Repr-Digest` they are checked."""
    own = operation.of(request)
    context = own.serving.acting(principals.writer(request))
    sha256, size = announced(request), length(request)
    with own.metrics.uploading.track_inprogress():
        if size is not None and size <= wire.SINGLE:  # at once, and with its size known, in one pass
            source = io.BytesIO(await incoming.whole(request, size))
            content = await to_thread.run_sync(partial(_put, context, sha256, None, source), limiter=own.transfers)
        else:
            content = await incoming.take(
                request, partial(_put, context, sha256, size), own.transfers, stopping=operation.stopping(request)
            )
    return rendering.plain(request, wire.PUT.dump(content))


def _put(context: Context, sha256: str | None, size: int | None, source: BinaryIO) -> Content:
    return Uploads(context).put(source, size=size, sha256=sha256)


_OPEN = _parameters(reference="A version.", path="A path among its files.")
_BLOB = _parameters(namespace="A namespace.", digest="`sha256:…` of bytes that one of its records names.")


@router.get(wire.OPEN, operation_id="files.open", name="files.open", openapi_extra=_OPEN, responses=_SENT)
@router.head(wire.OPEN, include_in_schema=False)
async def open_(request: Request) -> Response:
    """Return the bytes of a file of a version, in whole or in part."""
    reference, path = _asked(request, "reference", "path")
    find = partial(downloads.of_version, reference=reference, path=path)
    return await _answer(request, find, path.rpartition("/")[2])


@router.get(wire.BLOB, operation_id="files.blob", name="files.blob", openapi_extra=_BLOB, responses=_SENT)
@router.head(wire.BLOB, include_in_schema=False)
async def blob(request: Request) -> Response:
    """Return bytes that a record of a namespace names, in whole or in part."""
    namespace, digest = _asked(request, "namespace", "digest")
    find = partial(downloads.of_namespace, namespace=namespace, sha256=digest)
    return await _answer(request, find, digest.removeprefix("sha256:"))


async def _answer(request: Request, find: Callable[[Context], tuple[str, Blob]], name: str) -> Response:
    own = operation.of(request)
    context = own.serving.acting(principals.of(request))
    sha256, found = await to_thread.run_sync(find, context, limiter=own.transfers)
    tag = f'"{sha256}"'
    want = wanted(request.method, request.headers, tag, found.size)
    digest = base64.b64encode(bytes.fromhex(sha256.removeprefix("sha256:"))).decode()
    told = {
        "ETag": tag,
        headers.SHA256: f"sha-256=:{digest}:",
        "Accept-Ranges": "bytes",
        "Cache-Control": "private, no-cache, no-transform",
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}",
    }
    if want.status not in {200, 206} or request.method == "HEAD":
        found.close()
        return _without_body(request, want, told, found.size)
    sending = Sending(found, want, told, own.transfers, own.metrics.store_errors)
    try:
        await sending.begin()
    except BaseException:
        sending.close()
        raise
    return sending


def _without_body(request: Request, want: Wanted, told: dict[str, str], size: int) -> Response:
    if want.status == 412:
        raise InvalidError("the file is another one", code="precondition", hint="Look at its ETag.", tag=told["ETag"])
    if want.status == 416:
        error = InvalidError(f"the range lies outside of {size} bytes", code="bad-range", hint="Ask within.", size=size)
        return errors.response(error, request.scope, headers={"Content-Range": f"bytes */{size}"})
    response = Response(status_code=want.status, headers=told)
    del response.headers["content-length"]
    if want.status == 200:
        response.headers["Content-Length"] = str(want.size)
        response.headers["Content-Type"] = "application/octet-stream"
    return response


class Sending(Response):
    """Bytes of a blob on their way: while one block is sent the next is read.

    Sent from its start to its end the blob is verified, and the last bytes go only when the digest fits: a body that
    ends before its length is corrupt here. A part is not verified; its receiver holds the whole against the digest.
    """

    def __init__(
        self,
        found: Blob,
        want: Wanted,
        told: dict[str, str],
        threads: CapacityLimiter,
        errors: Any,  # noqa: ANN401 - a Counter
    ) -> None:
        super().__init__(None, want.status, told)
        del self.headers["content-length"]
        self.headers["Content-Length"] = str(want.size)
        self.headers["Content-Type"] = "application/octet-stream"
        if want.status == 206:
            self.headers["Content-Range"] = f"bytes {want.start}-{want.start + want.size - 1}/{found.size}"
        self._blob = found
        self._stream = found.stream() if want.size == found.size else None
        self._at, self._end = want.start, want.start + want.size
        self._threads = threads
        self._errors = errors
        self._first = b""

    async def begin(self) -> None:
        """Read the first block, so that what is wrong from the beginning is an error and no broken answer."""
        try:
            self._first = await self._read()
        except HerdbookError as error:
            self._errors.labels(error.code).inc()
            raise

    async def _read(self) -> bytes:
        return await to_thread.run_sync(self._next, limiter=self._threads)

    def _next(self) -> bytes:
        size = min(BLOCK, self._end - self._at)
        data = self._stream.read(size) if self._stream is not None else self._blob.read_at(self._at, size)
        self._at += len(data)
        return data

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        """Send all of it."""
        gone = asyncio.create_task(_gone(receive))
        try:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            block = self._first
            while self._at < self._end and not gone.done():
                following = asyncio.create_task(self._read())
                try:
                    await send({"type": "http.response.body", "body": block, "more_body": True})
                finally:
                    block = await following
            if not gone.done():
                await send({"type": "http.response.body", "body": block, "more_body": False})
        except HerdbookError as error:
            self._errors.labels(error.code).inc()
            raise
        finally:
            gone.cancel()
            self.close()

    def close(self) -> None:
        """Let go of the blob."""
        if self._stream is not None:
            self._stream.close()
        self._blob.close()


async def _gone(receive: Receive) -> None:
    """Return when the client went away: the server below sends into the void without a word."""
    while (await receive())["type"] != "http.disconnect":
        pass
