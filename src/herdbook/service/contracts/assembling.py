"""Assembling: the interface contract as the files themselves tell it, from facts alone.

What no file says is unknown, what two files say differently is a finding and unknown, and nothing is chosen.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from herdbook.model.base import Json
from herdbook.model.contracts import Contract
from herdbook.model.dossiers import FileView
from herdbook.model.facts import Finding
from herdbook.model.formats import MODELS
from herdbook.model.statements import Evidence
from herdbook.service.contracts import graphs, merging, pairing, proposing, sidecars, trees
from herdbook.service.contracts.interfaces import Building
from herdbook.service.contracts.pairing import Group
from herdbook.service.contracts.telling import Source

_FEATURE = ("definition", "source_variable", "unit", "missing_value", "offset", "scale", "clip", "training_range")
_SEQUENCE = ("max_length", "sort_key", "sort_order", "selection", "pad_mode")


@dataclass(frozen=True)
class Assembled:
    """A contract with where each value came from, what does not agree, and what is asked for and not known.

    ``evidence`` holds for all that lies below its pointer, where nothing nearer is said.
    """

    contract: Contract
    evidence: Mapping[str, Evidence] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    unknown: tuple[str, ...] = ()

    def evidence_of(self, pointer: str) -> Evidence | None:
        """Return where a value came from: what is said of its place, or of the nearest place above."""
        while pointer not in self.evidence and pointer:
            pointer = pointer.rpartition("/")[0]
        return self.evidence.get(pointer)


def assemble(files: Sequence[FileView]) -> Assembled:
    """Return what the files tell of their interface.

    Args:
        files: with their facts, of one version or folder; a file without facts tells nothing.

    Returns:
        The contract. One model, or several with one interface, give ``inputs`` and ``outputs``; several models give
        ``members``, each with an interface of its own where they differ. When a member serves is inferred from names.
    """
    models, beside = _sources(files)
    building = Building()
    groups = pairing.group(models)
    speaking = [] if groups else _alone(beside, building)
    if speaking:
        groups = [Group([], speaking)]
    pairing.pair(groups, [source for source in beside if source not in speaking], building.report)
    made = _interfaces(groups, models, building)
    made |= _whole([*models, *beside], building)
    building.report.close()
    findings = [finding for source in (*models, *beside) for finding in source.findings]
    unknown = dict.fromkeys((*building.report.open, *asked(made)))
    return Assembled(
        contract=Contract.read(made),
        evidence=building.evidence,
        findings=(*building.report.findings, *findings),
        unknown=tuple(sorted(unknown)),
    )


def _alone(beside: Sequence[Source], building: Building) -> list[Source]:
    """Return sidecars that tell an interface where no model is here; of several servers' configurations, none."""
    served = [source for source in beside if source.format == "triton-config"]
    if len(served) > 1:
        for source in served:
            building.report.warn("sidecar-unpaired", "the model that it serves is not here", path=source.path)
        return []
    return [source for source in beside if source.inputs or source.only_input]


def _sources(files: Sequence[FileView]) -> tuple[list[Source], list[Source]]:
    models: list[Source] = []
    beside: list[Source] = []
    for view in files:
        if view.facts is None:
            continue
        if view.facts.format in MODELS:
            told = graphs.tell(view) or trees.tell(view)
            models += [told] if told else []
        else:
            told = sidecars.tell(view)
            beside += [told] if told else []
    return models, sorted(beside, key=lambda source: not source.labels_of)  # who names a file of labels comes first


def _interfaces(groups: Sequence[Group], models: Sequence[Source], building: Building) -> Json:
    if len(models) < 2:
        return building.interface(groups[0]) if groups else {}
    members = proposing.propose([(model.path, model.format) for model in models], alike=len(groups) == 1)
    made: Json = building.interface(groups[0]) if len(groups) == 1 else {}
    home = {model.path: group for group in groups for model in group.models}
    made["members"] = []
    for number, member in enumerate(members):
        at = f"/members/{number}"
        building.evidence[at] = Evidence(how="extracted", where=member.path, rule="a file with a model is a member")
        told: Json = {"name": member.name, "files": [member.path]}
        if member.when:
            building.evidence[f"{at}/when"] = Evidence(how="inferred", where=member.path, rule=member.rule)
            told["when"] = [condition.json_object() for condition in member.when]
        if len(groups) > 1:
            told |= building.interface(home[member.path], at)
        made["members"].append(told)
    return made


def _whole(sources: Sequence[Source], building: Building) -> Json:
    made: Json = {}
    selection = [(source, source.whole["selection"]) for source in sources if "selection" in source.whole]
    told = merging.one(selection, "/selection", building.report) if selection else None
    if told:
        made["selection"] = told.value
        building.evidence["/selection"] = told.evidence
    ext = [(source, source.ext) for source in sources if source.ext]
    fields = merging.fields(ext, "/ext/hls4ml", building.report)
    if ext:
        made["ext"] = {"hls4ml": {"$v": "1.0", **building.put(fields, "/ext/hls4ml")}}
    return made


def asked(contract: Json) -> Iterator[str]:
    """Yield pointers to what a contract (its JSON object) should say and does not."""
    if "members" not in contract or "inputs" in contract or "outputs" in contract:
        yield from _asked_of(contract, "")
    if "selection" not in contract:
        yield "/selection"
    for number, member in enumerate(contract.get("members") or ()):
        at = f"/members/{number}"
        if not member.get("when"):
            yield f"{at}/when"
        for place, condition in enumerate(member.get("when") or ()):
            if {"lower", "upper"} & condition.keys() and "unit" not in condition:
                yield f"{at}/when/{place}/unit"
        if "inputs" in member or "outputs" in member:
            yield from _asked_of(member, at)


def _asked_of(interface: Json, at: str) -> Iterator[str]:
    for way in ("inputs", "outputs"):
        if way not in interface:
            yield f"{at}/{way}"
        for number, tensor in enumerate(interface.get(way) or ()):
            pointer = f"{at}/{way}/{number}"
            yield from _lacking(tensor, ("dtype", "shape", "batch_axis"), pointer)
            yield from _asked_of_input(tensor, pointer) if way == "inputs" else _asked_of_output(tensor, pointer)


def _asked_of_input(tensor: Json, pointer: str) -> Iterator[str]:
    sequence = tensor.get("sequence")
    if "features" not in tensor:
        yield f"{pointer}/features"
    for number, feature in enumerate(tensor.get("features") or ()):
        fields = _FEATURE if "divisor" not in feature else tuple(name for name in _FEATURE if name != "scale")
        fields = (*fields, "pad_value", "computable_at") if sequence else (*fields, "computable_at")
        yield from _lacking(feature, fields, f"{pointer}/features/{number}")
    if sequence:
        yield from _lacking(sequence, _SEQUENCE, f"{pointer}/sequence")


def _asked_of_output(tensor: Json, pointer: str) -> Iterator[str]:
    more = "unit" if tensor.get("meaning") == "regression" else "labels"
    yield from _lacking(tensor, ("meaning", more), pointer)


def _lacking(told: Json, names: Sequence[str], pointer: str) -> Iterator[str]:
    yield from (f"{pointer}/{name}" for name in names if name not in told)
