"""Surveys: what a source knows of its versions, field by field, and what it does not; comparable between sources."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from herdbook.model.base import Json
from herdbook.model.drafts import DraftActivity, Drafts, DraftSaid, DraftVersion
from herdbook.model.imports import Coverage, CoverageRow

_BY_COMMIT = re.compile(r"(?:.*_)?g[0-9a-f]{10}")
_TRAININGS = frozenset({"training", "fine-tuning", "retraining"})


@dataclass(frozen=True)
class _View:
    """A version with what is said about it."""

    version: DraftVersion
    said: dict[str, list[DraftSaid]]
    activities: tuple[DraftActivity, ...]

    def has(self, kind: str, field: str = "") -> bool:
        """Say whether a statement of a kind is there, and has a field."""
        return any(not field or field in said.body or f"/{field}" in said.people for said in self.said.get(kind, ()))

    def made_by(self, test: Callable[[Json], Any]) -> bool:
        """Say whether a training that made it has something."""
        return any(test(item.activity) for item in self.activities if item.activity.get("kind") in _TRAININGS)

    def file(self, role: str, name: str) -> bool:
        """Say whether it has a file of a role, or whose name looks like one."""
        return any(
            (file.role or "") == role or re.fullmatch(name, file.path.rpartition("/")[2].lower())
            for file in self.version.files
        )


_FIELDS: dict[str, Callable[[_View], Any]] = {
    "bytes": lambda view: all(file.present for file in view.version.files),
    "label": lambda view: any(not _BY_COMMIT.fullmatch(label) for label in view.version.labels),
    "tag": lambda view: view.version.first,
    "date": lambda view: view.version.date or view.has("origin", "date"),
    "author": lambda view: view.has("origin", "author"),
    "message": lambda view: view.has("origin", "message"),
    "pull request": lambda view: view.has("origin", "pull_request"),
    "foreign identity": lambda view: view.has("identity"),
    "training id": lambda view: view.made_by(lambda activity: activity.get("ids")),
    "training dataset": lambda view: view.made_by(_datasets),
    "training code": lambda view: view.made_by(lambda activity: activity.get("code")),
    "training parameters": lambda view: view.made_by(lambda activity: activity.get("parameters")),
    "declared md5": lambda view: any(_md5s(said.body) for said in view.said.get("note", ())),
    "configuration": lambda view: view.file("config", r"config\.pbtxt"),
    "preprocessing": lambda view: view.file("preprocessing", r"preproc.*|.*normali[sz].*|.*scaler.*"),
    "labels": lambda view: view.file("labels", r"(?:labels|classes)\b.*"),
    "readme": lambda view: view.file("readme", r"readme.*|model_info.*"),
    "description": lambda view: view.has("description"),
    "licence": lambda view: view.has("description", "licence") or view.file("licence", r"(?:licen[cs]e|copying).*"),
    "contract": lambda view: view.has("contract"),
    "evaluation": lambda view: view.has("evaluation") or view.made_by(lambda activity: activity.get("metrics")),
}
"""What is asked of every version."""


def _datasets(activity: Json) -> bool:
    inputs = activity.get("inputs") or ()
    return any(part.get("role") not in {"parent", "config", "code"} for part in inputs)


def _md5s(body: Json) -> bool:
    declared = body.get("declared")
    return isinstance(declared, list) and any(isinstance(item, dict) and item.get("md5") for item in declared)


def coverage(drafts: Drafts) -> tuple[Coverage, ...]:
    """Return, for every field, of how many versions the source knows it."""
    activities: dict[str, list[DraftActivity]] = {}
    for item in drafts.activities:
        for key in item.outputs:
            activities.setdefault(key, []).append(item)
    known = dict.fromkeys(_FIELDS, 0)
    for version in drafts.versions:
        said: dict[str, list[DraftSaid]] = {}
        for told in version.said:
            said.setdefault(told.type.split("/")[1], []).append(told)
        view = _View(version, said, tuple(activities.get(version.key, ())))
        for field, test in _FIELDS.items():
            known[field] += bool(test(view))
    return tuple(Coverage(field=field, known=count, of=len(drafts.versions)) for field, count in known.items())


def compare(surveys: Mapping[str, tuple[Coverage, ...]]) -> list[CoverageRow]:
    """Return one row for each field, in their order; a source that was not asked for it is left out."""
    rows: dict[str, dict[str, Coverage]] = {}
    for source, entries in surveys.items():
        for entry in entries:
            rows.setdefault(entry.field, {})[source] = entry
    return [CoverageRow(field=field, sources=sources) for field, sources in rows.items()]
