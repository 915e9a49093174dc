"""Snakemake: a workflow of one rule, whose output is the job's result; a profile sends it where that leads."""

from __future__ import annotations

import json
import math
import shlex
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from herdbook.kernel.errors import InvalidError, UnavailableError
from herdbook.model.jobs import JobLimits
from herdbook.plugins.engines.processes import LOG, RESULT, Processes

FILE = "Snakefile"
SETTINGS = ("program", "profile", "executor")


class Snakemake:
    """Writes a Snakefile and runs Snakemake on it, which stays until the job has ended.

    Settings: ``program`` (the path of ``snakemake``), ``profile`` and ``executor`` as Snakemake knows them.
    """

    name = "snakemake"

    def __init__(self) -> None:
        self._processes = Processes()

    def submit(self, folder: Path, argv: Sequence[str], limits: JobLimits, settings: Mapping[str, str]) -> str:
        """Write the workflow and start Snakemake; the handle is its process.

        Raises:
            InvalidError: ``bad-engine-setting``.
            UnavailableError: ``no-engine``.
        """
        if unknown := sorted(settings.keys() - set(SETTINGS)):
            raise InvalidError(
                f"Snakemake is told nothing called {unknown[0]!r}",
                code="bad-engine-setting",
                hint=f"There are: {', '.join(SETTINGS)}.",
            )
        program = shutil.which(settings.get("program") or "snakemake")
        if program is None:
            raise UnavailableError(
                "Snakemake is not here", code="no-engine", hint="Install it, or name it: --setting program=PATH."
            )
        (folder / "cancel").unlink(missing_ok=True)  # of an earlier job in this folder
        (folder / FILE).write_text(snakefile(argv, limits), "utf-8")
        options = ["--snakefile", str(folder / FILE), "--directory", str(folder), "--nolock"]
        options += ["--cores", str(limits.cpus or 1)]
        options += [
            part for name in ("profile", "executor") if name in settings for part in (f"--{name}", settings[name])
        ]
        if {"profile", "executor"} & settings.keys():
            options += ["--jobs", "1"]
        return self._processes.start(folder, [program, *options])

    def wait(self, folder: Path, handle: str, timeout_s: float | None = None) -> None:
        """Return once the result is there.

        Raises:
            UnavailableError: ``job-lost``, ``job-waits``.
        """
        self._processes.wait(folder, handle, timeout_s)

    def cancel(self, folder: Path, handle: str) -> None:
        """Ask the runner to end, through its folder, and Snakemake, which ends what it submitted."""
        (folder / "cancel").touch()
        self._processes.cancel(folder, handle)


def snakefile(argv: Sequence[str], limits: JobLimits) -> str:
    """Return the workflow.

    Snakemake removes the output of a rule that fails; the runner fails with its command, and its result must stay.
    """
    command = f"{shlex.join(argv)} >>{LOG} 2>&1 || test -f {RESULT}".replace("{", "{{").replace("}", "}}")
    resources = [f"        runtime={math.ceil(limits.wall_s / 60) + 30}"]
    if limits.memory_bytes:
        resources.append(f"        mem_mb={math.ceil(limits.memory_bytes / 1e6) + 500}")
    if limits.gpus:
        resources.append(f"        gpu={limits.gpus}")
    return (
        "# Written by Herdbook: one job, from request.json to result.json.\n"
        "rule herdbook_job:\n"
        f'    output:\n        "{RESULT}"\n'
        f"    threads: {limits.cpus or 1}\n"
        "    resources:\n" + ",\n".join(resources) + "\n"
        f"    shell:\n        {json.dumps(command)}\n"
    )
