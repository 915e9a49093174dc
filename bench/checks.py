"""``herdbook check`` on two hundred model folders: the command, one folder after the other, and a bare checker.

Folders are those of the data pack (HERDBOOK_DATA, or ../shared/data beside the checkout), copied in turn; without it,
folders of one generated ONNX model each.
"""

from __future__ import annotations

import itertools
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench import onnx_headers, peer

FOLDERS = 200
AIM_S = 10.0
AIM_GROWTH = 2.2
_ONE_BY_ONE = """
import sys, time
from herdbook.bootstrap.checks import checks
from herdbook.plugins.host.pool import WorkerPool
from herdbook.service import checking
from herdbook.service.checking_subjects import Place, of_place
rules = checks()
with WorkerPool(workers=1) as readers:
    of_place(readers, Place(sys.argv[1], (sys.argv[1],)))
    begun = time.perf_counter()
    for name in sys.argv[1:]:
        checking.check(of_place(readers, Place(name, (name,))), rules, of=name)
    print(time.perf_counter() - begun)
"""
_PEER = """
import sys, time
from pathlib import Path
import onnx
begun = time.perf_counter()
count = 0
for name in sys.argv[1:]:
    for path in Path(name).rglob("*.onnx"):
        count += 1
        try:
            onnx.checker.check_model(onnx.load(path))
        except onnx.checker.ValidationError:
            pass
print(time.perf_counter() - begun, count)
"""


def sources() -> list[Path]:
    """Return the folders of models in the data pack: a model is the whole of one."""
    models = onnx_headers.pack()
    if models is None:
        return []
    kept = [each for each in sorted(models.iterdir()) if each.is_dir() and each.name != "onnx"]
    return kept + [each for each in sorted((models / "onnx").iterdir()) if each.is_dir()]


def make(folder: Path, count: int) -> list[str]:
    """Make so many folders and return their paths."""
    given = sources()
    if not given:
        seed = folder / "seed"
        seed.mkdir()
        onnx_headers.deep(seed / "model.onnx", 100, 20)
        given = [seed]
    made = []
    for number, source in zip(range(count), itertools.cycle(given), strict=False):
        shutil.copytree(source, folder / f"{number:03}" / source.name)
        made.append(os.fspath(folder / f"{number:03}" / source.name))
    return made


def ours(folders: list[str]) -> tuple[float, dict[str, int]]:
    """Return seconds of the command as a person runs it, its start included, and how many findings of each severity."""
    command = [str(Path(sys.executable).with_name("herdbook")), "check", "--json", *folders]
    begun = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - begun
    assert done.returncode in {0, 1}, done.stderr
    reports = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(reports) == len(folders), done.stderr
    found = [each["severity"] for report in reports for each in report.get("findings", ())]
    return seconds, {severity: found.count(severity) for severity in ("error", "warning", "note")}


def timed(script: str, folders: list[str]) -> Iterator[float]:
    """Yield the numbers that a script prints; imports are apart."""
    done = subprocess.run([sys.executable, "-c", script, *folders], capture_output=True, text=True, check=True)
    yield from map(float, done.stdout.split())


def run(quick: bool) -> list[dict[str, Any]]:
    """Return the rows of the bench table."""
    count, times = (40, 1) if quick else (FOLDERS, 3)
    with tempfile.TemporaryDirectory(prefix="herdbook-bench-", dir=peer.scratch()) as name:
        folders = make(Path(name), count)
        size = sum(path.stat().st_size for each in folders for path in Path(each).rglob("*") if path.is_file())
        ours(folders[:1])
        whole = [ours(folders) for _ in range(times)]
        half = statistics.median(ours(folders[::2])[0] for _ in range(times))
        (serial,) = timed(_ONE_BY_ONE, folders)
        bare, models = timed(_PEER, folders)
    seconds = statistics.median(taken for taken, _ in whole)
    findings = ", ".join(f"{number} {severity}s" for severity, number in whole[0][1].items())
    return [
        {
            "what": f"check {count} model folders, {size / 1e6:.0f} MB, the whole command",
            "ours": f"{seconds:.2f} s",
            "peer": f"one after the other, one worker: {serial:.2f} s",
            "ratio": round(serial / seconds, 2),
            "aim": f"< {AIM_S:g} s",
            "met": seconds < AIM_S,
            "note": f"median of {times}, with the start of the command and {os.cpu_count()} processors; {findings}",
        },
        {
            "what": f"the same, against half of them ({(count + 1) // 2})",
            "ours": f"{seconds:.2f} s",
            "peer": f"{half:.2f} s",
            "ratio": round(half / seconds, 2),
            "aim": f"linear: at most {AIM_GROWTH:g} times as long",
            "met": seconds < AIM_GROWTH * half,
            "note": "every second folder, so that both hold the same kinds",
        },
        {
            "what": "a bare check of their ONNX files",
            "ours": f"{seconds:.2f} s, all files of all formats",
            "peer": f"onnx.load and onnx.checker: {bare:.2f} s",
            "ratio": round(bare / seconds, 2),
            "note": f"the peer looks at {models:.0f} files, ours at all, with digests, contract and rules",
        },
    ]


if __name__ == "__main__":
    print(json.dumps(run(quick="--quick" in sys.argv), indent=1, ensure_ascii=False))
