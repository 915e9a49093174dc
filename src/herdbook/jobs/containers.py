"""A command in a container, where Apptainer or Singularity is there to run it."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from herdbook.jobs.folders import JobFolder
from herdbook.jobs.laying import digest_of
from herdbook.kernel.errors import UnavailableError
from herdbook.model.base import Json

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


@dataclass(frozen=True)
class Container:
    """An image and what runs it; ``pinned``: by its digest, so that it is the one recorded."""

    program: str
    image: str
    pinned: bool

    def argv(self, job: JobFolder, cwd: Path, variables: Mapping[str, str], command: Sequence[str]) -> list[str]:
        """Return the command line that runs a command in it: of the machine it sees the job's folder alone.

        Source: apptainer exec, options --containall, --cleanenv, --no-home, --bind, --pwd, --env.
        """
        given = [part for name, value in variables.items() if name != "PATH" for part in ("--env", f"{name}={value}")]
        bound = ["--bind", f"{job.root}:{job.root}", "--pwd", str(cwd)]
        return [self.program, "exec", "--containall", "--cleanenv", "--no-home", *bound, *given, self.image, *command]


def recorded(container: Json | None) -> bool:
    """Say whether a record names an image that could be run."""
    return bool(container and (container.get("path") or container.get("image")))


def found(container: Json) -> Container:
    """Return how a recorded container is run here.

    Raises:
        UnavailableError: ``no-container``, when nothing here can, or the image is not to be had.
    """
    program = shutil.which("apptainer") or shutil.which("singularity")
    name = str(container.get("image") or container.get("path"))
    if program is None:
        raise UnavailableError(
            f"it ran in the container {name}, and neither Apptainer nor Singularity is installed here",
            code="no-container",
            hint="Run it on a machine that has Apptainer, through a batch engine.",
        )
    path, digest = Path(str(container.get("path") or "")), str(container.get("digest") or "")
    if container.get("path") and path.exists():
        unpacked = str(container.get("unpacked") or "")
        pinned = bool(digest) and path.is_file() and f"sha256:{digest_of(path)}" == digest
        pinned = pinned or bool(unpacked and path.is_dir() and path.resolve().name == unpacked)
        return Container(program, str(path), pinned)
    if not container.get("image"):
        raise UnavailableError(
            f"the container image {path} is not here", code="no-container", hint="Bring it to the same path."
        )
    address = name if "://" in name else f"docker://{name}"
    if digest and not _DIGEST.search(address):
        address = f"{re.sub(r':[^/:@]+$', '', address)}@{digest}"
    return Container(program, address, bool(digest))
