"""Register a version with a 1 MB file, embedded, from one and from four processes, against MLflow's own store."""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from bench import peer

AIM = 2.0
DURABLE = (
    "ours: blob, its name, its folder and the journal are fsynced before the answer; "
    "MLflow: SQLite's rollback journal is fsynced, the copied artefact is not"
)
_OURS = """
import json, sys, time
import herdbook
folder, who, files = sys.argv[1], sys.argv[2], sys.argv[3:]
registry = herdbook.open(folder)
times = []
for number, file in enumerate(files):
    begun = time.perf_counter()
    registry.versions.register(f"demo/m{who}/model:v{number}a", file)
    times.append(time.perf_counter() - begun)
registry.close()
print(json.dumps({"seconds": times}))
"""


def run(quick: bool) -> list[dict[str, Any]]:
    """Return a row for one process and one for four."""
    python = peer.python()
    if python is None:
        return [peer.missing("register a version with a 1 MB file", AIM)]
    count = 10 if quick else 60
    rows = []
    for processes in (1, 4):
        ours, theirs = [], []
        for _ in range(1 if quick else 3):
            ours.append(_once([sys.executable, "-c", _OURS], processes, count, ours=True))
            theirs.append(_once([str(python), peer.SCRIPT, "register"], processes, count, ours=False))
        mine, other = statistics.median(ours), statistics.median(theirs)
        rows.append(
            {
                "what": f"register a version with a 1 MB file, {processes} process{'es' if processes > 1 else ''}",
                "ours": f"{mine:.1f} /s",
                "peer": f"MLflow 3: {other:.1f} /s",
                "ratio": mine / other,
                "aim": f"≥ {AIM:g} ×",
                "met": mine / other >= AIM,
                "note": DURABLE,
            }
        )
    return rows


def _once(command: list[str], processes: int, count: int, *, ours: bool) -> float:
    """Return registrations per second of all processes together, their starts apart."""
    with tempfile.TemporaryDirectory(dir=peer.scratch()) as name:
        folder = Path(name)
        files = [[_file(folder, process, number) for number in range(count)] for process in range(processes)]
        registry = folder / "registry"
        registry.mkdir()
        _warm(command, registry, ours=ours)
        started = [
            subprocess.Popen(
                [*command, str(registry), *([str(index)] if ours else []), *map(str, mine)],
                stdout=subprocess.PIPE,
                env={**os.environ, "HERDBOOK_CONFIG": str(folder / "config.toml")},
            )
            for index, mine in enumerate(files)
        ]
        begun = time.perf_counter()
        answers = [json.loads(process.communicate()[0].splitlines()[-1]) for process in started]
        assert time.perf_counter() > begun
        # what a process does before its first registration (imports, opening) is not counted
        slowest: float = max(sum(answer["seconds"]) for answer in answers)
        shutil.rmtree(registry)
        return processes * count / slowest


def _warm(command: list[str], registry: Path, *, ours: bool) -> None:
    environment = {**os.environ, "HERDBOOK_CONFIG": str(registry.parent / "config.toml")}
    make = ["-c", "import herdbook, sys; herdbook.open(sys.argv[1]).close()"] if ours else [peer.SCRIPT, "init"]
    subprocess.run([command[0], *make, str(registry)], check=True, stdout=subprocess.DEVNULL, env=environment)


def _file(folder: Path, process: int, number: int) -> Path:
    path = folder / f"{process}-{number}.bin"
    path.write_bytes(os.urandom(1_000_000))
    return path


if __name__ == "__main__":
    print(json.dumps(run("--quick" in sys.argv), indent=1))
