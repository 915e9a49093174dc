"""What texts tell beside files: ids of trainings in messages, data sets in READMEs, lists and configurations."""

from __future__ import annotations

from collections.abc import Iterator

from herdbook.model.drafts import DraftActivity
from herdbook.model.rules import Rules
from herdbook.model.statements import Evidence
from herdbook.service.mapping import messages
from herdbook.service.mapping.origins import date_of
from herdbook.service.mapping.reading import Findings
from herdbook.service.mapping.timeline import Timeline
from herdbook.service.mapping.versions import Replayed, Shift


def trainings(timeline: Timeline, replayed: Replayed, rules: Rules, findings: Findings) -> Iterator[DraftActivity]:
    """Yield one activity for every training of which a message tells the id; the sets of that commit came out of it.

    An id that several messages tell is one training; the first tells when.
    """
    first: dict[tuple[str, str, str], tuple[int, str]] = {}
    outputs: dict[tuple[str, str, str], dict[str, None]] = {}
    for at, commit in enumerate(timeline.commits):
        for each in messages.trainings(commit.message, rules.messages):
            told = (each.kind, each.identifier.scheme, each.identifier.value)
            first.setdefault(told, (at, each.rule))
            outputs.setdefault(told, {}).update(dict.fromkeys(brought(replayed.shifts.get(at, []), at)))
    for told, (at, rule) in first.items():
        kind, scheme, value = told
        where = f"commit:{timeline.commits[at].id}"
        evidence = {"/ids/0": Evidence(how="extracted", where=where, rule=rule)}
        if outputs[told]:
            evidence["/outputs"] = Evidence(how="inferred", where=where, rule="brought-by-the-commit")
        else:
            message = f"the message names the training {scheme}:{value}, and its commit brought no version"
            findings.add("training-without-version", message, where)
        yield DraftActivity(
            activity={"kind": kind, "status": "unknown", "ids": [{"scheme": scheme, "value": value}]},
            outputs=tuple(outputs[told]),
            evidence=evidence,
            issued=date_of(timeline.commits[at]),
        )


def brought(shifts: list[Shift], at: int) -> list[str]:
    """Return the keys of the versions that a commit brought; of these, when there are any, those with new models."""
    new = [shift for shift in shifts if shift.after is not None and shift.after.commit == at]
    changed = [shift for shift in new if _model_changed(shift)]
    return [shift.after.key for shift in changed or new if shift.after is not None]


def _model_changed(shift: Shift) -> bool:
    before = {(each.inside, each.digest) for each in shift.before.held} if shift.before else set()
    after = shift.after.held if shift.after else ()
    return any(not each.sidecar and (each.inside, each.digest) not in before for each in after)
