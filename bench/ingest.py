"""Ingest of one large file with four digests, against ``openssl dgst -sha256`` + ``cp`` + ``sync`` of the copy."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

AIM = 1.6
AIM_MEMORY_MB = 50.0
_OURS = """
import sys, threading, time
from pathlib import Path
from herdbook.stores.disk.blobs import DiskBlobs
import io

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

store = DiskBlobs(Path(sys.argv[1]))
warm = store.stage(io.BytesIO(b"warm")); warm.keep()
idle = peak = resident()
def look(_):
    global peak
    peak = max(peak, resident())
begun = time.perf_counter()
with open(sys.argv[2], "rb") as source:
    staged = store.stage(source, progress=look)
staged.keep()
print(time.perf_counter() - begun, (peak - idle) / 1e6)
"""


def make_file(path: Path, size: int) -> None:
    """Write a file of random bytes, and wait until it is on disk."""
    with path.open("wb") as file:
        for _ in range(size >> 24):
            file.write(os.urandom(1 << 24))
        os.fsync(file.fileno())


def ours(folder: Path, source: Path) -> tuple[float, float]:
    """Return seconds, and growth of resident memory over idle in MB, in a fresh process."""
    said = subprocess.run(
        [sys.executable, "-c", _OURS, str(folder), str(source)], capture_output=True, text=True, check=True
    )
    subprocess.run(["rm", "-rf", str(folder)], check=True)
    seconds, megabytes = said.stdout.split()
    return float(seconds), float(megabytes)


def peer(folder: Path, source: Path) -> float:
    """Return seconds."""
    copy = folder / "copy"
    begun = time.perf_counter()
    subprocess.run(["openssl", "dgst", "-sha256", str(source)], check=True, capture_output=True)
    subprocess.run(["cp", "--reflink=never", str(source), str(copy)], check=True)
    subprocess.run(["sync", str(copy)], check=True)
    seconds = time.perf_counter() - begun
    copy.unlink()
    return seconds


def run(quick: bool) -> list[dict[str, Any]]:
    """Return the rows of the bench table."""
    size = (512 if quick else 4096) << 20
    with tempfile.TemporaryDirectory(prefix="herdbook-bench-") as name:
        folder = Path(name)
        source = folder / "source"
        make_file(source, size)
        peer(folder, source)  # both sides then find the source in the page cache, as after a training
        ours(folder / "blobs", source)
        pairs = [(ours(folder / "blobs", source), peer(folder, source)) for _ in range(3 if quick else 5)]
    our = statistics.median(seconds for (seconds, _), _ in pairs)
    their = statistics.median(seconds for _, seconds in pairs)
    memory = max(megabytes for (_, megabytes), _ in pairs)
    what = f"ingest a {size >> 20} MiB file, four digests, all synced"
    return [
        {
            "what": what,
            "ours": f"{our:.2f} s",
            "peer": f"openssl dgst -sha256 + cp + sync: {their:.2f} s",
            "ratio": round(our / their, 2),
            "aim": f"≤ {AIM} times",
            "met": our / their <= AIM,
            "note": f"medians of {len(pairs)} alternating runs, source in the page cache, {os.cpu_count()} processors; "
            "ratios " + ", ".join(f"{mine / theirs:.2f}" for (mine, _), theirs in pairs),
        },
        {
            "what": f"{what}: memory over idle",
            "ours": f"{memory:.1f} MB",
            "peer": "",
            "ratio": None,
            "aim": f"< {AIM_MEMORY_MB:.0f} MB",
            "met": memory < AIM_MEMORY_MB,
            "note": "highest resident memory in the run, looked at each mebibyte",
        },
    ]


if __name__ == "__main__":
    print(json.dumps(run(quick="--quick" in sys.argv), indent=1, ensure_ascii=False))
