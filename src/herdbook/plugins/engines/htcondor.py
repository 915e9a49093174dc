"""HTCondor: a submit file for the runner, to be handed over by hand; the job's folder must be shared."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from herdbook.kernel.errors import InvalidError, UnavailableError
from herdbook.model.jobs import JobLimits

RESULT = "result.json"
FILE = "job.sub"
_SETTING = re.compile(r"[+]?[A-Za-z_][A-Za-z0-9_.]*")
_OURS = {"executable", "arguments", "initialdir", "queue", "output", "error", "log", "universe", "transfer_executable"}
_SPARE_S = 1800
_SPARE_MB = 512


class Htcondor:
    """Writes a submit description. Settings are further lines of it: ``+JobFlavour="tomorrow"``."""

    name = "htcondor"

    def submit(self, folder: Path, argv: Sequence[str], limits: JobLimits, settings: Mapping[str, str]) -> str:
        """Write the submit file and return its path.

        Raises:
            InvalidError: ``bad-engine-setting``.
        """
        (folder / "cancel").unlink(missing_ok=True)  # of an earlier job in this folder
        file = folder / FILE
        file.write_text(description(folder, argv, limits, settings), "utf-8")
        return str(file)

    def wait(self, folder: Path, handle: str, timeout_s: float | None = None) -> None:
        """Return when the result is there already.

        Raises:
            UnavailableError: ``job-not-run``, with the command that hands it over.
        """
        del timeout_s
        if not (folder / RESULT).exists():
            raise UnavailableError(
                f"the job's submit file is written: {handle}",
                code="job-not-run",
                hint=f"Hand it over with `condor_submit {handle}`; its result.json comes into {folder}.",
            )

    def cancel(self, folder: Path, handle: str) -> None:
        """Tell a runner that may have been started by hand."""
        del handle
        (folder / "cancel").touch()


def description(folder: Path, argv: Sequence[str], limits: JobLimits, settings: Mapping[str, str]) -> str:
    """Return the submit description.

    Source: condor_submit(1): the new syntax of arguments, ``request_…``, ``periodic_remove``.
    """
    lines = {
        "universe": "vanilla",
        "executable": argv[0],
        "transfer_executable": "false",
        "should_transfer_files": "no",
        "arguments": arguments(argv[1:]),
        "initialdir": str(folder),
        "output": "runner.log",
        "error": "runner.err",
        "log": "htcondor.log",
        "request_cpus": str(limits.cpus or 1),
        "request_disk": f"{math.ceil(limits.output_bytes / 1024)}KB",
        "kill_sig": "SIGTERM",
        "periodic_remove": f"JobStatus == 2 && time() - JobCurrentStartDate > {math.ceil(limits.wall_s) + _SPARE_S}",
    }
    if limits.memory_bytes:
        lines["request_memory"] = f"{math.ceil(limits.memory_bytes / 2**20) + _SPARE_MB}MB"
    if limits.gpus:
        lines["request_gpus"] = str(limits.gpus)
    for name, value in settings.items():
        if not _SETTING.fullmatch(name) or name.lower() in _OURS or re.search(r"[\r\n]", value):
            raise InvalidError(
                f"{name}={value} cannot stand in a submit file",
                code="bad-engine-setting",
                hint='Give a submit command or an attribute: +JobFlavour="tomorrow".',
            )
        lines[name.lower() if name.lower() in lines else name] = value
    for value in lines.values():
        if re.search(r"[\r\n]", value):
            raise InvalidError(
                "a path with a line break cannot stand in a submit file", code="bad-job", hint="Move it."
            )
    return "".join(f"{name} = {value}\n" for name, value in lines.items()) + "queue 1\n"


def arguments(words: Sequence[str]) -> str:
    """Return words in the new syntax: in double quotes, spaces within single ones, both kinds of quotes doubled.

    A dollar sign would begin a macro; ``$(DOLLAR)`` stands for it.
    """
    quoted = []
    for word in words:
        text = word.replace('"', '""').replace("'", "''").replace("$", "$(DOLLAR)")
        quoted.append(f"'{text}'" if not text or re.search(r"[\s']", text) else text)
    return f'"{" ".join(quoted)}"'
