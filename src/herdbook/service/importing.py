"""Importing: a plan is applied through a registry's façade as one batch, and accounted for. Resumable, idempotent."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

from herdbook.kernel.errors import ConflictError
from herdbook.model.drafts import Drafts, Finding
from herdbook.model.imports import Delivery, Report
from herdbook.model.plans import Plan
from herdbook.model.rules import Rules
from herdbook.model.statements import Said, StatementEntry
from herdbook.ports.blobs import Progress
from herdbook.ports.importers import Source
from herdbook.ports.registry import Registry
from herdbook.service import import_account, import_bytes, import_versions, plan_items, plans
from herdbook.service.import_delivery import Builder
from herdbook.service.import_holdings import Holdings, known_at, named, told_sources
from herdbook.service.import_succession import Succession, source_said

Step = Callable[[str], None]
"""Called with what is begun now, in words."""

_EDITED = " plan "


def unchanged(registry: Registry, source: Source, rules: Rules, plan: Plan | None = None) -> Report | None:
    """Return a report when this state of the source was imported by these rules, and by the plan if one is given.

    Costs no reading of the source's history. ``None`` says that there may be something to do.
    """
    state = source.state()
    told = told_sources(registry, rules.namespace, state.kind, state.name)
    if not told or told[0].statement.body.get("state") != state.state:
        return None
    by, edited = told_rules(told[0])
    if by != plans.stamp(rules):
        return None
    if plan is not None and (plan.conflicts or plan.source.state != state.state):
        return None
    if plan is not None and plan_items.edits_digest(plan) != edited:
        return None
    if import_bytes.offers(registry, source, rules.namespace):
        return None
    return Report(source=state, namespace=rules.namespace, rules=by, outcome="unchanged")


def told_rules(told: StatementEntry | None) -> tuple[str, str]:
    """Return by which rules an import was made, and the digest of what was edited in its plan."""
    by, _, edited = str(told.statement.body.get("rules", "") if told else "").partition(_EDITED)
    return by, edited


def known(registry: Registry, drafts: Drafts, plan: Plan) -> set[str]:
    """Return the keys of versions of a plan that the registry has: what ``plans.table`` shows as known."""
    decided = {key: choice.model for key, choice in plan_items.chosen(plan).items()}
    holdings = Holdings.of(registry, plan.namespace, set(decided.values()), _wanted(drafts))
    return set(known_at(holdings, decided, drafts.versions))


def preview(registry: Registry, drafts: Drafts, plan: Plan) -> Report:
    """Return the report that applying a plan would give; nothing is written.

    Raises:
        ConflictError: as ``plans.check``.
        InvalidError: as ``plans.check``.
    """
    plans.check(plan, drafts)
    work = _Import(registry, drafts, plan)
    duplicates = work.duplicates()
    return work.report(work.delivery({}), duplicates)


def apply(
    registry: Registry,
    source: Source,
    drafts: Drafts,
    plan: Plan,
    *,
    progress: Progress | None = None,
    step: Step | None = None,
) -> Report:
    """Bring what a plan takes: bytes first, then one delivery, which becomes one batch: all of it or nothing.

    Run again after an interruption it brings what is missing; bytes that came are not read again.

    Raises:
        ConflictError: when the source moved since the plan was made, conflicts are left, or the plan is another's.
        InvalidError: when the plan says what cannot be.
        CorruptError: when the source gives other bytes than it names.
        UnavailableError: when there is no room; nothing is half-applied.
    """
    plans.check(plan, drafts)
    _check_still(source, plan)
    tell = step or (lambda _words: None)
    tell("looking at what is here")
    work = _Import(registry, drafts, plan)
    duplicates = work.duplicates()
    tell("bringing bytes")
    work.bring(source, progress)
    _check_still(source, plan)
    tell("writing")
    delivery = work.delivery(work.actors(), rules=_rules_told(plan))
    entry = registry.imports.record(plan.namespace, delivery)
    outcome = "applied" if entry.batch else "unchanged"
    return work.report(delivery, duplicates).model_copy(update={"outcome": outcome, "batch": entry.batch})


def _rules_told(plan: Plan) -> str:
    edited = plan_items.edits_digest(plan)
    return f"{plan.rules}{_EDITED}{edited}" if edited else plan.rules


def _check_still(source: Source, plan: Plan) -> None:
    state = source.state()
    plan_items.check_source(plan, state.kind, state.name, plan.namespace)
    if state.state != plan.source.state:
        raise ConflictError(
            f"{source.name} moved since the plan was made",
            code="source-moved",
            hint="Plan again; what you edited is kept.",
        )


def _wanted(drafts: Drafts) -> list[str]:
    found = {file.digest: None for version in drafts.versions for file in version.files}
    found |= {digest: None for activity in drafts.activities for digest in activity.blobs.values()}
    return list(found)


class _Import:
    """One import under way: what the registry has, what is made, what is sent."""

    def __init__(self, registry: Registry, drafts: Drafts, plan: Plan) -> None:
        self.registry = registry
        self.drafts = drafts
        self.plan = plan
        names = {choice.model for choice in plan_items.chosen(plan).values() if not choice.skip}
        self.holdings = Holdings.of(registry, plan.namespace, names, _wanted(drafts))
        self.making = import_versions.make(drafts, plan, self.holdings)
        self.builder = self._builder({})
        self.told = told_sources(registry, plan.namespace, drafts.source.kind, drafts.source.name)

    def _builder(self, actors: dict[str, str]) -> Builder:
        return Builder(self.drafts, self.plan, self.making, self.holdings, actors)

    def duplicates(self) -> set[str]:
        """Return digests whose bytes were here before, through versions that this plan does not make."""
        own = import_account.before(self.making, self.holdings)
        found = {blob.digest: self.holdings.contents.get(blob.digest) for blob in self.drafts.blobs}
        others = {digest: content.sha256 for digest, content in found.items() if content and content.sha256 not in own}
        held = named(self.registry, self.plan.namespace, sorted(set(others.values())))
        return {digest for digest, sha256 in others.items() if sha256 in held}

    def bring(self, source: Source, progress: Progress | None) -> None:
        """Put what is present in the source and not here yet; versions are then made of what is known now."""
        sizes = self._to_bring()
        if not sizes:
            return
        self.holdings.learn(import_bytes.bring(self.registry, source, sizes, progress=progress))
        self.making = import_versions.make(self.drafts, self.plan, self.holdings)

    def _to_bring(self) -> dict[str, int | None]:
        here = self.holdings.contents
        versions = (version for version in self.drafts.versions if version.key in self.making.made)
        files = (file for version in versions for file in version.files if file.present)
        sizes = {file.digest: file.size for file in files if file.digest not in here}
        absent = {blob.digest for blob in self.drafts.blobs if blob.fate == "absent"}
        for activity in self.drafts.activities:
            told = (digest for digest in activity.blobs.values() if digest not in here and digest not in absent)
            sizes |= {digest: None for digest in told if digest not in sizes}
        return sizes

    def actors(self) -> dict[str, str]:
        """Return the ids of the people that the drafts name."""
        people = {key: (person.name, person.email) for key, person in self.drafts.people.items()}
        erased = self.succession.erased()
        named_ = {key: pair for key, pair in people.items() if any(pair) and key not in erased}
        found = self.registry.people.identify(list(named_.values())) if named_ else []
        return {**erased, **{key: person.id for key, person in zip(named_, found, strict=True)}}

    @cached_property
    def succession(self) -> Succession:
        """What was said before; to be asked for when the bytes are there."""
        before = self.told[0] if self.told else None
        return Succession(self.registry, self.drafts, self.making, self.holdings, before)

    def delivery(self, actors: dict[str, str], *, rules: str = "") -> Delivery:
        """Return what is to be sent."""
        self.builder = self._builder(actors)
        delivery = self.succession.delivery(self.builder.delivery(), self._source_said(rules or self.plan.rules))
        return delivery.model_copy(update={"arrived": self._arrived()})

    def _source_said(self, rules: str) -> Said | None:
        body = self.told[0].statement.body if len(self.told) == 1 else None
        return source_said(self.drafts, rules, body, tuple(entry.digest for entry in self.told))

    def _other_plan(self) -> list[Finding]:
        """Return a finding when the last import was made by a plan that somebody had edited, and this one is not."""
        if not self.told or not told_rules(self.told[0])[1] or plan_items.edits(self.plan):
            return []
        message = "the last import was made by an edited plan, this one is not: what was renamed, or left out, is new"
        return [Finding(code="plan-not-edited", message=message)]

    def _arrived(self) -> tuple[str, ...]:
        """Return contents that came for versions which registering did not resolve."""
        waiting = (made.version for made in self.making if made.entry is not None and not made.version.resolved)
        found = {file.digest for version in waiting for file in version.files if not file.resolved}
        contents = {self.holdings.contents[digest].sha256 for digest in found if digest in self.holdings.contents}
        return tuple(sorted(contents))

    def report(self, delivery: Delivery, duplicates: set[str]) -> Report:
        """Return the account."""
        return import_account.report(
            self.drafts,
            self.plan,
            self.making,
            delivery,
            self.holdings,
            duplicates=duplicates,
            findings=[*self.builder.findings, *self._other_plan()],
        )
