"""The Python that a command runs, and what it says is installed in it: asked by running it, 3.8 or newer."""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from herdbook.capture.bounded import ask

_OUTPUT_LIMIT = 64_000_000
_MARK = "herdbook-interpreter:"
_PYTHON = re.compile(r"(?:python|pypy)[0-9.]*t?")
_RUNTIMES = {"apptainer", "singularity", "docker", "podman", "podman-hpc", "shifter", "sarus"}
_UNHEARD = ("HERDBOOK_CAPTURE", "PYTHONINSPECT", "PYTHONPROFILEIMPORTTIME", "PYTHONVERBOSE", "PYTHONSTARTUP")

# It imports the standard library alone. Of RECORD only the lines of the distribution's own files count: scripts in
# bin/ hold the path of the environment, and what the installer adds differs between installers.
_ASKED = r"""
import sys
if sys.path and sys.path[0] == "":
    del sys.path[0]
import hashlib, json, os, platform, sysconfig
from importlib import metadata
beside = ("/RECORD", "/INSTALLER", "/REQUESTED", "/direct_url.json", "/uv_cache.json", "/uv_build.json")
def files(text):
    lines = sorted(line for line in text.splitlines() if ",sha256=" in line and not line.startswith(("..", "/"))
                   and not line.split(",", 1)[0].endswith(beside))
    return hashlib.sha256("\n".join(lines).encode("utf-8", "surrogatepass")).hexdigest() if lines else None
found, seen = [], set()
for each in metadata.distributions():
    try:
        name, version = each.metadata["Name"], each.version
        if not name or not version or name.lower() in seen:
            continue
        seen.add(name.lower())
        direct = each.read_text("direct_url.json")
        found.append({"name": name, "version": version, "files": files(each.read_text("RECORD") or ""),
                      "installer": (each.read_text("INSTALLER") or "").strip(),
                      "direct": json.loads(direct) if direct else None})
    except Exception:
        found.append({"name": None, "version": None})
print("\n" + "MARK" + json.dumps({
    "version": platform.python_version(), "implementation": platform.python_implementation(),
    "platform": platform.platform(), "tag": sysconfig.get_platform(), "executable": sys.executable,
    "prefix": sys.prefix, "base": sys.base_prefix, "distributions": found}), flush=True)
""".replace("MARK", _MARK)


@dataclass(frozen=True)
class Distribution:
    """An installed distribution: name as PEP 503 compares it, version, sha256 of its files, installer, PEP 610."""

    name: str
    version: str
    files: str | None = None
    installer: str = ""
    direct: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Installed:
    """What an interpreter said of itself; ``broken`` counts distributions whose metadata cannot be read."""

    version: str
    implementation: str
    platform: str
    tag: str
    prefix: Path
    distributions: dict[str, Distribution] = field(default_factory=dict)
    broken: int = 0


def flat(name: str) -> str:
    """Return the name of a distribution as indices compare it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def find(argv: Sequence[str], variables: Mapping[str, str], folder: Path) -> Path | None:
    """Return the Python that a command line runs, ``None`` when it is no Python or cannot be told.

    A script is known by its first line; behind a launcher (``srun``, ``mpirun``, ``env``) the first word that is
    called python counts. A command in a container runs the container's Python, which is not ours to ask.
    """
    if not argv or Path(argv[0]).name in _RUNTIMES:
        return None
    first = _which(argv[0], variables, folder)
    if _PYTHON.fullmatch(Path(argv[0]).name):
        return first
    if first is not None and (script := _shebang(first, variables, folder)):
        return script
    word = next((word for word in argv[1:] if _PYTHON.fullmatch(Path(word).name)), None)
    return _which(word, variables, folder) if word else None


def _which(word: str, variables: Mapping[str, str], folder: Path) -> Path | None:
    if "/" in word:
        path = folder / word
        return path if path.is_file() and os.access(path, os.X_OK) else None
    found = shutil.which(word, path=variables.get("PATH", os.defpath))
    return folder / found if found else None


def _shebang(script: Path, variables: Mapping[str, str], folder: Path) -> Path | None:
    try:
        with script.open("rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                return None
            head = file.read(512)
    except OSError:
        return None
    # pip and uv write "#!/bin/sh", then an exec of the interpreter, where its path is too long for a first line
    if not head.startswith(b"#!"):
        return None
    first, _, rest = head[2:].partition(b"\n")
    line = rest.partition(b"\n")[0] if first == b"/bin/sh" and rest.startswith(b"'''exec'") else first
    words = [word.strip("\"'") for word in os.fsdecode(line).split()]
    named = [word for word in words if _PYTHON.fullmatch(Path(word).name)]
    return _which(named[0], variables, folder) if named else None


def inquire(python: Path, folder: Path, variables: Mapping[str, str], timeout_s: float) -> Installed | None:
    """Run the interpreter and return what it says; ``None`` when it did not answer in time, or is no Python >= 3.8.

    It runs with the variables of the training, in its folder, so that it sees the same paths; capture itself is off.
    """
    heard = {name: value for name, value in variables.items() if name not in _UNHEARD}
    heard |= {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONIOENCODING": "utf-8:surrogateescape"}
    argv = [str(python), "-W", "ignore", "-c", _ASKED]
    answer = ask(argv, folder=folder, variables=heard, limit=_OUTPUT_LIMIT, timeout_s=timeout_s)
    line = answer.data.decode("utf-8", "replace").rpartition("\n" + _MARK)[2].partition("\n")[0]
    if answer.problem:
        return None
    try:
        return _installed(json.loads(line))
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _installed(told: Mapping[str, Any]) -> Installed:
    distributions: dict[str, Distribution] = {}
    for item in told["distributions"]:
        if not item["name"]:
            continue
        direct = item["direct"] if isinstance(item["direct"], dict) else None
        name = flat(item["name"])
        distributions.setdefault(
            name, Distribution(name, str(item["version"]), item["files"], item["installer"], direct)
        )
    return Installed(
        version=str(told["version"]),
        implementation=str(told["implementation"]),
        platform=str(told["platform"]),
        tag=str(told["tag"]),
        prefix=Path(told["prefix"]),
        distributions=dict(sorted(distributions.items())),
        broken=sum(not item["name"] for item in told["distributions"]),
    )
