"""Lists: packages of a release cycle, and the datasets of a production. Every line is read, noted, or a finding."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from herdbook.model import schemes
from herdbook.model.base import Json
from herdbook.model.datasets import Dataset
from herdbook.model.drafts import DraftActivity, DraftDataset, DraftSaid, Finding
from herdbook.model.identifiers import Identifier
from herdbook.model.schemes import Parsed
from herdbook.model.statements import Evidence, Said, Subject

_LINE_END = re.compile(r"\r\n|\n|\r")
_SHOWN = 200
_DATA_KINDS = (
    (re.compile(r"MC(?:_|\d|$)"), "mc"),
    (re.compile(r"Emb(?:_|\d|$)"), "embedded"),
    (re.compile(r"Run20\d\d|Data(?:_|\d|$)"), "data"),
)
"""What a ``sampleType`` of the tau group's production says about the kind of data."""


@dataclass(frozen=True, slots=True)
class ListDrafts:
    """What a list, a configuration or a README tells."""

    datasets: tuple[DraftDataset, ...] = ()
    activities: tuple[DraftActivity, ...] = ()
    statements: tuple[Said, ...] = ()
    findings: tuple[Finding, ...] = ()


def numbered(text: str) -> Iterator[tuple[int, str]]:
    """Yield (number from 1, line without white space around it) of the lines that are not empty."""
    for number, line in enumerate(_LINE_END.split(text), 1):
        if stripped := line.strip():
            yield number, stripped


def odd_line(code: str, line: str, where: str, number: int) -> Finding:
    """Return the finding that a line says nothing that is understood; it keeps the begin of the line."""
    return Finding(code=code, message=f"not understood: {line[:_SHOWN]!r}", where=f"{where}#L{number}")


def release_list(
    text: str, name: str, scheme: str, where: str, issued: str | None = None
) -> tuple[Said, list[Finding]]:
    """Read a list of packages: ``PACKAGE=TAG`` lines in ``[sections]``, with ``#`` comments (cmsdist's).

    A package that stands twice is told twice. Returns the statement about the release (cycle) and, for each line that
    is none of these, a finding ``list-line``.
    """
    packages: list[Json] = []
    findings = []
    section = ""
    for number, line in numbered(text):
        package, equals, tag = (part.strip() for part in line.partition("="))
        if line.startswith("#"):
            continue
        if line.startswith("[") and line.endswith("]"):
            section = line[1:-1]
        elif equals and package and tag:
            told = {"package": package, "tag": tag, "section": section, "line": number}
            packages.append({key: value for key, value in told.items() if value})
        else:
            findings.append(odd_line("list-line", line, where, number))
    if not packages:
        findings.append(Finding(code="list-empty", message="the list names no package", where=where))
    said = Said(
        type="herdbook/release/1",
        subject=(Subject(id=Identifier(scheme=scheme, value=name)),),
        body={"packages": packages},
        evidence={"/packages": Evidence(how="extracted", where=where)},
        issued=issued,
    )
    return said, findings


@dataclass
class Inputs:
    """Inputs of an activity while they are gathered from a text, with the datasets that they name."""

    where: str
    rule: str
    inputs: list[Json] = field(default_factory=list)
    evidence: dict[str, Evidence] = field(default_factory=dict)
    datasets: list[DraftDataset] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    def add(self, parsed: Parsed, role: str, place: str, used: Json, said: DraftSaid | None = None) -> None:
        """Add a name: a dataset as its record, a selector as such, files and what fits nowhere by identifier.

        ``place`` is where in the text it stands, as ``L12`` or a JSON pointer.
        """
        named = {"scheme": parsed.scheme, "value": parsed.value}
        at = f"{self.where}#{place}"
        if parsed.kind == "selector":
            part: Json = {"selector": named}
        elif parsed.kind in {"file", "files", "freeform"}:
            part = {"id": named}
            if parsed.kind == "freeform":
                message = f"{parsed.value[:_SHOWN]!r} is of no scheme; kept as it is"
                self.findings.append(Finding(code="dataset-freeform", message=message, where=at))
        else:
            dataset = Dataset(id=Identifier(**named))
            self.datasets.append(DraftDataset(dataset=dataset, said=(said,) if said else ()))
            part = {"record": dataset.digest}
        self.evidence[f"/inputs/{len(self.inputs)}"] = Evidence(how="extracted", where=at, rule=self.rule)
        self.inputs.append({**part, "role": role, **({"used": used} if used else {})})

    def merged(self) -> tuple[DraftDataset, ...]:
        """Return each dataset once, with all that is said of it."""
        found: dict[str, DraftDataset] = {}
        for draft in self.datasets:
            before = found.setdefault(draft.dataset.digest, draft)
            if before is not draft:
                new = tuple(said for said in draft.said if said not in before.said)
                found[draft.dataset.digest] = before.model_copy(update={"said": before.said + new})
        return tuple(found.values())


@dataclass(frozen=True, slots=True)
class _Entry:
    line: int
    name: str
    parsed: Parsed
    rest: str


def dataset_list(text: str, name: str, scheme: str, where: str, issued: str | None = None) -> ListDrafts:
    """Read a list of datasets: lines of options ``key=value …``, then lines ``SHORTNAME DATASET`` (TauMLTools').

    Yields each dataset with its short name as title, and one activity of kind ``dataset-production`` for the list. Of
    an option that stands twice the last counts; a line that is neither is a finding ``list-line``.

    Args:
        text: the list.
        name: what it is called; the activity's id, of ``scheme`` (``list`` when that is empty).
        scheme: of the list's identifier.
        where: the evidence of the file; line numbers are added.
        issued: when it was written, for what is said about datasets.
    """
    entries, options, findings = _read(text, where)
    if not entries:
        return ListDrafts(
            findings=(*findings, Finding(code="list-empty", message="the list names no dataset", where=where))
        )
    gathered = Inputs(where, "dataset-list", findings=findings)
    kind = _data_kind(options)
    for entry in entries:
        used = {"name": entry.name, **({"rest": entry.rest} if entry.rest else {})}
        gathered.add(entry.parsed, "source", f"L{entry.line}", used, _described(entry, kind, where, issued))
    evidence = gathered.evidence
    for index, (line, _) in enumerate(options.values()):
        evidence[f"/parameters/{index}"] = Evidence(how="extracted", where=f"{where}#L{line}")
    activity: Json = {
        "kind": "dataset-production",
        "status": "unknown",
        "ids": [{"scheme": scheme or "list", "value": name}],
        "inputs": gathered.inputs,
    }
    if options:
        activity["parameters"] = [{"name": key, "text": value} for key, (_, value) in options.items()]
    evidence["/kind"] = Evidence(how="inferred", where=where, rule="dataset-list")
    draft = DraftActivity(activity=activity, evidence=evidence, issued=issued)
    return ListDrafts(gathered.merged(), (draft,), (), tuple(gathered.findings))


def _read(text: str, where: str) -> tuple[list[_Entry], dict[str, tuple[int, str]], list[Finding]]:
    entries, options, findings = [], dict[str, tuple[int, str]](), list[Finding]()
    for number, line in numbered(text):
        words = line.split()
        if line.startswith("#"):
            continue
        if len(words) > 1 and (words[1].startswith("/") or schemes.recognise(words[1]).kind != "freeform"):
            entries.append(_Entry(number, words[0], schemes.recognise(words[1]), " ".join(words[2:])))
        elif "=" in line:
            for word in words:
                key, equals, value = word.partition("=")
                if equals and key:
                    options[key] = (number, value)
                else:
                    findings.append(odd_line("list-line", word, where, number))
        else:
            findings.append(odd_line("list-line", line, where, number))
    return entries, options, findings


def _data_kind(options: dict[str, tuple[int, str]]) -> tuple[str, int] | None:
    line, told = options.get("sampleType", (0, ""))
    return next(((kind, line) for pattern, kind in _DATA_KINDS if pattern.match(told)), None)


def _described(entry: _Entry, kind: tuple[str, int] | None, where: str, issued: str | None) -> DraftSaid:
    body: Json = {"title": entry.name}
    evidence = {"/title": Evidence(how="extracted", where=f"{where}#L{entry.line}")}
    if kind is not None:
        body["data"] = {"kind": kind[0]}
        evidence["/data/kind"] = Evidence(how="inferred", where=f"{where}#L{kind[1]}", rule="sample-type")
    return DraftSaid(type="herdbook/description/1", body=body, evidence=evidence, issued=issued)
