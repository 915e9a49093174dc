"""Engines: they run a job somewhere. The job is a folder with ``request.json``; its runner writes ``result.json``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from herdbook.model.jobs import JobLimits


class Engine(Protocol):
    """Runs the command line of a job's runner where it can, with the limits that it can keep."""

    name: str

    def submit(self, folder: Path, argv: Sequence[str], limits: JobLimits, settings: Mapping[str, str]) -> str:
        """Start ``argv`` with ``folder`` as its working folder; return what the engine calls it.

        An engine that only writes a submit file (HTCondor, REANA) returns its path.

        Raises:
            UnavailableError: ``no-engine``, when it cannot be reached or is not installed.
        """
        ...

    def wait(self, folder: Path, handle: str, timeout_s: float | None = None) -> None:
        """Return once ``result.json`` is there, or the engine knows that it will not come.

        Raises:
            UnavailableError: ``job-lost``, when it ended without a result; ``job-waits``, when the time is over;
                ``job-not-run``, for an engine that only writes a submit file.
        """
        ...

    def cancel(self, folder: Path, handle: str) -> None:
        """Stop it; harmless when it ended."""
        ...
