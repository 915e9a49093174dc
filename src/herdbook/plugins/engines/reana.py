"""REANA: a ``reana.yaml`` for the runner, to be handed over by hand; the job's folder is uploaded whole."""

from __future__ import annotations

import json
import math
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from herdbook.kernel.errors import InvalidError, UnavailableError
from herdbook.model.jobs import JobLimits, JobRequest

RESULT = "result.json"
FILE = "reana.yaml"
SETTINGS = ("image", "python", "backend", "cvmfs")
_PATHS = ("code.bundle", "git.diff", "lock", "inputs", "untracked", "submodules")
_SPARE_S = 1800


class Reana:
    """Writes a workflow of one serial step.

    Settings: ``image`` (a container image that has Herdbook in it), ``python`` (its interpreter there, ``python3``),
    ``backend`` (``kubernetes``, ``htcondorcern``, ``slurmcern``), ``cvmfs`` (repositories, between commas).
    """

    name = "reana"

    def submit(self, folder: Path, argv: Sequence[str], limits: JobLimits, settings: Mapping[str, str]) -> str:
        """Write ``reana.yaml`` and return its path.

        Raises:
            InvalidError: ``bad-engine-setting``; ``bad-job``, when the request names files outside of its folder.
        """
        if unknown := sorted(settings.keys() - set(SETTINGS)):
            raise _bad(f"REANA is told nothing called {unknown[0]!r}")
        if not settings.get("image"):
            raise _bad("no image is named")
        _check(JobRequest.read_json((folder / "request.json").read_bytes()))
        words = [settings.get("python") or "python3", *(word if word != str(folder) else "." for word in argv[1:])]
        file = folder / FILE
        # JSON is YAML too, and needs no library to be written.
        file.write_text(json.dumps(workflow(folder, words, limits, settings), indent=2) + "\n", "utf-8")
        return str(file)

    def wait(self, folder: Path, handle: str, timeout_s: float | None = None) -> None:
        """Return when the result is there already.

        Raises:
            UnavailableError: ``job-not-run``, with the commands that hand it over.
        """
        del timeout_s
        if not (folder / RESULT).exists():
            raise UnavailableError(
                f"the job's workflow is written: {handle}",
                code="job-not-run",
                hint=f"In {folder}: `reana-client run -w herdbook`, and later `reana-client download -w herdbook`.",
            )

    def cancel(self, folder: Path, handle: str) -> None:
        """Do nothing: what was handed over by hand is stopped by ``reana-client stop``."""


def workflow(folder: Path, argv: Sequence[str], limits: JobLimits, settings: Mapping[str, str]) -> dict[str, Any]:
    """Return the workflow. Source: REANA's analysis specification, its JSON schema in reana-commons 0.9.11."""
    there = [folder / name for name in _PATHS if (folder / name).exists()]
    step: dict[str, Any] = {
        "name": "herdbook-job",
        "environment": settings["image"],
        # The runner fails with its command; its result is wanted all the same.
        "commands": [f"{shlex.join(argv)} || test -f {RESULT}"],
    }
    backend = settings.get("backend") or "kubernetes"
    step["compute_backend"] = backend
    if backend == "kubernetes":
        step["kubernetes_job_timeout"] = math.ceil(limits.wall_s) + _SPARE_S
        if limits.cpus:
            step |= {"kubernetes_cpu_request": str(limits.cpus), "kubernetes_cpu_limit": str(limits.cpus)}
        if limits.memory_bytes:
            step["kubernetes_memory_limit"] = f"{math.ceil(limits.memory_bytes / 2**20)}Mi"
    elif backend == "htcondorcern":
        step["htcondor_max_runtime"] = str(math.ceil(limits.wall_s) + _SPARE_S)
    described: dict[str, Any] = {"type": "serial", "specification": {"steps": [step]}}
    if settings.get("cvmfs"):
        described["resources"] = {"cvmfs": settings["cvmfs"].split(",")}
    return {
        "inputs": {
            "files": ["request.json", *(each.name for each in there if each.is_file())],
            "directories": [each.name for each in there if each.is_dir()],
        },
        "workflow": described,
        "outputs": {"files": [RESULT, "log.txt"], "directories": ["outputs"]},
    }


def _check(request: JobRequest) -> None:
    """Check that all the job needs is in its folder.

    Raises:
        InvalidError: ``bad-job``.
    """
    named = [request.checkout, *(item.source for item in (*request.inputs, *request.untracked))]
    if outside := [name for name in named if name and name.startswith("/")]:
        raise InvalidError(
            f"{outside[0]} lies outside of the job's folder, and is not uploaded to REANA",
            code="bad-job",
            hint="Give the job its files in its own folder.",
        )


def _bad(what: str) -> InvalidError:
    return InvalidError(what, code="bad-engine-setting", hint="Say --setting image=NAME, one that has Herdbook in it.")
