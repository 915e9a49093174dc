"""Pushing a run: from its folder into a registry, embedded or at a server; killed at any moment, it is done again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from herdbook.capture import digesting, planning, spool, telling
from herdbook.capture.known import Known
from herdbook.capture.planning import Plan
from herdbook.capture.recording import after_a_crash
from herdbook.capture.spool import PLAN, PUSHED, Run
from herdbook.kernel.errors import ConflictError, InvalidError, MissingError
from herdbook.kernel.names import namespace_of
from herdbook.model.activities import Activity, Part
from herdbook.model.captures import Capture, CapturedFile, Pushed
from herdbook.model.files import File
from herdbook.model.registrations import Registration
from herdbook.model.statements import Said
from herdbook.model.versions import Registered, Version
from herdbook.ports.blobs import Progress
from herdbook.ports.registry import Registry
from herdbook.service import intake, putting
from herdbook.service.references import registration_target

TOGETHER = 32
"""How many blobs are put together."""


@dataclass(frozen=True)
class Asked:
    """What a person says at a push: where to, which seen inputs are inputs, what goes along.

    Without ``model`` the activity alone is written; ``again`` prepares anew what was prepared before.
    """

    target: str | None = None
    namespace: str | None = None
    outputs: tuple[tuple[str, Path], ...] = ()
    accept: bool = False
    only: tuple[str, ...] = ()
    model: bool = True
    upload: str | None = None
    store_limit: int = 10_000_000
    again: bool = False
    tell: Callable[[str], None] = lambda _: None
    progress: Progress | None = None

    @property
    def changes(self) -> bool:
        """Whether it says anything about the run that its plan must heed."""
        return bool(self.accept or self.only or self.upload or self.outputs)


def push(registry: Registry, run: Run, asked: Asked | None = None) -> Pushed:
    """Send a run; what was sent before is answered with.

    Raises:
        ConflictError: while the run goes on, while it is pushed elsewhere, or when an output is no longer as it was.
        InvalidError: when nobody said into which namespace.
        HerdbookError: as the registry says.
    """
    asked = asked or Asked()
    capture = spool.settle(run, after_a_crash)
    with run.held() as got:
        if not got or capture.status == "running":
            raise ConflictError(
                f"the run {run.id[:12]} is still at work",
                code="run-busy",
                hint="Wait until it has ended; `herdbook spool list` says when.",
            )
        capture = _heed(run, run.read(), asked)
        namespace = _namespace(capture)
        plan = planning.kept(run, namespace)
        if plan is None:
            asked.tell("looking for inputs")
            plan = planning.make(
                run, capture, Known(registry, namespace), store_limit=asked.store_limit, tell=asked.tell
            )
        pushed = _send(registry, run, capture, plan, asked)
        run.put_json(PUSHED, pushed.json_object())
        return pushed


def _heed(run: Run, capture: Capture, asked: Asked) -> Capture:
    """Return the capture with what the person says now, and keep that in the run's folder."""
    new = capture
    if asked.target or asked.namespace:
        new = new.model_copy(
            update={"target": asked.target or new.target, "namespace": asked.namespace or new.namespace}
        )
    if not asked.model:
        new = new.model_copy(update={"namespace": _namespace(new), "target": None})
    if asked.upload:
        new = new.model_copy(update={"upload": asked.upload})
    if asked.accept or asked.only:
        new = planning.accepted(new, asked.only)
    if asked.outputs:
        new = new.model_copy(update={"outputs": (*new.outputs, *_named(asked.outputs))})
    if new != capture:
        run.write(new)
    if asked.again or (new != capture and asked.changes):
        (run.folder / PLAN).unlink(missing_ok=True)
    return new


def _named(outputs: Sequence[tuple[str, Path]]) -> Iterator[CapturedFile]:
    for role, path in outputs:
        found = digesting.whole(path)
        if found is None:
            raise MissingError(f"{path} is not there", code="no-path", hint="Check the path.")
        yield CapturedFile(
            path=str(path),
            role=role,
            size=found.size,
            mtime_ns=found.mtime_ns,
            ctime_ns=found.ctime_ns,
            sha256=found.sha256,
            confirmed=True,
            via="author",
        )


def _namespace(capture: Capture) -> str:
    if capture.target:
        return namespace_of(registration_target(capture.target)[0])
    if capture.namespace:
        return capture.namespace
    raise InvalidError(
        f"nobody said where the run {capture.id[:12]} belongs",
        code="no-namespace",
        hint="Add --model NAMESPACE/MODEL:LABEL, or --namespace NAMESPACE for the activity alone.",
    )


def _send(registry: Registry, run: Run, capture: Capture, plan: Plan, asked: Asked) -> Pushed:
    _bring(registry, run, plan, asked)
    done: Registered | None = None
    if capture.target and capture.status == "finished":
        done, activity = _with_version(registry, capture, plan, asked)
        digest = done.activities[0] if done.activities else activity.digest
    else:
        activity = telling.activity(capture, plan.given)
        digest = _alone(registry, plan, activity)
    return Pushed(
        run=run.id,
        registry=registry.url,
        namespace=plan.namespace,
        activity=digest,
        status=activity.status,
        reference=done.reference if done else None,
        record=done.record if done else None,
        outcome=done.outcome if done else None,
        inputs=len(plan.inputs),
        unconfirmed=sum(item.how == "inferred" for item in plan.evidence.values()),
        problems=tuple((activity.workflow or {}).get("problems", ())) + tuple((plan.code and plan.code.problems) or ()),
    )


def _bring(registry: Registry, run: Run, plan: Plan, asked: Asked) -> None:
    """Put the blobs that the registry does not have in this namespace.

    Raises:
        ConflictError: when one is no longer what it was.
    """
    there = registry.files.find(plan.namespace, list(plan.blobs)) if plan.blobs else {}
    todo = [(digest, name) for digest, name in plan.blobs.items() if digest not in there]
    for group in _batched(todo):
        asked.tell(f"sending {len(group)} files")
        with ExitStack() as stack:
            streams = [stack.enter_context(_open(run, name)) for _, name in group]
            stored = registry.files.put_many(streams, progress=asked.progress)
        for (digest, name), content in zip(group, stored, strict=True):
            if content.sha256 != digest:
                (run.folder / PLAN).unlink(missing_ok=True)
                raise ConflictError(
                    f"{name} is no longer what it was when the push was prepared",
                    code="changed-since",
                    hint="Push once more; it will be told as changed.",
                )


def _batched(todo: Sequence[tuple[str, str]]) -> Iterator[tuple[tuple[str, str], ...]]:
    for start in range(0, len(todo), TOGETHER):
        yield tuple(todo[start : start + TOGETHER])


def _open(run: Run, name: str) -> BinaryIO:
    path = Path(name) if Path(name).is_absolute() else run.files / name
    try:
        return path.open("rb")
    except FileNotFoundError as error:
        (run.folder / PLAN).unlink(missing_ok=True)
        raise MissingError(
            f"{path} is gone", code="changed-since", hint="Push once more; it will be told as gone."
        ) from error


def _with_version(registry: Registry, capture: Capture, plan: Plan, asked: Asked) -> tuple[Registered, Activity]:
    """Register the model with its activity, in one event."""
    model, label = registration_target(str(capture.target))
    outputs = telling.model_outputs(capture)
    if not outputs:
        raise InvalidError(
            f"nobody said which files of the run {capture.id[:12]} are the model",
            code="no-output",
            hint=f"Name them: herdbook push {capture.id[:12]} --output PATH.",
        )
    for item in outputs:
        _check_same(item)
    taken = [item for item in intake.plan([item.path for item in outputs]) if item.left_out is None]
    version = Version.of(
        File(path=item.path, digest=stored.sha256, size=stored.size)
        for item, stored in putting.put(registry, taken, asked.progress)
    )
    parts = [
        Part(record=version.digest, role="model", path=telling.told_path(item.path, capture.root)) for item in outputs
    ]
    given = replace(plan.given, outputs=(*parts, *plan.outputs))
    activity = telling.activity(capture, given)
    statements = [*map(Said.read, plan.about_datasets), *_fresh(registry, plan.statements(activity.digest))]
    registration = Registration(
        model=model,
        label=label,
        version=version,
        datasets=plan.datasets,
        activities=(activity,),
        statements=tuple(statements),
    )
    return registry.versions.record([registration])[0], activity


def _check_same(item: CapturedFile) -> None:
    """Refuse an output that was changed since the run ended: it would not be what the run made.

    Raises:
        ConflictError: when it was.
    """
    found = digesting.whole(Path(item.path))
    known = (item.size, item.mtime_ns)
    if found is not None and ((found.size, found.mtime_ns) == known or (item.sha256 and found.sha256 == item.sha256)):
        return
    raise ConflictError(
        f"{item.path} is {'no longer what the run made' if found else 'gone'}",
        code="output-changed",
        hint="Bring the files back as they were, or run it again; push --no-model writes the activity alone.",
    )


def _alone(registry: Registry, plan: Plan, activity: Activity) -> str:
    """Write down the activity without a version; return the digest of the record that stands for it."""
    said = [Said.read(item) for item in plan.about_datasets]
    for dataset in plan.datasets:
        own = [item for item in said if item.subject[0].record == dataset.digest]
        registry.datasets.register(plan.namespace, dataset, own)
    entry = registry.activities.register(plan.namespace, activity)
    if statements := _fresh(registry, plan.statements(entry.record)):
        registry.statements.add(plan.namespace, statements)
    return entry.record


def _fresh(registry: Registry, statements: list[Said]) -> list[Said]:
    """Let statements supersede what this principal said before of the same kind about the same activity."""
    found = []
    for said in statements:
        record = str(said.subject[0].record)
        try:
            page = registry.statements.list(record, kind=said.type.split("/")[1])
        except MissingError:
            found.append(said)
            continue
        mine = [entry for entry in page.items if entry.statement.issuer == registry.principal.id]
        same = any((old.statement.body, old.statement.evidence) == (said.body, said.evidence) for old in mine)
        olds = tuple(entry.digest for entry in mine if entry.statement.type == said.type)
        found.append(said if same or not olds else said.model_copy(update={"supersedes": olds}))
    return found
