"""How complete a version's documentation is, and how far it could be trained again: scores by evidence, and a level."""

from __future__ import annotations

from enum import IntEnum
from typing import Annotated, Literal

from pydantic import Field

from herdbook.model.base import Bool, Int, Sha256, Text, Time, Value
from herdbook.model.identifiers import NonEmpty

ItemId = Annotated[Text, Field(pattern="^[A-Z][A-Z0-9]*[0-9]+$|^[a-z][a-z0-9]*\\.[A-Za-z0-9-]+$")]
Category = Literal["F", "A", "I", "R", "T", "S"]


class Level(IntEnum):
    """Could it be trained again? The rules are in `metadata.md` §2.3 and docs/reference/audit.md."""

    UNKNOWN = 0
    DESCRIBED = 1
    PINNED = 2
    EXECUTABLE = 3
    REPRODUCED = 4
    BIT_REPRODUCED = 5


class Item(Value):
    """An item of the checklist.

    ``gate``: below ``2`` it blocks a medal whatever the average is. ``check`` names the check that scores it; an item
    that a namespace adds has a declarative one: ``{"field": "/ext/cms/…", "kind": "herdbook/…/1"}``.
    """

    id: ItemId
    title: NonEmpty
    weight: Annotated[Int, Field(ge=1, le=10)]
    category: Category
    gate: Bool = False
    sources: tuple[NonEmpty, ...] = ()
    check: NonEmpty
    supply: NonEmpty
    """The command that would supply what is missing; ``{reference}`` and ``{namespace}`` are filled in."""


class Checklist(Value):
    """The body of ``herdbook/checklist/1`` about a namespace: items that it adds, and scores that it demands.

    ``minima``: by item, the least score; by ``"level"`` the least level, 0 to 5.
    """

    version: NonEmpty
    items: tuple[Item, ...] = ()
    minima: dict[Text, Annotated[Int, Field(ge=0, le=5)]] = Field(default_factory=dict)


class Ran(Value):
    """A check that ran: which, when, and what it looked at. A score of 3 cannot be had without one."""

    check: NonEmpty
    at: Time
    on: NonEmpty


class Absent(Value):
    """Nothing is known."""

    score: Literal[0] = 0
    why: NonEmpty


class Stated(Value):
    """Said in prose."""

    score: Literal[1] = 1
    where: NonEmpty


class Structured(Value):
    """Said so that a machine can read it."""

    score: Literal[2] = 2
    where: NonEmpty


class Checked(Value):
    """Held against the thing itself, by a check that ran."""

    score: Literal[3] = 3
    ran: Ran


class Waived(Value):
    """Does not apply, and why; it counts neither way."""

    score: None = None
    reason: NonEmpty


Score = Absent | Stated | Structured | Checked | Waived


class Scored(Value):
    """An item with its score; ``supply`` is the command that would raise it."""

    item: Text
    title: Text
    category: Category
    weight: Int
    gate: Bool = False
    score: Score
    supply: Text = ""


class Audit(Value):
    """The body of ``herdbook/audit/1`` about a version: a checklist's scores at one state of the registry.

    ``level`` is 0 to 5; ``held_back`` says what keeps it from the next one. ``profile`` is by category the share of
    what could be had, 0 to 1. ``as_of`` is the sequence of the journal that was read.
    """

    checklist: NonEmpty
    extended: Sha256 | None = None
    done: Time
    as_of: Annotated[Int, Field(ge=0)] | None = None
    level: Annotated[Int, Field(ge=0, le=5)]
    held_back: tuple[NonEmpty, ...] = ()
    profile: dict[Category, float]
    medal: Literal["gold", "silver", "bronze"] | None = None
    items: tuple[Scored, ...]
    below: tuple[NonEmpty, ...] = ()
    """Items that stay under what the namespace demands."""
