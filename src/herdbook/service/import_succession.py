"""What an import says now in place of what an earlier import of the same source said."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from herdbook.model.drafts import Drafts
from herdbook.model.identifiers import Identifier
from herdbook.model.identities import IdentityEntry
from herdbook.model.imports import Delivery
from herdbook.model.statements import Said, StatementEntry, Subject
from herdbook.model.versions import Entry
from herdbook.ports.registry import Registry
from herdbook.service.import_holdings import SOURCE
from herdbook.service.import_versions import Making

_LIMIT = 1000


class Succession:
    """Looks up what is superseded, where the tags of the last import tell that there may be something."""

    def __init__(self, registry: Registry, drafts: Drafts, making: Making, before: StatementEntry | None) -> None:
        self._registry = registry
        self._drafts = drafts
        self._before = before
        self._entries = {made.record: made.entry for made in making if made.entry is not None}
        told = before.statement.body.get("tags", ()) if before else ()
        self._tags = frozenset(told)
        self._appended = drafts.tags[: len(told)] == tuple(told)
        self._identities: dict[str, dict[tuple[object, ...], list[IdentityEntry]]] = {}

    def delivery(self, delivery: Delivery, source: Said | None) -> Delivery:
        """Return the delivery with what each statement supersedes; what is there already is left out."""
        told = (source, *(self._succeeding(said) for said in delivery.statements))
        statements = [said for said in told if said is not None]
        return delivery.model_copy(update={"statements": tuple(statements)})

    def _succeeding(self, said: Said) -> Said | None:
        if said.type == "herdbook/release/1":
            return self._release(said)
        entry = self._entries.get(said.subject[0].record or "")
        if entry is None or self._before is None:
            return said
        if said.type == "herdbook/identity/1":
            return _superseding(said, self._identity(said, entry))
        if said.type == "herdbook/origin/1" and said.body.get("first") not in {None, *self._tags}:
            return _superseding(said, self._same(said, entry, ("source", "path")))
        if said.type == "herdbook/note/1" and said.subject[0].record not in {entry.record, entry.resolved_by}:
            return _superseding(said, self._same(said, entry, ("title",)))
        return said

    def _release(self, said: Said) -> Said | None:
        old = self._registry.statements.list(str(said.subject[0].id), kind="release", limit=_LIMIT).items
        mine = [entry for entry in old if self._ours(entry, said, ("source",))]
        if any(entry.statement.body == said.body for entry in mine):
            return None
        return _superseding(said, [entry.digest for entry in mine])

    def _identity(self, said: Said, entry: Entry) -> list[str]:
        """Return ranges that began where this one does and ended elsewhere, or not yet."""
        first, last = said.body.get("first"), said.body.get("last")
        if self._appended and (first not in self._tags or last is None or last in self._tags):
            return []
        if entry.reference not in self._identities:
            found: dict[tuple[object, ...], list[IdentityEntry]] = {}
            for told in self._registry.identities.of(entry.reference):
                found.setdefault((told.id, told.path, told.first, told.source), []).append(told)
            self._identities[entry.reference] = found
        name = str(Identifier.read(said.body["id"]))
        key = (name, said.body.get("path"), first, said.body.get("source"))
        return [told.statement for told in self._identities[entry.reference].get(key, ()) if told.last != last]

    def _same(self, said: Said, entry: Entry, fields: tuple[str, ...]) -> list[str]:
        kind = said.type.split("/")[1]
        old = self._registry.statements.list(entry.reference, kind=kind, limit=_LIMIT).items
        mine = [told for told in old if self._ours(told, said, fields)]
        return [told.digest for told in mine if told.statement.body != said.body]

    def _ours(self, entry: StatementEntry, said: Said, fields: Iterable[str]) -> bool:
        told = entry.statement
        same = all(told.body.get(field) == said.body.get(field) for field in fields)
        return same and told.type == said.type and entry.namespace == self._drafts.namespace


def _superseding(said: Said, old: list[str]) -> Said:
    return said.model_copy(update={"supersedes": tuple(dict.fromkeys(old))}) if old else said


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
