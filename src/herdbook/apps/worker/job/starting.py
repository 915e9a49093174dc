"""Starts the runner with what this installation has: the cache, the capture shim, the words for hardware."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

from herdbook.bootstrap import settings
from herdbook.capture import hardware
from herdbook.capture import interpreter as interpreters
from herdbook.jobs import runner
from herdbook.jobs.interpreters import Interpreter
from herdbook.kernel.errors import EXIT_STATUS, HerdbookError

_ASK_S = 120.0
STATUS = {"finished": 0, "failed": 1, "refused": 2, "killed": 3}


def main(folders: Sequence[Path]) -> int:
    """Run the job of the one folder; return the exit status."""
    if len(folders) != 1:
        sys.stderr.write("usage: python -m herdbook.apps.worker.job FOLDER\n")
        return 2
    try:
        result = runner.run(folders[0], means())
    except HerdbookError as error:
        sys.stderr.write(f"{error.code}: {error}\n")
        return EXIT_STATUS[error.kind]
    sys.stderr.write(f"{result.status} {result.id}\n" + "".join(f"  {each}\n" for each in result.problems))
    return STATUS[result.status]


def means() -> runner.Means:
    """Return what the runner works with here."""
    cache = Path(settings.load()["cache"].text).expanduser() / "environments"
    return runner.Means(cache, asked, capture=shim_variables, hardware=hardware.read)


def asked(python: Path, folder: Path, variables: Mapping[str, str]) -> Interpreter | None:
    """Ask an interpreter what it is and what is installed in it."""
    found = interpreters.inquire(python, folder, variables, _ASK_S)
    if found is None:
        return None
    files = {name: each.files for name, each in found.distributions.items() if each.files}
    packages = {name: each.version for name, each in found.distributions.items()}
    return Interpreter(str(python), found.version, found.platform, packages, files)


def shim_variables(folder: Path) -> Mapping[str, str]:
    """Return the variables by which an interpreter takes the capture shim in; none while there is no shim."""
    found = find_spec("herdbook.capture.shim")
    if found is None or not found.submodule_search_locations:
        return {}
    (folder / "seen").mkdir(parents=True, exist_ok=True)
    return {"HERDBOOK_CAPTURE": str(folder), "PYTHONPATH": os.fspath(found.submodule_search_locations[0])}
