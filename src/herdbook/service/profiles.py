"""Profiles: what a model is for. The current one is where ``profile:MODEL`` leads; a new one takes its place."""

from __future__ import annotations

from herdbook.kernel.errors import ConflictError, InvalidError
from herdbook.model import pointers
from herdbook.model.base import Json
from herdbook.model.statements import Said, Statement, Subject
from herdbook.ports.catalogue import Reader
from herdbook.service import bodies
from herdbook.service.context import Context

TYPE = "herdbook/profile/1"


def current(tx: Reader, model: str) -> Statement | None:
    """Return the statement that is a model's profile now."""
    row = tx.pointer(pointers.profile_pointer(model))
    value = bodies.load(tx, [row.to]).get(row.to) if row and row.to else None
    return value if isinstance(value, Statement) else None


def said(model: str, body: Json, now: Statement | None) -> Said | None:
    """Return what to say so that the profile is this; nothing when it is so already."""
    if now is not None and now.body == body:
        return None
    replaced = (now.digest,) if now is not None else None
    return Said(type=TYPE, subject=(Subject(name=model),), body=body, supersedes=replaced)


class Profiles:
    """The profiles that come with the registrations of one event."""

    def __init__(self, context: Context, tx: Reader) -> None:
        self._context = context
        self._tx = tx
        self._told: dict[str, Statement] = {}

    def statement(self, model: str, given: Said) -> Statement:
        """Return the statement for a profile that comes with a version of a model.

        Raises:
            InvalidError: when it is another model's.
            ConflictError: when one call gives a model two profiles.
        """
        if given.subject != (Subject(name=model),):
            raise InvalidError(
                f"a profile that comes with a version of {model} is of that model",
                code="other-model",
                hint="Set the other model's with `herdbook profile set`.",
            )
        told = self._told.get(model)
        if told is not None and told.body != given.body:
            raise ConflictError(
                f"{model} is given two profiles at once", code="two-profiles", hint="Give one, or the same each time."
            )
        self._told[model] = told or self._new(model, given)
        return self._told[model]

    def _new(self, model: str, given: Said) -> Statement:
        now = current(self._tx, model)
        new = said(model, given.body, now)
        if new is None:
            assert now is not None
            return now
        full = given.model_copy(update={"supersedes": new.supersedes})
        return full.issue(self._context.principal.id, given.issued or self._context.clock())
