"""The façade: one attribute per noun, values in, values out; each method is one call to a remote registry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike
from typing import BinaryIO, Protocol, Self

from herdbook.model.activities import Activity, ActivityEntry
from herdbook.model.datasets import Dataset, DatasetEntry
from herdbook.model.dossiers import Dossier
from herdbook.model.files import Content
from herdbook.model.journal import Checkpoint, EventEntry
from herdbook.model.lineage import Impact, Lineage
from herdbook.model.models import ModelEntry, Profile
from herdbook.model.pages import Page
from herdbook.model.pointers import Move, PointerEntry
from herdbook.model.principals import Person, Principal
from herdbook.model.query import Order
from herdbook.model.registrations import FileCheck, Registration
from herdbook.model.statements import Said, StatementEntry
from herdbook.model.versions import Entry, Registered
from herdbook.ports.blobs import Progress
from herdbook.ports.identities import Identities
from herdbook.ports.imports import Imports
from herdbook.ports.releases import Releases


class Namespaces(Protocol):
    """Namespaces and their journals."""

    def create(self, name: str) -> Checkpoint:
        """Begin a journal here; one that is here already is answered with.

        Raises:
            InvalidError: when the name cannot be one, or is reserved.
        """
        ...

    def list(self) -> list[Checkpoint]:
        """Return every namespace and where its journal stands."""
        ...

    def schema(self, name: str, entity: str, version: str, schema: Mapping[str, object]) -> StatementEntry:
        """Register a JSON Schema 2020-12 for ``ext.NAME`` of an entity.

        Raises:
            InvalidError: when it is no such schema, or refers to anything outside itself.
            ConflictError: when that version of it is there with other content.
        """
        ...


class Models(Protocol):
    """Models: names with versions in an order."""

    def get(self, name: str) -> ModelEntry:
        """Return a model.

        Raises:
            MissingError: when there is none, with names that are near.
        """
        ...

    def list(self, prefix: str = "", *, cursor: str | None = None, limit: int = 50) -> Page[ModelEntry]:
        """Return models by name."""
        ...

    def profile(self, name: str, profile: Profile) -> StatementEntry:
        """Say what a model is for, in place of what its profile said before. Creates the model's name."""
        ...

    def usage(self, prefix: str = "") -> dict[str, tuple[int, int]]:
        """Return, by model, bytes of its files that are here and of these the bytes that no other model shares."""
        ...


class Versions(Protocol):
    """Versions."""

    def record(self, registrations: Sequence[Registration], *, batch: bool = False) -> Sequence[Registered]:
        """Register versions in one event for each namespace, with everything that is said with them. Idempotent.

        With ``batch`` the events carry a batch id, and what exceeds one event's size continues in a next part.

        Raises:
            ConflictError: when a label is there with other content; says what differs.
            MissingError: when bytes, or records that are named, are not here.
        """
        ...

    def register(
        self,
        reference: str,
        *given: str | PathLike[str],
        datasets: Sequence[str] = (),
        parent: str | None = None,
        activity: Mapping[str, object] | None = None,
        statements: Sequence[Said] = (),
        description: Mapping[str, object] | None = None,
        profile: Mapping[str, object] | None = None,
        progress: Progress | None = None,
    ) -> Registered:
        """Register a folder, or files: puts the bytes, then ``record``. ``service.intake`` explains the arguments."""
        ...

    def get(self, reference: str, *, as_of: int | None = None) -> Entry:
        """Return the version that a reference means; ``chosen`` says what a bare name was taken for.

        Raises:
            MissingError: when there is none, with what is near.
            ConflictError: when a digest prefix fits several.
        """
        ...

    def list(self, model: str, *, cursor: str | None = None, limit: int = 50) -> Page[Entry]:
        """Return the versions of a model, newest first."""
        ...

    def search(
        self,
        query: str = "",
        *,
        order: Order = Order.NEWEST,
        cursor: str | None = None,
        limit: int = 50,
        total: bool = False,
    ) -> Page[Entry]:
        """Return versions that match; docs/reference/query.md has the language."""
        ...

    def facets(self, query: str, fields: Sequence[str], *, limit: int = 10) -> dict[str, Sequence[tuple[str, int]]]:
        """Return, for each field, the most common values among what matches, with counts."""
        ...

    def dossier(self, reference: str) -> Dossier:
        """Return a version with all that is currently said about it."""
        ...

    def trace(self, reference: str, *, direction: str = "up", depth: int = 50, limit: int = 1000) -> Lineage:
        """Return where a version (or dataset, or activity, by digest) comes from, or what came of it (``down``)."""
        ...

    def impact(self, reference: str, *, cursor: str | None = None, limit: int = 50) -> Impact:
        """Return all that descends from a version, a dataset or an activity: models, versions, releases."""
        ...

    def undo(self, reference: str, *, reason: str) -> Registered:
        """Withdraw a mistaken registration and clear its labels, which may then be set once more.

        Where the version has several labels and the reference names one, only that one is cleared.
        """
        ...


class Files(Protocol):
    """Files: bytes in, verified bytes out."""

    def put(self, source: BinaryIO, *, progress: Progress | None = None) -> Content:
        """Store bytes and return their digests; they are kept for a while without a record (a lease of this principal).

        Raises:
            UnavailableError: when there is no room; nothing half-written is left.
        """
        ...

    def put_many(self, sources: Sequence[BinaryIO], *, progress: Progress | None = None) -> list[Content]:
        """Store several, with one lease."""
        ...

    def open(self, reference: str, path: str, *, progress: Progress | None = None) -> BinaryIO:
        """Open a file of a version as a verified, seekable stream.

        Where its bytes must be brought from a server first, ``progress`` is told of them.

        Raises:
            MissingError: when there is no such version or file, or nobody holds its bytes here.
            CorruptError: while reading, when the bytes are not what the digest says.
        """
        ...

    def verify(self, reference: str, *, progress: Progress | None = None) -> list[FileCheck]:
        """Read the files of a version again and compare."""
        ...

    def supply(self, sha256s: Sequence[str]) -> list[Registered]:
        """Let bytes that were put resolve unresolved versions of this principal; returns what they completed."""
        ...

    def blob(self, namespace: str, sha256: str) -> BinaryIO:
        """Open bytes that a record of a namespace names, as a verified, seekable stream; for copies of registries.

        Raises:
            MissingError: when no record there names them, or they are not kept here.
        """
        ...

    def find(self, namespace: str, digests: Sequence[str]) -> dict[str, Content]:
        """Return, by digest of any kind, contents that one may name in a namespace without bringing the bytes."""
        ...


class Datasets(Protocol):
    """Datasets."""

    def register(self, namespace: str, dataset: Dataset, statements: Sequence[Said] = ()) -> DatasetEntry:
        """Make a dataset known in a namespace. Idempotent."""
        ...

    def get(self, reference: str) -> DatasetEntry:
        """Return a dataset by record digest (prefix) or ``scheme:value``.

        Raises:
            MissingError: when there is none.
            ConflictError: when several fit; they are listed.
        """
        ...

    def list(self, prefix: str = "", *, cursor: str | None = None, limit: int = 50) -> Page[DatasetEntry]:
        """Return datasets; ``prefix`` is ``scheme:begin``."""
        ...


class Activities(Protocol):
    """Activities."""

    def register(self, namespace: str, activity: Activity) -> ActivityEntry:
        """Write down an activity that ended. One with the same ids is answered with what is there."""
        ...

    def get(self, reference: str) -> ActivityEntry:
        """Return an activity by record digest (prefix), or by ``scheme:value`` of one of its ids."""
        ...

    def list(self, *, kind: str = "", cursor: str | None = None, limit: int = 50) -> Page[ActivityEntry]:
        """Return activities."""
        ...


class Statements(Protocol):
    """Statements."""

    def add(self, namespace: str, statements: Sequence[Said]) -> list[StatementEntry]:
        """Make statements, in one event. One that is there already, but for its time, is answered with."""
        ...

    def get(self, digest: str) -> StatementEntry:
        """Return a statement by digest (prefix)."""
        ...

    def about(self, records: Sequence[str]) -> dict[str, list[StatementEntry]]:
        """Return, by record, all statements about records, also those that are no longer current; oldest first."""
        ...

    def list(
        self, subject: str, *, kind: str = "", every: bool = False, cursor: str | None = None, limit: int = 50
    ) -> Page[StatementEntry]:
        """Return statements about a reference, a model's name, a digest, ``scheme:value`` or a namespace.

        Only current ones, unless ``every``.
        """
        ...


class Pointers(Protocol):
    """Labels, aliases, profiles: what is in use."""

    def list(self, model: str) -> list[PointerEntry]:
        """Return the pointers of a model."""
        ...

    def label(self, reference: str, label: str) -> PointerEntry:
        """Give a version a further label.

        Raises:
            ConflictError: when the label is taken.
        """
        ...

    def alias(self, model: str, alias: str, to: str, *, expected: str | None = None, reason: str = "") -> PointerEntry:
        """Move an alias to a version; with ``expected`` (a reference, or ``-`` for none) only from there.

        Raises:
            ConflictError: when it leads elsewhere than expected.
        """
        ...

    def clear(self, model: str, alias: str, *, expected: str | None = None, reason: str = "") -> PointerEntry:
        """Remove an alias; its history stays."""
        ...

    def history(self, pointer: str) -> Sequence[Move]:
        """Return who moved a pointer (``MODEL@alias`` or ``MODEL:label``) when, from where to where and why."""
        ...


class Journal(Protocol):
    """Journals: what happened."""

    def events(self, namespace: str, *, after: int = 0, limit: int = 100, wait: float = 0.0) -> Page[EventEntry]:
        """Return events in order; the cursor is the last sequence.

        With ``wait`` (seconds) an empty page is only answered when nothing followed in that time.
        """
        ...

    def lines(self, namespace: str, *, after: int = 0, limit: int = 1000) -> Sequence[bytes]:
        """Return events as they are kept, byte for byte, those after a sequence; at most ``limit``, or about 8 MiB."""
        ...

    def checkpoint(self, namespace: str) -> Checkpoint:
        """Return (journal, sequence, head), to be kept elsewhere."""
        ...

    def state_digest(self, namespace: str) -> str:
        """Return the digest of the namespace's state, equal in every true copy."""
        ...

    def bodies(self, digests: Sequence[str]) -> dict[str, bytes]:
        """Return canonical bytes of records and statements."""
        ...


class People(Protocol):
    """Names of actors: the erasable part."""

    def me(self) -> Person:
        """Return who acts."""
        ...

    def name(self, person: Person) -> Person:
        """Say what an actor (oneself) is called; empty fields erase."""
        ...

    def identify(self, people: Sequence[tuple[str, str]]) -> list[Person]:
        """Return actors for (name, address) pairs that another system names; new ones get a random id."""
        ...

    def list(self) -> list[Person]:
        """Return everybody who has a name here."""
        ...


class Registry(Protocol):
    """A registry: embedded or remote."""

    url: str
    principal: Principal
    namespaces: Namespaces
    models: Models
    versions: Versions
    files: Files
    identities: Identities
    releases: Releases
    imports: Imports
    datasets: Datasets
    activities: Activities
    statements: Statements
    pointers: Pointers
    journal: Journal
    people: People

    def close(self) -> None:
        """Release what is held."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *exc: object) -> None: ...
