"""`herdbook show` from a cold start, against bare ``python -c pass``."""

from __future__ import annotations

import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from bench import peer
from bench.population import label, name, registrations

AIM_S = 0.6


def run(quick: bool) -> list[dict[str, Any]]:
    """Return one row."""
    import herdbook

    with tempfile.TemporaryDirectory(dir=peer.scratch()) as folder:
        with herdbook.open(f"{folder}/registry") as registry:
            registry.versions.record(list(itertools.islice(registrations(100), 100)), batch=True)
        environment = {
            **os.environ,
            "HERDBOOK_CONFIG": f"{folder}/config.toml",
            "HERDBOOK_REGISTRY": f"{folder}/registry",
        }
        environment.pop("PYTHONDONTWRITEBYTECODE", None)  # a second start finds compiled modules
        command = [str(Path(sys.executable).with_name("herdbook")), "show", f"{name(42)}:{label(42)}"]
        ours, bare = [], []
        for _ in range(3 if quick else 15):
            ours.append(_time(command, environment))
            bare.append(_time([sys.executable, "-c", "pass"], environment))
    mine, other = statistics.median(ours), statistics.median(bare)
    return [
        {
            "what": "`herdbook show`, cold start",
            "ours": f"{mine:.2f} s",
            "peer": f"python -c pass: {other:.3f} s",
            "ratio": mine / other,
            "aim": f"< {AIM_S:g} s",
            "met": mine < AIM_S,
            "note": "interpreter, imports, opening and one dossier",
        }
    ]


def _time(command: list[str], environment: dict[str, str]) -> float:
    begun = time.perf_counter()
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - begun


if __name__ == "__main__":
    print(json.dumps(run("--quick" in sys.argv), indent=1))
