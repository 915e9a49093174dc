"""Plans of imports: made from drafts, edited by a person, merged three ways when the source moved on, checked."""

from __future__ import annotations

from collections.abc import Collection

from herdbook.kernel import canonical, digests
from herdbook.model.drafts import Drafts, DraftVersion
from herdbook.model.plans import Plan, PlanModel, PlanRow, PlanVersion, PlanWithdrawal
from herdbook.model.rules import Rules
from herdbook.service.plan_checking import check
from herdbook.service.plan_items import chosen, items, place, planned
from herdbook.service.plan_merging import merge

__all__ = ["check", "make", "merge", "stamp", "table"]


def stamp(rules: Rules) -> str:
    """Return what tells rules from others, as ``Drafts.rules`` has it: their name, and a digest of what they say."""
    return f"{rules.name} {digests.of(canonical.dumps(rules.json_object()))}"


def make(drafts: Drafts) -> Plan:
    """Return the plan that takes everything as it was drafted."""
    versions = tuple(_version(version) for version in drafts.versions)
    models = tuple(PlanModel(key=model.name, name=model.name) for model in drafts.models)
    withdrawals = tuple(
        PlanWithdrawal(key=item.key, versions=item.versions, replacement=item.replacement, reason=item.reason)
        for item in drafts.withdrawals
    )
    skipped = {path: blob.reason for blob in drafts.blobs if blob.fate == "skipped" for path in blob.paths}
    plan = Plan(
        source=drafts.source,
        rules=drafts.rules,
        namespace=drafts.namespace,
        models=models,
        versions=versions,
        withdrawals=withdrawals,
        skipped=dict(sorted(skipped.items())),
    )
    base = {place(section, item.key): planned(section, item) for section, item in items(plan)}
    return plan.model_copy(update={"base": base})


def _version(version: DraftVersion) -> PlanVersion:
    tags = " … ".join(dict.fromkeys(filter(None, (version.first, version.last))))
    return PlanVersion(
        key=version.key,
        of=version.model,
        labels=version.labels,
        files={file.path: file.digest for file in version.files},
        absent=sum(not file.present for file in version.files),
        date=version.date,
        tags=tags or version.commit,
    )


def table(plan: Plan, known: Collection[str] = ()) -> list[PlanRow]:
    """Return a plan as rows, by model; ``known`` are keys of versions that the registry has."""
    decided = chosen(plan)
    rows = []
    for version in plan.versions:
        model, labels, skip = decided[version.key]
        rows.append(
            PlanRow(
                key=version.key,
                model=model,
                labels=labels,
                files=len(version.files),
                absent=version.absent,
                tags=version.tags,
                state="skip" if skip else "known" if version.key in known else "new",
                reason=skip or "",
            )
        )
    return sorted(rows, key=lambda row: row.model)
