"""A version is its files: path, digest, size; and nothing else."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from herdbook.kernel import names, paths
from herdbook.kernel.errors import InvalidError
from herdbook.model.base import Digest, Int, Record, Sha256, Text, Time, Value
from herdbook.model.files import File

ModelName = Annotated[Text, AfterValidator(names.check_model)]
Label = Annotated[Text, AfterValidator(names.check_label)]


class Version(Record):
    """The record of a version: its files, sorted by the bytes of their path."""

    schema_: Literal["herdbook/version/1"] = Field("herdbook/version/1", alias="schema")
    files: Annotated[tuple[File, ...], Field(min_length=1)]

    @classmethod
    def of(cls, files: Iterable[File]) -> Version:
        """Build a version from files in any order."""
        return cls(files=tuple(sorted(files, key=lambda file: file.path.encode())))

    @model_validator(mode="after")
    def _together(self) -> Self:
        order = [file.path.encode() for file in self.files]
        if order != sorted(order):
            raise InvalidError("the files are not sorted by the bytes of their path", code="bad-order")
        paths.check_together(file.path for file in self.files)
        return self

    @property
    def resolved(self) -> bool:
        """Whether every file is named by sha256."""
        return all(file.resolved for file in self.files)

    @property
    def size(self) -> int | None:
        """All bytes together, or ``None`` while one size is unknown."""
        sizes = [file.size for file in self.files if file.size is not None]
        return sum(sizes) if len(sizes) == len(self.files) else None

    def file(self, path: str) -> File | None:
        """Return the file at a path."""
        return next((file for file in self.files if file.path == path), None)

    @property
    def payload(self) -> str:
        """Tell versions that differ only in paths: the sorted digests of all files."""
        return " ".join(sorted(file.digest for file in self.files))


class Entry(Value):
    """A version where it stands in its model, as listings and look-ups give it.

    ``record`` is the digest that the reference meant; ``version`` holds the files in force, which are those of the
    resolving record where an unresolved one was resolved. ``seq`` is the sequence of the event that entered it.
    """

    model: ModelName
    ordinal: Int
    record: Sha256
    version: Version
    labels: tuple[Text, ...] = ()
    aliases: tuple[Text, ...] = ()
    state: Literal["current", "deprecated", "withdrawn"] = "current"
    resolved_by: Sha256 | None = None
    registered: Time
    seq: Int
    chosen: Text | None = None

    @property
    def reference(self) -> str:
        """The shortest exact reference: by label, else by ordinal."""
        return f"{self.model}:{self.labels[0]}" if self.labels else f"{self.model}@{self.ordinal}"

    @property
    def withdrawn(self) -> bool:
        """Whether the version, or all of its model, was withdrawn."""
        return self.state == "withdrawn"

    def __repr__(self) -> str:
        state = "" if self.state == "current" else f", {self.state}"
        held = f"{len(self.version.files)} file{'' if len(self.version.files) == 1 else 's'}"
        return f"<version {self.reference} (ordinal {self.ordinal}), {held}{state}>"


class Registered(Value):
    """The answer to a registration: where the version stands, and what was new."""

    model: ModelName
    ordinal: Int
    record: Sha256
    label: Text | None = None
    outcome: Literal["registered", "labelled", "resolved", "extended", "unchanged"]
    journal: Sha256
    seq: Int
    event: Digest | None = None
    statements: tuple[Sha256, ...] = ()
    activities: tuple[Sha256, ...] = ()

    @property
    def reference(self) -> str:
        """The reference to write down."""
        return f"{self.model}:{self.label}" if self.label else f"{self.model}@{self.ordinal}"

    def __repr__(self) -> str:
        return f"<{self.outcome} {self.reference}, ordinal {self.ordinal}, event {self.seq}>"
