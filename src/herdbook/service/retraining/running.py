"""Running a plan: the job's folder, an engine, the result held against the original, and all of it in one event."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from herdbook.kernel import paths
from herdbook.kernel.errors import HerdbookError, UnavailableError
from herdbook.model.activities import Command
from herdbook.model.files import Content
from herdbook.model.jobs import JobInput, JobLimits, JobOutput, JobRequest, JobResult
from herdbook.model.registrations import Intake
from herdbook.model.retrainings import Golden
from herdbook.ports.blobs import Progress
from herdbook.ports.engines import Engine
from herdbook.ports.registry import Registry
from herdbook.service import intake, putting
from herdbook.service.hashing import OpenFile, content
from herdbook.service.retraining import comparing, outcome, preparing, recording
from herdbook.service.retraining.planning import Work

SAID = 20
"""Lines of the job's log that a failure tells."""


@dataclass(frozen=True)
class Means:
    """With what a job is run.

    Args:
        engine: where.
        runner: the command line of a job's runner, for its folder.
        limits: what it may use.
        settings: what the engine is told, as a partition of Slurm.
        timeout_s: how long to wait for it.
        read_metrics: reads the metrics of a file that the training wrote.
    """

    engine: Engine
    runner: Callable[[Path], Sequence[str]]
    limits: JobLimits = field(default_factory=JobLimits)
    settings: Mapping[str, str] = field(default_factory=dict)
    timeout_s: float | None = None
    read_metrics: comparing.ReadMetrics | None = None


Step = Callable[[str], None]


def run(
    registry: Registry,
    work: Work,
    means: Means,
    folder: Path,
    *,
    target: recording.Target,
    take: bool = False,
    step: Step | None = None,
    progress: Progress | None = None,
) -> recording.Recorded:
    """Carry a plan out in a folder, compare, and register; nothing is registered before all of it is known.

    With ``take`` the job was written there before, and has been run: only its result is taken.

    Raises:
        ConflictError: ``other-job``, when what lies there is not what the plan asks for.
        UnavailableError: when there is no room, or the engine cannot be had.
        CorruptError: when an input is not what it was.
        KeyboardInterrupt: after the job was cancelled.
    """
    tell = step or (lambda _: None)
    number = secrets.token_hex(16)
    tell("bringing what it needs")
    if take:
        request = preparing.again(work, folder, limits=means.limits, python=work.edits.python)
        result = _came_back(folder)
    else:
        python = work.edits.python
        request = preparing.write(work, folder, number, limits=means.limits, python=python, progress=progress)
        tell(f"running on {means.engine.name}")
        result = carried_out(means, folder)
    if result.status != "finished" or result.id != request.id:
        said = [*result.problems, *_log(folder, result)] or [f"the job {result.status}"]
        body = outcome.of_failure(work, means.engine.name, said)
        return recording.Recorded(body, recording.say(registry, work, body, target))
    tell("comparing")
    taken = _taken(work, folder)
    files = {item.path: Path(os.fsdecode(paths.unescape(item.source))) for item in taken}
    contents = _contents(taken)
    version = recording.version_of(taken, contents)
    result = _with_metrics(registry, work, means, files, result)
    predict = _predictor(work, means, folder)
    figures = comparing.compare(registry, work.origin, version, files, result.metrics, work.finder.namespaces, predict)
    changed = outcome.changed(work, request, result, folder, contents)
    tell("registering")
    if not target.quiet:
        for _ in putting.put(registry, taken):
            pass
    came = recording.Came(request, result, version, tuple(changed), *figures, engine=means.engine.name)
    return recording.record(registry, work, came, folder, target)


def carried_out(means: Means, folder: Path) -> JobResult:
    """Submit a job and wait for its result; an interruption cancels it.

    Raises:
        UnavailableError: ``no-engine``, ``job-lost``, ``job-waits``, ``job-not-run``.
    """
    handle = means.engine.submit(folder, means.runner(folder), means.limits, means.settings)
    try:
        means.engine.wait(folder, handle, means.timeout_s)
    except BaseException as error:
        if not (isinstance(error, HerdbookError) and error.code == "job-not-run"):
            means.engine.cancel(folder, handle)
        raise
    return JobResult.read_json((folder / "result.json").read_bytes())


def _came_back(folder: Path) -> JobResult:
    try:
        return JobResult.read_json((folder / "result.json").read_bytes())
    except FileNotFoundError as error:
        raise UnavailableError(
            f"there is no result.json in {folder}", code="job-waits", hint="Wait until the job has ended; then again."
        ) from error


def _log(folder: Path, result: JobResult) -> list[str]:
    """Return the last lines that the command printed."""
    if not result.log or not (folder / result.log).is_file():
        return []
    text = (folder / result.log).read_bytes()[-16384:].decode("utf-8", "replace")
    return [line for line in text.splitlines() if line.strip()][-SAID:]


def _with_metrics(
    registry: Registry, work: Work, means: Means, files: Mapping[str, Path], result: JobResult
) -> JobResult:
    """Return the result with metrics that stand in a file alone."""
    tolerance = comparing.declared(registry, work.origin).tolerance
    lacking = {each.name for each in tolerance.metrics} - {each.name for each in result.metrics} if tolerance else set()
    if tolerance is None or not lacking or means.read_metrics is None:
        return result
    found = comparing.from_file(registry, work.origin, files, tolerance.metrics, means.read_metrics)
    return result.model_copy(update={"metrics": (*result.metrics, *found)})


def _taken(work: Work, folder: Path) -> list[Intake]:
    """Return the files of the version that came out.

    Raises:
        UnavailableError: ``no-result``, when there is none.
    """
    tops = [folder / "outputs" / path for path, _, of_version in work.outputs if of_version]
    try:
        return [item for item in intake.plan(tops) if item.left_out is None]
    except HerdbookError as error:
        raise UnavailableError(
            f"the result cannot be taken: {error.message}", code="no-result", hint="See the job's log with --keep."
        ) from error


def _contents(taken: Sequence[Intake]) -> list[Content]:
    found = []
    for item in taken:
        with contextlib.closing(OpenFile(paths.unescape(item.source))) as file:
            found.append(content(file))
    return found


def _predictor(work: Work, means: Means, folder: Path) -> comparing.Predict:
    """Return what applies a model by the training's own code: a second job, in the same checkout."""

    def predict(golden: Golden, given: Path) -> Path:
        assert golden.argv is not None, "a golden statement without a command is for ONNX"
        inner = folder / "predict"
        if inner.exists():
            shutil.rmtree(inner)
        (inner / "inputs").mkdir(parents=True)
        request = JobRequest.read_json((folder / "request.json").read_bytes())
        for name in (request.checkout, request.diff, request.lock):
            if name:
                shutil.copyfile(folder / name, inner / name)
        if (folder / "untracked").is_dir():
            shutil.copytree(folder / "untracked", inner / "untracked")
        sources = [("golden/inputs.npz", given / "inputs.npz")]
        taken = _taken(work, folder)
        sources += [(f"golden/model/{item.path}", Path(item.source)) for item in taken]
        inputs = [_input(inner, number, path, source) for number, (path, source) in enumerate(sources)]
        model = f"golden/model/{golden.path}" if golden.path else "golden/model"
        words = {"{model}": model, "{inputs}": "golden/inputs.npz", "{outputs}": "golden/outputs.npz"}
        update = {
            "id": secrets.token_hex(16),
            "kind": "predict",
            "command": Command(argv=tuple(words.get(word, word) for word in golden.argv), cwd="."),
            "inputs": tuple(inputs),
            "outputs": (JobOutput(path="golden/outputs.npz", role="predictions"),),
            "capture": False,
        }
        predicting = request.model_copy(update=update)
        (inner / "request.json").write_text(predicting.model_dump_json(by_alias=True, exclude_none=True), "utf-8")
        result = carried_out(means, inner)
        if result.status != "finished":
            raise UnavailableError("; ".join(result.problems[:3]) or "it failed", code="not-applied")
        return inner / "outputs" / "golden" / "outputs.npz"

    return predict


def _input(inner: Path, number: int, path: str, source: Path) -> JobInput:
    target = inner / "inputs" / str(number)
    shutil.copyfile(source, target)
    with contextlib.closing(OpenFile(bytes(target))) as file:
        found = content(file)
    return JobInput(path=path, sha256=found.sha256, size=found.size, source=f"inputs/{number}")
