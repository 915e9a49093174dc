"""The manifest of a bundle, and the names of what lies in it; docs/reference/bundle.md has the format."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from herdbook.kernel.errors import InvalidError
from herdbook.model.base import Int, Sha256, Value
from herdbook.model.journal import Checkpoint, Namespace

MANIFEST = "herdbook-bundle.json"
PEOPLE = "people.ndjson"


class BundleJournal(Value):
    """A journal in a bundle, or a part of one: from event ``first`` to event ``last``, whose digest is ``head``."""

    namespace: Namespace
    journal: Sha256
    first: Annotated[Int, Field(ge=1)]
    last: Annotated[Int, Field(ge=1)]
    head: Sha256

    @property
    def checkpoint(self) -> Checkpoint:
        """Where the journal stands."""
        return Checkpoint(namespace=self.namespace, journal=self.journal, seq=self.last, head=self.head)


class BundleManifest(Value):
    """What a bundle says that it holds."""

    schema_: Literal["herdbook/bundle/1"] = Field("herdbook/bundle/1", alias="schema")
    journals: Annotated[tuple[BundleJournal, ...], Field(min_length=1)]
    absent: tuple[Sha256, ...] = ()

    @model_validator(mode="after")
    def _once(self) -> Self:
        folded = [entry.namespace.casefold() for entry in self.journals]
        if len(set(folded)) != len(folded):
            raise InvalidError("a namespace stands twice in the manifest", code="bad-bundle")
        if any(entry.last < entry.first for entry in self.journals):
            raise InvalidError("a journal in the manifest ends before it begins", code="bad-bundle")
        return self

    @property
    def complete(self) -> bool:
        """Whether it holds whole journals with everything that belongs to them."""
        return not self.absent and all(entry.first == 1 for entry in self.journals)


def journal_name(namespace: str) -> str:
    """Return the file of a journal."""
    return f"journals/{namespace}.ndjson"


def body_name(digest: str) -> str:
    """Return the file of a body."""
    return f"bodies/{digest[7:9]}/{digest[7:]}"


def blob_name(sha256: str) -> str:
    """Return the file of a blob."""
    return f"blobs/{sha256[7:9]}/{sha256[7:]}"
