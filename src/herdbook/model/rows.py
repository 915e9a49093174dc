"""What the catalogue gives back: rows that are cheap to make and never leave the service."""

from __future__ import annotations

from dataclasses import dataclass, field

Descendant = tuple[str, str, int, bool]
"""(record, model, ordinal, whether it is a dataset) of what descends from something; where no version, no model."""


@dataclass(frozen=True, slots=True)
class Head:
    """Where a journal stands. ``journal`` and ``head`` are empty before the first event."""

    namespace: str
    journal: str
    home: str
    seq: int
    head: str
    time: str


@dataclass(frozen=True, slots=True)
class EventRow:
    """An event as it is kept."""

    namespace: str
    seq: int
    digest: str
    time: str
    principal: str
    body: bytes


@dataclass(frozen=True, slots=True)
class ModelRow:
    """A model: how many versions, the newest one's item."""

    name: str
    namespace: str
    versions: int
    profile: str = ""


@dataclass(frozen=True, slots=True)
class VersionRow:
    """A version where it stands; ``item`` is this registry's own number for it, growing in the order of entry."""

    item: int
    namespace: str
    model: str
    ordinal: int
    record: str
    seq: int
    time: str


@dataclass(frozen=True, slots=True)
class PointerRow:
    """A pointer where it leads; ``to`` is empty once it was cleared."""

    pointer: str
    namespace: str
    model: str
    to: str
    seq: int


@dataclass(frozen=True, slots=True)
class MoveRow:
    """One move of a pointer."""

    pointer: str
    seq: int
    frm: str
    to: str
    reason: str
    time: str
    principal: str


@dataclass(frozen=True, slots=True)
class StatementRow:
    """A statement about a subject."""

    digest: str
    namespace: str
    seq: int
    type: str
    issuer: str
    subject_kind: str
    subject: str


@dataclass(frozen=True, slots=True)
class EdgeRow:
    """An input (``in``) or output (``out``) of an activity. ``target_kind``: record, file, blob, id or selector."""

    activity: str
    direction: str
    target_kind: str
    target: str
    role: str
    file: str = ""


@dataclass(frozen=True, slots=True)
class FileRow:
    """A file of a version record."""

    record: str
    path: str
    digest: str
    size: int | None


@dataclass(frozen=True, slots=True)
class Document:
    """What search knows of a version: exact values and numbers by field. Field ``text`` holds words."""

    terms: frozenset[tuple[str, str]] = frozenset()
    numbers: frozenset[tuple[str, float]] = frozenset()


@dataclass(frozen=True, slots=True)
class Lease:
    """Protects a blob without a record until ``until`` (seconds since 1970), and shows who brought the bytes."""

    principal: str
    sha256: str
    until: float


@dataclass(frozen=True, slots=True)
class Projection:
    """What an event means for the tables, worked out by the service from operations and bodies, in their order."""

    known: list[tuple[str, str]] = field(default_factory=list)
    """(``record`` or ``statement``, digest)"""
    versions: list[tuple[str, int, str]] = field(default_factory=list)
    """(model, ordinal, record)"""
    files: list[FileRow] = field(default_factory=list)
    datasets: list[tuple[str, str, str, str]] = field(default_factory=list)
    """(record, scheme, value, manifest), empty where absent"""
    activities: list[tuple[str, str, str, str]] = field(default_factory=list)
    """(record, kind, status, sameness)"""
    edges: list[EdgeRow] = field(default_factory=list)
    statements: list[tuple[str, str, str, str]] = field(default_factory=list)
    """(digest, type, issuer, sameness)"""
    subjects: list[tuple[str, str, str]] = field(default_factory=list)
    """(statement, subject kind, subject)"""
    supersedes: list[tuple[str, str]] = field(default_factory=list)
    """(new statement, old statement)"""
    moves: list[tuple[str, str, str, str]] = field(default_factory=list)
    """(pointer, from, to, reason), empty where absent"""
    purges: list[tuple[str, bool]] = field(default_factory=list)
    """(digest, purged or again allowed)"""
