"""What a command runs in: interpreter, installed distributions or a lock file, stack, containers, variables, tools."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from herdbook.capture import git, locks, stacks, tools
from herdbook.capture import interpreter as interpreters
from herdbook.capture import listing as listings
from herdbook.capture.interpreter import Distribution, Installed
from herdbook.capture.variables import allowed
from herdbook.kernel import digests
from herdbook.model.activities import Environment

LISTED = 40
"""So many differences between a lock and what is installed are told one by one."""
_EDITABLE = 10


@dataclass(frozen=True)
class EnvironmentState:
    """What was read of an environment.

    Args:
        environment: what a record says; ``blob`` is the sha256 of ``lock``, ``kind`` what ``lock`` is: ``pylock``,
            ``uv``, ``poetry``, ``requirements``, ``conda-lock``, ``pixi``, or for a listing ``installed`` (a
            requirements file) or ``conda-explicit``.
        lock: the lock file's bytes; a listing where there is none, or where what is installed differs from it.
        lock_name: its file name; ``installed.txt`` or ``conda-explicit.txt`` for a listing.
        listing: the listing, also where a lock file was taken.
    """

    environment: Environment
    lock: bytes | None = None
    lock_name: str | None = None
    listing: bytes | None = None


@dataclass(frozen=True)
class _Seen:
    """What the interpreter said, as versions by name, and as a listing."""

    installed: Installed
    python: dict[str, str]
    conda: dict[str, str]
    listing: tuple[str, str, bytes]


def interpreter(argv: Sequence[str], variables: Mapping[str, str], folder: Path) -> Path | None:
    """Return the Python that a command line runs, ``None`` when it is no Python or cannot be told."""
    return interpreters.find(argv, variables, folder)


def read(
    python: Path | None,
    folder: Path,
    variables: Mapping[str, str],
    *,
    argv: Sequence[str] = (),
    top: Path | None = None,
    timeout_s: float = 20.0,
    root: Path = Path("/"),
) -> EnvironmentState:
    """Read what a command will run in; never raises for what it finds.

    Args:
        python: the interpreter that will run, ``None`` for a command that is no Python.
        folder: where the command starts; a lock file is looked for here and above, up to ``top``.
        variables: the environment variables of the command.
        argv: the command, for the tools that it calls.
        top: the top of the working tree; without it only ``folder`` is looked at.
        timeout_s: seconds that the interpreter may take to answer.
        root: the root of the file system, for the marks that containers leave there.
    """
    stack = stacks.read(variables, top=root)
    problems = list(stack.problems)
    seen = _ask(python, folder, variables, timeout_s) if python else None
    if python and seen is None:
        problems.append("interpreter-silent")
    chosen, told = _choose(locks.find(folder, top, prefix=seen.installed.prefix if seen else None), seen)
    problems += told
    if seen:
        problems += _unrepeatable(seen.installed.distributions.values(), top)
        problems += ["broken-metadata"] if seen.installed.broken else []
    kind, name, data = chosen or (None, None, None)
    environment = Environment(
        kind=kind,
        blob=digests.of(data) if data is not None else None,
        python=seen.installed.version if seen else None,
        platform=seen.installed.platform if seen else None,
        container=stack.container,
        stack=stack.stack,
        cvmfs=stack.cvmfs or None,
        packages=seen.python if seen else None,
        variables=allowed(variables) or None,
        tools=tools.read(argv, variables) or None,
        problems=tuple(problems) or None,
    )
    return EnvironmentState(environment, data, name, seen.listing[2] if seen else None)


def _ask(python: Path, folder: Path, variables: Mapping[str, str], timeout_s: float) -> _Seen | None:
    installed = interpreters.inquire(python, folder, variables, timeout_s)
    if installed is None:
        return None
    packages = listings.conda_packages(installed.prefix)
    listing = (
        ("conda-explicit", "conda-explicit.txt", listings.for_conda(installed, packages))
        if packages
        else ("installed", "installed.txt", listings.for_pip(installed))
    )
    return _Seen(
        installed,
        {name: each.version for name, each in installed.distributions.items()},
        {interpreters.flat(told["name"]): told["version"] for told in packages},
        listing,
    )


def _choose(found: list[locks.Lock], seen: _Seen | None) -> tuple[tuple[str, str, bytes] | None, list[str]]:
    """Return the lock that fits what is installed, else the listing; and what does not fit."""
    unread = [f"{lock.problem}:{lock.name}" for lock in found if lock.problem]
    if seen is None:
        first = next(iter(found), None)
        told = [f"lock-unchecked:{first.name}"] if first else []
        return (first.kind, first.name, first.data) if first else None, [*unread, *told]
    read = [lock for lock in found if lock.problem is None]
    if not read:
        return seen.listing, unread
    lock = min(read, key=lambda lock: len(lock.differences(seen.python, seen.conda)))  # of equals the first
    differences = lock.differences(seen.python, seen.conda)
    others = {
        name: each.version
        for name, each in seen.installed.distributions.items()
        if not (lock.conda and each.installer == "conda") and not _editable(each)
    }
    problems = [*unread, *_few(differences, "lock-differs-more"), *_few(lock.strangers(others), "not-in-lock-more")]
    if differences or not (lock.python or lock.conda):
        return seen.listing, problems
    return (lock.kind, lock.name, lock.data), problems


def _few(problems: list[str], more: str) -> list[str]:
    return problems if len(problems) <= LISTED else [*problems[:LISTED], f"{more}:{len(problems) - LISTED}"]


def _editable(each: Distribution) -> bool:
    described = (each.direct or {}).get("dir_info")
    return isinstance(described, dict) and described.get("editable") is True


def _unrepeatable(distributions: Iterable[Distribution], top: Path | None) -> list[str]:
    """Return what no index gives again: ``editable:NAME[:COMMIT]``, ``editable-dirty:…``, ``local-install:NAME``.

    The working tree of the training itself is told as its code, not here.
    """
    problems: list[str] = []
    looked = 0
    for each in distributions:
        url = urlsplit(str((each.direct or {}).get("url", "")))
        if url.scheme != "file":
            continue
        if not _editable(each):
            problems.append(f"local-install:{each.name}")
            continue
        looked += 1
        folder = Path(unquote(url.path))
        state = git.read(folder, diff_limit=0, untracked_limit=0) if looked <= _EDITABLE and folder.is_dir() else None
        if state is None or state.code.commit is None:
            problems.append(f"editable:{each.name}")
        elif top is None or state.top != top.resolve():
            problems.append(f"editable{'-dirty' if state.code.dirty else ''}:{each.name}:{state.code.commit}")
    return problems
