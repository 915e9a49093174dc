"""From an answer that says no to the error that the library would have raised."""

from __future__ import annotations

import json
from typing import Any

from herdbook.client.transport import Answer
from herdbook.kernel.errors import HerdbookError, Kind
from herdbook.wire.problems import Problem, kind_of

_HINTS = {
    401: "The server, or something before it, wants to know who you are.",
    403: "The server, or something before it, does not allow it.",
    404: "Is the address that of a Herdbook server, its path included?",
    413: "Something between you and the server takes no requests that large; ask who runs it.",
}


def refusal(answer: Answer) -> HerdbookError:
    """Return the error that an answer with a status of 400 or above means.

    Codes and kinds that a newer server has are kept, or stand for what their status says; what is no problem of
    Herdbook's, such as a proxy's page, has the code ``http-STATUS``.
    """
    told = _told(answer)
    if not isinstance(told.get("code"), str) or not isinstance(told.get("detail"), str):
        return _foreign(answer)
    kind = told.get("kind")
    details = told.get("details")
    return Problem(
        type=f"urn:herdbook:error:{told['code']}",
        title="",
        status=answer.status,
        detail=told["detail"],
        code=told["code"],
        kind=Kind(kind) if kind in set(Kind) else kind_of(answer.status),
        hint=told["hint"] if isinstance(told.get("hint"), str) else "",
        details=details if isinstance(details, dict) else {},
    ).error()


def _told(answer: Answer) -> dict[str, Any]:
    try:
        told = json.loads(answer.body)
    except (ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}


def _foreign(answer: Answer) -> HerdbookError:
    server = answer.headers.get("server", "")
    named = f" by {server[:60]!r}" if server else ""
    return Problem(
        type="",
        title="",
        status=answer.status,
        detail=f"the request was refused{named} with HTTP status {answer.status}, not by Herdbook",
        code=f"http-{answer.status}",
        kind=kind_of(answer.status),
        hint=_HINTS.get(answer.status, "Ask who runs the server, or what stands before it."),
        details={"status": answer.status},
    ).error()
