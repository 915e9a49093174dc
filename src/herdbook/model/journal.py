"""The journal: events, their operations, checkpoints, and the digest of a state."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Field

from herdbook.kernel import names
from herdbook.model.base import Int, Record, Sha256, Text, Time, Value
from herdbook.model.principals import Principal, RegistryId
from herdbook.model.versions import ModelName

MAX_OPS = 10**5
MAX_BYTES = 32 * 2**20
MAX_CLOCK_BEHIND_S = 24 * 3600

Namespace = Annotated[Text, AfterValidator(names.check_namespace)]
Pointer = Annotated[Text, Field(pattern=r"^(?:label:[^:]+:[^:]+|alias:[^@]+@[^@]+|profile:[^:@]+)$")]


class Genesis(Value):
    """Begins a journal."""

    op: Literal["genesis"] = "genesis"
    namespace: Namespace
    home: RegistryId
    salt: Text


class RecordOp(Value):
    """A version, dataset or activity is known here."""

    op: Literal["record"] = "record"
    digest: Sha256


class StatementOp(Value):
    """A statement is made here."""

    op: Literal["statement"] = "statement"
    digest: Sha256


class VersionOp(Value):
    """A record becomes the version of a model with this ordinal."""

    op: Literal["version"] = "version"
    model: ModelName
    ordinal: Annotated[Int, Field(ge=1)]
    record: Sha256


class PointOp(Value):
    """A pointer moves; without ``to`` it is cleared."""

    model_config = ConfigDict(populate_by_name=True)
    op: Literal["point"] = "point"
    pointer: Pointer
    from_: Sha256 | None = Field(None, alias="from")
    to: Sha256 | None = None
    reason: Sha256 | None = None


class PurgeOp(Value):
    """A body or blob is dropped for this namespace."""

    op: Literal["purge"] = "purge"
    digest: Sha256
    reason: Sha256 | None = None


class UnpurgeOp(Value):
    """A purged digest may be registered again."""

    op: Literal["unpurge"] = "unpurge"
    digest: Sha256
    reason: Sha256 | None = None


class BatchOp(Value):
    """First in an event: joins events of one import or adoption."""

    op: Literal["batch"] = "batch"
    id: Annotated[Text, Field(pattern="^[0-9a-f]{32}$")]
    part: Annotated[Int, Field(ge=1)]
    of: Annotated[Int, Field(ge=1)]


Op = Annotated[
    Genesis | RecordOp | StatementOp | VersionOp | PointOp | PurgeOp | UnpurgeOp | BatchOp, Field(discriminator="op")
]


class Event(Record):
    """One transaction: an ordered list of operations."""

    schema_: Literal["herdbook/event/1"] = Field("herdbook/event/1", alias="schema")
    journal: Sha256 | None = None
    seq: Annotated[Int, Field(ge=1)]
    prev: Sha256 | None = None
    time: Time
    principal: Principal
    ops: Annotated[tuple[Op, ...], Field(min_length=1)]


class Checkpoint(Value):
    """(journal, sequence, head), to be kept elsewhere: with it a cut tail shows."""

    namespace: Namespace
    journal: Sha256
    seq: Int
    head: Sha256

    def __str__(self) -> str:
        return f"{self.journal}:{self.seq}:{self.head}"


class EventEntry(Value):
    """An event and its digest."""

    namespace: Text
    digest: Sha256
    event: Event


class State:
    """The state of a namespace: what its journal has said so far, as the lines whose digest tells copies apart."""

    def __init__(self) -> None:
        self._lines: set[str] = set()
        self._pointers: dict[str, tuple[str, int]] = {}
        self._purged: set[str] = set()

    def apply(self, seq: int, ops: Iterable[Any]) -> None:
        """Take in the operations of one event."""
        for op in ops:
            match op:
                case RecordOp() | StatementOp():
                    self._lines.add(f"{op.op} {op.digest}")
                case VersionOp():
                    self._lines.add(f"version {op.model} {op.ordinal} {op.record}")
                case PointOp():
                    self._pointers[op.pointer] = (op.to or "-", seq)
                case PurgeOp():
                    self._purged.add(op.digest)
                case UnpurgeOp():
                    self._purged.discard(op.digest)
                case _:
                    pass

    def assume(self, pointers: Mapping[str, tuple[str, int]]) -> None:
        """Take over where pointers lead, as ``at`` returns it."""
        self._pointers.update(pointers)

    def knows(self, op: str, digest: str) -> bool:
        """Say whether an operation ``record`` or ``statement`` told this digest."""
        return f"{op} {digest}" in self._lines

    def at(self, pointer: str) -> tuple[str, int]:
        """Return where a pointer leads (``-``: nowhere) and the sequence of its last move (0: it never moved)."""
        return self._pointers.get(pointer, ("-", 0))

    @property
    def purged(self) -> frozenset[str]:
        """What is purged now."""
        return frozenset(self._purged)

    def lines(self) -> list[str]:
        """Return the sorted lines, without line feeds."""
        points = {f"point {pointer} {to} {seq}" for pointer, (to, seq) in self._pointers.items()}
        return sorted(self._lines | points | {f"purge {digest}" for digest in self._purged})

    def digest(self) -> str:
        """Return the state digest."""
        return digest_lines(self.lines())


def digest_lines(lines: Iterable[str]) -> str:
    """Return the state digest of sorted lines, each ended by a line feed."""
    total = hashlib.sha256()
    for line in lines:
        total.update(line.encode() + b"\n")
    return "sha256:" + total.hexdigest()
