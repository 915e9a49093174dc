"""The noun ``identities``: what other systems call versions and their files, in which range of tags."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from herdbook.kernel.errors import MissingError
from herdbook.model.base import Json
from herdbook.model.files import File
from herdbook.model.identifiers import Identifier
from herdbook.model.identities import IdentityEntry
from herdbook.model.query import And, Expression, Is, Order, fold_value
from herdbook.model.rows import StatementRow, VersionRow
from herdbook.model.statements import Statement
from herdbook.model.versions import Entry
from herdbook.ports.catalogue import Reader
from herdbook.service import bodies, currency, references, tag_orders
from herdbook.service.context import Context
from herdbook.service.entries import entries
from herdbook.service.tag_orders import TagOrder, TagOrders

IDENTITY = "herdbook/identity/1"
AT_ONCE = 500
"""Versions that are looked at together."""


@dataclass(frozen=True)
class Found:
    """An identity, and the order of its source's tags."""

    entry: IdentityEntry
    order: TagOrder

    def holds(self, tag: str) -> bool:
        """Say whether the identity's range has a tag."""
        return self.order.holds(self.entry.first, self.entry.last, tag)

    def with_tags(self) -> IdentityEntry:
        """Return the identity with the tags of its range."""
        span = self.order.span(self.entry.first, self.entry.last)
        return self.entry.model_copy(update={"tags": self.order.tags[slice(*span)] if span else ()})

    @property
    def age(self) -> tuple[str, int, str, str, str]:
        """Orders identities: of one source the oldest tag first, those of unknown age last."""
        entry, span = self.entry, self.order.span(self.entry.first, self.entry.last)
        return entry.source or "", span[0] if span else 2**62, entry.first or "", entry.id, entry.reference


class Identities:
    """Foreign identities, as the façade gives them."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def find(self, identifier: str, *, tag: str = "") -> list[IdentityEntry]:
        """Return all that ``scheme:value`` led to, oldest tag first; ``tag`` narrows to what it led to in that one.

        Raises:
            InvalidError: when it is no identifier.
            MissingError: when no source of it has that tag, with tags that are near.
        """
        wanted = Identifier.parse(identifier).json_object()
        with self._context.catalogue.read() as tx:
            query = Is("id", (fold_value(str(wanted["value"])),))
            found = list(named(tx, query, lambda body: body["id"] == wanted))
        if tag and found:
            _check_tag(tag, found)
            found = [each for each in found if each.holds(tag)]
        return [each.with_tags() for each in sorted(found, key=lambda each: each.age)]

    def of(self, reference: str) -> list[IdentityEntry]:
        """Return what a version, and its files, are called elsewhere."""
        with self._context.catalogue.read() as tx:
            return [each.with_tags() for each in of_version(tx, reference)]


def _check_tag(tag: str, found: Sequence[Found]) -> None:
    if any(tag in each.order.places or tag in {each.entry.first, each.entry.last} for each in found):
        return
    near = tag_orders.near(tag, list({id(each.order): each.order for each in found}.values()))
    raise MissingError(
        f"no source of {found[0].entry.id} has a tag {tag!r}",
        code="no-tag",
        hint="Did you mean " + " or ".join(near) + "?" if near else "The order of its tags is not known here.",
    )


def of_version(tx: Reader, reference: str) -> list[Found]:
    """Return what a version, and its files, are called elsewhere, oldest tag first."""
    entry = references.resolve(tx, reference)
    found = _of_entries(tx, TagOrders(tx), [entry], lambda _: True)
    return sorted(found, key=lambda each: each.age)


def named(tx: Reader, query: Expression, wanted: Callable[[Json], bool]) -> Iterator[Found]:
    """Yield the identities whose body is wanted, of versions that match; the index finds them, no table is read."""
    orders = TagOrders(tx)
    query = And((Is("says", ("identity",)), query))
    after = ""
    while hits := tx.search(query, Order.OLDEST, after, AT_ONCE):
        rows: Iterable[VersionRow] = tx.items(item for item, _ in hits).values()
        yield from _of_entries(tx, orders, entries(tx, list(rows)), wanted)
        after = hits[-1][1]


def _of_entries(
    tx: Reader, orders: TagOrders, found: Sequence[Entry], wanted: Callable[[Json], bool]
) -> Iterator[Found]:
    subjects = {key for entry in found for key in _keys(entry)}
    told: dict[tuple[str, str], dict[str, StatementRow]] = {}
    for row in currency.current(tx, tx.statements(subjects, IDENTITY)):
        told.setdefault((row.subject_kind, row.subject), {}).setdefault(row.digest, row)
    values = bodies.load(tx, {digest for rows in told.values() for digest in rows})
    for entry in found:
        for digest, row in {d: r for key in _keys(entry) for d, r in told.get(key, {}).items()}.items():
            value = values.get(digest)
            if isinstance(value, Statement) and wanted(value.body):
                yield Found(_entry(entry, row, value), orders.of(row.namespace, value.body.get("source")))


def _keys(entry: Entry) -> list[tuple[str, str]]:
    records = [record for record in (entry.record, entry.resolved_by) if record]
    return [*(("record", record) for record in records), *(("file", file.digest) for file in entry.version.files)]


def _entry(entry: Entry, row: StatementRow, statement: Statement) -> IdentityEntry:
    body = statement.body
    file = _file(entry, row, body.get("path"))
    return IdentityEntry(
        id=str(Identifier.read(body["id"])),
        reference=entry.reference,
        record=entry.record,
        path=file.path if file else body.get("path"),
        digest=file.digest if file else None,
        size=file.size if file else None,
        source=body.get("source"),
        first=body.get("first"),
        last=body.get("last"),
        statement=row.digest,
        where=where(statement),
    )


def _file(entry: Entry, row: StatementRow, path: str | None) -> File | None:
    if row.subject_kind == "file":
        return next((file for file in entry.version.files if file.digest == row.subject), None)
    return entry.version.file(path) if path else None


def where(statement: Statement) -> str | None:
    """Return where a statement was found: the evidence of the whole, or else the first that says."""
    told = statement.evidence or {}
    return next((item.where for _, item in sorted(told.items()) if item.where), None)
