"""Trainable again: a dry run that found everything, and a run that gave the same within the tolerance."""

from __future__ import annotations

from herdbook.kernel import times
from herdbook.model.audits import Absent, Checked, Score, Stated, Structured
from herdbook.model.retrainings import Retraining
from herdbook.model.statements import StatementEntry
from herdbook.service.auditing_evidence import VALID, Evidence
from herdbook.service.checks.trainings import UNKNOWN, workflow_of

_FOUND_ALL = frozenset({"ready", "bytes", "predictions", "metrics", "differs"})
"""Outcomes before which every input was verified."""


def workflow(e: Evidence) -> Score:
    """T10: something that can be run, and whose inputs are all still there."""
    if e.activity is None:
        return Absent(why=UNKNOWN)
    reasons = []
    for entry in reversed(e.dry_runs):
        told = Retraining.read(entry.statement.body)
        why = refused(e, entry, told)
        if not why:
            inputs = len(told.inputs)
            return Checked(ran=e.ran(told.mode.replace("-", " "), f"{inputs} inputs verified", told.done))
        reasons.append(why)
    code = e.activity.code
    runnable = e.activity.command and code and (code.commit or code.untracked) and e.activity.environment
    if workflow_of(e) or runnable:
        return Structured(where=reasons[0] if reasons else "command, code and environment, never tried")
    if e.activity.command:
        return Stated(where="a command, without code or environment")
    return Absent(why="there is nothing that could be run")


def refused(e: Evidence, entry: StatementEntry, told: Retraining) -> str:
    """Say why a retraining, or a dry run, does not show that all is there; empty when it does."""
    if e.training is None or told.of != e.training.record:
        return "the dry run was of another training"
    done = times.read(told.done)
    if done > e.now or done > times.read(entry.statement.issued) or told.outcome not in _FOUND_ALL:
        return "; ".join(told.problems[:2]) or f"the last one ended as {told.outcome}"
    if e.now - done > VALID:
        return f"the last dry run was at {told.done[:10]}, more than {VALID.days} days ago"
    if told.mode == "run" and not any(r.entry.digest == entry.digest and not r.faults for r in e.reruns):
        return "the retraining that is told is not borne out by its activities"
    if bad := [each for each in told.inputs if each.state != "verified"]:
        return f"{bad[0].path}: {bad[0].state}"
    if told.mode == "dry-run" and (lacking := _uncovered(e, told)):
        return f"the dry run did not verify {lacking}"
    if lost := [each for each in told.inputs if each.uri == "registry" and each.digest in e.asked - e.kept]:
        return f"{lost[0].path} is no longer kept here"
    return "; ".join(e.gone_since(told.done))


def _uncovered(e: Evidence, told: Retraining) -> str:
    """Return an input of the training that the dry run does not name by its digest."""
    verified = {each.digest for each in told.inputs}
    for each in e.data:
        digest = each.part.file or each.part.blob
        if digest or each.data is None:
            if (digest or "") not in verified:
                return each.title
        elif each.data.manifest is None:
            return each.title
        elif each.data.manifest.sums is None:
            if len(verified) < each.data.manifest.files:
                return each.title
        elif not each.data.manifest.sums <= verified:
            return each.title
    return ""


def again(e: Evidence) -> Score:
    """T12: trained again, with a metric within the declared tolerance, or the same bytes."""
    if e.activity is None:
        return Absent(why=UNKNOWN)
    good = [rerun for rerun in e.reruns if not rerun.faults and (rerun.equal or rerun.within)]
    if good:
        best = max(good, key=lambda rerun: rerun.same)
        told = "the same bytes" if best.equal else "metrics within the tolerance"
        on = f"{best.by.record[:19] if best.by else ''}: {told}"
        return Checked(ran=e.ran("retraining", on, str(best.entry.statement.body["done"])))
    if not e.reruns:
        return Absent(why="nobody trained it again")
    borne = [rerun for rerun in e.reruns if not rerun.faults]
    if borne:
        return Structured(where=f"it was trained again, but {borne[-1].why}")
    return Stated(where=f"a retraining is told, but {e.reruns[-1].faults[0]}")
