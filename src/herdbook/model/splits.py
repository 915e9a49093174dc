"""How a dataset is divided for training, validation and test: as a rule that can be run and checked for overlap."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from herdbook.kernel.errors import InvalidError
from herdbook.model.activities import Role
from herdbook.model.base import Int, Sha256, Text, Time, Value
from herdbook.model.identifiers import NonEmpty


class SplitRule(Value):
    """Which entries belong to a part.

    ``modulo``: ``column % divisor`` (floored, never negative) is one of ``remainders``. ``hash``: the same of the first
    eight bytes, big-endian, of sha256 of ``salt``, where there is one, and the decimal texts of the columns, joined by
    ``:``. ``range``: ``since <= column < until``. ``files``: all of files whose path in the manifest matches one of
    ``paths`` (shell patterns; case counts, ``*`` takes ``/`` too). ``entries``: ``since <= i < until`` of the entry
    number over the files in the manifest's order, from 0. An entry whose column is absent is in no part.
    """

    kind: Literal["modulo", "hash", "range", "files", "entries"]
    columns: tuple[NonEmpty, ...] | None = None
    divisor: Annotated[Int, Field(ge=1)] | None = None
    remainders: Annotated[tuple[Int, ...], Field(min_length=1)] | None = None
    salt: Text | None = None
    since: Int | None = None
    until: Int | None = None
    paths: Annotated[tuple[NonEmpty, ...], Field(min_length=1)] | None = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        needs = {
            "modulo": ("columns", "divisor", "remainders"),
            "hash": ("columns", "divisor", "remainders"),
            "range": ("columns",),
            "files": ("paths",),
            "entries": (),
        }[self.kind]
        if absent := [name for name in needs if getattr(self, name) is None]:
            raise InvalidError(
                f"a split by {self.kind} says no {absent[0]}",
                code="bad-split",
                hint=f"It needs {', '.join(needs)}.",
            )
        if self.kind in {"modulo", "range"} and len(self.columns or ()) != 1:
            raise InvalidError(
                f"a split by {self.kind} is of one column", code="bad-split", hint="Use hash for several."
            )
        if self.divisor is not None and not all(0 <= each < self.divisor for each in self.remainders or ()):
            raise InvalidError(
                f"no remainder of {self.divisor} is below 0, or {self.divisor} and more",
                code="bad-split",
                hint=f"Remainders are 0 to {self.divisor - 1}.",
            )
        if self.kind in {"range", "entries"} and self.since is None and self.until is None:
            raise InvalidError(f"a split by {self.kind} has neither since nor until", code="bad-split", hint="Say one.")
        return self


class SplitPart(Value):
    """A part: its role (``train``, ``validation``, ``test``), its rule, and how many entries it had when it was run."""

    role: Role
    rule: SplitRule
    entries: Annotated[Int, Field(ge=0)] | None = None


class Split(Value):
    """The body of ``herdbook/split/1`` about a dataset. ``checked`` is when the rule was run over all entries.

    ``overlap`` and ``left_over`` count entries that are in several parts, and in none. ``table`` is the one whose
    entries are divided, where files hold several.
    """

    parts: Annotated[tuple[SplitPart, ...], Field(min_length=1)]
    table: Text | None = None
    selection: NonEmpty | None = None
    checked: Time | None = None
    entries: Annotated[Int, Field(ge=0)] | None = None
    overlap: Annotated[Int, Field(ge=0)] | None = None
    left_over: Annotated[Int, Field(ge=0)] | None = None


class SplitEntry(Value):
    """A split where it stands: of which dataset, by which statement."""

    dataset: Sha256
    statement: Sha256
    split: Split
