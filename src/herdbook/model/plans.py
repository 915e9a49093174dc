"""Plans: what an import is going to do, for a person to read and to edit before it is done."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from herdbook.model.base import Bool, Digest, Int, Text, Time, Value
from herdbook.model.drafts import SourceState
from herdbook.model.identifiers import NonEmpty
from herdbook.model.versions import Label, ModelName


class PlanModel(Value):
    """A model. Edit ``name`` to rename it, give two models one name to merge them, set ``skip`` to leave it out."""

    key: NonEmpty
    name: ModelName
    skip: NonEmpty | None = None


class PlanVersion(Value):
    """A version. Edit ``model`` (a name) to split it off, ``labels``, or set ``skip``. The rest is for reading."""

    key: NonEmpty
    of: NonEmpty
    """Key of the model it belongs to."""
    model: ModelName | None = None
    labels: tuple[Label, ...] = ()
    skip: NonEmpty | None = None
    files: dict[Text, Digest]
    absent: Annotated[Int, Field(ge=0)] = 0
    date: Time | None = None
    tags: Text = ""
    """``V00-04-00 … V00-05-00``, or the commit when no tag has it."""


class PlanWithdrawal(Value):
    """A proposed withdrawal. Set ``accept`` to make it."""

    key: NonEmpty
    versions: tuple[Text, ...]
    replacement: Text | None = None
    reason: NonEmpty
    accept: Bool = False


class Conflict(Value):
    """A field that a person edited and that the source would now have otherwise. Decide, and delete the entry."""

    key: NonEmpty
    field: NonEmpty
    planned: Any = None
    yours: Any = None
    source: Any = None
    message: Text = ""


class Plan(Value):
    """The plan of an import. ``base`` holds, by key, the fields as they were planned: it tells what a person edited."""

    schema_: Literal["herdbook/import-plan/1"] = Field("herdbook/import-plan/1", alias="schema")
    source: SourceState
    rules: NonEmpty
    namespace: NonEmpty
    conflicts: tuple[Conflict, ...] = ()
    models: tuple[PlanModel, ...] = ()
    versions: tuple[PlanVersion, ...] = ()
    withdrawals: tuple[PlanWithdrawal, ...] = ()
    skipped: dict[Text, Text] = Field(default_factory=dict)
    """Path → why it is no model, of everything that is left out; for reading."""
    base: dict[Text, dict[Text, Any]] = Field(default_factory=dict)


class PlanRow(Value):
    """A version in a listing of a plan. ``known``: the registry has it already; ``reason``: why it is left out."""

    key: Text
    model: Text
    labels: tuple[Text, ...] = ()
    files: Int
    absent: Int = 0
    tags: Text = ""
    state: Literal["new", "known", "skip"] = "new"
    reason: Text = ""
