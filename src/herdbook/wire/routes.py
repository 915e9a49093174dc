"""A route: one call of the façade as an HTTP request, and how its answer is written and read."""

from __future__ import annotations

from functools import cached_property
from typing import Any, Generic, Literal, TypeVar

from pydantic import TypeAdapter, ValidationError

from herdbook.kernel.errors import CorruptError
from herdbook.model.base import Value, invalid

T = TypeVar("T")

VERSION = "v1"
PREFIX = f"/api/{VERSION}"
"""Within one major version routes, parameters and fields are only added; docs/reference/http.md has the promise."""


class Route(Generic[T]):
    """One call.

    Args:
        name: the façade's noun and method, ``versions.get``: also the operation's id.
        verb: GET reads and may be repeated; POST writes, and may be repeated with the same ``Idempotency-Key``, or asks
            what is too long for an address.
        path: below ``PREFIX``. What a caller typed (references, identifiers, names) is a query parameter, never a
            segment: it may hold anything, and proxies rewrite paths.
        answer: the type of the answer.
        asks: whether a POST only asks: it needs no principal, and no ``Idempotency-Key``.
    """

    def __init__(
        self,
        name: str,
        verb: Literal["GET", "POST"],
        path: str,
        answer: Any,  # noqa: ANN401 - a type expression such as ``list[Entry]``
        *,
        asks: bool = False,
    ) -> None:
        self.name = name
        self.verb = verb
        self.path = PREFIX + path
        self.answer = answer
        self.writes = verb == "POST" and not asks

    @cached_property
    def _adapter(self) -> TypeAdapter[T]:
        return TypeAdapter(self.answer)

    def dump(self, value: T) -> bytes:
        """Return the answer as JSON; absent fields are left out."""
        return self._adapter.dump_json(value, by_alias=True, exclude_none=True)

    def load(self, data: bytes) -> T:
        """Read an answer. Fields that a newer server added are passed over.

        Raises:
            CorruptError: when it is not what this route answers.
        """
        try:
            return self._adapter.validate_json(data, extra="ignore")
        except ValidationError as error:
            raise CorruptError(
                f"the server's answer to {self.name} is not understood: {invalid(error, 'answer').message}",
                code="bad-answer",
                hint="Is this address a Herdbook server of this major version?",
            ) from error

    def __repr__(self) -> str:
        return f"<{self.verb} {self.path}>"


class Asked(Value):
    """The body of a request; what has its default is not written, so that an older server need not know it."""

    def json_bytes(self) -> bytes:
        """Return the JSON text."""
        return self.model_dump_json(by_alias=True, exclude_none=True, exclude_unset=True).encode()
