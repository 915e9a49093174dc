"""Runs a script as its author would, with the shim and without, and reads what the shim wrote."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.servers.places import away

ROOT = Path(__file__).resolve().parents[3]
SHIM = ROOT / "src" / "herdbook" / "capture" / "shim"
CACHE = ROOT / ".cache"
TRAININGS = Path(__file__).parent / "trainings"
_KEPT = ("PATH", "HOME", "LANG", "TMPDIR", "LD_LIBRARY_PATH")

Line = dict[str, Any]


@dataclass(frozen=True)
class Done:
    """How a script ended, and what the shim wrote of it, by file: the first that began first."""

    status: int
    output: str
    errors: str
    files: list[list[Line]]

    @property
    def lines(self) -> list[Line]:
        return [line for lines in self.files for line in lines]

    @property
    def main(self) -> list[Line]:
        return self.files[0]

    def of(self, what: str, **fields: object) -> list[Line]:
        """Return the lines of a sort that have these fields."""
        return [
            line
            for line in self.lines
            if line["what"] == what and all(line.get(name) == value for name, value in fields.items())
        ]

    def opened(self, mode: str = "r") -> set[str]:
        """Return the names of files that were opened so, code aside."""
        return {Path(line["path"]).name for line in self.of("open", mode=mode) if line["via"] != "import"}

    def parameters(self, source: str) -> dict[str, str]:
        return {line["name"]: line["text"] for line in self.of("parameter", source=source)}

    def end(self) -> Line:
        assert self.main[-1]["what"] == "end"
        return self.main[-1]


def frameworks(which: str = "frameworks") -> str:
    """Return the interpreter that has the libraries; that of ``formats`` has TensorFlow."""
    if not (CACHE / which / ".ready").exists():
        away(f"the libraries are not here: `make .cache/{which}/.ready` gets them")
    return str(CACHE / which / "bin" / "python")


def run(
    command: list[str],
    folder: Path,
    *,
    shim: bool = True,
    python: str = sys.executable,
    more: dict[str, str] | None = None,
    spool: Path | None = None,
) -> Done:
    """Run an interpreter in a folder; without the shim, all else is the same."""
    run_folder = spool or folder.parent / f"{folder.name}-run"
    environment = {name: os.environ[name] for name in _KEPT if name in os.environ}
    environment |= {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": str(SHIM)} | (more or {})
    folder.mkdir(exist_ok=True)
    if shim:
        environment["HERDBOOK_CAPTURE"] = str(run_folder)
        if spool is None:
            run_folder.mkdir()
    else:
        environment.pop("PYTHONPATH")
    done = subprocess.run(
        [python, *command], cwd=folder, env=environment, capture_output=True, text=True, timeout=240, check=False
    )
    return Done(done.returncode, done.stdout, done.stderr, read(run_folder))


def read(run_folder: Path) -> list[list[Line]]:
    """Return the lines of each file; each must be whole JSON."""
    paths = sorted(run_folder.glob("seen/*.ndjson"))
    files = [
        [json.loads(line, parse_constant=_never) for line in path.read_text("ascii").splitlines()] for path in paths
    ]
    return sorted(files, key=lambda lines: float(lines[0]["t"]))


def _never(name: str) -> None:
    raise AssertionError(f"{name} is no JSON")


def script(folder: Path, text: str, name: str = "train.py") -> str:
    """Write a script; return its name."""
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(text)
    return name
