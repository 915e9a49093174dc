"""Compare: what differs between two versions, in files, facts, parameters, datasets, metrics and what is said."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Literal

from herdbook.kernel import canonical
from herdbook.model.dossiers import Change, Diff, Dossier
from herdbook.ports.registry import Registry

PartName = Literal["file", "fact", "parameter", "dataset", "metric", "statement"]
_NOT_COMPARED = frozenset({"words", "tensors", "parameters_counted", "lines"})


def compare(registry: Registry, before: str, after: str) -> Diff:
    """Return what differs between the versions that two references mean."""
    old, new = registry.versions.dossier(before), registry.versions.dossier(after)
    names: dict[str, str] = {}
    for dossier in (old, new):
        walk = registry.versions.trace(f"{dossier.entry.model}@{dossier.entry.ordinal}", depth=2)
        names |= {node.id: node.title for node in walk.nodes}
    return diff(old, new, names)


def diff(before: Dossier, after: Dossier, names: Mapping[str, str] | None = None) -> Diff:
    """Return what differs between two dossiers; ``names`` gives titles of records by digest."""
    changes: list[Change] = []
    for part, tell in _PARTS.items():
        changes.extend(_changes(part, tell(before), tell(after)))
    told = (_datasets(before, names or {}), _datasets(after, names or {}))
    changes.extend(_changes("dataset", *told))
    return Diff(
        before=before.entry.reference,
        after=after.entry.reference,
        changes=tuple(changes),
        same_record=before.entry.record == after.entry.record,
        record_before=before.entry.record,
        record_after=after.entry.record,
    )


def _changes(part: PartName, old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[Change]:
    for name in sorted(old.keys() | new.keys()):
        if old.get(name) != new.get(name):
            yield Change(part=part, name=name, before=old.get(name), after=new.get(name))


def _files(dossier: Dossier) -> dict[str, str]:
    return {view.path: f"{view.digest} ({view.size} bytes)" for view in dossier.files}


def _facts(dossier: Dossier) -> dict[str, str]:
    return {
        f"{view.path}/{name}": _short(value)
        for view in dossier.files
        if view.facts
        for name, value in view.facts.values.items()
        if name not in _NOT_COMPARED
    }


def _short(value: object) -> str:
    if isinstance(value, list) and value and isinstance(value[0], dict) and "name" in value[0]:
        return ", ".join(f"{item['name']} {item.get('dtype', '?')}{item.get('shape', '')}" for item in value)
    return str(value)


def _parameters(dossier: Dossier) -> dict[str, str]:
    found = {}
    for entry in dossier.made_by:
        found.update({parameter.name: parameter.text for parameter in entry.activity.parameters or ()})
        found.update({f"seed {seed.name}": seed.text for seed in entry.activity.seeds or ()})
        if entry.activity.code and entry.activity.code.commit:
            found["code"] = entry.activity.code.commit
    return found


def _datasets(dossier: Dossier, names: Mapping[str, str]) -> dict[str, str]:
    found = {}
    for entry in dossier.made_by:
        for part in entry.activity.inputs or ():
            named = part.id or part.selector
            digest = str(part.record or part.file or part.blob)
            key = f"{named.scheme}:{named.value}" if named else names.get(digest, digest)
            found[f"{part.role} {key}"] = canonical.dumps(part.used).decode() if part.used else "used"
    return found


def _metrics(dossier: Dossier) -> dict[str, str]:
    found = {}
    for entry in dossier.made_by:
        for metric in entry.activity.metrics or ():
            error = f" ± {metric.stat}" if metric.stat is not None else ""
            found[f"{metric.name}{f' ({metric.split})' if metric.split else ''}"] = f"{metric.value}{error}"
    for body in dossier.said("evaluation"):
        for metric in body["metrics"]:
            split = metric.get("split") or body.get("split")
            error = f" ± {metric['stat']}" if "stat" in metric else ""
            found[f"{metric['name']}{f' ({split})' if split else ''}"] = f"{metric['value']}{error}"
    return found


def _said(dossier: Dossier) -> dict[str, str]:
    return {
        f"{entry.statement.kind} {name}": _short(value)
        for entry in dossier.statements
        if entry.about == "this" and entry.statement.kind in {"description", "known-issue", "withdrawal", "deprecation"}
        for name, value in entry.statement.body.items()
    }


_PARTS: dict[PartName, Callable[[Dossier], dict[str, str]]] = {
    "file": _files,
    "fact": _facts,
    "parameter": _parameters,
    "metric": _metrics,
    "statement": _said,
}
