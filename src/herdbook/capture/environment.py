"""What a command runs in: interpreter, installed distributions or a lock file, stack, containers, variables, tools."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from herdbook.model.activities import Environment


@dataclass(frozen=True)
class EnvironmentState:
    """What was read of an environment.

    Args:
        environment: what a record says; ``blob`` is the sha256 of ``lock``.
        lock: the bytes of the lock file, or of the listing where there is none.
        lock_name: its file name; ``installed.txt`` or ``conda-explicit.txt`` for a listing.
        listing: the listing of what is installed, also where a lock file was found.
    """

    environment: Environment
    lock: bytes | None = None
    lock_name: str | None = None
    listing: bytes | None = None


def interpreter(argv: Sequence[str], variables: Mapping[str, str], folder: Path) -> Path | None:
    """Return the Python that a command line runs, ``None`` when it is no Python or cannot be told."""
    del argv, variables, folder
    return None


def read(
    python: Path | None,
    folder: Path,
    variables: Mapping[str, str],
    *,
    argv: Sequence[str] = (),
    top: Path | None = None,
    timeout_s: float = 20.0,
) -> EnvironmentState:
    """Read what a command will run in; never raises for what it finds.

    Args:
        python: the interpreter that will run, ``None`` for a command that is no Python.
        folder: where the command starts; a lock file is looked for here and above, up to ``top``.
        variables: the environment variables of the command.
        argv: the command, for the tools that it calls.
        top: the top of the working tree; without it only ``folder`` is looked at.
        timeout_s: seconds that the interpreter may take to answer.
    """
    del python, folder, variables, argv, top, timeout_s
    return EnvironmentState(Environment())
