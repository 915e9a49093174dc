"""The shim in this very process, for ``herdbook.training()``; several trainings may have it at once."""

from __future__ import annotations

import contextlib
from pathlib import Path

from herdbook.capture import shim


class Inside:
    """What is noticed of this process for one run. A training goes on also where nothing can be noticed."""

    def __init__(self, folder: Path) -> None:
        self._session: shim.Session | None = None
        with contextlib.suppress(Exception):
            self._session = shim.install(str(folder))

    def stop(self, exception: str | None = None) -> None:
        """Write what waits, and notice no more."""
        if self._session is not None:
            with contextlib.suppress(Exception):
                shim.stop(self._session, "failed" if exception else "finished", exception)
            self._session = None
