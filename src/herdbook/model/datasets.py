"""A dataset is an identifier, or a file manifest, or both; what is in it is said about it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from herdbook.kernel import canonical, spilling
from herdbook.kernel.errors import InvalidError
from herdbook.model.base import Int, Record, Sha256, Text, Value
from herdbook.model.files import Path
from herdbook.model.identifiers import Identifier


class Dataset(Record):
    """The record of a dataset."""

    schema_: Literal["herdbook/dataset/1"] = Field("herdbook/dataset/1", alias="schema")
    id: Identifier | None = None
    manifest: Sha256 | None = None

    @model_validator(mode="after")
    def _named(self) -> Self:
        if self.id is None and self.manifest is None:
            raise InvalidError(
                "a dataset needs an id or a manifest",
                code="bad-dataset",
                hint="Give its identifier, its files, or both.",
            )
        return self

    @property
    def title(self) -> str:
        """What to call it in a line."""
        return str(self.id) if self.id else f"manifest {str(self.manifest)[7:19]}"


class ManifestLine(Value):
    """One file of a dataset, as a manifest has it; ``size`` in bytes."""

    path: Path
    size: Annotated[Int, Field(ge=0)] | None = None
    sha256: Annotated[Text, Field(pattern="^[0-9a-f]{64}$")] | None = None
    adler32: Annotated[Text, Field(pattern="^[0-9a-f]{8}$")] | None = None
    md5: Annotated[Text, Field(pattern="^[0-9a-f]{32}$")] | None = None
    events: Annotated[Int, Field(ge=0)] | None = None


def write_manifest(lines: Iterable[ManifestLine]) -> Iterator[bytes]:
    """Yield the lines of a manifest: canonical JSON objects, sorted by path, each ended by a line feed.

    A manifest of any length is sorted in bounded memory; what does not fit is spilled to temporary files.

    Raises:
        InvalidError: when a path stands twice.
    """
    pairs = ((line.path.encode(), canonical.dumps(line.json_object()) + b"\n") for line in lines)
    before = b""
    for path, text in spilling.ordered(pairs):
        if path == before:
            raise InvalidError(f"the path {path.decode()!r} stands twice in the manifest", code="paths-collide")
        before = path
        yield text


class DatasetEntry(Value):
    """A dataset where it is known: its record, the namespaces whose journals have it, what is said of it in brief."""

    record: Sha256
    dataset: Dataset
    namespaces: tuple[Text, ...]
    title: Text | None = None

    def __repr__(self) -> str:
        return f"<dataset {self.dataset.title}>"
