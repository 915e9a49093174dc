"""What may be said of a retraining: nothing is as the original had it unless it was verified to be."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from herdbook.kernel import times
from herdbook.model.activities import Activity, Code, Environment
from herdbook.model.files import Content
from herdbook.model.jobs import JobRequest, JobResult
from herdbook.model.retrainings import Need, Retraining, Verified
from herdbook.service.retraining import code as code_
from herdbook.service.retraining import environment as environment_
from herdbook.service.retraining.planning import Work

SMALL = 4096
"""Bytes below which an output that equals an input says nothing: a list of labels is often carried over."""
_SYSTEM = ("/usr/", "/lib/", "/lib64/", "/bin/", "/sbin/", "/etc/", "/proc/", "/sys/", "/opt/")
_PYTHON = re.compile(r"(?:python|pypy)[0-9.]*t?$")
_DEVICES = frozenset({"/dev/null", "/dev/zero", "/dev/random", "/dev/urandom", "/dev/tty"})
_LINES = 64 << 20


def changed(work: Work, request: JobRequest, result: JobResult, folder: Path, contents: Sequence[Content]) -> list[str]:
    """Return what was not as the original had it, or was not verified to be.

    Args:
        work: the plan that was carried out.
        request: what was asked of the job.
        result: what the job's runner answered.
        folder: the job's.
        contents: digests of all files that came out.
    """
    found: list[str] = []
    verified = set(result.verified)
    activity = work.origin.activity
    needs_diff = bool(activity.code and activity.code.diff)
    if not {"code", "code-after", *(["diff"] if needs_diff else [])} <= verified or request.code != activity.code:
        found.append("code")
    if work.edits.parameters or work.edits.outputs or not _same_command(work):
        found.append("command")
    if not {"inputs", "inputs-after"} <= verified or _unseen(request, result) or undeclared(folder, request, result):
        found.append("inputs")
    if "environment" not in verified or differences(activity.environment, result.environment):
        found.append("environment")
    if work.edits.seeds or _seeds(work.origin.activity, result):
        found.append("seeds")
    if "outputs-fresh" not in verified or _carried(work, request, folder, contents):
        found.append("outputs")
    return found


def _same_command(work: Work) -> bool:
    return work.edits.seeds != {} or work.typed == work.origin.activity.command


def _seeds(original: Activity, result: JobResult) -> bool:
    """Say whether seeds were seen that are not the original's."""
    before = {seed.name: seed.text for seed in original.seeds or ()}
    return any(before.get(seed.name, seed.text) != seed.text for seed in result.seeds)


def differences(original: Environment | None, again: Environment | None) -> list[str]:
    """Return in words how the environment of the job differs from the original's; unknown is different."""
    if original is None or again is None:
        return ["it is not known"]
    told = [
        f"{name} {mine or 'unknown'}, not {theirs}"
        for name, mine, theirs in (("Python", again.python, original.python),)
        if theirs and mine != theirs
    ]
    if original.container and original.container.get("digest") != (again.container or {}).get("digest"):
        told.append("another container")
    if original.packages:
        told += environment_.differences(original.packages, again.packages or {})
    known = original.packages or original.blob or (original.container or {}).get("digest")
    return told if known else [*told, "its packages are not known"]


def _carried(work: Work, request: JobRequest, folder: Path, contents: Sequence[Content]) -> bool:
    """Say whether the largest result is a file that was there before: an input, or one of the checkout."""
    if not contents:
        return True
    largest = max(contents, key=lambda each: each.size)
    big = {each for each in contents if each.size >= min(SMALL, largest.size)}
    given = {each.sha256 for each in (*request.inputs, *request.untracked)}
    if any(each.sha256 in given for each in big):
        return True
    code = work.origin.activity.code
    if code is None or code.commit is None or not (folder / "code.bundle").is_file():
        return False
    tree = code_.in_tree(folder, code.commit)
    return any(each.git_sha1 in tree for each in big)


def _unseen(request: JobRequest, result: JobResult) -> bool:
    """Say whether a Python escaped the capture, so that nobody knows what it read."""
    return bool(_PYTHON.match(request.command.argv[0].rpartition("/")[2])) and result.capture is None


def undeclared(folder: Path, request: JobRequest, result: JobResult) -> list[str]:
    """Return files that the command was seen to read, and that are neither of the job nor of its system."""
    if result.capture is None:
        return []
    environment = request.environment
    stack = environment is not None and (environment.stack or environment.cvmfs or environment.container)
    system = (*_SYSTEM, "/cvmfs/") if stack else _SYSTEM
    lines = list(_lines(folder.resolve() / result.capture / "seen"))
    own = {str(folder.resolve()), str(Path(__file__).resolve().parents[2])}  # the job's, and Herdbook's own
    for line in lines:
        if line.get("what") == "process":
            for name in (str(line.get("executable") or ""), *map(str, line.get("prefixes") or ())):
                own |= _prefixes(name)
    reads: dict[str, None] = {}
    written: set[str] = set()
    for line in lines:
        path, mode = str(line.get("path") or ""), str(line.get("mode") or "")
        if line.get("what") != "open" or not path.startswith("/"):
            continue
        if mode and mode != "r":
            written.add(path)
        elif path in written or path in _DEVICES or path.startswith(system):
            continue
        elif not any(_below(path, each) for each in own):
            reads[path] = None
    return list(reads)


def _prefixes(executable: str) -> set[str]:
    """Return the folders that an interpreter belongs to, links followed and not."""
    if not executable.startswith("/"):
        return set()
    path = Path(executable)
    found = {path.parent.parent, path.resolve().parent.parent}
    return {str(each) for each in found if len(each.parts) > 2}  # never / or /home


def _below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder + "/")


def _lines(folder: Path) -> Iterator[dict[str, Any]]:
    left = _LINES
    for file in sorted(folder.glob("*.ndjson")):
        with file.open("rb") as stream:
            while left > 0 and (raw := stream.readline(left)):
                left -= len(raw)
                try:
                    line = json.loads(raw)
                except (ValueError, RecursionError):
                    continue
                if isinstance(line, dict):
                    yield line


def inputs_of(needs: Sequence[Need]) -> tuple[Verified, ...]:
    """Return the inputs of a plan as a statement has them."""
    return tuple(
        Verified(
            path=need.path,
            digest=need.digest,
            state=need.state,
            uri=need.uri or need.where,
            size=need.size,
            detail=need.detail,
        )
        for need in needs
        if need.what == "input"
    )


def of_dry_run(work: Work) -> Retraining:
    """Return what a look found."""
    return Retraining(
        of=work.plan.of,
        mode="dry-run",
        outcome="ready" if work.plan.ready else "incomplete",
        done=times.now(),
        changed=_edits(work),
        inputs=inputs_of(work.plan.needs),
        problems=tuple(work.plan.lacking()),
    )


def of_failure(work: Work, engine: str, problems: Sequence[str], *, incomplete: bool = False) -> Retraining:
    """Return what is said of a run that gave no result."""
    return Retraining(
        of=work.plan.of,
        mode="run",
        outcome="incomplete" if incomplete else "failed",
        done=times.now(),
        changed=_edits(work),
        inputs=inputs_of(work.plan.needs),
        engine=engine,
        problems=tuple(problems),
    )


def _edits(work: Work) -> tuple[str, ...]:
    return tuple(
        name
        for name, edited in (("command", work.edits.parameters or work.edits.outputs), ("seeds", work.edits.seeds))
        if edited
    )


def code_as_run(original: Code | None, result: JobResult) -> Code | None:
    """Return the code for the retraining's record: the original's where the runner verified it, else none."""
    if original is None:
        return None
    if {"code", "code-after", *(["diff"] if original.diff else [])} <= set(result.verified):
        return original
    return Code(repository=original.repository, path=original.path, problems=("not-verified",))
