"""From a capture to the record: the activity, and the parts that went in and came out."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from herdbook.kernel import paths
from herdbook.model.activities import Activity, Code, Command, Environment, Part
from herdbook.model.base import Json
from herdbook.model.captures import Capture, CapturedFile
from herdbook.model.datasets import ManifestLine
from herdbook.model.identifiers import Identifier
from herdbook.model.statements import Evidence

FILE = "file"
"""The scheme of a file that is known by its host and path alone: its bytes changed, or were gone."""
FEW = 16
"""Files of a group up to which each is told as an input of its own; more are told as the data set they make."""
_THEIRS = frozenset(("wandb", "mlruns", "lightning_logs", "__pycache__"))
"""Folders in which other programs keep their own."""


def told_path(path: str, root: str | None) -> str:
    """Return a path as records tell it: relative to the root when below it, else absolute."""
    if root and (path == root or path.startswith(root.rstrip("/") + "/")):
        return os.path.relpath(path, root)
    return path


@dataclass(frozen=True)
class Group:
    """Files with one role below one folder: a data set."""

    role: str
    folder: str
    confirmed: bool
    files: tuple[CapturedFile, ...]

    def lines(self) -> list[ManifestLine]:
        """Return the manifest's lines; all files have a sha256."""
        return [
            ManifestLine(
                path=paths.escape(os.fsencode(os.path.relpath(item.path, self.folder))),
                size=item.size,
                sha256=str(item.sha256).partition(":")[2],
            )
            for item in self.files
        ]

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(item.size or 0 for item in self.files)


def groups(files: Iterable[CapturedFile]) -> list[Group]:
    """Return inputs in groups of one role: by folder, or by the folder above all where that would be many groups."""
    by_role: dict[tuple[str, bool], list[CapturedFile]] = {}
    for item in files:
        by_role.setdefault((item.role, item.confirmed), []).append(item)
    found: list[Group] = []
    for (role, confirmed), items in by_role.items():
        folders: dict[str, list[CapturedFile]] = {}
        for item in items:
            folders.setdefault(str(PurePosixPath(item.path).parent), []).append(item)
        if len(folders) > FEW:
            folders = {os.path.commonpath(list(folders)): items}
        found += [Group(role, folder, confirmed, tuple(inside)) for folder, inside in folders.items()]
    return found


def by_name(item: CapturedFile, host: str, root: str | None) -> Part:
    """Return an input of which only the place is known, with what was in the way."""
    if "://" in item.path:
        return Part(id=Identifier.parse(item.path), role=item.role)
    name = Identifier(scheme=FILE, value=f"//{host}{item.path}")
    used = {"changed": True} if item.changed else {"gone": True}
    return Part(id=name, role=item.role, path=told_path(item.path, root), used=used)


def of_dataset(group: Group, record: str, root: str | None) -> list[Part]:
    """Return the inputs that a group is, as files of a data set, or as the whole of it."""
    if len(group.files) > FEW:
        return [Part(record=record, role=group.role, path=told_path(group.folder, root))]
    return [
        Part(record=record, file=item.sha256, role=item.role, path=told_path(item.path, root)) for item in group.files
    ]


@dataclass
class Parts:
    """Inputs or outputs, and how each is known: named by the author, or only seen."""

    items: list[Part] = field(default_factory=list)
    evidence: dict[str, Evidence] = field(default_factory=dict)

    def add(self, part: Part, *, confirmed: bool, via: str | None = None) -> None:
        """Add one; one that is there already is not told twice."""
        if part in self.items:
            return
        if confirmed:
            known = Evidence(how="asserted", where="the author")
        else:
            known = Evidence(how="inferred", where=via or "opened", rule="seen while it ran, not confirmed by anybody")
        self.evidence[f"/inputs/{len(self.items)}"] = known
        self.items.append(part)


@dataclass(frozen=True)
class Given:
    """What a push has found out, beside the capture."""

    inputs: tuple[Part, ...] = ()
    outputs: tuple[Part, ...] = ()
    code: Code | None = None
    environment: Environment | None = None
    history: str | None = None
    problems: tuple[str, ...] = ()


def activity(capture: Capture, given: Given) -> Activity:
    """Return the record of a run. A run that is not known to have ended well has ``failed``."""
    problems = tuple(dict.fromkeys((*capture.problems, *given.problems)))
    workflow: Json = dict(capture.workflow or {})
    if problems:
        workflow["problems"] = [_short(problem, capture.root) for problem in problems]
    return Activity(
        kind=capture.kind,
        status="failed" if capture.status == "running" else capture.status,
        started=capture.started,
        ended=capture.ended,
        inputs=given.inputs or None,
        outputs=given.outputs or None,
        code=given.code,
        command=_command(capture),
        environment=given.environment,
        parameters=capture.parameters or None,
        seeds=capture.seeds or None,
        determinism=capture.determinism,
        hardware=capture.hardware,
        usage=capture.usage,
        workflow=workflow or None,
        search=capture.search,
        derivation=capture.derivation,
        history=given.history,
        metrics=capture.metrics or None,
        ids=capture.ids,
        ext=capture.ext,
    )


def _short(problem: str, root: str | None) -> str:
    """Return a problem with its path as records tell it."""
    code, colon, path = problem.partition(":")
    return f"{code}:{told_path(path, root)}" if colon and path.startswith("/") else problem


def _command(capture: Capture) -> Command | None:
    if capture.command is None:
        return None
    cwd = capture.command.cwd
    return Command(argv=capture.command.argv, cwd=told_path(cwd, capture.root) if cwd else None)


def model_outputs(capture: Capture) -> Sequence[CapturedFile]:
    """Return the outputs that are the model: those the author named so, else all that were written and are no logs."""
    named = [item for item in capture.outputs if item.confirmed and item.role == "model"]
    if named:
        return named
    if any(item.confirmed for item in capture.outputs):
        return []
    return [item for item in capture.outputs if not _scratch(item.path, capture.root)]


def _scratch(path: str, root: str | None) -> bool:
    """Say whether a file lies where nobody keeps anything, or where a program left it for itself."""
    if root and path.startswith(root.rstrip("/") + "/"):
        path = path[len(root.rstrip("/")) :]
    elif path.startswith(f"{tempfile.gettempdir()}/"):
        return True
    return any(part.startswith(".") or part in _THEIRS for part in PurePosixPath(path).parts[1:])
