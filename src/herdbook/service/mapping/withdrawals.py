"""Withdrawals: commits whose message says that files were wrong or are gone, and that took or changed these files."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping

from herdbook.model.drafts import DraftWithdrawal
from herdbook.model.histories import Commit
from herdbook.model.statements import Evidence
from herdbook.service.mapping import messages
from herdbook.service.mapping.origins import date_of
from herdbook.service.mapping.standing import Held
from herdbook.service.mapping.timeline import Timeline
from herdbook.service.mapping.versions import Found, Replayed, Shift

DOCUMENTS = frozenset({"document", "documentation", "readme", "licence", "license", "plot"})
"""Roles of sidecars that nothing reads when the model runs: a change of these alone withdraws nothing."""


def proposed(timeline: Timeline, replayed: Replayed) -> tuple[DraftWithdrawal, ...]:
    """Return what commits that are no merges tell to be withdrawn, each version and replacement once, oldest first.

    Bytes that still stand elsewhere after the commit are not withdrawn: they were copies, or moved earlier.
    """
    told = {at for at in replayed.shifts if _says(timeline.commits[at])}
    lost: dict[int, list[tuple[Found, Found | None]]] = {}
    count: Counter[str] = Counter()
    for step in timeline.steps() if told else ():
        count.subtract(change.old.digest for change in step.changes if change.old)
        count.update(change.new.digest for change in step.changes if change.new)
        if step.index in told and not step.back:
            lost[step.index] = list(_withdrawn(timeline, step.index, replayed.shifts[step.index], count))
    found: dict[tuple[str, str | None], DraftWithdrawal] = {}
    for at in sorted(lost):
        for before, after in lost[at]:
            key = (before.key, after.key if after else None)
            if key not in found:
                found[key] = _draft(timeline, at, before, after)
    return tuple(found.values())


def _says(commit: Commit) -> bool:
    return len(commit.parents) == 1 and messages.says_withdrawal(commit.message) is not None


def _withdrawn(
    timeline: Timeline, at: int, shifts: list[Shift], count: Mapping[str, int]
) -> Iterator[tuple[Found, Found | None]]:
    stays = {shift.after.key for shift in shifts if shift.after}
    moved = {rename.old for rename in timeline.renames(at)}
    for shift in shifts:
        if shift.before is None or shift.before.key in stays:
            continue
        lost = _lost(shift.before.comings[shift.group].held, shift.after)
        if lost and not all(path in moved or count[digest] > 0 for path, digest in lost.items()):
            yield shift.before, shift.after


def _lost(before: tuple[Held, ...], after: Found | None) -> dict[str, str]:
    """Return path and digest of what withdraws a set by its change: files of the model, sidecars that were changed."""
    now = {each.inside: each.digest for each in after.held} if after else {}
    lost: dict[str, str] = {}
    for each in before:
        gone, other = each.inside not in now, now.get(each.inside, each.digest) != each.digest
        if (not each.sidecar and (gone or other)) or (each.sidecar and other and each.place.role not in DOCUMENTS):
            lost[each.path] = each.digest
    return lost


def _draft(timeline: Timeline, at: int, before: Found, after: Found | None) -> DraftWithdrawal:
    commit = timeline.commits[at]
    where = f"commit:{commit.id}"
    evidence = {"/reason": Evidence(how="asserted", where=where, rule="message-says-withdrawal")}
    if after is not None:
        evidence["/replacement"] = Evidence(how="inferred", where=where, rule="what-stands-there-since")
    told = f"{commit.id}\0{before.key}\0{after.key if after else ''}"
    return DraftWithdrawal(
        key=hashlib.sha256(told.encode()).hexdigest()[:16],
        versions=(before.key,),
        replacement=after.key if after else None,
        reason=messages.says_withdrawal(commit.message) or "withdrawn",
        issued=date_of(commit),
        evidence=evidence,
    )
