"""Uploads: bytes of a file that come piece by piece, and go on after an interruption."""

from __future__ import annotations

import re
from functools import partial
from typing import Any, BinaryIO

from anyio import to_thread
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from herdbook.kernel.errors import InvalidError
from herdbook.model.files import Content
from herdbook.server import answers, asking, incoming, operation, principals, rendering
from herdbook.service.uploads import Uploads
from herdbook.wire import files as wire
from herdbook.wire import headers
from herdbook.wire.routes import Route

_NUMBER = re.compile("[0-9]{1,18}")
_FINISH: Route[Content] = Route("uploads.finish", "POST", "", Content)
_BODY: dict[str, Any] = {
    "requestBody": {"content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}}
}

router = APIRouter(tags=["uploads"])


def _uploads(request: Request) -> Uploads:
    return Uploads(operation.of(request).serving.acting(principals.writer(request)))


def _standing(request: Request, upload: str, offset: int) -> Response:
    response = rendering.plain(request, wire.BEGIN.dump(wire.Upload(upload=upload, offset=offset)))
    response.headers[headers.OFFSET] = str(offset)
    response.headers["Cache-Control"] = "no-store"
    return response


def _number(request: Request, name: str) -> int | None:
    text = request.headers.get(name)
    if text is None:
        return None
    if not _NUMBER.fullmatch(text):
        raise InvalidError(f"{name} is {text[:40]!r}, not a number", code="bad-parameter", hint="Write it in digits.")
    return int(text)


@router.post(wire.BEGIN.path, operation_id=wire.BEGIN.name, name=wire.BEGIN.name)
async def begin(request: Request) -> Response:
    """Begin an upload. The body, `{"size": …}`, or `Upload-Length` say how many bytes it will have, where known."""
    uploads = _uploads(request)
    size = _number(request, headers.LENGTH)
    if request.headers.get("content-length", "0") != "0" or "transfer-encoding" in request.headers:
        asked = asking.asked(await asking.body(request, 1 << 16), wire.Begin)
        size = asked.size if asked.size is not None else size
    if size is not None and size < 0:
        raise InvalidError("a file has no negative size", code="bad-parameter", hint="Give its size in bytes.")
    upload = await to_thread.run_sync(uploads.begin, size)
    return _standing(request, upload, 0)


@router.get(wire.UPLOAD, operation_id="uploads.standing", name="uploads.standing")
async def standing(request: Request, upload: str) -> Response:
    """Say how many bytes of an upload are here."""
    return _standing(request, upload, await to_thread.run_sync(_uploads(request).standing, upload))


@router.patch(wire.UPLOAD, operation_id="uploads.append", name="uploads.append", openapi_extra=_BODY)
async def append(request: Request, upload: str) -> Response:
    """Add what follows. `Upload-Offset` says where the body begins; what came is kept, however the request ends."""
    uploads = _uploads(request)
    own = operation.of(request)
    offset = _number(request, headers.OFFSET)
    if offset is None:
        raise InvalidError(f"{headers.OFFSET} is missing", code="bad-parameter", hint="Say where the body begins.")

    def work(source: BinaryIO) -> int:
        return uploads.append(upload, offset, source)

    with own.metrics.uploading.track_inprogress():
        here = await incoming.take(request, work, own.transfers, stopping=operation.stopping(request))
    return _standing(request, upload, here)


@router.delete(wire.UPLOAD, operation_id="uploads.abandon", name="uploads.abandon", status_code=204)
async def abandon(request: Request, upload: str) -> Response:
    """Drop an upload; harmless when there is none."""
    await to_thread.run_sync(_uploads(request).abandon, upload)
    return Response(status_code=204)


@router.post(wire.FINISH, operation_id="uploads.finish", name="uploads.finish")
async def finish(request: Request, upload: str) -> Response:
    """Hash what came and keep it. With `sha256` in the body it is kept only when it is that; else it is gone."""
    own = operation.of(request)
    principal = principals.writer(request)
    data = b""
    if request.headers.get("content-length", "0") != "0" or "transfer-encoding" in request.headers:
        data = await asking.body(request, 1 << 16)
    asked = asking.asked(data, wire.Finish) if data else wire.Finish()

    def work(catalogue: Any = None) -> bytes:  # noqa: ANN401 - a catalogue that leaves marks, of which a lease is none
        uploads = Uploads(own.serving.acting(principal, catalogue))
        return _FINISH.dump(uploads.finish(upload, sha256=asked.sha256))

    found = await to_thread.run_sync(partial(answers.keyed, request, data, principal, work), limiter=own.transfers)
    return rendering.plain(request, found)
