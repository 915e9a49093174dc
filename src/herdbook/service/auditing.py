"""Auditing: how complete what is known of a version is, and how far it could be trained again.

Everything is worked out from records, each time anew. A statement that claims a level proves nothing and is not read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC

from herdbook.kernel import times
from herdbook.kernel.errors import HerdbookError
from herdbook.kernel.names import namespace_of
from herdbook.model.audits import Audit, Audited, Item, Level, Score, Scored
from herdbook.model.statements import Said, Subject
from herdbook.ports.registry import Registry
from herdbook.service import auditing_levels, checklist
from herdbook.service.auditing_evidence import Evidence
from herdbook.service.auditing_gathering import Gatherer

TYPE = "herdbook/audit/1"
PAGE = 200
_REMEMBERED = 10_000
_DEPTH = 20


class Auditor:
    """Audits versions of one registry; what they share is looked up once.

    Args:
        registry: the registry, embedded or remote.
        clock: gives the time, as records write it.
    """

    def __init__(self, registry: Registry, *, clock: Callable[[], str] = times.now) -> None:
        self.registry = registry
        self._clock = clock
        self._gatherer = Gatherer(registry, self._level)
        self._demands: dict[str, checklist.Demands] = {}
        self._waivers: dict[str, dict[str, str]] = {}
        self._as_of: dict[str, int] = {}
        self._levels: dict[str, int | None] = {}
        self._depth = 0

    def audit(self, reference: str, *, verify: bool = False) -> Audited:
        """Return the audit of a version.

        Args:
            reference: as everywhere.
            verify: read its files again, and compare.

        Raises:
            MissingError: when there is no such version.
        """
        return self.score(self.evidence(reference, verify=verify))

    def evidence(self, reference: str, *, verify: bool = False) -> Evidence:
        """Return what an audit of a version would look at."""
        now = times.read(self._clock()).replace(tzinfo=UTC)
        return self._gatherer.gather(reference, now, verify=verify)

    def score(self, evidence: Evidence) -> Audited:
        """Return the audit that evidence gives."""
        entry = evidence.dossier.entry
        namespace = namespace_of(entry.model)
        demands = self._demanded(namespace)
        items = (*checklist.core().items, *demands.items)
        waivers = checklist.waivers(evidence.dossier, [self._waivers[namespace]])
        scores = {item.id: checklist.score(item, evidence, waivers) for item in items}
        level, held_back = auditing_levels.level(scores, evidence, {item.id: item.title for item in items})
        audit = Audit(
            checklist=checklist.core().version,
            extended=demands.digest,
            done=evidence.at,
            as_of=self._as_of[namespace],
            level=level,
            held_back=held_back,
            profile=auditing_levels.profile(items, scores),
            medal=auditing_levels.medal(items, scores, level),
            items=tuple(_scored(item, scores[item.id], evidence) for item in items),
            below=_below(demands, scores, level),
        )
        return Audited(reference=entry.reference, record=entry.record, audit=audit)

    def newest(self, namespace: str) -> Iterator[Audited]:
        """Yield audits of the newest version of each model of a namespace (or below any prefix), by name.

        A model without a version is passed over. Memory does not grow with their number.
        """
        yield from map(self.audit, newest(self.registry, namespace))

    def freeze(self, audited: Audited) -> Audited:
        """Write an audit down as a statement, in place of an earlier one of the same issuer."""
        namespace = namespace_of(audited.reference.partition(":")[0].partition("@")[0])
        told = self.registry.statements.about([audited.record])[audited.record]
        mine = self.registry.principal.id
        old = [
            entry.digest
            for entry in told
            if entry.current and entry.statement.type == TYPE and entry.statement.issuer == mine
        ]
        said = Said(
            type=TYPE,
            subject=(Subject(record=audited.record),),
            body=audited.audit.json_object(),
            supersedes=tuple(old) or None,
        )
        entry = self.registry.statements.add(namespace, [said])[0]
        return audited.model_copy(update={"statement": entry.digest})

    def _demanded(self, namespace: str) -> checklist.Demands:
        if namespace not in self._demands:
            self._as_of[namespace] = self.registry.journal.checkpoint(namespace).seq
            self._waivers[namespace] = checklist.general_waivers(self.registry, namespace)
            self._demands[namespace] = checklist.demands(self.registry, namespace)
        return self._demands[namespace]

    def _level(self, reference: str) -> int | None:
        """Return the level of a parent; one that descends from itself, or from too far, has none."""
        if reference in self._levels:
            return self._levels[reference]
        if self._depth >= _DEPTH:
            return None
        self._levels[reference] = None
        self._depth += 1
        try:
            found: int | None = self.audit(reference).audit.level
        except HerdbookError:
            found = None
        finally:
            self._depth -= 1
        if len(self._levels) > _REMEMBERED:
            self._levels.clear()
        self._levels[reference] = found
        return found


def audit(registry: Registry, reference: str, *, verify: bool = False) -> Audited:
    """Return the audit of one version; see ``Auditor``."""
    return Auditor(registry).audit(reference, verify=verify)


def newest(registry: Registry, prefix: str) -> Iterator[str]:
    """Yield models below a namespace or a prefix, by name: those that have a version and did not move."""
    cursor: str | None = None
    while True:
        page = registry.models.list(prefix, cursor=cursor, limit=PAGE)
        for model in page.items:
            if model.versions and model.state != "moved" and _below_prefix(model.name, prefix):
                yield model.name
        cursor = page.cursor
        if cursor is None:
            return


def _scored(item: Item, score: Score, evidence: Evidence) -> Scored:
    had = auditing_levels.value(score)
    return Scored(
        item=item.id,
        title=item.title,
        category=item.category,
        weight=item.weight,
        gate=item.gate,
        score=score,
        supply=checklist.supply(item, evidence, score) if score.score is not None and had < item.highest else "",
    )


def _below(demands: checklist.Demands, scores: dict[str, Score], level: Level) -> tuple[str, ...]:
    found = []
    for name, least in sorted(demands.minima.items()):
        had = int(level) if name == "level" else auditing_levels.value(scores[name]) if name in scores else 0
        if had < least:
            found.append(f"{name} is {had}, and {least} is demanded")
    return tuple(found)


def _below_prefix(name: str, prefix: str) -> bool:
    return not prefix or name == prefix or name.startswith(prefix.rstrip("/") + "/")
