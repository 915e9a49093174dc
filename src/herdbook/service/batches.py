"""Batches: a manifest of registrations, one JSON object a line, that becomes one event."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import Annotated, Self

from pydantic import Field, model_validator

from herdbook.kernel import canonical
from herdbook.kernel.errors import ConflictError, DeniedError, HerdbookError, InvalidError, MissingError
from herdbook.model.base import Json, Text, Value
from herdbook.model.registrations import Registration
from herdbook.model.versions import Registered
from herdbook.ports.blobs import Progress
from herdbook.ports.registry import Registry
from herdbook.service import intake


class Line(Value):
    """A line of a batch's manifest; relative paths start at the manifest's base."""

    reference: Text
    path: Text | None = None
    paths: Annotated[tuple[Text, ...], Field(min_length=1)] | None = None
    datasets: tuple[Text, ...] = ()
    parent: Text | None = None
    activity: Json | None = None
    description: Json | None = None
    profile: Json | None = None

    @model_validator(mode="after")
    def _some_files(self) -> Self:
        if (self.path is None) == (self.paths is None):
            raise InvalidError("needs `path` or `paths`", code="bad-manifest", hint="Name a folder or a file.")
        return self


def register(
    registry: Registry, lines: Iterable[str], *, base: str = ".", progress: Progress | None = None
) -> Sequence[Registered]:
    """Register many in one event for each namespace: one JSON object a line, whose fields ``Line`` has.

    All lines are checked before a byte is stored, and nothing is registered when one is wrong.

    Raises:
        HerdbookError: naming the line.
    """
    checked: list[tuple[int, intake.Prepared]] = []
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                checked.append((number, _check(registry, line, base)))
            except HerdbookError as error:
                raise _at(number, error) from error
    if not checked:
        raise InvalidError("the manifest has no line", code="no-files", hint="One JSON object a line.")
    items: list[Registration] = []
    for number, prepared in checked:
        try:
            items.append(intake.deliver(registry, prepared, progress))
        except (ConflictError, DeniedError, MissingError) as error:
            raise _at(number, error) from error
    done = registry.versions.record(items, batch=True)
    for (_, prepared), each in zip(checked, done, strict=True):
        intake.warn(registry, prepared, each)
    return done


def _check(registry: Registry, line: str, base: str) -> intake.Prepared:
    told = Line.read(canonical.loads(line))
    given = [os.path.join(base, path) for path in told.paths or (told.path or "",)]  # noqa: PTH118 - names may be bytes
    wanted = intake.Wanted(
        datasets=told.datasets,
        parent=told.parent,
        activity=told.activity,
        description=told.description,
        profile=told.profile,
    )
    return intake.prepare(registry, told.reference, given, wanted)


def _at(number: int, error: HerdbookError) -> HerdbookError:
    return type(error)(f"line {number} of the manifest: {error.message}", code=error.code, hint=error.hint, line=number)
