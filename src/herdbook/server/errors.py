"""Every error as an RFC 9457 problem: ours by their codes, the framework's by ours, all others as ``internal``."""

from __future__ import annotations

import difflib
import json
import logging

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope

from herdbook.kernel.errors import HerdbookError, InvalidError, MissingError, UnavailableError
from herdbook.wire import problems

EXACT = {
    "no-principal": 401,
    "bad-method": 405,
    "too-large": 413,
    "bad-media-type": 415,
    "internal": 500,
    "no-length": 411,
    "precondition": 412,
    "bad-range": 416,
    "wrong-digest": 422,
}
"""Statuses that say more than those of an error's kind, by code."""

_log = logging.getLogger("herdbook.server")


def request_id(scope: Scope) -> str:
    """Return the id under which the log has this request; empty where no middleware gave one."""
    state = scope.get("state") or {}
    return str(state.get("request_id", ""))


def response(error: HerdbookError, scope: Scope, *, status: int = 0, headers: dict[str, str] | None = None) -> Response:
    """Return an error as the answer to a request."""
    found = problems.problem(error, status=status or EXACT.get(error.code, 0), request=request_id(scope))
    # Names of files may hold what is no UTF-8, and details what is no JSON: an error about them is to be told.
    data = json.dumps(found.model_dump(), ensure_ascii=False, default=str).encode("utf-8", "replace")
    headers = {**(headers or {}), "Cache-Control": "no-store"}
    if found.status == 401:
        headers["WWW-Authenticate"] = 'Herdbook-Principal realm="claimed"'
    return Response(data, found.status, headers, problems.MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Let an application answer every error as a problem."""
    app.add_exception_handler(HerdbookError, _ours)
    app.add_exception_handler(HTTPException, _framework)
    app.add_exception_handler(RequestValidationError, _validation)
    app.add_exception_handler(Exception, _internal)


async def _ours(request: Request, error: Exception) -> Response:
    assert isinstance(error, HerdbookError)
    return response(error, request.scope)


async def _framework(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    path = request.url.path[:200]
    if error.status_code == 404:
        return response(_no_route(request, path), request.scope)
    if error.status_code == 405:
        methods = request.app.state.switch.methods(path)
        ours = InvalidError(
            f"{path} does not take {request.method}", code="bad-method", hint=f"It takes {', '.join(methods)}."
        )
        return response(ours, request.scope, headers={"Allow": ", ".join(methods)})
    ours = InvalidError(str(error.detail), code="too-large" if error.status_code == 413 else "bad-request")
    return response(ours, request.scope, status=error.status_code, headers=dict(error.headers or {}))


async def _validation(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    where, name = first["loc"][0], str(first["loc"][-1])
    ours = InvalidError(
        f"{where} {name!r} does not fit: {first['msg']}", code="bad-parameter", hint="See openapi.json.", parameter=name
    )
    return response(ours, request.scope)


async def _internal(request: Request, error: Exception) -> Response:
    _log.error("request %s failed", request_id(request.scope), exc_info=error)
    ours = UnavailableError(
        "the server failed; this is a defect", code="internal", hint="The server's log has it under the request's id."
    )
    return response(ours, request.scope)


def _no_route(request: Request, path: str) -> MissingError:
    near = difflib.get_close_matches(path, request.app.state.switch.paths, 1, 0.7)
    hint = f"Did you mean {near[0]}?" if near else f"What there is stands in {request.app.openapi_url}."
    return MissingError(f"there is nothing at {path}", code="no-route", hint=hint)
