"""Statements: what was learnt about something, by whom, when, with which evidence. Never changed."""

from __future__ import annotations

from functools import cached_property
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from herdbook.kernel.errors import InvalidError
from herdbook.model import kinds
from herdbook.model.base import Digest, Json, Record, Sha256, Text, Time, Value
from herdbook.model.identifiers import Identifier, NonEmpty
from herdbook.model.journal import Namespace
from herdbook.model.principals import Actor
from herdbook.model.versions import Label, ModelName

Type = Annotated[Text, Field(pattern="^[A-Za-z0-9_-]+/[a-z][a-z0-9-]*/[1-9][0-9]*$")]
JsonPointer = Annotated[Text, Field(pattern="^(/.*)?$")]


class Subject(Value):
    """What a statement is about: one thing."""

    record: Sha256 | None = None
    file: Digest | None = None
    statement: Sha256 | None = None
    event: Sha256 | None = None
    name: ModelName | None = None
    labels: Annotated[tuple[Label, ...], Field(min_length=1)] | None = None
    namespace: Namespace | None = None
    id: Identifier | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if len(self.model_fields_set - {"labels"}) != 1 or (self.labels is not None and self.name is None):
            raise InvalidError(
                "a subject names one thing",
                code="bad-subject",
                hint="Give one of record, file, statement, event, name (with labels or not), namespace, id.",
            )
        return self

    @property
    def key(self) -> tuple[str, str]:
        """Return the kind of subject and its text, as indices use it."""
        for kind in ("record", "file", "statement", "event", "name", "namespace"):
            if (value := getattr(self, kind)) is not None:
                return kind, value
        return "id", str(self.id)


class Evidence(Value):
    """Where a value came from."""

    how: Literal["extracted", "declared", "asserted", "inferred"]
    where: NonEmpty | None = None
    rule: NonEmpty | None = None


class Statement(Record):
    """The record of a statement. ``unknown`` points at what is known to be unknown."""

    schema_: Literal["herdbook/statement/1"] = Field("herdbook/statement/1", alias="schema")
    type: Type
    subject: Annotated[tuple[Subject, ...], Field(min_length=1)]
    body: Json
    unknown: Annotated[tuple[JsonPointer, ...], Field(min_length=1)] | None = None
    evidence: dict[JsonPointer, Evidence] | None = None
    issuer: Actor
    issued: Time
    supersedes: Annotated[tuple[Sha256, ...], Field(min_length=1)] | None = None

    @model_validator(mode="after")
    def _known_kind(self) -> Self:
        kinds.check(self.type, self.body)
        return self

    @property
    def kind(self) -> str:
        """The middle part of the type: ``description`` of ``herdbook/description/1``."""
        return self.type.split("/")[1]

    @cached_property
    def sameness(self) -> str:
        """Equal for statements that differ only in when they were issued."""
        return self.model_copy(update={"issued": "1970-01-01T00:00:00Z"}).digest


class Said(Value):
    """A statement before it has an issuer and a time: what a client sends."""

    type: Type
    subject: Annotated[tuple[Subject, ...], Field(min_length=1)]
    body: Json = Field(default_factory=dict)
    unknown: Annotated[tuple[JsonPointer, ...], Field(min_length=1)] | None = None
    evidence: dict[JsonPointer, Evidence] | None = None
    issued: Time | None = None
    supersedes: Annotated[tuple[Sha256, ...], Field(min_length=1)] | None = None

    def issue(self, issuer: str, now: str) -> Statement:
        """Return the statement of an issuer, at ``issued`` or else now."""
        given: dict[str, Any] = {key: getattr(self, key) for key in ("unknown", "evidence", "supersedes")}
        return Statement(
            type=self.type, subject=self.subject, body=self.body, issuer=issuer, issued=self.issued or now, **given
        )


class StatementEntry(Value):
    """A statement where it stands: its digest, its journal, and whether it is still current."""

    digest: Sha256
    statement: Statement
    namespace: Text
    seq: int
    superseded_by: tuple[Sha256, ...] = ()
    withdrawn_by: tuple[Sha256, ...] = ()
    about: Literal["this", "sister"] = "this"

    @property
    def current(self) -> bool:
        """Whether nothing that counts superseded or withdrew it."""
        return not self.superseded_by and not self.withdrawn_by

    def __repr__(self) -> str:
        return f"<statement {self.statement.kind} {self.digest[7:19]}{'' if self.current else ', no longer current'}>"
