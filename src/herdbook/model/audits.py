"""How complete a version's documentation is, and how far it could be trained again: scores by evidence, and a level."""

from __future__ import annotations

from enum import IntEnum
from typing import Annotated, Any, Literal

from pydantic import Field

from herdbook.model.base import Bool, Int, Sha256, Text, Time, Value
from herdbook.model.identifiers import NonEmpty

ItemId = Annotated[Text, Field(pattern="^[A-Z][0-9]+$|^[A-Za-z][A-Za-z0-9_-]*\\.[A-Za-z0-9-]+$")]
Category = Literal["F", "A", "I", "R", "T", "S"]


class Level(IntEnum):
    """Could it be trained again? The rules are in `metadata.md` §2.3 and docs/reference/audit.md."""

    UNKNOWN = 0
    DESCRIBED = 1
    PINNED = 2
    EXECUTABLE = 3
    REPRODUCED = 4
    BIT_REPRODUCED = 5


class Declared(Value):
    """A check that a namespace declares: whether a value stands in what is said, and is one of those that will do.

    Attributes:
        kind: the type of statement that is looked into; without one the record of the training itself.
        field: a JSON pointer (RFC 6901) into the body, or into the record.
        about: the version and its model's name, or the datasets that it was trained on (all of them).
        one_of: values that will do; without them any.
        minimum: the least number that will do, and ``maximum`` the greatest.
    """

    kind: Annotated[Text, Field(pattern="^[A-Za-z0-9_-]+/[a-z][a-z0-9-]*/[1-9][0-9]*$")] | None = None
    field: Annotated[Text, Field(pattern="^(/.*)?$")]
    about: Literal["version", "datasets"] = "version"
    one_of: Annotated[tuple[Any, ...], Field(min_length=1)] | None = None
    minimum: float | None = None
    maximum: float | None = None


class Item(Value):
    """An item of the checklist.

    ``gate``: below ``2`` it blocks a medal whatever the average is. ``check`` names the function that scores it; an
    item that a namespace adds declares it. ``gives`` says in words what gives 0, 1, 2, 3: as many as can be had today.
    What ``fixed`` says must not be waived.
    """

    id: ItemId
    title: NonEmpty
    weight: Annotated[Int, Field(ge=1, le=10)]
    category: Category
    gate: Bool = False
    fixed: Bool = False
    sources: tuple[NonEmpty, ...] = ()
    check: NonEmpty | Declared
    supply: NonEmpty
    """The command that would supply what is missing; ``{reference}``, ``{namespace}``, ``{model}``, ``{dataset}`` and
    ``{activity}`` are filled in."""
    first: NonEmpty | None = None
    """The command that is shown instead while nothing is known."""
    gives: Annotated[tuple[NonEmpty, ...], Field(max_length=4)] = ()

    @property
    def highest(self) -> int:
        """The highest score that can be had today; what a namespace declares can be structured, never checked."""
        return len(self.gives) - 1 if self.gives else 2


class Checklist(Value):
    """The body of ``herdbook/checklist/1`` about a namespace, a model's name or a version.

    About a namespace: items that it adds, and scores that it demands; ``minima``: by item, the least score; by
    ``"level"`` the least level, 0 to 5. About any of the three: ``waivers``, by item, why it does not apply.
    """

    version: NonEmpty
    items: tuple[Item, ...] = ()
    minima: dict[Text, Annotated[Int, Field(ge=0, le=5)]] = Field(default_factory=dict)
    waivers: dict[Text, NonEmpty] = Field(default_factory=dict)


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


class Audited(Value):
    """A version, its audit, and the statement that froze it, when one did."""

    reference: Text
    record: Sha256
    audit: Audit
    statement: Sha256 | None = None


class AuditLine(Value):
    """A version in a table of audits; ``absent`` counts items of which nothing is known."""

    reference: Text
    record: Sha256
    level: Annotated[Int, Field(ge=0, le=5)]
    medal: Literal["gold", "silver", "bronze"] | None = None
    profile: dict[Category, float]
    absent: Int
    held_back: tuple[Text, ...] = ()
    below: tuple[Text, ...] = ()

    @classmethod
    def of(cls, audited: Audited) -> AuditLine:
        """Return the line of an audit."""
        audit = audited.audit
        return cls(
            reference=audited.reference,
            record=audited.record,
            level=audit.level,
            medal=audit.medal,
            profile=audit.profile,
            absent=sum(item.score.score == 0 for item in audit.items),
            held_back=audit.held_back,
            below=audit.below,
        )
