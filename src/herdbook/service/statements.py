"""The noun ``statements``: making them, finding them, and who may supersede."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from herdbook.kernel import digests, names
from herdbook.kernel.errors import ConflictError, DeniedError, HerdbookError, InvalidError, MissingError
from herdbook.model.activities import Activity
from herdbook.model.datasets import Dataset
from herdbook.model.identifiers import Identifier
from herdbook.model.pages import Page
from herdbook.model.rows import StatementRow
from herdbook.model.statements import Said, Statement, StatementEntry
from herdbook.model.versions import Version
from herdbook.ports.catalogue import Reader, Writer
from herdbook.service import (
    bodies,
    currency,
    extensions,
    journal,
    licences,
    prefixes,
    quarantine,
    references,
    sameness,
)
from herdbook.service.context import Context
from herdbook.service.paging import check_limit, position

RESERVED = frozenset({"herdbook/resolves/1", "herdbook/profile/1", "herdbook/ext-schema/1"})
"""Kinds that are made by registering bytes, ``profile set`` and ``namespace schema``, with what belongs to them."""


def refuse_reserved(said: Said) -> None:
    """Refuse a kind that is not made by hand.

    Raises:
        InvalidError: when it is one.
    """
    if said.type in RESERVED:
        raise InvalidError(
            f"a {said.type} is not made by hand",
            code="reserved-kind",
            hint="Use `herdbook register`, `profile set`, or `namespace schema`.",
        )


def issue(context: Context, said: Iterable[Said]) -> list[Statement]:
    """Return statements of who acts, now where they do not say when."""
    now = context.clock()
    return [item.issue(context.principal.id, item.issued or now) for item in said]


def make(context: Context, tx: Writer, draft: journal.Draft, said: Iterable[Said]) -> list[Statement]:
    """Add statements to a draft; see ``add``."""
    issued = issue(context, said)
    return add(context, tx, draft, issued, sameness.of_issuer(tx, draft, issued))


def add(
    context: Context, tx: Writer, draft: journal.Draft, issued: list[Statement], same: Mapping[str, Statement]
) -> list[Statement]:
    """Add statements to a draft; one for which ``same`` has another, by its sameness, is answered with that one.

    What the journal has already and is current no more is said anew, now: its old telling would not count.
    """
    made: list[Statement] = []
    for statement in issued:
        _check(context, tx, draft, statement)
        here = draft.said.get(statement.sameness) or same.get(statement.sameness)
        if here is None and draft.knows(statement.digest):
            here = statement.model_copy(update={"issued": context.clock()})
        made.append(draft.said.setdefault(statement.sameness, here or statement))
        draft.statement(made[-1])
    return made


def _check(context: Context, tx: Reader, draft: journal.Draft, statement: Statement) -> None:
    licence = statement.body.get("licence") if statement.kind == "description" else None
    if licence is not None:
        licences.check(str(licence))
    entity = extensions.ENTITY_OF_TYPE.get(statement.type)
    if entity is not None:
        if entity == "version" and _about_dataset(tx, draft, statement):
            entity = "dataset"
        extensions.check(tx, context.blobs, entity, statement.body.get("ext"))
    if statement.type == "herdbook/contract/1":
        quarantine.check_contract(tx, draft, statement)
    for old in statement.supersedes or ():
        _check_supersedes(tx, draft, statement, old)


def _about_dataset(tx: Reader, draft: journal.Draft, statement: Statement) -> bool:
    records = [subject.record for subject in statement.subject if subject.record]
    return any(isinstance(value, Dataset) for value in bodies.load(tx, records, draft.values).values())


def _check_supersedes(tx: Reader, draft: journal.Draft, statement: Statement, old: str) -> None:
    places = tx.known([old]).get(old, [])
    value = bodies.load(tx, [old]).get(old)
    if not places or not isinstance(value, Statement):
        raise MissingError(
            f"the superseded statement {old} is not here", code="no-statement", hint="Look its digest up."
        )
    mine = value.issuer == statement.issuer or any(namespace == draft.namespace for namespace, _ in places)
    if not mine:
        raise DeniedError(
            f"{old} was issued by another, in another namespace",
            code="not-yours",
            hint="Only the issuer or the namespace of the subject supersedes; make a statement of your own beside it.",
        )
    if value.type != statement.type:
        raise ConflictError(f"a {statement.type} cannot supersede a {value.type}", code="other-kind")


class Statements:
    """Statements, as the façade gives them."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def add(self, namespace: str, statements: Sequence[Said]) -> list[StatementEntry]:
        """Make statements in one event."""
        for said in statements:
            refuse_reserved(said)
        with self._context.catalogue.write() as tx:
            draft = journal.draft_for(self._context, tx, namespace)
            check_subjects(tx, draft, statements)
            made = make(self._context, tx, draft, statements)
            draft.commit()
            places = tx.known([item.digest for item in made])
            return [_made(item, draft.namespace, places[item.digest]) for item in made]

    def get(self, digest: str) -> StatementEntry:
        """Return a statement by digest."""
        with self._context.catalogue.read() as tx:
            found = prefixes.whole(tx, digest, Statement)
            if found is None and prefixes.is_one(digest):
                raise MissingError(
                    f"no statement here begins with {digest}", code="no-statement", hint="Check the digest."
                )
            return read(tx, found or digests.check_sha256(digest))

    def about(self, records: Sequence[str]) -> dict[str, list[StatementEntry]]:
        """Return, by record, all statements about records."""
        found: dict[str, list[StatementEntry]] = {record: [] for record in records}
        with self._context.catalogue.read() as tx:
            rows = tx.statements([("record", digests.check_sha256(record)) for record in found])
            told = {(entry.namespace, entry.digest): entry for entry in entries(tx, _once(rows))}
        for row in rows:
            if (entry := told.get((row.namespace, row.digest))) is not None:
                found[row.subject].append(entry)
        return found

    def list(
        self, subject: str, *, kind: str = "", every: bool = False, cursor: str | None = None, limit: int = 50
    ) -> Page[StatementEntry]:
        """Return statements about something."""
        check_limit(limit)
        start = position(cursor)
        type_ = kind if "/" in kind else f"herdbook/{kind}/1" if kind else ""
        with self._context.catalogue.read() as tx:
            rows = _once(tx.statements(subject_keys(tx, subject), type_))
            found = entries(tx, rows)
        found = [entry for entry in found if every or entry.current]
        items = tuple(found[start : start + limit])
        more = start + limit < len(found)
        return Page(items=items, cursor=str(start + limit) if more else None, total=len(found))


def read(tx: Reader, digest: str) -> StatementEntry:
    """Return the statement with a digest.

    Raises:
        MissingError: when there is none.
    """
    found = bodies.load(tx, [digest]).get(digest)
    places = tx.known([digest]).get(digest, [])
    if not isinstance(found, Statement) or not places:
        raise MissingError(f"there is no statement {digest} here", code="no-statement", hint="Look its digest up.")
    row = StatementRow(digest, places[0][0], places[0][1], found.type, found.issuer, "", "")
    return entries(tx, [row])[0]


def _once(rows: Iterable[StatementRow]) -> list[StatementRow]:
    seen: dict[tuple[str, str], StatementRow] = {}
    for row in rows:
        seen.setdefault((row.namespace, row.digest), row)
    return list(seen.values())


def _made(statement: Statement, namespace: str, places: Sequence[tuple[str, int]]) -> StatementEntry:
    seq = next(first for name, first in places if name == namespace)
    return StatementEntry(digest=statement.digest, statement=statement, namespace=namespace, seq=seq)


def entries(tx: Reader, rows: Sequence[StatementRow], **given: Any) -> list[StatementEntry]:  # noqa: ANN401 - fields
    """Return the entries of statement rows, in their order; a body that is not here, or is unknown, is left out."""
    values = bodies.load(tx, (row.digest for row in rows))
    ended = currency.endings(tx, rows)
    return [
        StatementEntry(
            digest=row.digest,
            statement=value,
            namespace=row.namespace,
            seq=row.seq,
            superseded_by=ended[row.digest][0],
            withdrawn_by=ended[row.digest][1],
            **given,
        )
        for row in rows
        if isinstance(value := values.get(row.digest), Statement)
    ]


def subject_keys(tx: Reader, text: str) -> list[tuple[str, str]]:
    """Return the subjects that a person may mean: a digest, a reference, a model, a namespace, ``scheme:value``."""
    if digest := prefixes.whole(tx, text, Version, Dataset, Activity, Statement):
        return [(kind, digest) for kind in ("record", "file", "statement", "event")]
    if text.startswith(("git-sha1:", "md5:", "adler32:")):
        return [("file", digests.check(text))]
    if "/" not in text and ":" not in text and "@" not in text:
        return [("namespace", names.check_namespace(text))]
    try:
        bare = names.check_model(text)
    except InvalidError:
        bare = ""
    if bare:
        about = [("name", bare)]  # which may be spoken of before it is here
        return about if tx.model(bare) is None and tx.statements(about) else [("name", references.follow(tx, bare)[0])]
    try:
        entry = references.resolve(tx, text)
    except HerdbookError:
        if ":" in text and tx.model(text.partition(":")[0]) is None:
            name = Identifier.parse(text)
            told = tx.datasets(scheme=name.scheme, value=name.value, limit=20)
            return [("id", str(name)), *(("record", record) for record, *_ in told)]
        raise
    return [("record", digest) for digest in (entry.record, entry.resolved_by) if digest]


def check_subjects(tx: Reader, draft: journal.Draft, said: Sequence[Said]) -> None:
    """Check that what statements are about is here; names of the model's own namespace, files and ids may be anything.

    Raises:
        MissingError: when a record, statement or event is not.
    """
    about = [subject for item in said for subject in item.subject]
    named = {subject.record or subject.statement for subject in about}
    missing = {digest for digest in named if digest and not draft.knows(digest)}
    missing -= set(tx.known(missing)) if missing else set()
    missing |= {subject.event for subject in about if subject.event and tx.event(subject.event) is None}
    if missing:
        raise no_subject(min(missing))


def no_subject(digest: str) -> MissingError:
    """Return the error for a record that is named and not here."""
    return MissingError(
        f"nothing with the digest {digest} is here", code="no-subject", hint="Register it first, or check the digest."
    )
