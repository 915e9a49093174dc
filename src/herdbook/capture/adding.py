"""An activity told afterwards, from files that are there: a run of the spool, an activity's JSON, MLflow's folders."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from herdbook.capture import assembling, figures, locks, noise, seen, spool, surroundings, terms
from herdbook.capture.recording import SCHEME, after_a_crash
from herdbook.capture.spool import PLAN, RUN, Run, Spool
from herdbook.capture.surroundings import Policy
from herdbook.capture.wanted import Wanted
from herdbook.kernel import canonical, digests, times
from herdbook.kernel.errors import HerdbookError, InvalidError
from herdbook.model.activities import Activity, Code, Command, Environment, Metric, Parameter, Part, Seed
from herdbook.model.base import Json
from herdbook.model.captures import Capture
from herdbook.model.identifiers import Identifier

_STATUS = {"FINISHED": "finished", "FAILED": "failed", "KILLED": "failed"}
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


@dataclass
class Told:
    """What is told of an activity: the capture until now, and copies that its folder will hold, by role and name."""

    capture: Capture
    copies: list[tuple[str, str, bytes]] = field(default_factory=list)


@dataclass(frozen=True)
class Afterwards:
    """What an author says of an activity that ended; paths are absolute."""

    wanted: Wanted
    sources: tuple[str, ...] = ()
    status: str | None = None
    started: str | None = None
    ended: str | None = None
    command: str | None = None
    code: Path | None = None
    lock: Path | None = None
    seeds: dict[str, str] = field(default_factory=dict)
    ids: tuple[Identifier, ...] = ()
    outputs: tuple[Part, ...] = ()


def make(place: Spool, said: Afterwards, policy: Policy) -> Run:
    """Return the folder of a run that says all this; saying the same once more gives the same run.

    Raises:
        InvalidError: when a source is none, or what it says does not fit.
    """
    wanted = said.wanted.checked()
    inputs, outputs = assembling.declared(wanted)
    told = Told(
        Capture.read(
            {
                "id": "0" * 32,
                "kind": wanted.activity_kind,
                "namespace": wanted.namespace,
                "status": "unknown",
                "root": str(wanted.cwd),
                "upload": wanted.upload,
                "inputs": inputs,
                "outputs": outputs,
                "told_outputs": said.outputs,
                "parents": wanted.parents,
                "datasets": wanted.datasets,
                "derivation": wanted.derivation,
                "parameters": wanted.parameters,
            }
        )
    )
    for source in said.sources:
        told = _from(place, source, told, wanted)
    return _written(place, _said(told, said, policy), wanted, said, policy)


def _from(place: Spool, source: str, told: Told, wanted: Wanted) -> Told:
    path = wanted.cwd / source
    if path.is_file():
        return _of_json(path, told)
    if (path / RUN).is_file():
        return _of_run(Run(path), told, wanted)
    if path.is_dir():
        return _of_folder(path, told)
    return _of_run(place.find(source), told, wanted)


def _of_run(run: Run, told: Told, wanted: Wanted) -> Told:
    """Take a captured run as it is; what the author says goes before it."""
    capture = spool.settle(run, after_a_crash)
    given = told.capture
    merged = capture.model_copy(
        update={
            "kind": wanted.kind or capture.kind,
            "namespace": given.namespace or capture.namespace,
            "target": None,
            "inputs": tuple({item.path: item for item in (*capture.inputs, *given.inputs)}.values()),
            "told_outputs": tuple(dict.fromkeys((*given.told_outputs, *capture.told_outputs))),
            "outputs": (*given.outputs, *capture.outputs) if not given.told_outputs else given.outputs,
            "parents": tuple(dict.fromkeys((*given.parents, *capture.parents))),
            "datasets": tuple(dict.fromkeys((*given.datasets, *capture.datasets))),
            "derivation": given.derivation or capture.derivation,
            "parameters": assembling.once([*given.parameters, *capture.parameters]),
        }
    )
    copies = [(role, name, (run.files / name).read_bytes()) for role, name in capture.files.items()]
    return Told(merged, [*told.copies, *copies])


def _of_json(path: Path, told: Told) -> Told:
    """Take the JSON of an activity, as docs/reference/records.md has it."""
    value = figures.document(path.read_bytes(), path.name if path.suffix else f"{path.name}.json")
    if not isinstance(value, dict):
        raise InvalidError(f"{path} holds no activity", code="bad-activity", hint="Give a JSON object.")
    ids = value.get("ids") or [Identifier(scheme=SCHEME, value="0" * 32).json_object()]
    activity = Activity.read({"kind": told.capture.kind, "status": "unknown", **value, "ids": ids})
    plain = ("started", "ended", "code", "command", "environment", "determinism", "hardware", "usage", "search")
    update: Json = {name: getattr(activity, name) for name in (*plain, "workflow", "ext")}
    capture = told.capture
    update |= {
        "kind": activity.kind if "kind" in value else capture.kind,
        "status": activity.status,
        "derivation": activity.derivation or capture.derivation,
        "told_inputs": activity.inputs or (),
        "told_outputs": (*capture.told_outputs, *(activity.outputs or ())),
        "parameters": assembling.once([*capture.parameters, *(activity.parameters or ())]),
        "seeds": activity.seeds or (),
        "metrics": activity.metrics or (),
        "ids": tuple(activity.ids or ()) if value.get("ids") else (),
    }
    return Told(capture.model_copy(update=update), told.copies)


def _of_folder(path: Path, told: Told) -> Told:
    """Take a run's folder as MLflow lays it out: ``params/NAME``, ``metrics/NAME``, ``tags/NAME``, ``meta.yaml``."""
    if not any((path / name).is_dir() for name in ("params", "metrics")):
        raise InvalidError(
            f"{path} is no run: it has neither params/ nor metrics/",
            code="bad-source",
            hint="Give a folder of MLflow's, a run of the spool, or an activity's JSON.",
        )
    parameters = [Parameter(name=name, text=text, term=terms.term(name)) for name, text in _texts(path / "params")]
    metrics, history = _points(path / "metrics")
    tags = dict(_texts(path / "tags"))
    meta_file = path / "meta.yaml"
    meta = figures.document(meta_file.read_bytes(), "meta.yaml") if meta_file.is_file() else None
    meta = meta if isinstance(meta, dict) else {}
    capture = told.capture
    commit = tags.get("mlflow.source.git.commit", "")
    ids = [Identifier(scheme="mlflow-run", value=str(meta["run_id"]))] if meta.get("run_id") else []
    update: Json = {
        "parameters": assembling.once([*capture.parameters, *parameters]),
        "metrics": (*capture.metrics, *metrics),
        "ids": (*capture.ids, *ids),
        "status": _STATUS.get(str(meta.get("status")), capture.status),
        "started": _moment(meta.get("start_time")) or capture.started,
        "ended": _moment(meta.get("end_time")) or capture.ended,
    }
    if _COMMIT.fullmatch(commit):
        update["code"] = Code(commit=commit, repository=tags.get("mlflow.source.git.repoURL") or None)
    if tags.get("mlflow.source.name"):
        update["command"] = Command(argv=(tags["mlflow.source.name"],))
    copies = [("history", assembling.HISTORY, history)] if history else []
    return Told(capture.model_copy(update=update), [*told.copies, *copies])


def _texts(folder: Path) -> Iterator[tuple[str, str]]:
    for path in sorted(folder.rglob("*")) if folder.is_dir() else ():
        if path.is_file():
            text = path.read_bytes()[: seen.LONGEST].decode("utf-8", "replace").rstrip("\n")
            yield path.relative_to(folder).as_posix(), text


def _points(folder: Path) -> tuple[list[Metric], bytes]:
    """Return last values, and the history, of metrics in lines ``MILLISECONDS VALUE STEP``."""
    metrics: list[Metric] = []
    lines: list[bytes] = []
    for path in sorted(folder.rglob("*")) if folder.is_dir() else ():
        if not path.is_file():
            continue
        name, last = path.relative_to(folder).as_posix(), None
        for line in path.read_text("utf-8", errors="replace").splitlines():
            words = line.split()
            try:
                last = seen.figure(words[1])
                point: Json = {"name": name, "value": last, "t": int(words[0]) / 1000}
                if len(words) > 2:
                    lines.append(canonical.dumps({**point, "step": int(words[2])}) + b"\n")
            except (IndexError, ValueError, HerdbookError):
                continue
        if last is not None:
            metrics.append(Metric(name=name, value=last))
    return metrics, b"".join(lines)


def _moment(value: object) -> str | None:
    return times.write(datetime.fromtimestamp(value / 1000, UTC)) if isinstance(value, int) and value > 0 else None


def _said(told: Told, said: Afterwards, policy: Policy) -> Told:
    """Add what the author says in words."""
    capture, wanted = told.capture, said.wanted
    update: Json = {
        "status": said.status or (capture.status if said.sources else "finished"),
        "started": said.started or capture.started,
        "ended": said.ended or capture.ended,
        "ids": (*capture.ids, *(item for item in said.ids if item not in capture.ids)),
        "seeds": (*capture.seeds, *(Seed(name=name, text=text) for name, text in said.seeds.items())),
    }
    if said.command:
        update["command"] = Command(argv=tuple(shlex.split(said.command)), cwd=str(wanted.cwd))
    if wanted.metrics is not None:
        found = figures.metrics(wanted.metrics.read_bytes(), wanted.metrics.name)
        update["metrics"] = _last([*capture.metrics, *found])
    copies = list(told.copies)
    if said.lock is not None:
        data = said.lock.read_bytes()
        near = [item for item in locks.find(said.lock.parent, None) if item.name == said.lock.name]
        environment = capture.environment or Environment()
        update["environment"] = environment.model_copy(update={"kind": near[0].kind if near else "lock"})
        copies = [item for item in copies if item[0] != "lock"] + [("lock", said.lock.name, data)]
    if said.code is not None:
        update["root"] = str(surroundings.code(said.code, policy).root)
    return Told(capture.model_copy(update=update), copies)


def _last(metrics: Iterable[Metric]) -> tuple[Metric, ...]:
    return tuple({(item.name, item.split): item for item in metrics}.values())


def _written(place: Spool, told: Told, wanted: Wanted, said: Afterwards, policy: Policy) -> Run:
    """Write the run's folder; its id follows from what is told, where it has none of its own."""
    capture = told.capture
    own = [item.value for item in capture.ids if item.scheme == SCHEME]
    captured = bool(own)
    if not captured:
        body = capture.model_copy(update={"files": {}}).json_object()
        stamps = {"mtime_ns", "ctime_ns"}
        body["inputs"] = [{k: v for k, v in item.items() if k not in stamps} for item in body.get("inputs", ())]
        body["outputs"] = [{k: v for k, v in item.items() if k not in stamps} for item in body.get("outputs", ())]
        copied = [(role, name, digests.of(data)) for role, name, data in told.copies]
        configs = [digests.of(path.read_bytes()) for path in wanted.configs]
        told_ = canonical.dumps({"body": body, "copies": [list(item) for item in copied], "configs": configs})
        own = [digests.of(told_)[7:39]]
    ids = tuple(dict.fromkeys((*capture.ids, Identifier(scheme=SCHEME, value=own[0]))))
    capture = capture.model_copy(update={"id": own[0], "ids": ids, "files": {}})
    run = Run(place.folder / own[0])
    if run.folder.is_dir():
        return _amended(run, capture, wanted) if captured else run
    new = place.new(capture)
    capture = capture.model_copy(update={"files": _kept(new, told.copies)})
    if said.code is not None:
        capture = _scripts(surroundings.told_code(surroundings.code(said.code, policy), new, capture))
    new.write(assembling.with_configs(capture, wanted, new))
    return new


def _amended(run: Run, capture: Capture, wanted: Wanted) -> Run:
    """Write what is told now into the folder of a run that was captured before."""
    before = run.read()
    new = assembling.with_configs(capture.model_copy(update={"files": before.files}), wanted, run)
    if new != before:
        run.write(new)
        (run.folder / PLAN).unlink(missing_ok=True)
    return run


def _scripts(capture: Capture) -> Capture:
    """Leave out those untracked files of which nobody says that they had to do with it: all but code."""
    code = capture.code
    if code is None or not code.untracked:
        return capture
    kept = tuple(item for item in code.untracked if noise.sort_of(f"/x/{item['path']}") == "code")
    return capture.model_copy(update={"code": code.model_copy(update={"untracked": kept or None})})


def _kept(run: Run, copies: Sequence[tuple[str, str, bytes]]) -> dict[str, str]:
    return {role: run.keep(name, data) for role, name, data in copies}
