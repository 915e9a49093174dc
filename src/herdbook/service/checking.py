"""Checking: rules held against a subject, under a policy. Rules see values only, so they run in this process."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence

from herdbook.model.checks import CheckPolicy, Report, Rule
from herdbook.model.dossiers import FileView
from herdbook.model.facts import Finding, Severity
from herdbook.ports.checks import Check, Subject

NO_POLICY = CheckPolicy()
_OFF = "off"
_FAILED = "check-failed"
_GRAVEST_FIRST = tuple(reversed(Severity))


def check(subject: Subject, checks: Iterable[Check], policy: CheckPolicy = NO_POLICY, *, of: str = ".") -> Report:
    """Hold a subject against rules; findings of its readers stand beside theirs, the gravest first.

    Args:
        subject: what is checked; consumers that the policy asks for are asked for as well, and its runtimes count
            where the subject has none.
        checks: all that there are; those of consumers for which nobody asks are left out.
        policy: severities by rule, readers' rules among them.
        of: what the report calls the subject.
    """
    consumers = subject.consumers | set(policy.consumers or ())
    subject = dataclasses.replace(
        subject, consumers=consumers, runtimes={**(policy.runtimes or {}), **subject.runtimes}
    )
    severities = policy.severities or {}
    asked: list[Rule] = []
    found = list(read(subject.files))
    for each in checks:
        rules = {rule.id: rule for rule in each.rules if _wanted(rule, consumers) and severities.get(rule.id) != _OFF}
        asked += rules.values()
        if any(not rule.by_reader for rule in rules.values()):
            found += (finding for finding in _looked(each, subject) if finding.rule in rules or finding.rule == _FAILED)
    judged = [made for finding in found if (made := _judged(finding, severities)) is not None]
    return Report(
        of=of,
        files=len(subject.files),
        rules=tuple(sorted(rule.id for rule in asked)),
        consumers=tuple(sorted(consumers)),
        findings=tuple(sorted(dict.fromkeys(judged), key=_order)),
    )


def read(files: Iterable[FileView]) -> Iterator[Finding]:
    """Yield what readers found, each with the file it is of."""
    for file in files:
        for finding in file.facts.findings if file.facts else ():
            yield finding if finding.path else finding.model_copy(update={"path": file.path})


def failed(report: Report, *, strict: bool = False) -> bool:
    """Say whether a report fails: by an error; with ``strict``, by a warning too."""
    limit = (Severity.ERROR, Severity.WARNING) if strict else (Severity.ERROR,)
    return report.worst in limit


def _looked(each: Check, subject: Subject) -> Sequence[Finding]:
    """Return what a check finds; what it raises is a finding, so that the others go on."""
    try:
        return list(each.look(subject))
    except Exception as error:  # noqa: BLE001 - a plug-in may raise anything
        said = f"{type(each).__name__} could not look: {type(error).__name__}: {error}"[:1000]
        return [Finding(rule=_FAILED, severity=Severity.ERROR, message=said)]


def _wanted(rule: Rule, consumers: Iterable[str]) -> bool:
    return not rule.consumers or not set(rule.consumers).isdisjoint(consumers)


def _judged(finding: Finding, severities: Mapping[str, str]) -> Finding | None:
    wanted = severities.get(finding.rule, finding.severity)
    if wanted == _OFF:
        return None
    return finding if wanted == finding.severity else finding.model_copy(update={"severity": Severity(wanted)})


def _order(finding: Finding) -> tuple[int, str, str, tuple[tuple[str, int], ...]]:
    places = tuple(
        ("", int(part)) if part.isdecimal() and len(part) < 10 else (part, 0) for part in finding.where.split("/")
    )
    return _GRAVEST_FIRST.index(finding.severity), finding.path, finding.rule, places
