"""What an import says now in place of what an earlier import of the same source said."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from herdbook.kernel import canonical
from herdbook.model.drafts import Drafts, DraftSaid
from herdbook.model.identifiers import Identifier
from herdbook.model.imports import Delivery
from herdbook.model.statements import Said, StatementEntry, Subject
from herdbook.model.versions import Entry
from herdbook.ports.registry import Registry
from herdbook.service.import_holdings import SOURCE, Holdings, Set, from_source, search
from herdbook.service.import_pointers import value_at
from herdbook.service.import_versions import Making

_LIMIT = 1000
_IDENTITY = "herdbook/identity/1"
_CUT = frozenset(
    {"shallow", "prerequisite", "ref-absent", "pack-broken", "commit-absent", "commit-broken", "tree-broken"}
)
"""Findings that say that not the whole history was there: what a source does not say then, it may say elsewhere."""
_SAME = {
    "herdbook/identity/1": ("id", "path", "first", "source"),
    "herdbook/origin/1": ("source", "path"),
    "herdbook/note/1": ("title",),
    "herdbook/release/1": ("source",),
}
"""Which fields tell that a statement takes the place of an earlier one: a range of tags that ended, say."""


class Succession:
    """Looks up what was said before of versions that are here, and what the new statements take the place of."""

    def __init__(
        self, registry: Registry, drafts: Drafts, making: Making, holdings: Holdings, before: StatementEntry | None
    ) -> None:
        self._registry = registry
        self._drafts = drafts
        self._namespace = drafts.namespace
        self._making = making
        self._holdings = holdings
        self._before = before
        self._entries = {made.record: made.entry for made in making if made.entry is not None} if before else {}
        self._told: dict[str, list[StatementEntry]] = {}
        self._versions: dict[str, list[StatementEntry]] = {}

    def delivery(self, delivery: Delivery, source: Said | None) -> Delivery:
        """Return the delivery with what each statement supersedes; what was said already is left out."""
        told = (source, *(self._succeeding(said) for said in delivery.statements))
        statements = [said for said in told if said is not None]
        statements += self._ended({old for said in statements for old in said.supersedes or ()})
        return delivery.model_copy(update={"statements": tuple(statements)})

    def erased(self) -> dict[str, str]:
        """Return actors without a name here, by the key under which drafts name them: who was erased stays so."""
        if not self._entries:
            return {}
        named = {person.id for person in self._registry.people.list()}
        found: dict[str, str] = {}
        for draft in self._drafts.versions:
            made = self._making.made.get(draft.key)
            for told in draft.said if made and made.entry else ():
                if made and made.entry and not found.keys() >= set(told.people.values()):
                    found |= {key: actor for key, actor in self._people(told, made.entry) if actor not in named}
        return found

    def _people(self, told: DraftSaid, entry: Entry) -> Iterator[tuple[str, str]]:
        """Yield keys, and the actors that stand in the same place of what was said before."""
        fields = _SAME.get(told.type, ())
        for item in self._of(entry):
            said = item.statement
            if said.type == told.type and item.current and all(said.body.get(n) == told.body.get(n) for n in fields):
                for pointer, key in told.people.items():
                    if actor := value_at(said.body, pointer):
                        yield key, actor

    def _succeeding(self, said: Said) -> Said | None:
        subject = said.subject[0]
        entry = self._entries.get(subject.record or "")
        if said.type != "herdbook/release/1" and (entry is None or len(said.subject) > 1):
            return said
        told = self._all(str(subject.id)) if entry is None else self._of(entry)
        before = [item for item in told if item.statement.type == said.type]
        undone = {item.digest for item in before if item.withdrawn_by}
        same = [item for item in before if _equal(item, said) and not item.withdrawn_by]
        same = [item for item in same if item.current or not undone >= set(item.superseded_by)]
        if any(item.current for item in same):
            return None
        fields = _SAME.get(said.type, ())
        old = [
            item.digest
            for item in before
            # What an import says has evidence; what a person wrote beside it stays.
            if fields and item.current and item.statement.evidence and _alike(item, said, fields)
        ]
        if same and not old:
            return None  # somebody put something else in its place since
        return said.model_copy(update={"supersedes": tuple(old)}) if old else said

    def _all(self, subject: str) -> list[StatementEntry]:
        """Return all that this namespace said of something, also what is no longer current."""
        if subject not in self._told:
            found = _pages(self._registry, subject)
            self._told[subject] = [entry for entry in found if entry.namespace == self._namespace]
        return self._told[subject]

    def _of(self, entry: Entry) -> list[StatementEntry]:
        """Return the same of a version; of all that may be asked for at once, when the first is."""
        if not self._versions:
            every = [*self._entries.values(), *self._imported(), entry]
            records = sorted({record for each in every for record in (each.record, each.resolved_by) if record})
            for start in range(0, len(records), _LIMIT):
                told = self._registry.statements.about(records[start : start + _LIMIT])
                self._versions |= {
                    record: [item for item in items if item.namespace == self._namespace]
                    for record, items in told.items()
                }
        both = (entry.record, entry.resolved_by)
        return list({item.digest: item for record in both if record for item in self._versions[record]}.values())

    def _ended(self, superseded: set[str]) -> Iterator[Said]:
        """Yield what withdraws identities that the source told and tells no more: a tag was moved, or deleted."""
        if self._before is None or self._another() or any(item.code in _CUT for item in self._drafts.findings):
            return
        now: dict[Set, set[bytes]] = {}
        for draft in self._drafts.versions:  # also those that the plan leaves out
            told = {canonical.dumps(said.body) for said in draft.said if said.type == _IDENTITY}
            now.setdefault(self._holdings.drafted(draft), set()).update(told)
        gone: dict[str, None] = {}
        for entry in self._imported():
            bodies = now.get(self._holdings.registered(entry.version), set())
            for item in self._of(entry):
                said, body = item.statement, item.statement.body
                mine = said.type == _IDENTITY and said.evidence and body.get("source") == self._called
                if mine and item.current and item.digest not in superseded and canonical.dumps(body) not in bodies:
                    gone[item.digest] = None
        for start in range(0, len(gone), _LIMIT):
            subjects = tuple(Subject(statement=digest) for digest in list(gone)[start : start + _LIMIT])
            yield Said(type="herdbook/withdrawal/1", subject=subjects, body={"reason": "the source tells so no more"})

    @property
    def _called(self) -> str:
        """What identities call the source."""
        return self._drafts.package or self._drafts.source.name

    def _another(self) -> bool:
        """Say whether another source tells of this package, too: then each tells only a part."""
        assert self._before is not None
        mine = self._drafts.source.name
        return any(
            entry.current and entry.statement.type == SOURCE and entry.statement.body.get("name") != mine
            for entry in self._all(f"source:{self._called}")
        )

    def _imported(self) -> Iterable[Entry]:
        """Return the versions here that may have identities of this source, also those that it no longer has."""
        found = {entry.reference: entry for listed in self._holdings.entries.values() for entry in listed}
        if self._holdings.models.keys() - self._holdings.entries.keys():
            query = from_source(self._namespace, self._called)
            found |= {entry.reference: entry for entry in search(self._registry, query)}
        return found.values()


def _pages(registry: Registry, subject: str) -> Iterator[StatementEntry]:
    cursor = None
    while True:
        page = registry.statements.list(subject, every=True, cursor=cursor, limit=_LIMIT)
        yield from page.items
        if (cursor := page.cursor) is None:
            return


def _equal(entry: StatementEntry, said: Said) -> bool:
    told = entry.statement
    return told.body == said.body and (told.evidence or None) == (said.evidence or None)


def _alike(entry: StatementEntry, said: Said, fields: tuple[str, ...]) -> bool:
    return all(entry.statement.body.get(field) == said.body.get(field) for field in fields)


def source_said(
    drafts: Drafts, rules: str, before: Mapping[str, Any] | None, supersedes: tuple[str, ...]
) -> Said | None:
    """Return the statement of this import, ``None`` when the one before says the same."""
    source = drafts.source
    told = {
        "kind": source.kind,
        "name": source.name,
        "state": source.state,
        "head": source.head,
        "rules": rules,
        "package": drafts.package or None,
        "tags": list(drafts.tags) or None,
    }
    body = {key: value for key, value in told.items() if value is not None}
    if before == body:
        return None
    names = dict.fromkeys(name for name in (source.name, drafts.package) if name)
    subjects = tuple(Subject(id=Identifier(scheme="source", value=name)) for name in names)
    return Said(type=SOURCE, subject=subjects, body=body, supersedes=supersedes or None)
