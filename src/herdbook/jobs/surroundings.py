"""The environment of a job's command: an interpreter that is, or is not, the one recorded; and clean variables."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from herdbook.jobs.folders import JobFolder
from herdbook.model.activities import Environment
from herdbook.model.jobs import JobRequest


@dataclass(frozen=True)
class Surroundings:
    """What the command runs in: an interpreter, variables, and whether it was found to be the one recorded."""

    python: str
    variables: dict[str, str]
    environment: Environment
    verified: bool = False
    problems: list[str] = field(default_factory=list)

    def argv(self, recorded: Sequence[str], cwd: Path) -> list[str]:
        """Return the command with its interpreter replaced by this one."""
        del cwd
        first, *rest = recorded
        return [self.python if Path(first).name.startswith("python") else first, *rest]


def environment_for(job: JobFolder, request: JobRequest, cache: Path) -> Surroundings:
    """Make or find the environment that the request asks for."""
    del cache
    python = request.python or sys.executable
    variables = {"PATH": f"{Path(python).parent}:{os.defpath}", "HOME": str(job.home), "TMPDIR": str(job.scratch)}
    variables |= request.variables
    return Surroundings(python, variables, Environment(kind="interpreter"))
