"""From what was seen of a run to its capture: files with their roles, parameters, seeds, metrics, problems."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from herdbook.capture import digesting, figures, noise, terms
from herdbook.capture.digesting import Look
from herdbook.capture.seen import Opened, Seen, history
from herdbook.capture.spool import Run
from herdbook.capture.wanted import Wanted
from herdbook.kernel import paths
from herdbook.kernel.errors import HerdbookError
from herdbook.model.activities import Code, Metric, Parameter, Seed
from herdbook.model.base import Json
from herdbook.model.captures import Capture, CapturedFile

SMALL = 64 * 2**20
"""Bytes up to which a file whose times changed is read once more at the end."""
HISTORY = "history.ndjson"


@dataclass
class Found:
    """What a run left behind."""

    seen: Seen
    looks: dict[str, Look] = field(default_factory=dict)
    around: Json = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


def trouble(error: OSError | HerdbookError) -> str:
    """Return in words what was in the way."""
    if isinstance(error, OSError):
        return f"{error.filename or 'the spool'}: {error.strerror or error}"
    return str(error)


def prefixes(seen: Seen, run: Run) -> tuple[str, ...]:
    """Return folders whose files never count: the interpreters that ran, and the spool."""
    found = {f"{run.folder.parent}/"}
    for process in seen.processes.values():
        executable = str(process.get("executable") or "")
        if not executable:
            continue
        for path in (Path(executable), Path(executable).resolve()):
            folder = path.parent.parent
            if path.parent.name == "bin" and folder.name:
                found.add(f"{folder}/")
    return tuple(sorted(found))


def declared(wanted: Wanted) -> tuple[tuple[CapturedFile, ...], tuple[CapturedFile, ...]]:
    """Return the inputs and outputs that the author names, inputs as they look now."""
    inputs = []
    for role, path in wanted.inputs:
        inputs += [
            _captured(str(file), role, digesting.look(str(file)), confirmed=True, via="author")
            for file in digesting.below(path)
        ]
    outputs = tuple(CapturedFile(path=str(path), role=role, confirmed=True) for role, path in wanted.outputs)
    return tuple(inputs), outputs


def with_configs(capture: Capture, wanted: Wanted, run: Run) -> Capture:
    """Return the capture with the configurations that the author names, their copies and their parameters."""
    inputs, parameters = list(capture.inputs), list(capture.parameters)
    for path in wanted.configs:
        data = path.read_bytes()
        kept = run.keep(path.name, data)
        found = digesting.read(str(path))
        inputs.append(
            _captured(str(path), "config", found, confirmed=True, via="author").model_copy(update={"kept": kept})
        )
        try:
            parameters += figures.parameters(data, path.name)
        except HerdbookError as error:
            capture = with_problems(capture, [f"bad-config:{error.message}"])
    named = {item.path: item for item in inputs}
    return capture.model_copy(update={"inputs": tuple(named.values()), "parameters": once(parameters)})


def with_problems(capture: Capture, problems: Iterable[str]) -> Capture:
    """Return the capture with further problems, each once."""
    return capture.model_copy(update={"problems": tuple(dict.fromkeys((*capture.problems, *problems)))})


def _captured(
    path: str, role: str, found: Look | None, *, confirmed: bool = False, via: str | None = None
) -> CapturedFile:
    return CapturedFile(
        path=path,
        role=role,
        size=found.size if found else None,
        mtime_ns=found.mtime_ns if found else None,
        ctime_ns=found.ctime_ns if found else None,
        sha256=found.sha256 if found else None,
        confirmed=confirmed,
        via=via,
    )


def told(capture: Capture, wanted: Wanted, run: Run, found: Found) -> Capture:
    """Return the capture with all that was found."""
    seen, problems = found.seen, list(found.problems)
    inputs = list(_inputs(capture, run, found, problems))
    outputs = list(_outputs(capture, run, seen, problems))
    metrics = _metrics(seen) + _from_file(wanted, problems)
    files = {**capture.files, **found.around.get("files", {})}
    if _keep_history(run):
        files["history"] = HISTORY
    if seen.more_files or "open" in seen.limits:
        problems.append("files-cut")
    if found.around.get("python") and not seen.processes:
        problems.append("nothing-seen-inside")
    determinism = {key: value for key, value in (("flags", seen.flags), ("random_states", seen.states)) if value}
    usage = dict(capture.usage or {})
    if capture.exit is not None:
        usage["exit"] = capture.exit
    if seen.exception:
        usage["exception"] = seen.exception
    return with_problems(
        capture.model_copy(
            update={
                "code": _code(capture, seen, inputs),
                "inputs": tuple(inputs),
                "outputs": tuple(outputs),
                "files": files,
                "environment": found.around.get("environment") or capture.environment,
                "hardware": found.around.get("hardware") or capture.hardware,
                "ids": tuple(dict.fromkeys((*capture.ids, *found.around.get("ids", ())))),
                "parameters": once([*capture.parameters, *_parameters(seen)]),
                "seeds": _seeds(capture, seen),
                "metrics": tuple({(m.name, m.split): m for m in (*capture.metrics, *metrics)}.values()),
                "determinism": determinism or capture.determinism,
                "usage": usage or None,
                "workflow": _workflow(capture, seen),
            }
        ),
        problems,
    )


def _inputs(capture: Capture, run: Run, found: Found, problems: list[str]) -> Iterator[CapturedFile]:
    """Yield what went in: what the author named, then what was seen to be read before anything wrote it."""
    named = set()
    for item in capture.inputs:
        named.add(item.path)
        yield _settled(item, found.looks.get(item.path), problems)
    skip = prefixes(found.seen, run)
    outputs = tuple(f"{item.path.rstrip('/')}/" for item in capture.outputs)
    for opened in found.seen.opened.values():
        if not opened.read or not opened.read_first or opened.path in named:
            continue
        if "://" in opened.path:
            yield CapturedFile(path=opened.path, role="input", via=opened.via or None)
            continue
        sort = noise.sort_of(opened.path, opened.size, prefixes=skip)
        if sort not in {"data", "config"} or (f"{opened.path}/".startswith(outputs) and opened.written):
            continue
        if opened.size is None and digesting.look(opened.path) is None:
            continue  # it is no file, or never was one
        item = CapturedFile(
            path=opened.path,
            role="config" if sort == "config" else "input",
            size=opened.size,
            mtime_ns=opened.mtime_ns,
            via=opened.via or None,
        )
        if opened.written:
            problems.append(f"input-changed:{opened.path}")
            yield item.model_copy(update={"changed": True})
            continue
        settled = _settled(item, found.looks.get(opened.path), problems, int(opened.time * 1e9))
        yield _kept(settled, run) if sort == "config" and not settled.changed else settled


def _settled(item: CapturedFile, beside: Look | None, problems: list[str], opened_ns: int = 0) -> CapturedFile:
    """Return an input as it is at the end: its digest when its bytes can be those that were read, else ``changed``.

    Looks are compared: when it was named or opened, when its digest was taken beside the run, and now. What changed
    after it was opened has a later time of change (ctime), which nobody can set back by hand.
    """
    now = digesting.look(item.path)
    sha256 = item.sha256 or (beside.sha256 if beside else None)
    if now is None:
        problems.append(f"input-gone:{item.path}")
        good = beside is not None and _same(item, beside)
        return item.model_copy(update={"sha256": sha256 if good else item.sha256})
    touched = bool(opened_ns) and now.ctime_ns > opened_ns
    if _same(item, now) and (beside is None or beside.stamp == now.stamp) and not touched:
        stamp: Json = {"size": now.size, "mtime_ns": now.mtime_ns, "ctime_ns": now.ctime_ns, "sha256": sha256}
        return item.model_copy(update=stamp)
    # Its times changed. The bytes may be the same ones: it was copied over itself, or another link to it was made.
    early = sha256 if beside is None or not opened_ns or beside.ctime_ns <= opened_ns else None
    again = digesting.read(item.path) if early and now.size <= SMALL else None
    if again is not None and again.sha256 is not None and again.sha256 == early and item.size in {None, again.size}:
        return item.model_copy(update={"mtime_ns": again.mtime_ns, "ctime_ns": again.ctime_ns, "sha256": early})
    problems.append(f"input-changed:{item.path}")
    return item.model_copy(update={"changed": True, "sha256": None})


def _same(item: CapturedFile, other: Look) -> bool:
    """Say whether a file looks as it did, as far as that was kept."""
    before = (item.size, item.mtime_ns, item.ctime_ns)
    return all(old is None or old == new for old, new in zip(before, other.stamp, strict=True))


def _kept(item: CapturedFile, run: Run) -> CapturedFile:
    """Return a configuration with a copy among the run's files."""
    try:
        data = Path(item.path).read_bytes()
    except OSError:
        return item
    found = digesting.read(item.path)
    if found is None or found.sha256 is None or len(data) > noise.CONFIG_SIZE:
        return item
    return item.model_copy(update={"kept": run.keep(Path(item.path).name, data), "sha256": found.sha256})


def _outputs(capture: Capture, run: Run, seen: Seen, problems: list[str]) -> Iterator[CapturedFile]:
    """Yield what came out: what the author named, then further files that were written and are still there."""
    began = Path(run.folder).stat().st_ctime_ns if run.folder.is_dir() else 0
    tops = []
    for item in capture.outputs:
        path = Path(item.path)
        tops.append(f"{item.path.rstrip('/')}/")
        look = digesting.whole(path)
        if look is None:
            problems.append(f"output-missing:{item.path}")
            continue
        if not any(_fresh(seen.opened.get(str(file)), file, began) for file in digesting.below(path)):
            problems.append(f"output-not-written:{item.path}")
        yield _captured(item.path, item.role, look, confirmed=True, via="author")
    skip = prefixes(seen, run)
    for opened in seen.opened.values():
        if not opened.written or f"{opened.path}/".startswith(tuple(tops)) or noise.is_log(opened.path):
            continue
        look = digesting.look(opened.path)
        if look is not None and noise.sort_of(opened.path, prefixes=skip) != "noise":
            yield _captured(opened.path, "output", look, via=opened.via or None)


def _fresh(opened: Opened | None, file: Path, began: int) -> bool:
    """Say whether a file was written in the run: it was seen, or it changed since the run's folder was made."""
    if opened is not None and opened.written:
        return True
    look = digesting.look(str(file))
    return look is not None and look.ctime_ns >= began


def _code(capture: Capture, seen: Seen, inputs: list[CapturedFile]) -> Code | None:
    """Return the code without those untracked files that the run had nothing to do with.

    Data and configurations that it read are inputs, and what it wrote is an output. Where nobody looked inside (the
    command was no Python), a file may have been read, and stays.
    """
    code = capture.code
    if code is None or not code.untracked or not capture.root:
        return code
    named = {item.path for item in inputs}
    tops = tuple(f"{item.path.rstrip('/')}/" for item in capture.outputs)
    kept = []
    for item in code.untracked:
        path = str(Path(capture.root, os.fsdecode(paths.unescape(str(item["path"])))))
        opened = seen.opened.get(path)
        mine = path in named or f"{path}/".startswith(tops) or (opened and opened.written and not opened.read_first)
        other = seen.processes and not opened and noise.sort_of(f"/x/{item['path']}") != "code"
        if "filter" in item or not (mine or other):
            kept.append(item)
    return code.model_copy(update={"untracked": tuple(kept) or None})


def once(parameters: Iterable[Parameter]) -> tuple[Parameter, ...]:
    """Return parameters with names that stand once: the first of a name keeps it."""
    return tuple({item.name: item for item in reversed(list(parameters))}.values())[::-1]


def _parameters(seen: Seen) -> list[Parameter]:
    """Return parameters by their raw names; where two sources give one name different values, the later gets its own.

    A later source's name is ``SOURCE.NAME``.
    """
    found: dict[str, Parameter] = {}
    for (source, name), (text, kind) in seen.parameters.items():
        item = Parameter(name=name, type=kind, text=text, term=terms.term(name, source))
        if name not in found:
            found[name] = item
        elif found[name].text != text:
            longer = f"{source}.{name}" if source else name
            found.setdefault(longer, item.model_copy(update={"name": longer}))
    return list(found.values())


def _seeds(capture: Capture, seen: Seen) -> tuple[Seed, ...]:
    found = {item.name: item for item in capture.seeds}
    for name, texts in seen.seeds.items():
        for number, text in enumerate(texts, 1):
            own = name if number == 1 else f"{name}.{number}"
            found.setdefault(own, Seed(name=own, text=text))
    return tuple(found.values())


def _metrics(seen: Seen) -> list[Metric]:
    return [Metric(name=name, value=item.value, split=split) for (name, split), item in seen.metrics.items()]


def _from_file(wanted: Wanted, problems: list[str]) -> list[Metric]:
    if wanted.metrics is None:
        return []
    try:
        return figures.metrics(wanted.metrics.read_bytes(), wanted.metrics.name)
    except (OSError, HerdbookError) as error:
        problems.append(f"bad-metrics:{trouble(error)}")
        return []


def _workflow(capture: Capture, seen: Seen) -> Json | None:
    told = dict(capture.workflow or {})
    if seen.libraries:
        told["libraries"] = dict(sorted(seen.libraries.items()))
    if len(seen.processes) > 1:
        told["processes"] = len(seen.processes)
    if seen.within:
        told["runs"] = [f"herdbook-run:{Path(folder).name}" for folder in seen.within]
    return told or None


def _keep_history(run: Run) -> bool:
    """Write the history of metrics among the run's files; say whether there is one."""
    run.files.mkdir(exist_ok=True)
    target = run.files / HISTORY
    with target.open("wb") as stream:
        stream.writelines(history(run.seen))
        some = stream.tell() > 0
    if not some:
        target.unlink()
    return some
