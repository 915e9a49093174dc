"""Do the tables say what the journal says? Compared body by body with what replaying would write."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from herdbook.model.base import Json
from herdbook.model.rows import EdgeRow, FileRow, Projection
from herdbook.ports.catalogue import Reader
from herdbook.service.bodies import Body
from herdbook.service.chain import Chain
from herdbook.service.projection import project

Difference = tuple[str, str]
"""What differs, and where."""


@dataclass
class Told:
    """Some operations of a journal, with the sequence of each, and bodies by digest."""

    namespace: str
    ops: Sequence[tuple[int, object]]
    fresh: Mapping[str, int]
    values: Mapping[str, Body | Json]
    projection: Projection = field(init=False)

    def __post_init__(self) -> None:
        self.projection = project([op for _, op in self.ops], self.values)


def differences(tx: Reader, told: Told) -> Iterator[Difference]:
    """Yield what the tables have otherwise for these operations."""
    yield from _known(tx, told)
    yield from _versions(tx, told)
    yield from _files(tx, told.projection)
    yield from _edges(tx, told.projection)
    yield from _statements(tx, told)
    yield from _same(tx, told.projection)


def _known(tx: Reader, told: Told) -> Iterator[Difference]:
    places = tx.known(told.fresh)
    for digest, seq in told.fresh.items():
        if (told.namespace, seq) not in places.get(digest, ()):
            yield "it is not known from that event on", f"{told.namespace} event {seq}: {digest}"


def _versions(tx: Reader, told: Told) -> Iterator[Difference]:
    placed = iter(told.projection.versions)
    seqs = {next(placed)[:2]: seq for seq, op in told.ops if getattr(op, "op", "") == "version"}
    rows = {(row.model, row.ordinal): row for row in tx.versions_with({item[2] for item in told.projection.versions})}
    for model, ordinal, record in told.projection.versions:
        row = rows.get((model, ordinal))
        if row is None or (row.record, row.namespace, row.seq) != (record, told.namespace, seqs[model, ordinal]):
            yield "the version is another one, or missing", f"{model}@{ordinal}"


def _files(tx: Reader, projection: Projection) -> Iterator[Difference]:
    wanted: dict[str, list[FileRow]] = defaultdict(list)
    for row in projection.files:
        wanted[row.record].append(row)
    found = tx.files(wanted)
    yield from (("its files differ", record) for record, rows in wanted.items() if found.get(record) != rows)


def _edges(tx: Reader, projection: Projection) -> Iterator[Difference]:
    wanted: dict[str, list[EdgeRow]] = defaultdict(list)
    for edge in projection.edges:
        wanted[edge.activity].append(edge)
    found: dict[str, list[EdgeRow]] = defaultdict(list)
    for edge in tx.edges(wanted):
        found[edge.activity].append(edge)
    yield from (("its inputs and outputs differ", digest) for digest, rows in wanted.items() if found[digest] != rows)


def _statements(tx: Reader, told: Told) -> Iterator[Difference]:
    subjects = {(kind, subject) for _, kind, subject in told.projection.subjects}
    rows = {
        (row.digest, row.type, row.issuer, row.subject_kind, row.subject)
        for row in tx.statements(subjects)
        if row.namespace == told.namespace
    }
    types = {digest: (type_, issuer) for digest, type_, issuer, _ in told.projection.statements}
    for digest, kind, subject in told.projection.subjects:
        if (digest, *types[digest], kind, subject) not in rows:
            yield f"it is not found by its subject {subject}", digest
    pairs = set(tx.superseded({old for _, old in told.projection.supersedes}))
    yield from (
        (f"it is not found as superseding {old}", new)
        for new, old in told.projection.supersedes
        if (new, old) not in pairs
    )


def _same(tx: Reader, projection: Projection) -> Iterator[Difference]:
    for found, wanted in (
        (tx.same_statement({row[3] for row in projection.statements}), projection.statements),
        (tx.same_activity({row[3] for row in projection.activities}), projection.activities),
    ):
        yield from (
            ("it is not found by what it says", row[0]) for row in wanted if row[0] not in found.get(row[3], ())
        )


def datasets(tx: Reader, wanted: set[tuple[str, str, str, str]]) -> Iterator[Difference]:
    """Yield datasets that the table has and no journal, or the other way round."""
    left = set(wanted)
    after = ""
    while rows := tx.datasets(after=after, limit=1000):
        yield from (("no journal has this dataset", row[0]) for row in rows if row not in wanted)
        left.difference_update(rows)
        after = rows[-1][0]
    yield from (("the dataset is not in its table", row[0]) for row in sorted(left))


def models(tx: Reader, chain: Chain) -> Iterator[Difference]:
    """Yield models whose numbers, or whose pointers' histories, are not the journal's."""
    after, seen = "", 0
    while rows := tx.models(after=after, limit=1000):
        last = tx.last_ordinals(row.name for row in rows)
        for row in rows:
            if row.namespace != chain.namespace:
                continue
            number = chain.ordinals.get(row.name, 0)
            seen += number > 0
            if not row.versions == number == last.get(row.name, 0):
                yield f"{row.versions} versions are counted, and the journal has {number}", row.name
        after = rows[-1].name
    if seen < len(chain.ordinals):
        yield f"{len(chain.ordinals) - seen} models with versions are missing", chain.namespace
    for pointer in sorted(chain.moved):
        moves = [move for move in tx.moves(pointer) if move.pointer == pointer]  # another may differ by case only
        joined = all(one.to == other.frm for one, other in pairwise(moves))
        if not moves or not joined or (moves[-1].to or "-", moves[-1].seq) != chain.state.at(pointer):
            yield "its moves are not the journal's", pointer


def states(wanted: Sequence[str], found: Iterator[str]) -> Iterator[Difference]:
    """Yield lines of the state that only the journal has, or only the tables; both are sorted."""
    here = next(found, None)
    for line in wanted:
        while here is not None and here < line:
            yield "the tables have this, and no event says it", here
            here = next(found, None)
        if here == line:
            here = next(found, None)
        else:
            yield "an event says this, and the tables do not have it", line
    while here is not None:
        yield "the tables have this, and no event says it", here
        here = next(found, None)
