"""One root, six kinds. An error says what is wrong, where, and what to do next; its code is stable."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar


class Kind(StrEnum):
    """What sort of trouble it is; decides the exit status and, over HTTP, the status code."""

    INVALID = "invalid"
    MISSING = "missing"
    CONFLICT = "conflict"
    DENIED = "denied"
    UNAVAILABLE = "unavailable"
    CORRUPT = "corrupt"


EXIT_STATUS: dict[Kind, int] = {
    Kind.INVALID: 2,
    Kind.MISSING: 3,
    Kind.CONFLICT: 4,
    Kind.DENIED: 5,
    Kind.UNAVAILABLE: 6,
    Kind.CORRUPT: 7,
}


class HerdbookError(Exception):
    """The root of all errors that Herdbook raises on purpose.

    Args:
        message: what is wrong, and where.
        code: stable, kebab-case, more exact than the kind: ``label-taken``.
        hint: what to do next, as a sentence or a command.
        details: further facts for a program, JSON values only.
    """

    kind: ClassVar[Kind] = Kind.INVALID

    def __init__(self, message: str, *, code: str = "", hint: str = "", **details: object) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or str(self.kind)
        self.hint = hint
        self.details = details

    def __str__(self) -> str:
        if not self.hint:
            return self.message
        stop = "" if self.message.endswith((".", "!", "?", "…")) else "."
        return f"{self.message}{stop} {self.hint}"

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild, (type(self), self.message, self.code, self.hint, self.details))


def _rebuild(cls: type[HerdbookError], message: str, code: str, hint: str, details: dict[str, object]) -> HerdbookError:
    return cls(message, code=code, hint=hint, **details)


class HerdbookWarning(UserWarning):
    """What a person should know, though it goes on: shown on stderr by the command, once."""


class InvalidError(HerdbookError):
    """The input cannot be taken as it is."""

    kind = Kind.INVALID


class MissingError(HerdbookError):
    """What was named is not here."""

    kind = Kind.MISSING


class ConflictError(HerdbookError):
    """It contradicts what is already here."""

    kind = Kind.CONFLICT


class DeniedError(HerdbookError):
    """This principal, or this place, does not allow it."""

    kind = Kind.DENIED


class UnavailableError(HerdbookError):
    """Not now: a lock, a full disk, a worker, a server."""

    kind = Kind.UNAVAILABLE


class CorruptError(HerdbookError):
    """Bytes are not what their digest says, or a chain does not hold."""

    kind = Kind.CORRUPT
