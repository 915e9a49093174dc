"""Rules of runtimes: whether the ONNX Runtime of a consumer knows the opset, the IR version and the operators."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

from herdbook.model.checks import Rule
from herdbook.model.facts import Finding, Severity
from herdbook.plugins.checks.known import table
from herdbook.plugins.checks.looking import Read, files, listed
from herdbook.ports.checks import Check, Subject

_RUNNING = ("athena", "cmssw", "o2", "triton")
OPSET = Rule(
    id="runtime-opset",
    title="An opset that the consumer's ONNX Runtime does not know",
    severity=Severity.ERROR,
    consumers=_RUNNING,
)
IR = Rule(
    id="runtime-ir",
    title="An IR version that the consumer's ONNX Runtime does not know",
    severity=Severity.ERROR,
    consumers=_RUNNING,
)
OPERATORS = Rule(
    id="runtime-operators",
    title="Operators that ONNX Runtime does not have",
    severity=Severity.ERROR,
    consumers=_RUNNING,
)
UNKNOWN = Rule(
    id="runtime-unknown",
    title="Nobody says which ONNX Runtime the consumer has",
    severity=Severity.NOTE,
    consumers=_RUNNING,
)


SINCE = Rule(
    id="runtime-since",
    title="Older releases of the consumer do not load it",
    severity=Severity.NOTE,
    consumers=_RUNNING,
)


class Runtimes:
    """Looks at ONNX files, for each consumer asked for: the runtime of the policy, else of its newest release."""

    rules = (OPSET, IR, OPERATORS, UNKNOWN, SINCE)

    def look(self, subject: Subject) -> Iterator[Finding]:
        """Yield what is found."""
        found = [*files(subject, ("onnx", "qonnx"))]
        asked = [name for name in _RUNNING if name in subject.consumers] if found else []
        for file in found if asked else ():
            yield from _operators(file)
        silent = []
        for consumer in asked:
            runtime, releases = subject.runtimes.get(consumer), _releases(consumer)
            if runtime is None and not releases:
                silent.append(consumer)
                continue
            version = runtime.version if runtime else releases[-1][1]
            known = _known(version)
            if known is None:
                yield UNKNOWN.found(f"what ONNX Runtime {version} of {consumer} loads was never tried")
                continue
            name = f"ONNX Runtime {known['version']} of {consumer if runtime else releases[-1][0]}"
            for file in found:
                newer = list(_versions(file, known, name))
                yield from newer
                if not (runtime or newer):
                    yield from _since(file, releases)
        if silent:
            have = f"{', '.join(silent)} {'has' if len(silent) == 1 else 'have'}"
            yield UNKNOWN.found(
                f"which ONNX Runtime {have}, nobody said: opset and IR version are not looked at. "
                "The policy of a namespace can say it"
            )


_: type[Check] = Runtimes


def _releases(consumer: str) -> list[tuple[str, str]]:
    """Return releases of a consumer with their ONNX Runtime, oldest first, as far as somebody read it."""
    return [(row["name"], row["onnxruntime"]) for row in table()["release"] if row["consumer"] == consumer]


def _since(file: Read, releases: list[tuple[str, str]]) -> Iterator[Finding]:
    """Yield a finding when releases before some one do not load a file that the newest loads."""
    for (before, version), (since, _) in reversed([*pairwise(releases)]):
        known = _known(version)
        problem = next(_versions(file, known, f"ONNX Runtime {version} of {before}"), None) if known else None
        if problem:
            yield SINCE.found(f"loads from {since} on: {problem.message}", path=file.path, where=problem.where)
            return


def _known(version: str) -> Mapping[str, Any] | None:
    """Return the row of a release; of one that is newer than all that were tried, the newest."""
    rows = table()["onnxruntime"]
    wanted = _numbers(version)
    newest = rows[-1] if wanted > _numbers(rows[-1]["version"]) else None
    return next((row for row in rows if _numbers(row["version"]) == wanted), newest)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")[:2]))


def _versions(file: Read, known: Mapping[str, Any], name: str) -> Iterator[Finding]:
    """Yield findings of a file that is newer than what is known of a runtime, which a person calls `name`."""
    opsets = file.values.get("opsets") or {}
    for domain, limit in (("ai.onnx", known["opset"]), ("ai.onnx.ml", known["ml"])):
        version = opsets.get(domain)
        if isinstance(version, int) and version > limit:
            message = f"opset {version} of {domain}; {name} knows {limit}"
            yield OPSET.found(message, path=file.path, where=f"/opsets/{domain}")
    version = file.values.get("ir_version")
    if isinstance(version, int) and version > known["ir"]:
        yield IR.found(f"IR version {version}; {name} knows {known['ir']}", path=file.path, where="/ir_version")


def _operators(file: Read) -> Iterator[Finding]:
    domains = frozenset(table()["domains"])
    own = set(file.values.get("functions") or ())
    foreign = [
        name
        for name in file.values.get("operators") or ()
        if name not in own and name.rpartition(".")[0] not in domains
    ]
    if foreign:
        message = f"{listed(sorted(foreign))}: ONNX Runtime has no such operators of its own"
        yield OPERATORS.found(message, path=file.path, where="/operators")
