"""The plan of a retraining, worked out from the record alone: what is needed, from where, and what is missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from herdbook.kernel.errors import InvalidError
from herdbook.kernel.names import namespace_of
from herdbook.model.activities import Command, Part
from herdbook.model.retrainings import RetrainingPlan
from herdbook.ports.places import Places
from herdbook.ports.registry import Registry
from herdbook.service.retraining import code as code_
from herdbook.service.retraining import environment as environment_
from herdbook.service.retraining import inputs as inputs_
from herdbook.service.retraining import layout as layout_
from herdbook.service.retraining.layout import Layout
from herdbook.service.retraining.origin import Origin, find

PYTHONS = ("python", "pypy")


@dataclass(frozen=True)
class Edits:
    """What the caller wants otherwise: seeds and parameters by name, a clone with the commit, outputs, a Python."""

    seeds: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)
    repository: str = ""
    outputs: Sequence[str] = ()
    python: str = ""


@dataclass(frozen=True)
class Work:
    """A plan with all that is needed to carry it out."""

    plan: RetrainingPlan
    origin: Origin
    finder: inputs_.Finder
    code: code_.Found
    surroundings: environment_.Surroundings
    located: tuple[inputs_.Located, ...]
    layout: Layout
    outputs: tuple[tuple[str, str, bool], ...]
    """Path in the job, role, and whether it is of the version."""
    typed: Command | None
    """The command as it would be typed where the original was, with what the caller wants otherwise."""
    edits: Edits


def make(registry: Registry, reference: str, places: Places, edits: Edits | None = None) -> Work:
    """Work out what training a version again takes. Nothing large is downloaded, and nothing starts.

    Raises:
        MissingError: when there is no such version, or ``no-origin``.
        InvalidError: ``no-such-option``, when a seed or parameter to be set does not stand in the command.
    """
    edits = edits or Edits()
    origin = find(registry, reference)
    activity = origin.activity
    namespaces = list(dict.fromkeys([namespace_of(origin.entry.model), *origin.made_by.namespaces]))
    finder = inputs_.Finder(registry, namespaces, places)
    layout = Layout.of(activity)
    code = code_.find(finder, activity, origin.made_by.record, edits.repository)
    surroundings = environment_.find(finder, activity, edits.python)
    located = finder.locate(inputs_.wanted(registry, namespaces, activity))
    outputs, problems = _outputs(origin, edits, layout)
    placed = [each.wanted.path for each in located if not each.wanted.problem]
    for path in placed:
        layout.place(path)
    typed = _typed(origin, edits)
    command = _placed(typed, layout, [*placed, *_paths(activity.outputs)]) if typed else None
    more = [] if typed else ["its command is not known"]
    plan = RetrainingPlan(
        reference=origin.entry.reference,
        version=origin.entry.record,
        of=origin.made_by.record,
        namespace=namespaces[0],
        command=command,
        placed=layout.placed,
        outputs=tuple(path for path, _, _ in outputs),
        needs=(*code.needs, surroundings.need, *(each.need for each in located)),
        edited=_edited(edits),
        problems=(*code.problems, *problems, *more),
        others=origin.others,
    )
    return Work(plan, origin, finder, code, surroundings, tuple(located), layout, tuple(outputs), typed, edits)


def _edited(edits: Edits) -> tuple[str, ...]:
    return (*(f"seed {name}" for name in edits.seeds), *(f"parameter {name}" for name in edits.parameters))


def _paths(parts: Sequence[Part] | None) -> list[str]:
    return [part.path for part in parts or () if part.path]


def _outputs(origin: Origin, edits: Edits, layout: Layout) -> tuple[list[tuple[str, str, bool]], list[str]]:
    """Return where what comes out will lie, and what hinders to know it."""
    own = {origin.entry.record, origin.entry.resolved_by}
    if edits.outputs:
        return [(layout.place(path), "model", True) for path in edits.outputs], []
    found = [
        (layout.place(part.path), part.role, part.record in own or part.file is not None)
        for part in origin.activity.outputs or ()
        if part.path
    ]
    if any(of_version for _, _, of_version in found):
        return list(dict.fromkeys(found)), []
    return found, ["where the command wrote the version is not recorded; say it with --output"]


def _typed(origin: Origin, edits: Edits) -> Command | None:
    command = origin.activity.command
    if command is None:
        return None
    argv = list(command.argv)
    for name, value in [*edits.seeds.items(), *edits.parameters.items()]:
        new = layout_.edited(argv[1:], name, value)
        if new is None:
            known = ", ".join(layout_.options(argv[1:])) or "none"
            raise InvalidError(
                f"the command has no option {name!r}, so {name}={value} cannot be set",
                code="no-such-option",
                hint=f"Its options with a value: {known}.",
            )
        argv[1:] = new
    return Command(argv=tuple(argv), cwd=command.cwd)


def _placed(typed: Command, layout: Layout, moved: Sequence[str]) -> Command:
    command = layout.command(typed, moved)
    return command.model_copy(update={"argv": (_program(command.argv[0]), *command.argv[1:])})


def _program(word: str) -> str:
    """Return the program's name where it was an interpreter of the original's machine; the environment has its own."""
    name = word.rpartition("/")[2]
    return name if word.startswith("/") and name.startswith(PYTHONS) else word
