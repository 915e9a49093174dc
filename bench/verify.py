"""Verification of a thousand kept files, against ``openssl dgst -sha256`` in as many parallel processes."""

from __future__ import annotations

import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from io import BytesIO
from pathlib import Path
from typing import Any

AIM = 0.8
SMALLEST, LARGEST = 10_000, 20_000_000
_OURS = """
import sys, time
from pathlib import Path
from herdbook.service.in_order import in_order
from herdbook.stores.disk.blobs import DiskBlobs
store = DiskBlobs(Path(sys.argv[1]))
digests = [sha256 for sha256, _ in store.list()]
begun = time.perf_counter()
assert all(error is None for _, error in in_order(store.verify, digests))
print(time.perf_counter() - begun)
"""


def sizes(count: int) -> list[int]:
    """Return sizes in bytes, from 10 KB to 20 MB: most of them small, most bytes in large ones, as models are."""
    draw = random.Random(20260101)
    return [int(SMALLEST * (LARGEST / SMALLEST) ** draw.triangular(0, 1, 0.75)) for _ in range(count)]


def fill(folder: Path, count: int) -> int:
    """Keep so many files; return their bytes."""
    from herdbook.stores.disk.blobs import DiskBlobs

    store = DiskBlobs(folder)
    for size in sizes(count):
        store.stage(BytesIO(os.urandom(size))).keep()
    return sum(size for _, size in store.list())


def ours(folder: Path) -> float:
    """Return seconds, the interpreter's start left out."""
    done = subprocess.run([sys.executable, "-c", _OURS, str(folder)], capture_output=True, text=True, check=True)
    return float(done.stdout)


def peer(folder: Path, processes: int) -> float:
    """Return seconds; many files a process, so that its start counts little."""
    files = b"\0".join(bytes(path) for path in sorted(folder.glob("??/*")))
    begun = time.perf_counter()
    command = ["xargs", "-0", f"-P{processes}", "-n25", "openssl", "dgst", "-sha256"]
    subprocess.run(command, input=files, check=True, capture_output=True)
    return time.perf_counter() - begun


def run(quick: bool) -> list[dict[str, Any]]:
    """Return the rows of the bench table."""
    count = 200 if quick else 1000
    processes = os.cpu_count() or 1
    with tempfile.TemporaryDirectory(prefix="herdbook-bench-") as name:
        folder = Path(name) / "blobs"
        total = fill(folder, count)
        peer(folder, processes)
        pairs = [(ours(folder), peer(folder, processes)) for _ in range(5)]
    our = statistics.median(seconds for seconds, _ in pairs)
    their = statistics.median(seconds for _, seconds in pairs)
    return [
        {
            "what": f"verify {count} registered files, {total / 1e9:.1f} GB",
            "ours": f"{our:.2f} s",
            "peer": f"xargs -P{processes} openssl dgst -sha256: {their:.2f} s",
            "ratio": round(their / our, 2),
            "aim": f"≥ {AIM} of its speed",
            "met": their / our >= AIM,
            "note": f"medians of {len(pairs)} alternating runs, files in the page cache, {processes} processors; "
            "ratios " + ", ".join(f"{theirs / mine:.2f}" for mine, theirs in pairs),
        }
    ]


if __name__ == "__main__":
    print(json.dumps(run(quick="--quick" in sys.argv), indent=1, ensure_ascii=False))
