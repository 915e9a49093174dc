"""The noun ``datasets``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from herdbook.kernel.errors import ConflictError, InvalidError, MissingError
from herdbook.model.datasets import Dataset, DatasetEntry
from herdbook.model.pages import Page
from herdbook.model.statements import Said, Statement, Subject
from herdbook.ports.catalogue import Reader
from herdbook.service import bodies, currency, entitlement, journal, links, prefixes
from herdbook.service import statements as statements_
from herdbook.service.context import Context
from herdbook.service.paging import after_digest, check_limit


class Datasets:
    """Datasets, as the façade gives them."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def register(self, namespace: str, dataset: Dataset, statements: Sequence[Said] = ()) -> DatasetEntry:
        """Make a dataset known in a namespace, with what is said with it."""
        with self._context.catalogue.write() as tx:
            entitlement.check_parts(self._context, tx, namespace, [dataset])
            draft = journal.draft_for(self._context, tx, namespace)
            draft.preload([dataset.digest])
            draft.record(dataset)
            statements_.check_subjects(tx, draft, statements)
            for said in statements:
                if not _resolves(tx, draft, dataset, said):
                    statements_.refuse_reserved(said)
            statements_.make(self._context, tx, draft, statements)
            draft.commit()
            return entries(tx, [dataset.digest])[0]

    def get(self, reference: str) -> DatasetEntry:
        """Return a dataset by record digest or ``scheme:value``."""
        with self._context.catalogue.read() as tx:
            found = links.standing(tx, find(tx, reference))
            if not found:
                raise MissingError(
                    f"there is no dataset {reference!r} here",
                    code="no-dataset",
                    hint="`herdbook dataset list` shows them.",
                )
            if len(found) > 1:
                raise ConflictError(
                    f"{reference!r} fits {len(found)} datasets",
                    code="ambiguous",
                    hint="Write one of: " + ", ".join(found),
                )
            return entries(tx, found)[0]

    def list(self, prefix: str = "", *, cursor: str | None = None, limit: int = 50) -> Page[DatasetEntry]:
        """Return datasets; ``prefix`` is ``scheme:begin``."""
        check_limit(limit)
        scheme, _, begin = prefix.partition(":")
        with self._context.catalogue.read() as tx:
            rows = tx.datasets(scheme=scheme, prefix=begin, after=after_digest(cursor), limit=limit + 1)
            items = entries(tx, [record for record, *_ in rows[:limit]])
        return Page(items=tuple(items), cursor=rows[limit - 1][0] if len(rows) > limit else None)


def _resolves(tx: Reader, draft: journal.Draft, dataset: Dataset, said: Said) -> bool:
    """Say whether this tells that a dataset known by the same name alone has these files; any number may be told."""
    if said.type != links.RESOLVES or len(said.subject) != 1 or said.body != {"by": dataset.digest}:
        return False
    old = said.subject[0].record
    known = bodies.load(tx, [old], draft.values).get(old) if old else None
    return (
        isinstance(known, Dataset) and (known.id, known.manifest) == (dataset.id, None) and dataset.manifest is not None
    )


def find(tx: Reader, reference: str) -> list[str]:
    """Return records of datasets that a reference means."""
    if digest := prefixes.whole(tx, reference, Dataset):
        return [digest] if isinstance(bodies.load(tx, [digest]).get(digest), Dataset) else []
    if prefixes.is_one(reference):
        return []
    scheme, colon, value = reference.partition(":")
    if not colon:
        raise InvalidError(
            f"{reference!r} is not a dataset", code="bad-identifier", hint="Write SCHEME:VALUE or a record's sha256."
        )
    return [record for record, *_ in tx.datasets(scheme=scheme, value=value, limit=20)]


def entries(tx: Reader, records: Iterable[str]) -> list[DatasetEntry]:
    """Return the entries of records, in their order."""
    records = list(records)
    values = bodies.load(tx, records)
    known = tx.known(records)
    told = currency.current(tx, tx.statements([("record", record) for record in records], "herdbook/description/1"))
    said = bodies.load(tx, (row.digest for row in told))
    titles = {
        row.subject: value.body.get("title") for row in told if isinstance(value := said.get(row.digest), Statement)
    }
    return [
        DatasetEntry(
            record=record,
            dataset=value,
            namespaces=tuple(sorted(name for name, _ in known.get(record, ()))),
            title=titles.get(record),
        )
        for record in records
        if isinstance(value := values.get(record), Dataset)
    ]


def about(dataset: Dataset, type_: str, body: dict[str, object]) -> Said:
    """Return a statement about a dataset."""
    return Said(type=type_, subject=(Subject(record=dataset.digest),), body=body)
