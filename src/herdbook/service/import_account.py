"""The account of an import: every distinct blob of the source once, with what became of it and why."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable

from herdbook.model.drafts import DraftBlob, Drafts, Finding
from herdbook.model.imports import BlobFate, Delivery, Report
from herdbook.model.plans import Plan
from herdbook.model.versions import Version
from herdbook.service import surveys
from herdbook.service.import_holdings import Holdings
from herdbook.service.import_versions import Making


def before(making: Making, holdings: Holdings) -> set[str]:
    """Return contents that versions of this plan had before: of these, nothing is a duplicate."""
    digests = {file.digest for made in making if made.entry for file in made.entry.version.files}
    return {holdings.contents[digest].sha256 for digest in digests if digest in holdings.contents}


def report(
    drafts: Drafts,
    plan: Plan,
    making: Making,
    delivery: Delivery,
    holdings: Holdings,
    *,
    duplicates: Collection[str] = (),
    findings: Iterable[Finding] = (),
) -> Report:
    """Return the account, as planned; ``duplicates``: digests, as drafts have them, that others brought before."""
    fates = [_fate(blob, making, duplicates) for blob in drafts.blobs]
    counts: dict[str, int] = defaultdict(int)
    for fate in fates:
        counts[fate.fate] += 1
    # Counted apart from the fates, so that the sum is a check: whatever any version names is a blob of the source too.
    distinct = {blob.digest for blob in drafts.blobs} | {file.digest for v in drafts.versions for file in v.files}
    made = list(making)
    return Report(
        source=drafts.source,
        namespace=plan.namespace,
        rules=plan.rules,
        outcome="planned",
        models=len({item.model for item in made}),
        versions=len(made),
        new=sum(item.entry is None for item in made),
        unresolved=sum(not _whole(item.version, holdings) for item in made),
        distinct=len(distinct),
        taken=counts["taken"],
        duplicate=counts["duplicate"],
        absent=counts["absent"],
        skipped=counts["skipped"],
        datasets=len(delivery.datasets),
        activities=len(delivery.activities),
        statements=len(delivery.statements),
        proposed=sum(not item.accept for item in plan.withdrawals),
        blobs=tuple(fates),
        coverage=surveys.coverage(drafts),
        findings=(*drafts.findings, *making.findings, *findings),
    )


def _whole(version: Version, holdings: Holdings) -> bool:
    return all(file.resolved or file.digest in holdings.contents for file in version.files)


def _fate(blob: DraftBlob, making: Making, duplicates: Collection[str]) -> BlobFate:
    versions = tuple(dict.fromkeys(making.made[key].reference for key in blob.versions if key in making.made))
    told = BlobFate(
        digest=blob.digest, size=blob.size, paths=blob.paths, fate=blob.fate, reason=blob.reason, versions=versions
    )
    if blob.fate == "skipped" or (blob.fate == "absent" and (versions or not blob.versions)):
        return told
    if not versions:
        reasons = dict.fromkeys(making.skipped[key] for key in blob.versions if key in making.skipped)
        reason = "; ".join(reasons) or "no version of the plan has it"
        return told.model_copy(update={"fate": "skipped", "reason": f"skipped by the plan: {reason}"})
    if blob.digest in duplicates:
        return told.model_copy(update={"fate": "duplicate", "reason": "its bytes were here before"})
    return told
