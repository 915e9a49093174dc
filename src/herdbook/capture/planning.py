"""What a push will say, found out once and kept in the run's folder, so that a second push says the same."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from pydantic import Field

from herdbook.capture import digesting, noise, secrets, surroundings, telling
from herdbook.capture.known import Known
from herdbook.capture.spool import PLAN, Run
from herdbook.capture.telling import Given, Group, Parts
from herdbook.kernel import digests, times
from herdbook.kernel.errors import HerdbookError
from herdbook.model.activities import Code, Environment, Part
from herdbook.model.base import Json, Sha256, Text, Value
from herdbook.model.captures import Capture, CapturedFile
from herdbook.model.datasets import Dataset, write_manifest
from herdbook.model.statements import Evidence, Said, Subject

Tell = Callable[[str], None]


class Plan(Value):
    """All that a push sends, but for the files of the model.

    ``blobs`` are absolute paths, or names of the run's ``files/``, by sha256; ``about_datasets`` what is said with data
    sets that are new.
    """

    namespace: Text
    inputs: tuple[Part, ...] = ()
    outputs: tuple[Part, ...] = ()
    evidence: dict[Text, Evidence] = Field(default_factory=dict)
    code: Code | None = None
    environment: Environment | None = None
    history: Sha256 | None = None
    blobs: dict[Sha256, Text] = Field(default_factory=dict)
    datasets: tuple[Dataset, ...] = ()
    about_datasets: tuple[Json, ...] = ()
    location: Json | None = None
    problems: tuple[Annotated[Text, Field(min_length=1)], ...] = ()

    @property
    def given(self) -> Given:
        """What the record of the activity takes from it."""
        return Given(
            inputs=self.inputs,
            outputs=self.outputs,
            code=self.code,
            environment=self.environment,
            history=self.history,
            problems=self.problems,
        )

    def statements(self, activity: str) -> list[Said]:
        """Return what is said about the activity, by its digest: how its inputs are known, where its code is."""
        subject = (Subject(record=activity),)
        said = []
        if self.evidence:
            said.append(Said(type="herdbook/evidence/1", subject=subject, evidence=dict(self.evidence)))
        if self.location:
            said.append(Said(type="herdbook/location/1", subject=subject, body=self.location))
        return said


@dataclass
class _Making:
    """A plan while it is made."""

    run: Run
    capture: Capture
    known: Known
    store_limit: int
    tell: Tell
    parts: Parts = field(default_factory=Parts)
    outputs: list[Part] = field(default_factory=list)
    blobs: dict[str, str] = field(default_factory=dict)
    datasets: list[Dataset] = field(default_factory=list)
    said: list[Said] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def kept(self, name: str) -> tuple[str, bytes]:
        """Take one of the run's files for a blob; return its digest and bytes."""
        data = (self.run.files / name).read_bytes()
        digest = digests.of(data)
        self.blobs[digest] = name
        return digest, data


def make(run: Run, capture: Capture, known: Known, *, store_limit: int, tell: Tell = lambda _: None) -> Plan:
    """Return what a push will say of a run, and keep it in the run's folder.

    Args:
        run: the run's folder.
        capture: what is known of it.
        known: what the registry holds already.
        store_limit: bytes up to which an input that the author confirmed is stored itself.
        tell: is told what is being done.
    """
    work = _Making(run, capture, known, store_limit, tell)
    for text in capture.datasets:
        record, new = known.dataset(text)
        if new is not None:
            work.datasets.append(new)
        work.parts.add(record, confirmed=True)
    for part in capture.told_inputs:
        work.parts.add(part, confirmed=True)
    work.outputs += capture.told_outputs
    _parents(work)
    _inputs(work)
    code = _code(work)
    _others(work)
    environment, history = capture.environment, None
    if "lock" in capture.files:
        digest, _ = work.kept(capture.files["lock"])
        environment = (environment or Environment()).model_copy(update={"blob": digest})
    if "history" in capture.files:
        history, _ = work.kept(capture.files["history"])
    plan = Plan(
        namespace=known.namespace,
        inputs=tuple(work.parts.items),
        outputs=tuple(work.outputs),
        evidence=work.parts.evidence,
        code=code,
        environment=environment,
        history=history,
        blobs=work.blobs,
        datasets=tuple(dict.fromkeys(work.datasets)),
        about_datasets=tuple(item.json_object() for item in work.said),
        location=_location(capture, code),
        problems=tuple(work.problems),
    )
    run.put_json(PLAN, plan.json_object())
    return plan


def kept(run: Run, namespace: str) -> Plan | None:
    """Return the plan of an earlier push into a namespace, when there was one that can be read."""
    value = run.get_json(PLAN)
    if value is None:
        return None
    try:
        plan = Plan.read(value)
    except HerdbookError:
        return None
    return plan if plan.namespace == namespace else None


def _parents(work: _Making) -> None:
    for reference in work.capture.parents:
        work.parts.add(Part(record=work.known.version(reference), role="parent"), confirmed=True)


def _inputs(work: _Making) -> None:
    capture, host = work.capture, socket.gethostname()
    named: list[CapturedFile] = []
    for item in capture.inputs:
        settled = _digested(item, work)
        if settled.kept is not None:
            _config(work, settled)
        elif settled.sha256 is None:
            part = telling.by_name(settled, host, capture.root)
            work.parts.add(part, confirmed=settled.confirmed, via=settled.via)
        elif (there := work.known.file(settled.sha256, dataset=settled.role != "config")) is not None:
            part = there.model_copy(
                update={
                    "role": there.role if there.role == "parent" else settled.role,
                    "path": telling.told_path(settled.path, capture.root),
                }
            )
            work.parts.add(part, confirmed=settled.confirmed, via=settled.via)
            if not work.known.is_version(str(part.record)):
                _store(work, settled)
        else:
            named.append(settled)
    for group in telling.groups(named):
        _dataset(work, group, host)


def _digested(item: CapturedFile, work: _Making) -> CapturedFile:
    """Return an input with its digest, taken now where that was left for later and the file is still the same."""
    if item.sha256 is not None or item.changed or "://" in item.path:
        return item
    work.tell(f"reading {item.path}")
    found = digesting.read(item.path)
    if found is None:
        work.problems.append(f"input-gone:{item.path}")
        return item
    before = (item.size, item.mtime_ns, item.ctime_ns)
    same = all(old in {None, new} for old, new in zip(before, found.stamp, strict=True))
    if not same or found.sha256 is None:
        work.problems.append(f"input-changed:{item.path}")
        return item.model_copy(update={"changed": True})
    return item.model_copy(update={"sha256": found.sha256, "size": found.size})


def _config(work: _Making, item: CapturedFile) -> None:
    """Tell of a configuration: its bytes, unless they may not leave the machine."""
    path = telling.told_path(item.path, work.capture.root)
    digest, data = work.kept(str(item.kept))
    if not item.confirmed and _withheld(work, data, path):
        del work.blobs[digest]
        work.problems.append(f"config-withheld:{path}")
        return
    part = Part(blob=digest, role=item.role, path=path)
    work.parts.add(part, confirmed=item.confirmed, via=item.via)


def _withheld(work: _Making, data: bytes, path: str) -> bool:
    """Say whether bytes must stay here: the author said so, or a scanner found something in them."""
    if work.capture.upload == "always":
        return False
    if work.capture.upload == "never":
        return True
    return bool(secrets.findings(data, [path]))


def _dataset(work: _Making, group: Group, host: str) -> None:
    """Tell of a group of files: as the data set that the registry knows, or as a new one with a manifest."""
    manifest = b"".join(write_manifest(group.lines()))
    digest = digests.of(manifest)
    value = Dataset(manifest=digest)
    if not work.known.has(value.digest):
        name = work.run.keep(f"manifest-{digest[7:19]}.ndjson", manifest)
        work.blobs[digest] = name
        work.datasets.append(value)
        work.said += _about(value, group, host, work.capture.root)
    for part in telling.of_dataset(group, value.digest, work.capture.root):
        work.parts.add(part, confirmed=group.confirmed, via=group.files[0].via)
    for item in group.files:
        _store(work, item)


def _store(work: _Making, item: CapturedFile) -> None:
    """Let the registry keep the bytes of an input that the author confirmed, unless it is large."""
    if not item.confirmed or item.sha256 is None or (item.size or 0) > work.store_limit:
        return
    if digesting.look(item.path) is not None:
        work.blobs[item.sha256] = item.path
        path = telling.told_path(item.path, work.capture.root)
        work.parts.add(Part(blob=item.sha256, role=item.role, path=path), confirmed=True)


def _about(value: Dataset, group: Group, host: str, root: str | None) -> Iterator[Said]:
    subject = (Subject(record=value.digest),)
    first = telling.told_path(group.files[0].path if len(group.files) == 1 else group.folder, root)
    data = {"files": len(group.files), "size_bytes": group.size}
    title = "files of the working folder" if first == "." else first
    yield Said(type="herdbook/description/1", subject=subject, body={"title": title, "data": data})
    place: Json = {
        "uri": f"file://{host}{group.folder}",
        "state": "exists",
        "asked": times.now(),
        "checked": "checksum",
        **data,
    }
    yield Said(type="herdbook/location/1", subject=subject, body=place)


def _code(work: _Making) -> Code | None:
    """Return the code; diff and untracked files go along as blobs where they may."""
    capture = work.capture
    code = capture.code
    if code is None:
        return None
    problems = list(code.problems or ())
    if "diff" in capture.files:
        digest, data = work.kept(capture.files["diff"])
        if _withheld(work, data, "git.diff"):
            del work.blobs[digest]
            problems.append("diff-withheld")
        else:
            code = code.model_copy(update={"diff": digest})
    listed = {str(item["path"]) for item in code.untracked or ()}
    for name, path in _untracked(capture):
        if path not in listed or noise.sort_of(f"/x/{path}") not in {"code", "config"}:
            continue  # the run had nothing to do with it, or it is data, of which the digest is told
        digest, data = work.kept(name)
        if _withheld(work, data, path):
            del work.blobs[digest]
            problems.append(f"untracked-withheld:{path}")
        else:
            work.parts.add(Part(blob=digest, role="untracked", path=path), confirmed=True)
    if (work.run.files / surroundings.BUNDLE).is_file():
        digest, _ = work.kept(surroundings.BUNDLE)
        name = f"{Path(capture.root or 'code').name}.bundle"
        work.parts.add(Part(blob=digest, role="code-bundle", path=name), confirmed=True)
    return code.model_copy(update={"problems": tuple(dict.fromkeys(problems)) or None})


def _untracked(capture: Capture) -> list[tuple[str, str]]:
    begin = "untracked:"
    return [(name, role[len(begin) :]) for role, name in sorted(capture.files.items()) if role.startswith(begin)]


def _others(work: _Making) -> None:
    """Tell of outputs that the author named and that are not the model: as blobs."""
    for item in work.capture.outputs:
        if not item.confirmed or item.role == "model":
            continue
        for file in digesting.below(Path(item.path)):
            found = digesting.read(str(file))
            if found is not None and found.sha256 is not None:
                work.blobs[found.sha256] = str(file)
                path = telling.told_path(str(file), work.capture.root)
                work.outputs.append(Part(blob=found.sha256, role=item.role, path=path))


def _location(capture: Capture, code: Code | None) -> Json | None:
    if capture.location is None or code is None or code.commit is None:
        return None
    return capture.location.json_object()


def accepted(capture: Capture, only: Sequence[str] = ()) -> Capture:
    """Return the capture with its seen inputs confirmed.

    With ``only``, absolute paths, those at or below them are confirmed, and the others are no inputs.
    """
    tops = tuple(f"{path.rstrip('/')}/" for path in only)
    wanted = [item for item in capture.inputs if item.confirmed or not tops or f"{item.path}/".startswith(tops)]
    return capture.model_copy(update={"inputs": tuple(item.model_copy(update={"confirmed": True}) for item in wanted)})
