"""What the target has already of what would be adopted, so that a second adoption writes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from herdbook.kernel.errors import MissingError
from herdbook.model.activities import Activity
from herdbook.model.datasets import Dataset
from herdbook.model.statements import Said, StatementEntry
from herdbook.model.versions import Version
from herdbook.ports.registry import Registry
from herdbook.service import sameness
from herdbook.service.adopt_gather import Gathered

TOGETHER = 500
PAGE = 500
NOBODY = "actor:" + "0" * 32
EPOCH = "1970-01-01T00:00:00Z"


@dataclass
class Here:
    """What is there; ``namespace`` says whether there is such a journal at all."""

    namespace: bool = False
    profiled: set[str] = field(default_factory=set)
    records: set[str] = field(default_factory=set)
    _said: set[bytes] = field(default_factory=set)

    def add(self, entries: Iterable[StatementEntry], namespace: str) -> None:
        """Take note of what is currently said in a namespace."""
        current = (entry for entry in entries if entry.current and entry.namespace == namespace)
        self._said.update(sameness.content(entry.statement) for entry in current)

    def says(self, said: Said) -> bool:
        """Say whether the same is said, by whomever, whenever and on whatever evidence."""
        return sameness.content(said.issue(NOBODY, EPOCH)) in self._said


def look(target: Registry, namespace: str, found: Gathered, models: Iterable[str]) -> Here:
    """Look up what a namespace of the target has of what was gathered."""
    here = Here(namespace=any(head.namespace == namespace for head in target.namespaces.list()))
    if not here.namespace:
        here.records = _known_versions(target, found)
        return here
    subjects = [subject for told in found.said.values() for said in told for subject in said.subject]
    records = sorted({subject.record for subject in subjects if subject.record})
    for start in range(0, len(records), TOGETHER):
        for entries in target.statements.about(records[start : start + TOGETHER]).values():
            here.add(entries, namespace)
    for subject in sorted({subject.name or subject.file or "" for subject in subjects} - {""}):
        here.add(_about(target, subject), namespace)
    for model in models:
        try:
            if target.models.get(model).profile_digest is not None:
                here.profiled.add(model)
        except MissingError:
            continue
    here.records = _known(target, namespace, found)
    return here


def _about(target: Registry, subject: str) -> Iterator[StatementEntry]:
    cursor = None
    while True:
        try:
            page = target.statements.list(subject, cursor=cursor, limit=PAGE)
        except MissingError:
            return
        yield from page.items
        if (cursor := page.cursor) is None:
            return


def _bodies(target: Registry, found: Gathered) -> set[str]:
    wanted = sorted(found.records)
    return {
        digest
        for start in range(0, len(wanted), TOGETHER)
        for digest in target.journal.bodies(wanted[start : start + TOGETHER])
    }


def _known_versions(target: Registry, found: Gathered) -> set[str]:
    """Return records of versions that are known in whichever namespace: nothing more is needed of them."""
    return {digest for digest in _bodies(target, found) if isinstance(found.records[digest], Version)}


def _known(target: Registry, namespace: str, found: Gathered) -> set[str]:
    """Return records that need not be registered: versions known anywhere, others known in the namespace."""
    known = set()
    for digest in _bodies(target, found):
        value = found.records[digest]
        if (
            isinstance(value, Version)
            or (isinstance(value, Dataset) and namespace in target.datasets.get(digest).namespaces)
            or (isinstance(value, Activity) and namespace in target.activities.get(digest).namespaces)
        ):
            known.add(digest)
    return known
