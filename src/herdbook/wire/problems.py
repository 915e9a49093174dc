"""Errors across the network: RFC 9457 problem details that name the same codes as the library."""

from __future__ import annotations

from typing import Any

from pydantic import ConfigDict, Field

from herdbook.kernel import errors
from herdbook.kernel.errors import HerdbookError, Kind
from herdbook.model.base import Int, Text, Value

MEDIA_TYPE = "application/problem+json"
STATUS: dict[Kind, int] = {
    Kind.INVALID: 422,
    Kind.MISSING: 404,
    Kind.CONFLICT: 409,
    Kind.DENIED: 403,
    Kind.UNAVAILABLE: 503,
    Kind.CORRUPT: 500,
}
_CLASSES: dict[Kind, type[HerdbookError]] = {
    cls.kind: cls
    for cls in (
        errors.InvalidError,
        errors.MissingError,
        errors.ConflictError,
        errors.DeniedError,
        errors.UnavailableError,
        errors.CorruptError,
    )
}


class Problem(Value):
    """The body of an error. ``type`` is ``urn:herdbook:error:CODE``; docs/reference/errors.md lists the codes."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    type: Text
    title: Text
    status: Int
    detail: Text
    code: Text
    kind: Kind
    hint: Text = ""
    request: Text = ""
    """The request's id, under which the server's log has it."""
    details: dict[str, Any] = Field(default_factory=dict)

    def error(self) -> HerdbookError:
        """Return the error that the library would have raised."""
        reserved = {"self", "message", "code", "hint"}
        details = {name: value for name, value in self.details.items() if name not in reserved}
        return _CLASSES[self.kind](self.detail, code=self.code, hint=self.hint, **details)


def problem(error: HerdbookError, *, status: int = 0, request: str = "") -> Problem:
    """Return an error as it crosses the network; ``status`` where HTTP has a more exact one than the kind's."""
    return Problem(
        type=f"urn:herdbook:error:{error.code}",
        title=str(error.kind),
        status=status or STATUS[error.kind],
        detail=error.message,
        code=error.code,
        kind=error.kind,
        hint=error.hint,
        request=request,
        details=error.details,
    )


def kind_of(status: int) -> Kind:
    """Return the kind of an error that does not say its own: another server's, or a proxy's."""
    exact = {401: Kind.DENIED, 403: Kind.DENIED, 404: Kind.MISSING, 409: Kind.CONFLICT, 410: Kind.MISSING}
    return exact.get(status, Kind.UNAVAILABLE if status >= 500 or status in {408, 425, 429} else Kind.INVALID)
