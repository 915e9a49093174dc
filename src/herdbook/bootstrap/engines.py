"""Which engines there are, and the one that is meant."""

from __future__ import annotations

import sys
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

from herdbook.kernel.errors import HerdbookError, MissingError, UnavailableError
from herdbook.ports.engines import Engine

GROUP = "herdbook.engines"
BUILT_IN = {
    name: f"herdbook.plugins.engines.{name}:{name.capitalize()}"
    for name in ("dask", "htcondor", "local", "reana", "slurm", "snakemake")
}
"""What is there even where the entry points of the installation are older than the code."""


def _points() -> dict[str, EntryPoint]:
    found = {name: EntryPoint(name, target, GROUP) for name, target in BUILT_IN.items()}
    for point in sorted(entry_points(group=GROUP), key=lambda each: (each.name, each.value)):
        found.setdefault(point.name, point)
    return found


def engines() -> list[str]:
    """Return the names of all engines that are known here."""
    return sorted(_points())


@cache
def engine(name: str) -> Engine:
    """Return the engine of a name; one for the whole process.

    Raises:
        MissingError: ``no-such-engine``.
        UnavailableError: ``no-extra``, when it cannot be loaded.
    """
    points = _points()
    if name not in points:
        raise MissingError(
            f"there is no engine {name!r}", code="no-such-engine", hint=f"There are: {', '.join(sorted(points))}."
        )
    try:
        made: Engine = points[name].load()()
    except HerdbookError:
        raise
    except Exception as error:
        raise UnavailableError(
            f"the engine {name!r} cannot be loaded: {type(error).__name__}: {error}",
            code="no-extra",
            hint="Ask who made the plug-in.",
        ) from error
    return made


def runner(folder: Path) -> list[str]:
    """Return the command line of the runner of a job, with this interpreter: it must be there where the job runs."""
    return [sys.executable, "-m", "herdbook.apps.worker.job", str(folder.resolve())]
