"""Retrainings that somebody tells of: which of them the records bear out, and in how far.

A ``herdbook/retraining/1`` proves nothing by itself. It must stand in the event that entered the retraining's activity,
and what two activities say is compared here, field by field: the same code, command, inputs and environment, a run of
its own, and the bytes or the metrics that came out. Figures of predictions are the job's; they are not computed anew.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from herdbook.kernel.errors import HerdbookError
from herdbook.kernel.names import namespace_of
from herdbook.model.activities import Activity, ActivityEntry, Code, Metric, Part
from herdbook.model.dossiers import Dossier
from herdbook.model.retrainings import MetricTolerance, Retraining, Tolerance
from herdbook.model.statements import StatementEntry
from herdbook.ports.registry import Registry
from herdbook.service.auditing_evidence import Rerun
from herdbook.service.retraining import outcome
from herdbook.service.retraining.origin import NOT_INPUTS

RUN = "herdbook-run"
VERIFIED = frozenset({"code", "code-after", "inputs", "inputs-after", "environment", "outputs-fresh"})
"""What the job's runner must have checked itself."""
_SEED = re.compile(r"seed|random[-_]?state", re.IGNORECASE)
_INTEGER = re.compile(r"-?[0-9]+")


@dataclass(frozen=True)
class _Case:
    """A version, the training that made it, and what may differ when it is trained again."""

    registry: Registry
    dossier: Dossier
    training: ActivityEntry | None
    tolerance: Tolerance
    golden: bool


def reruns(
    registry: Registry, dossier: Dossier, training: ActivityEntry | None, said: Iterable[StatementEntry]
) -> tuple[Rerun, ...]:
    """Return the runs that statements about a version tell of, each held against the records that it names."""
    found = []
    case = None
    for entry in said:
        if not entry.current or entry.statement.type != "herdbook/retraining/1":
            continue
        told = Retraining.read(entry.statement.body)
        if told.mode == "run" and told.outcome not in {"incomplete", "failed"}:
            case = case or _Case(registry, dossier, training, _tolerance(dossier), bool(_home(dossier, "golden")))
            found.append(_rerun(case, entry, told))
    return tuple(found)


def _home(dossier: Dossier, kind: str) -> list[StatementEntry]:
    """Return what the model's own namespace says: who trains again must not set the tolerance elsewhere."""
    home = namespace_of(dossier.entry.model)
    found = [each for each in dossier.statements if each.about == "this" and each.namespace == home]
    return [each for each in found if each.current and each.statement.type == f"herdbook/{kind}/1"]


def _tolerance(dossier: Dossier) -> Tolerance:
    """Return the newest tolerance of the version, else of the model."""
    told = _home(dossier, "tolerance")
    own = [each for each in told if any(subject.record for subject in each.statement.subject)]
    newest = max(own or told, key=lambda each: each.statement.issued, default=None)
    return Tolerance.read(newest.statement.body) if newest else Tolerance()


def _rerun(case: _Case, entry: StatementEntry, told: Retraining) -> Rerun:
    if case.training is None or told.of != case.training.record:
        return Rerun(entry, faults=("it speaks of another activity than the one that made this version",))
    try:
        again = case.registry.activities.get(told.by) if told.by else None
    except HerdbookError:
        again = None
    if again is None:
        return Rerun(entry, faults=("the activity of the retraining is not here",))
    faults = own_run(case.training, again) + _not_verified(told, again.activity)
    if not _together(case.registry, entry, again.record):
        faults.append("it was said apart from the event that entered its activity")
    unequal = differences(case.training.activity, again.activity)
    hard = [each for each in unequal if each in {"code", "inputs", "environment"}]
    if "command" in unequal and not only_seeds(case.training.activity, again.activity):
        hard.append("command")
    faults += [f"its {each} is not what the original had" for each in hard]
    metrics = (case.training.activity.metrics or (), again.activity.metrics or ())
    within, why = metrics_within(*metrics, case.tolerance.metrics)
    return Rerun(
        entry,
        again,
        tuple(faults),
        tuple(unequal),
        equal=same_bytes(case.dossier, again.activity),
        within=within or (case.golden and _predicted(told)),
        why=why,
    )


def own_run(first: ActivityEntry, again: ActivityEntry) -> list[str]:
    """Return why the second is not a run of its own."""
    one, two = first.activity, again.activity
    if first.record == again.record:
        return ["it names the original as its own repetition"]
    ids = [{each.value for each in activity.ids or () if each.scheme == RUN} for activity in (one, two)]
    faults = []
    if not ids[1]:
        faults.append("its activity has no id of a run")
    if ids[0] & ids[1]:
        faults.append("its activity is the original's run")
    if two.kind != "retraining" or two.status != "finished":
        faults.append("its activity is not a retraining that finished")
    if (two.workflow or {}).get("retrains") != first.record:
        faults.append("its activity does not say that it repeats the original")
    if not two.started or not two.ended or (one.ended and two.started < one.ended):
        faults.append("its activity does not say that it ran after the original")
    if _digests(two.outputs) & _digests(part for part in two.inputs or () if part.role != "original"):
        faults.append("what came out of it went into it")
    return faults


def _not_verified(told: Retraining, again: Activity) -> list[str]:
    """Return what the job's runner did not check, and what is said to have been otherwise."""
    workflow = again.workflow or {}
    lacking = sorted(VERIFIED - set(workflow.get("verified") or ()))
    changed = sorted({*told.changed, *(workflow.get("changed") or ())} - {"seeds"})
    faults = [f"its runner did not check: {', '.join(lacking)}"] if lacking else []
    return [*faults, *([f"not as the original had it: {', '.join(changed)}"] if changed else [])]


def _together(registry: Registry, entry: StatementEntry, record: str) -> bool:
    """Whether one event entered the activity and said the statement: what is added by hand later never is."""
    page = registry.journal.events(entry.namespace, after=entry.seq - 1, limit=1)
    ops = {(op.op, op.digest) for item in page.items for op in item.event.ops if op.op in {"record", "statement"}}
    return {("record", record), ("statement", entry.digest)} <= ops


def _digests(parts: Iterable[Part] | None) -> set[str]:
    return {digest for part in parts or () for digest in (part.record, part.file, part.blob) if digest}


def same_bytes(dossier: Dossier, again: Activity) -> bool:
    """Whether a run put out every file that the version has, by digest."""
    entry = dossier.entry
    if not entry.version.resolved:
        return False
    out = _digests(again.outputs)
    return bool({entry.record, entry.resolved_by} & out) or {file.digest for file in entry.version.files} <= out


def differences(one: Activity, two: Activity) -> list[str]:
    """Return in what two activities were not the same: code, command, inputs, environment, seeds.

    What is not known of code, command and environment is a difference: without them nothing is the same.
    """
    found = []
    if _code(one.code) is None or _code(one.code) != _code(two.code):
        found.append("code")
    if one.command is None or two.command is None or one.command.argv != two.command.argv:
        found.append("command")
    if _inputs(one) != _inputs(two) or any(part.selector or part.id for part in one.inputs or ()):
        found.append("inputs")
    if outcome.differences(one.environment, two.environment):
        found.append("environment")
    if _seeds(one) != _seeds(two):
        found.append("seeds")
    return found


def _code(code: Code | None) -> tuple[object, ...] | None:
    if code is None or not (code.commit or code.untracked):
        return None
    untracked = sorted((str(item.get("path")), str(item.get("sha256"))) for item in code.untracked or ())
    modules = sorted((str(item.get("path")), str(item.get("commit"))) for item in code.submodules or ())
    return code.commit, code.diff, tuple(untracked), tuple(modules)


def only_seeds(one: Activity, two: Activity) -> bool:
    """Whether two commands differ in nothing but integers that are seeds."""
    if one.command is None or two.command is None:
        return False
    ours, theirs = one.command.argv, two.command.argv
    seeds = {seed.text for seed in two.seeds or ()}
    return len(ours) == len(theirs) and all(
        mine == other or _reseeded(ours[:number], mine, other, seeds)
        for number, (mine, other) in enumerate(zip(ours, theirs, strict=True))
    )


def _reseeded(before: Sequence[str], one: str, two: str, seeds: set[str]) -> bool:
    (name, _, first), (other, _, second) = (word.rpartition("=") for word in (one, two))
    if name != other or not (_INTEGER.fullmatch(first) and _INTEGER.fullmatch(second)):
        return False
    option = name or (before[-1] if before else "")
    return bool(_SEED.search(option)) or (second in seeds and not option.startswith("-"))


def _inputs(activity: Activity) -> set[tuple[str, str]]:
    parts = [part for part in activity.inputs or () if part.role not in NOT_INPUTS]
    return {(part.role, str(part.file or part.blob or part.record)) for part in parts}


def _seeds(activity: Activity) -> set[tuple[str, str]]:
    return {(seed.name, seed.text) for seed in activity.seeds or ()}


def _predicted(told: Retraining) -> bool:
    """Whether the job compared answers on golden inputs, and found all of them within the tolerance."""
    figures = [each for each in told.compared if not str(each.get("name", "")).startswith(("file ", "metric "))]
    return bool(figures) and all(each.get("within") is True for each in figures)


def metrics_within(
    first: Sequence[Metric], again: Sequence[Metric], tolerances: Sequence[MetricTolerance]
) -> tuple[bool, str]:
    """Say whether all metrics for which a tolerance is declared lie within it, and else why not.

    The bound is that of ``service.retraining.comparing``: ``absolute + relative * |original|``.
    """
    if not tolerances:
        return False, "nobody of the model's namespace declared how far a metric may lie from the original's"
    for each in tolerances:
        before, after = _metric(first, each), _metric(again, each)
        if before is None or after is None:
            return False, f"{each.name} is not known of both runs"
        allowed = (each.absolute or 0.0) + (each.relative or 0.0) * abs(before)
        if not abs(after - before) <= allowed:
            return False, f"{each.name} is {after:.6g}, was {before:.6g}, and may differ by {allowed:.3g}"
    return True, ""


def _metric(told: Sequence[Metric], wanted: MetricTolerance) -> float | None:
    """Return the last value of a metric; without a split only where it has one value."""
    found = [
        each for each in told if each.name == wanted.name and wanted.split in {None, each.split} and not each.slice
    ]
    if not found or (wanted.split is None and len({each.split for each in found}) > 1):
        return None
    last = found[-1].value
    return float(last) if isinstance(last, float | int) and math.isfinite(last) else None
