"""What an import says now in place of what an earlier import of the same source said."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from herdbook.model.drafts import Drafts
from herdbook.model.identifiers import Identifier
from herdbook.model.imports import Delivery
from herdbook.model.statements import Said, StatementEntry, Subject
from herdbook.ports.registry import Registry
from herdbook.service.import_holdings import SOURCE
from herdbook.service.import_versions import Making

_LIMIT = 1000
_SAME = {
    "herdbook/identity/1": ("id", "path", "first", "source"),
    "herdbook/origin/1": ("source", "path"),
    "herdbook/note/1": ("title",),
    "herdbook/release/1": ("source",),
}
"""Which fields tell that a statement takes the place of an earlier one: a range of tags that ended, say."""


class Succession:
    """Looks up what was said before of versions that are here, and what the new statements take the place of."""

    def __init__(self, registry: Registry, drafts: Drafts, making: Making, before: StatementEntry | None) -> None:
        self._registry = registry
        self._namespace = drafts.namespace
        self._entries = {made.record: made.entry for made in making if made.entry is not None} if before else {}
        self._told: dict[str, list[StatementEntry]] = {}

    def delivery(self, delivery: Delivery, source: Said | None) -> Delivery:
        """Return the delivery with what each statement supersedes; what was said already is left out."""
        told = (source, *(self._succeeding(said) for said in delivery.statements))
        statements = [said for said in told if said is not None]
        return delivery.model_copy(update={"statements": tuple(statements)})

    def _succeeding(self, said: Said) -> Said | None:
        subject = said.subject[0]
        entry = self._entries.get(subject.record or "")
        if said.type != "herdbook/release/1" and (entry is None or len(said.subject) > 1):
            return said
        told = self._all(str(subject.id) if entry is None else entry.reference)
        before = [item for item in told if item.statement.type == said.type]
        if any(_equal(item, said) and not item.withdrawn_by for item in before):
            return None  # also when somebody put something else in its place since
        fields = _SAME.get(said.type, ())
        old = [
            item.digest
            for item in before
            # What an import says has evidence; what a person wrote beside it stays.
            if fields and item.current and item.statement.evidence and _alike(item, said, fields)
        ]
        return said.model_copy(update={"supersedes": tuple(old)}) if old else said

    def _all(self, subject: str) -> list[StatementEntry]:
        """Return all that this namespace said of something, also what is no longer current."""
        if subject not in self._told:
            page = self._registry.statements.list(subject, every=True, limit=_LIMIT)
            self._told[subject] = [entry for entry in page.items if entry.namespace == self._namespace]
        return self._told[subject]


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
