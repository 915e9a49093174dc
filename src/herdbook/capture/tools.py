"""Licensed tools that a command may need: synthesis suites, their versions, and the name of the licence's variable."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from herdbook.model.base import Json

_VERSION = re.compile(r"(?<![0-9.])((?:19|20)[0-9]{2}\.[0-9]+[A-Za-z0-9._-]*|[0-9]{1,2}\.[0-9]+(?:\.[0-9]+)?)(?![0-9])")


@dataclass(frozen=True)
class _Suite:
    """A suite: its commands, the variables that name its folder, and those of its licence."""

    name: str
    commands: tuple[str, ...]
    folders: tuple[str, ...]
    licences: tuple[str, ...]


_SUITES = (
    _Suite("vivado", ("vivado",), ("XILINX_VIVADO",), ("XILINXD_LICENSE_FILE", "LM_LICENSE_FILE")),
    _Suite(
        "vitis-hls",
        ("vitis_hls", "vitis-run", "vivado_hls"),
        ("XILINX_HLS", "XILINX_VITIS"),
        ("XILINXD_LICENSE_FILE", "LM_LICENSE_FILE"),
    ),
    _Suite(
        "quartus",
        ("quartus_sh", "quartus"),
        ("QUARTUS_ROOTDIR", "QUARTUS_ROOTDIR_OVERRIDE"),
        ("SALT_LICENSE_SERVER", "ALTERAD_LICENSE_FILE", "LM_LICENSE_FILE"),
    ),
    _Suite("intel-hls", ("i++",), ("INTELHLS_ROOTDIR",), ("ALTERAD_LICENSE_FILE", "LM_LICENSE_FILE")),
    _Suite(
        "catapult",
        ("catapult",),
        ("MGC_HOME", "CATAPULT_HOME"),
        ("SALT_LICENSE_SERVER", "MGLS_LICENSE_FILE", "LM_LICENSE_FILE"),
    ),
)


def read(argv: Sequence[str], variables: Mapping[str, str]) -> tuple[Json, ...]:
    """Return the suites found in PATH and variables; nothing is run, since asking one takes seconds, and a licence.

    Each has ``name``, ``version`` (from its folder's name or ``version.txt``), ``path``, ``licence_variables`` (names
    of those that are set), and ``called`` when the command line names it.
    """
    words = {Path(word).name for word in argv}
    return tuple(told for suite in _SUITES if (told := _suite(suite, words, variables)) is not None)


def _suite(suite: _Suite, words: set[str], variables: Mapping[str, str]) -> Json | None:
    folder = next((value for name in suite.folders if (value := variables.get(name))), None)
    command = next(
        (found for name in suite.commands if (found := shutil.which(name, path=variables.get("PATH", "")))), None
    )
    if command is None and (folder is None or not Path(folder).is_dir()):
        return None
    told: Json = {"name": suite.name}
    places = [str(place) for place in (folder, Path(command).resolve() if command else None, command) if place]
    if version := _version(places, folder):
        told["version"] = version
    told["path"] = command or folder
    if set_ := [name for name in suite.licences if variables.get(name)]:
        told["licence_variables"] = set_
    return told | ({"called": True} if words & set(suite.commands) else {})


def _version(places: Sequence[str], folder: str | None) -> str | None:
    if folder is not None:
        try:
            with (Path(folder) / "version.txt").open("rb") as file:
                text = file.read(4096).decode("utf-8", "replace")
        except OSError:
            text = ""
        if match := _VERSION.search(text):
            return match[1]
    for place in places:
        for part in reversed(Path(place).parts):
            if match := _VERSION.search(part):
                return match[1]
    return None
