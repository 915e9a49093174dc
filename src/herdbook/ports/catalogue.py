"""The catalogue: journals, bodies, and tables that are worked out from them. Rules live in the service."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from herdbook.model.facts import Facts
from herdbook.model.files import Content
from herdbook.model.principals import Person
from herdbook.model.query import Expression, Order
from herdbook.model.rows import (
    Document,
    EventRow,
    FileRow,
    Head,
    Lease,
    ModelRow,
    MoveRow,
    PointerRow,
    Projection,
    StatementRow,
    VersionRow,
)
from herdbook.ports.lineage import LineageReader


class JournalReader(Protocol):
    """Journals and bodies."""

    def heads(self) -> list[Head]:
        """Return where every current journal stands, by namespace."""
        ...

    def head(self, namespace: str) -> Head | None:
        """Return where one stands; the name is compared without case."""
        ...

    def events(self, namespace: str, after: int = 0, limit: int = 1000) -> list[EventRow]:
        """Return events of a journal with ``seq > after``, in order."""
        ...

    def event(self, digest: str) -> EventRow | None:
        """Return the event with this digest."""
        ...

    def actors(self, namespace: str, seqs: Iterable[int]) -> dict[int, str]:
        """Return, by sequence, who wrote events of a journal."""
        ...

    def bodies(self, digests: Iterable[str]) -> dict[str, bytes]:
        """Return the canonical bytes of those that are here (not purged bytes)."""
        ...

    def digests_like(self, prefix: str, limit: int = 20) -> list[str]:
        """Return digests of bodies that are here and begin with ``sha256:`` and these hex digits, in order."""
        ...

    def known(self, digests: Iterable[str]) -> dict[str, list[tuple[str, int]]]:
        """Return, for what a journal has, its namespaces and the sequence of the first telling."""
        ...

    def purged(self, namespace: str, digests: Iterable[str]) -> set[str]:
        """Return those that are purged for a namespace."""
        ...

    def state_lines(self, namespace: str) -> Iterator[str]:
        """Yield the lines of the state digest, sorted as Python sorts text."""
        ...


class VersionReader(Protocol):
    """Models, versions and pointers."""

    def models(self, prefix: str = "", after: str = "", limit: int = 100) -> list[ModelRow]:
        """Return models whose name begins with ``prefix``, by name, those after ``after``."""
        ...

    def model(self, name: str) -> ModelRow | None:
        """Return a model; the name is compared without case."""
        ...

    def clashes(self, name: str) -> list[str]:
        """Return models other than this exact name that equal it without case, lie below it, or above it."""
        ...

    def versions(self, model: str, *, after: int = 0, limit: int = 100, newest_first: bool = False) -> list[VersionRow]:
        """Return versions of a model by ordinal; ``after`` is an ordinal, exclusive, 0 for the beginning."""
        ...

    def version(self, model: str, ordinal: int) -> VersionRow | None:
        """Return one version."""
        ...

    def versions_with(self, records: Iterable[str]) -> list[VersionRow]:
        """Return all versions that are one of these records, by item."""
        ...

    def versions_like(self, prefix: str, model: str = "", limit: int = 10) -> list[VersionRow]:
        """Return versions whose record digest begins with ``sha256:`` and these hex digits, by item."""
        ...

    def items(self, items: Iterable[int]) -> dict[int, VersionRow]:
        """Return versions by this registry's numbers."""
        ...

    def last_ordinals(self, models: Iterable[str]) -> dict[str, int]:
        """Return the highest ordinal of each model that has versions."""
        ...

    def pointer(self, pointer: str) -> PointerRow | None:
        """Return where a pointer leads; labels are compared without case."""
        ...

    def pointers(self, models: Iterable[str]) -> dict[str, list[PointerRow]]:
        """Return all pointers of models, newest move first, cleared ones too."""
        ...

    def pointers_to(self, records: Iterable[str]) -> list[PointerRow]:
        """Return pointers that lead to these digests."""
        ...

    def aliases(self, models: Iterable[str]) -> list[PointerRow]:
        """Return the aliases of models, by model and name, cleared ones too."""
        ...

    def moves(self, pointer: str) -> list[MoveRow]:
        """Return the moves of a pointer, oldest first."""
        ...


class StatementReader(Protocol):
    """Statements."""

    def statements(self, subjects: Iterable[tuple[str, str]], type_: str = "") -> list[StatementRow]:
        """Return statements about subjects (kind, text), by namespace and seq; ``type_`` narrows when it is given."""
        ...

    def subjects(self, kind: str, type_: str) -> list[str]:
        """Return what statements of a type are about, of one kind of subject (``id``), in order."""
        ...

    def superseded(self, digests: Iterable[str]) -> list[tuple[str, str]]:
        """Return (new, old) for statements that supersede one of these."""
        ...

    def same_statement(self, sameness: Iterable[str]) -> dict[str, list[str]]:
        """Return, by sameness, digests of statements that say the same but for the time."""
        ...


class FileReader(Protocol):
    """Files: their contents' digests, their facts, and who protects them."""

    def files(self, records: Iterable[str]) -> dict[str, list[FileRow]]:
        """Return the files of version records."""
        ...

    def files_named(self, digests: Iterable[str]) -> list[FileRow]:
        """Return files of version records that are named by one of these digests, whichever algorithm."""
        ...

    def contents(self, sha256s: Iterable[str]) -> dict[str, Content]:
        """Return what is known of contents that were once stored or told."""
        ...

    def contents_named(self, digests: Iterable[str]) -> list[Content]:
        """Return contents one of whose digests, of whichever algorithm, is one of these."""
        ...

    def contents_like(self, prefix: str, algorithm: str = "", limit: int = 100) -> list[Content]:
        """Return contents one of whose digests begins with these hex digits; ``algorithm`` narrows."""
        ...

    def facts(self, sha256s: Iterable[str]) -> dict[str, Facts]:
        """Return the newest facts of contents."""
        ...

    def unread(self, readers: Mapping[str, str], limit: int = 100) -> list[str]:
        """Return sha256 of stored files of versions that these readers (name → version) have not yet read."""
        ...

    def leases(self, sha256s: Iterable[str], now: float) -> list[Lease]:
        """Return leases on blobs that have not ended."""
        ...

    def names(self, namespace: str, sha256: str) -> bool:
        """Say whether a record or statement of a namespace names a blob that the namespace has not purged.

        As a file, a manifest, what an activity took or gave, a schema, or the bytes of a file known by name.
        """
        ...

    def needed(self, sha256s: Sequence[str]) -> set[str]:
        """Return those that a file, a manifest, an activity or a schema names and no purge dropped everywhere."""
        ...


class SearchReader(Protocol):
    """The index."""

    def search(self, query: Expression, order: Order, after: str, limit: int) -> list[tuple[int, str]]:
        """Return (item, position) of versions that match, in order, those behind the position ``after``."""
        ...

    def count(self, query: Expression, cap: int) -> int:
        """Return how many match, counting no further than ``cap``."""
        ...

    def facets(self, query: Expression, field: str, limit: int) -> list[tuple[str, int]]:
        """Return the most common values of a field among what matches, by count down, then value."""
        ...

    def document(self, item: int) -> Document:
        """Return what the index knows of a version."""
        ...

    def last_item(self) -> int:
        """Return the highest item, 0 in an empty registry."""
        ...


class PeopleReader(Protocol):
    """Names of actors, which may be emptied at any time."""

    def people(self, ids: Iterable[str] | None = None) -> dict[str, Person]:
        """Return those that are known, all when ``ids`` is ``None``."""
        ...


class MemoReader(Protocol):
    """Memos: what this registry notes for itself, in no journal and no copy: answers given, how far a task is."""

    def memo(self, scope: str, key: str) -> bytes | None:
        """Return a memo, ``None`` when there is none or its time is over."""
        ...

    def memos(self, scope: str, after: str = "", limit: int = 1000) -> dict[str, bytes]:
        """Return memos of a scope whose time is not over, by key in order, those after ``after``."""
        ...


class Reader(
    JournalReader,
    VersionReader,
    StatementReader,
    LineageReader,
    FileReader,
    SearchReader,
    PeopleReader,
    MemoReader,
    Protocol,
):
    """One consistent look at everything."""


class Writer(Reader, Protocol):
    """The one writer. What it sees includes what it wrote."""

    def put_bodies(self, bodies: Mapping[str, bytes]) -> None:
        """Keep canonical bytes by digest; those that are here already stay."""
        ...

    def append(self, head: Head, event: EventRow, projection: Projection) -> list[int]:
        """Append an event, move the journal's head, and write what the event means.

        Args:
            head: where the journal stood until now: seq 0 and empty digests before the first event.
            event: the next one.
            projection: what it means.

        Returns:
            The items of new versions, in the order of ``projection.versions``.

        Raises:
            ConflictError: ``head-moved`` when the journal stands elsewhere; ``name-clash`` when a new model differs
                from another one by case only.
        """
        ...

    def index(self, documents: Mapping[int, Document]) -> None:
        """Replace what the index knows of these items."""
        ...

    def drop_bodies(self, digests: Iterable[str]) -> None:
        """Forget bytes of purged bodies."""
        ...

    def put_contents(self, contents: Iterable[Content]) -> None:
        """Remember the digests of stored contents."""
        ...

    def put_facts(self, facts: Mapping[str, Facts]) -> None:
        """Keep facts by file sha256, in place of older ones."""
        ...

    def put_unread(self, sha256s: Iterable[str], readers: Mapping[str, str] | None = None) -> None:
        """Remember that none of these readers (name → version) takes these contents; without them, no reader ever.

        ``facts`` does not return them; ``unread`` does once ``readers`` differ.
        """
        ...

    def drop_contents(self, sha256s: Iterable[str]) -> None:
        """Forget digests, facts and ended leases of contents that were removed and that nothing needs."""
        ...

    def put_person(self, person: Person) -> None:
        """Write what an actor is called; empty fields erase."""
        ...

    def put_memo(self, scope: str, key: str, value: bytes, until: float = 0.0) -> None:
        """Write a memo in place of an older one; it ends at ``until`` (Unix time in seconds), 0: never.

        Some of those whose time is over go with it.
        """
        ...

    def drop_memos(self, scope: str, keys: Iterable[str]) -> None:
        """Remove memos; harmless where there is none."""
        ...

    def clear_derived(self) -> None:
        """Empty the index and the tables of facts, to be built again."""
        ...


class Catalogue(Protocol):
    """Where journals and bodies live."""

    registry: str
    """The id of this registry, ``registry:…``."""

    @property
    def read_only(self) -> bool:
        """Whether nothing can be written."""
        ...

    def read(self) -> AbstractContextManager[Reader]:
        """Open one consistent look."""
        ...

    def write(self) -> AbstractContextManager[Writer]:
        """Become the one writer until the block ends; then all is durable, or, after an exception, nothing happened.

        Raises:
            DeniedError: when the catalogue is read-only.
            UnavailableError: when another writer did not end in time, or the disk is full.
        """
        ...

    def lease(self, leases: Iterable[Lease], contents: Iterable[Content] = ()) -> None:
        """Write leases, and the digests of what they protect, before the blob gets its name.

        A lease of the same principal and blob is renewed. The write survives the process, not a power loss: nor does
        its writer.
        """
        ...

    def release(self, principal: str, sha256s: Iterable[str]) -> None:
        """End leases."""
        ...

    def check(self) -> list[str]:
        """Run the database's own integrity check; return problems."""
        ...

    def backup(self, folder: str) -> None:
        """Write a consistent copy while others read and write."""
        ...

    def close(self) -> None:
        """Release the database."""
        ...
