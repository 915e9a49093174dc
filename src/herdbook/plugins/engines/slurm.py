"""Slurm: the runner as a batch job, by ``sbatch``, ``squeue`` and ``scancel``; the job's folder must be shared."""

from __future__ import annotations

import math
import re
import shlex
import shutil
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from herdbook.kernel.errors import InvalidError, UnavailableError
from herdbook.model.jobs import JobLimits

RESULT = "result.json"
LOG = "runner.log"
OURS = {"parsable", "chdir", "output", "error", "input", "wrap", "array", "test-only", "wait", "open-mode", "signal"}
_SETTING = re.compile(r"[a-z][a-z0-9-]*")
_SPARE_MINUTES = 30
"""Beyond the command's own limit of wall time: for code, inputs, environment and outputs."""
_SPARE_MB = 512
_ENDED = ("COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL", "OUT_OF_MEMORY", "BOOT_FAIL", "DEADLINE")
_CALL_S = 60.0
_SLOWEST_S = 10.0
_SETTLE_S = 10.0
"""How long a shared file system may take to show a file that was written on another machine."""
_SILENT_S = 900.0


class Slurm:
    """Submits jobs to the cluster that this machine belongs to.

    Settings are options of ``sbatch`` without their dashes: ``partition``, ``account``, ``qos``, ``constraint``.
    """

    name = "slurm"

    def submit(self, folder: Path, argv: Sequence[str], limits: JobLimits, settings: Mapping[str, str]) -> str:
        """Submit the runner; the handle is Slurm's number of the job.

        Raises:
            InvalidError: ``bad-engine-setting``.
            UnavailableError: ``no-engine``.
        """
        (folder / "cancel").unlink(missing_ok=True)  # of an earlier job in this folder
        script = folder / "job.slurm"
        script.write_text(f"#!/bin/sh\nexec {shlex.join(argv)}\n", "utf-8")
        options = ["--parsable", "--no-requeue", "--job-name=herdbook", f"--chdir={folder}"]
        options += [f"--output={_pattern(folder / LOG)}", "--open-mode=append", "--signal=B:TERM@60"]
        said = _call("sbatch", *options, *_limits(limits, settings), *_options(settings), str(script))
        number = said.strip().splitlines()[-1] if said.strip() else ""
        if not re.fullmatch(r"\d+(;[\w.-]+)?", number):
            raise UnavailableError(f"sbatch said {said.strip()!r}", code="no-engine", hint="Try it by hand.")
        return number

    def wait(self, folder: Path, handle: str, timeout_s: float | None = None) -> None:
        """Return once the result is there.

        Raises:
            UnavailableError: ``job-lost``, ``job-waits``; ``no-engine``, when Slurm does not answer for a long time.
        """
        begun = heard = time.monotonic()
        pause = 0.1
        ended: float | None = None
        while not (folder / RESULT).exists():
            now = time.monotonic()
            if timeout_s is not None and now - begun >= timeout_s:
                raise UnavailableError(
                    f"the job in {folder} has no result yet", code="job-waits", hint="Wait again, or cancel it."
                )
            try:
                over, heard = not _in_queue(handle), now
            except UnavailableError:
                if now - heard > _SILENT_S:
                    raise
                over = False
            ended = (ended or now) if over else None
            if ended is not None and now - ended >= _SETTLE_S:
                raise UnavailableError(
                    f"Slurm's job {handle} ended without a result in {folder}",
                    code="job-lost",
                    hint=f"See {folder / LOG} and `sacct -j {handle.partition(';')[0]}`; submit the job again.",
                )
            time.sleep(pause)
            pause = min(pause * 1.3, 0.5 if over else _SLOWEST_S)

    def cancel(self, folder: Path, handle: str) -> None:
        """Stop it: the runner is told, writes its result, and what is left of the job is ended by Slurm."""
        (folder / "cancel").touch()
        number, _, cluster = handle.partition(";")
        _call(
            "scancel", *([f"--clusters={cluster}"] if cluster else []), "--batch", "--signal=TERM", number, fail=False
        )
        until = time.monotonic() + _SETTLE_S
        while time.monotonic() < until and not (folder / RESULT).exists() and _in_queue(handle, fail=False):
            time.sleep(0.2)
        _call("scancel", *([f"--clusters={cluster}"] if cluster else []), number, fail=False)


def _limits(limits: JobLimits, settings: Mapping[str, str]) -> list[str]:
    """Return the limits as options; a setting of the same name is the author's own wish, and counts."""
    wanted = {"time": str(math.ceil(limits.wall_s / 60) + _SPARE_MINUTES), "cpus-per-task": str(limits.cpus or 1)}
    if limits.memory_bytes:
        wanted["mem"] = f"{math.ceil(limits.memory_bytes / 2**20) + _SPARE_MB}M"
    if limits.gpus:
        wanted["gpus"] = str(limits.gpus)
    return [f"--{name}={value}" for name, value in wanted.items() if name not in settings]


def _options(settings: Mapping[str, str]) -> list[str]:
    for name, value in settings.items():
        if not _SETTING.fullmatch(name) or name in OURS or "\n" in value:
            raise InvalidError(
                f"{name}={value} cannot be told to sbatch",
                code="bad-engine-setting",
                hint="Give a long option of sbatch without its dashes: partition=long.",
            )
    return [f"--{name}={value}" if value else f"--{name}" for name, value in settings.items()]


def _pattern(path: Path) -> str:
    """Return a path in which sbatch replaces nothing."""
    return str(path).replace("\\", "\\\\").replace("%", "%%")


def _in_queue(handle: str, *, fail: bool = True) -> bool:
    number, _, cluster = handle.partition(";")
    where = [f"--clusters={cluster}"] if cluster else []
    said = _call("squeue", *where, "--noheader", "--states=all", f"--jobs={number}", "--format=%T", fail=fail)
    states = said.split()
    return bool(states) and not all(state.startswith(_ENDED) for state in states)


def _call(program: str, *words: str, fail: bool = True) -> str:
    path = shutil.which(program)
    if path is None:
        raise UnavailableError(f"there is no {program} here", code="no-engine", hint="Submit from a node of Slurm.")
    try:
        done = subprocess.run(  # noqa: S603 - Slurm's own program, its options checked
            [path, *words], capture_output=True, text=True, timeout=_CALL_S, check=False, stdin=subprocess.DEVNULL
        )
    except subprocess.TimeoutExpired as error:
        raise UnavailableError(f"{program} does not answer", code="no-engine", hint="Try again.") from error
    if done.returncode and "Invalid job id" in done.stderr:
        return ""  # so long ago that it was forgotten
    if done.returncode and fail:
        raise UnavailableError(
            f"{program} failed: {done.stderr.strip()[-400:]}", code="no-engine", hint="Try it by hand."
        )
    return done.stdout
