"""A retraining in the registry: the version that came out, its activity and the statement, in one event."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from herdbook.kernel import times
from herdbook.kernel.names import namespace_of
from herdbook.model.activities import Activity, Environment, Parameter, Part, Seed
from herdbook.model.base import Json
from herdbook.model.files import Content, File
from herdbook.model.identifiers import Identifier
from herdbook.model.jobs import JobRequest, JobResult
from herdbook.model.registrations import Intake, Registration
from herdbook.model.retrainings import Retraining
from herdbook.model.statements import Said, StatementEntry, Subject
from herdbook.model.versions import Version
from herdbook.ports.registry import Registry
from herdbook.service.references import registration_target
from herdbook.service.retraining import comparing, outcome
from herdbook.service.retraining.planning import Work

TYPE = "herdbook/retraining/1"


@dataclass(frozen=True)
class Target:
    """Under which reference what comes out is registered; ``quiet`` says nothing at all to the registry."""

    reference: str
    quiet: bool = False

    @property
    def namespace(self) -> str:
        """In whose journal it is said."""
        return namespace_of(registration_target(self.reference)[0])


@dataclass(frozen=True)
class Came:
    """What came out of a job, and how it compares."""

    request: JobRequest
    result: JobResult
    version: Version
    changed: tuple[str, ...]
    outcome: comparing.Outcome
    figures: Sequence[Json]
    engine: str


@dataclass(frozen=True)
class Recorded:
    """The body of the statement, its digest, and the reference of the version that came out."""

    retraining: Retraining
    statement: str = ""
    reference: str = ""


def version_of(taken: Sequence[Intake], contents: Sequence[Content]) -> Version:
    """Return the version of files with their digests."""
    return Version.of(
        File(path=item.path, digest=content.sha256, size=content.size)
        for item, content in zip(taken, contents, strict=True)
    )


def record(registry: Registry, work: Work, came: Came, folder: Path, target: Target) -> Recorded:
    """Register the version with its activity, and say what came of it, in one event.

    Raises:
        HerdbookError: as ``ports.registry.Versions.record`` says; then nothing of it is registered.
    """
    activity = activity_of(work, came)
    if target.namespace != work.plan.namespace:
        activity = _elsewhere(registry, activity, folder, came.request)
    body = Retraining(
        of=work.plan.of,
        by=activity.digest,
        mode="run",
        outcome=came.outcome,
        done=times.now(),
        changed=came.changed,
        inputs=outcome.inputs_of(work.plan.needs),
        compared=tuple(came.figures),
        version=came.version.digest,
        engine=came.engine,
        bitwise=came.outcome == "bytes",
        problems=came.result.problems,
    )
    if target.quiet:
        return Recorded(body)
    model, label = registration_target(target.reference)
    said = Said(type=TYPE, subject=(Subject(record=work.plan.version),), body=body.json_object())
    registered = registry.versions.record(
        [Registration(model=model, label=label, version=came.version, activities=(activity,), statements=(said,))]
    )[0]
    return Recorded(body, registered.statements[-1] if registered.statements else "", registered.reference)


def activity_of(work: Work, came: Came) -> Activity:
    """Return the retraining as a record: the original's inputs and command, and what was verified of them."""
    original, result = work.origin.activity, came.result
    verified = set(result.verified)
    inputs = tuple(original.inputs or ()) if {"inputs", "inputs-after"} <= verified else ()
    made = [part for part in original.outputs or () if part.path and part.record == work.plan.version]
    paths = [part.path for part in made] or [None]
    told: Json = {
        "kind": "retraining",
        "status": "finished",
        "started": result.started,
        "ended": result.ended,
        "inputs": (*inputs, Part(record=work.plan.version, role="original")),
        "outputs": tuple(Part(record=came.version.digest, role="model", path=path) for path in paths),
        "code": outcome.code_as_run(original.code, result),
        "command": work.typed,
        "environment": _environment(original.environment, result),
        "parameters": _parameters(original, work) or None,
        "seeds": _seeds(original, work, result) or None,
        "hardware": result.hardware,
        "usage": result.usage,
        "metrics": result.metrics or None,
        "ids": (Identifier(scheme="herdbook-run", value=came.request.id),),
        "workflow": {
            "retrains": work.plan.of,
            "engine": came.engine,
            "placed": dict(work.plan.placed),
            "verified": list(result.verified),
            **({"changed": list(came.changed)} if came.changed else {}),
        },
    }
    return Activity.read({name: value for name, value in told.items() if value is not None})


def _environment(original: Environment | None, result: JobResult) -> Environment | None:
    """Return the environment as it was found; the lock stands in it only where the runner verified it."""
    found = result.environment
    if found is None or original is None or "environment" not in result.verified:
        return found.model_copy(update={"blob": None}) if found else None
    return found.model_copy(update={"blob": original.blob})


def _parameters(original: Activity, work: Work) -> list[Parameter]:
    changed = work.edits.parameters
    return [
        each.model_copy(update={"text": changed[each.name]}) if each.name in changed else each
        for each in original.parameters or ()
        if each.name not in work.edits.seeds
    ]


def _seeds(original: Activity, work: Work, result: JobResult) -> list[Seed]:
    """Return seeds as they were seen; the original's, which were not, only where nothing about seeds was edited."""
    if result.seeds:
        return list(result.seeds)
    given = [Seed(name=name, text=text) for name, text in work.edits.seeds.items()]
    return given or list(original.seeds or ())


def _elsewhere(registry: Registry, activity: Activity, folder: Path, request: JobRequest) -> Activity:
    """Return the activity for another namespace than the original's, which does not have the bytes that it names."""
    inputs = tuple(
        part.model_copy(update={"blob": None, "file": part.blob}) if part.blob else part
        for part in activity.inputs or ()
    )
    for name in filter(None, (request.lock, request.diff)):
        with (folder / name).open("rb") as stream:
            registry.files.put(stream)
    return activity.model_copy(update={"inputs": inputs})


def say(registry: Registry, work: Work, body: Retraining, target: Target) -> str:
    """Say what came of a dry run, or of a run without a result; return the statement's digest.

    It supersedes what the same issuer said of earlier dry runs of the same activity.
    """
    if target.quiet:
        return ""
    namespace = target.namespace
    older = [each.digest for each in _dry_runs(registry, work)] if body.mode == "dry-run" else []
    said = Said(
        type=TYPE,
        subject=(Subject(record=work.plan.version),),
        body=body.json_object(),
        supersedes=tuple(older) or None,
    )
    return registry.statements.add(namespace, [said])[0].digest


def _dry_runs(registry: Registry, work: Work) -> Iterator[StatementEntry]:
    told = registry.statements.about([work.plan.version]).get(work.plan.version, [])
    for entry in told:
        statement = entry.statement
        if entry.current and statement.type == TYPE and statement.issuer == registry.principal.id:
            body = Retraining.read(statement.body)
            if body.mode == "dry-run" and body.of == work.plan.of:
                yield entry


def default_target(work: Work) -> str:
    """Return the model that the original is of: what comes out gets no label of its own there."""
    return work.origin.entry.model
