"""The engine of this machine: the runner as a process in a session of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from herdbook.model.jobs import JobLimits
from herdbook.plugins.engines.processes import Processes


class Local:
    """Runs jobs on this machine; limits are the runner's to keep."""

    name = "local"

    def __init__(self) -> None:
        self._processes = Processes()

    def submit(self, folder: Path, argv: Sequence[str], limits: JobLimits, settings: Mapping[str, str]) -> str:
        """Start the runner; the handle is its process.

        Raises:
            UnavailableError: ``no-engine``.
        """
        del limits, settings
        return self._processes.start(folder, argv)

    def wait(self, folder: Path, handle: str, timeout_s: float | None = None) -> None:
        """Return once the result is there.

        Raises:
            UnavailableError: ``job-lost``, ``job-waits``.
        """
        self._processes.wait(folder, handle, timeout_s)

    def cancel(self, folder: Path, handle: str) -> None:
        """Ask the runner to end, then end it with all that it started."""
        self._processes.cancel(folder, handle)
