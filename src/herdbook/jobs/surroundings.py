"""The environment of a job's command: a container, one made from the lock, or an interpreter that is here already."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from herdbook.jobs import containers, interpreters, locks, venvs
from herdbook.jobs.containers import Container
from herdbook.jobs.folders import JobFolder
from herdbook.jobs.interpreters import Ask, Interpreter
from herdbook.jobs.locks import Pin
from herdbook.kernel.errors import ConflictError, HerdbookError, UnavailableError
from herdbook.model.activities import Environment
from herdbook.model.jobs import JobRequest

PASSED = (
    *("LANG", "LC_ALL", "LC_CTYPE", "TZ", "USER", "LOGNAME"),
    *("CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES"),
)
"""Variables of the runner that the command sees too: its language, and the accelerators that the batch system gave."""
NEVER = ("HOME", "PATH", "TMPDIR", "PWD", "SHELL", "BASH_ENV", "ENV", "LD_PRELOAD", "LD_AUDIT", "PYTHONHOME")
"""Variables that a request cannot set: they are the runner's, or would run something else before the command."""
_PYTHON = re.compile(r"(?:python|pypy)[0-9.]*t?")


@dataclass(frozen=True)
class Surroundings:
    """What the command runs in, and whether it was found to be what is recorded."""

    variables: dict[str, str]
    environment: Environment
    python: str = ""
    container: Container | None = None
    verified: bool = False
    problems: list[str] = field(default_factory=list)

    def argv(self, job: JobFolder, recorded: Sequence[str], cwd: Path, variables: Mapping[str, str]) -> list[str]:
        """Return the command line: an interpreter, or a program beside it, stands for that of this environment."""
        first, *rest = recorded
        if self.container is not None:
            return self.container.argv(job, cwd, variables, recorded)
        name = Path(first).name
        if _PYTHON.fullmatch(name):
            return [self.python, *rest]
        beside = Path(self.python).parent / name
        if first.startswith("/") and beside.is_file():
            return [str(beside), *rest]
        if "/" not in first and (found := shutil.which(first, path=variables["PATH"])):
            return [found, *rest]
        return [first, *rest]


@dataclass(frozen=True)
class _Choice:
    """What is recorded, as it was read, and what it is held against."""

    job: JobFolder
    recorded: Environment | None
    pins: list[Pin]
    digest: str | None
    ask: Ask


def environment_for(job: JobFolder, request: JobRequest, cache: Path, ask: Ask) -> Surroundings:
    """Make or find the environment that the request asks for.

    Raises:
        UnavailableError: ``no-container``, ``no-python``.
        ConflictError: ``lock-differs``, when the lock is not the one recorded.
    """
    recorded = request.environment
    container = recorded.container if recorded else None
    if recorded is not None and container is not None and containers.recorded(container):
        return _contained(job, request, recorded)
    data, digest = _lock(job, request)
    problems = [] if container is None else ["environment-differs: it ran in a container whose image is not known"]
    pins: list[Pin] = []
    try:
        pins = locks.read(data, recorded.kind if recorded else None) if data is not None else []
    except HerdbookError as error:
        problems.append(f"{error.code}: {error}")
    choice = _Choice(job, recorded, pins, digest, ask)
    found, told = _interpreter(choice, request, cache)
    return _outside(choice, request, found, [*problems, *told])


def variables_for(job: JobFolder, request: JobRequest, python: str) -> dict[str, str]:
    """Return all variables that the command sees."""
    found = {name: os.environ[name] for name in PASSED if name in os.environ}
    found |= {name: value for name, value in request.variables.items() if _allowed(name)}
    programs = [str(Path(python).parent)] if python else []
    system = ["/usr/local/bin", "/usr/bin", "/bin"]
    return found | {
        "PATH": os.pathsep.join([*programs, *system]),
        "HOME": str(job.home),
        "TMPDIR": str(job.scratch),
        "PYTHONNOUSERSITE": "1",
        "HERDBOOK_JOB": str(job.root),
    }


def _allowed(name: str) -> bool:
    return name not in NEVER and not name.startswith("HERDBOOK_") and "=" not in name and "\0" not in name


def _lock(job: JobFolder, request: JobRequest) -> tuple[bytes | None, str | None]:
    if request.lock is None:
        return None, None
    data = job.beside(request.lock, "lock").read_bytes()
    digest = "sha256:" + hashlib.sha256(data).hexdigest()
    recorded = request.environment.blob if request.environment else None
    if recorded and digest != recorded:
        raise ConflictError(f"the lock is {digest}, not {recorded}", code="lock-differs", hint="Get the recorded one.")
    return data, digest


def _contained(job: JobFolder, request: JobRequest, recorded: Environment) -> Surroundings:
    container = containers.found(recorded.container or {})
    problems = [] if container.pinned else ["environment-differs: the image is not known by its digest"]
    told = {"container": recorded.container, "packages": recorded.packages, "python": recorded.python}
    environment = (
        recorded.model_copy(update={"variables": None})
        if container.pinned
        else Environment.read({"container": told["container"]})
    )
    variables = variables_for(job, request, "")
    return Surroundings(variables, environment, "", container, container.pinned, problems)


def _interpreter(choice: _Choice, request: JobRequest, cache: Path) -> tuple[Interpreter, list[str]]:
    """Return the interpreter: the one here when it is the same, else one made from the lock, else the one here."""
    here = _asked(choice, request, request.python or sys.executable)
    if here is None:
        raise UnavailableError(
            f"{request.python or sys.executable} is no Python that answers", code="no-python", hint="Name another."
        )
    known = bool(choice.pins or (choice.recorded and choice.recorded.packages))
    same = not interpreters.differences(here, choice.recorded, choice.pins)
    extra = interpreters.more(here, choice.recorded, choice.pins)
    if not known or (same and not extra) or request.python is not None:
        return here, []
    try:
        packages = dict(choice.recorded.packages) if choice.recorded and choice.recorded.packages else None
        base, version = _base(choice, here)
        python = venvs.made(locks.chosen(choice.pins, packages), base, version, cache)
    except HerdbookError as error:
        return here, [] if same else [f"{error.code}: {error}"]
    found = _asked(choice, request, str(python))
    return (found, []) if found is not None else (here, ["environment-not-made: what was made does not answer"])


def _base(choice: _Choice, here: Interpreter) -> tuple[str, str]:
    """Return a Python of the recorded version to make an environment of."""
    wanted = (choice.recorded.python if choice.recorded else None) or here.version
    if here.version == wanted:
        return here.path, wanted
    short = ".".join(wanted.split(".")[:2])
    for name in (f"python{short}", "python3", "python"):
        path = shutil.which(name)
        found = choice.ask(Path(path), choice.job.work, {"PATH": os.environ.get("PATH", os.defpath)}) if path else None
        if path and found is not None and found.version == wanted:
            return path, wanted
    raise UnavailableError(
        f"there is no Python {wanted} here", code="environment-not-made", hint="Install it, or name it with --python."
    )


def _asked(choice: _Choice, request: JobRequest, python: str) -> Interpreter | None:
    found = choice.ask(Path(python), choice.job.work, variables_for(choice.job, request, python))
    return None if found is None else Interpreter(python, found.version, found.platform, found.packages, found.files)


def _outside(choice: _Choice, request: JobRequest, found: Interpreter, problems: list[str]) -> Surroundings:
    """Return the surroundings with an interpreter, and what it is held against: version, distributions, their files."""
    variables = variables_for(choice.job, request, found.path)
    different = interpreters.differences(found, choice.recorded, choice.pins)
    known = bool(choice.pins or (choice.recorded and choice.recorded.packages))
    if not known:
        problems.append("environment-unknown: neither a lock nor a list of distributions is recorded")
    elif not different and (altered := interpreters.altered(found.path, choice.job.work, variables)):
        different = [f"{path} is not as it was installed" for path in altered]
        venvs.forget(Path(found.path))
    if different:
        problems.append(f"environment-differs: {interpreters.few(different)}")
    elif known and (extra := interpreters.more(found, choice.recorded, choice.pins)):
        problems.append(f"environment-has-more: {interpreters.few(extra)}")
    verified = known and not different and not any(each.startswith("environment-differs") for each in problems)
    told = {
        "kind": choice.recorded.kind if verified and choice.digest and choice.recorded else None,
        "blob": choice.digest if verified else None,
        "python": found.version,
        "platform": found.platform,
        "packages": dict(found.packages),
        "variables": {name: value for name, value in request.variables.items() if _allowed(name)} or None,
    }
    return Surroundings(variables, Environment.read(told), found.path, None, verified, problems)
