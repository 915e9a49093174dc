"""Writers that die, fork, forget, or work at the same time; and temporary files with any date."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from herdbook.stores.disk.blobs import DiskBlobs
from herdbook.testing.blobs import put


@pytest.fixture
def store(tmp_path: Path) -> DiskBlobs:
    return DiskBlobs(tmp_path / "blobs")


def temporary(store: DiskBlobs) -> list[str]:
    return sorted(path.name for path in (store.root / "tmp").iterdir() if path.suffix == ".part")


_DIES = """
import io, os, signal, sys
from pathlib import Path
from typing import Any, BinaryIO, cast
from herdbook.stores.disk.blobs import DiskBlobs
staged = DiskBlobs(Path(sys.argv[1])).stage(io.BytesIO(bytes(1000)))
print("staged", flush=True)
sys.stdin.read()
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_dead_writers_bytes_are_swept_and_a_living_ones_never_whatever_their_date(store: DiskBlobs) -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", _DIES, str(store.root)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert child.stdin is not None
    assert child.stdout is not None
    with child:
        child.stdout.readline()
        for moment in (0, time.time() + 1e8):
            for path in (store.root / "tmp").iterdir():
                os.utime(path, (moment, moment))
            assert store.sweep(0) == 0
            assert len(temporary(store)) == 1
        child.stdin.close()
    for path in (store.root / "tmp").iterdir():
        os.utime(path)
    assert store.sweep(3600) == 0
    assert store.sweep(0) == 1000
    assert list((store.root / "tmp").iterdir()) == []


def test_a_file_dated_in_the_future_by_a_wrong_clock_is_swept_too(store: DiskBlobs) -> None:
    put(store, b"")
    left = store.root / "tmp" / "0123456789abcdef-0123456789abcdef.part"
    left.write_bytes(b"12345")
    os.utime(left, (time.time() + 1e8,) * 2)
    assert store.sweep(3600) == 5


def test_bytes_that_nobody_kept_or_discarded_go_when_they_are_forgotten(store: DiskBlobs) -> None:
    staged = store.stage(io.BytesIO(b"forgotten"))
    assert len(temporary(store)) == 1
    del staged
    assert temporary(store) == []


def test_a_temporary_folder_emptied_by_hand_does_not_stop_the_next_writer(store: DiskBlobs) -> None:
    put(store, b"one")
    for path in (store.root / "tmp").iterdir():
        path.unlink()
    (store.root / "tmp").rmdir()
    store.verify(put(store, b"two").sha256)


def test_a_forked_child_writes_beside_its_parent_and_takes_nothing_away(store: DiskBlobs) -> None:
    staged = store.stage(io.BytesIO(b"of the parent"))
    script = f"""
import io, os
from pathlib import Path
from typing import Any, BinaryIO, cast
from herdbook.stores.disk.blobs import DiskBlobs
store = DiskBlobs(Path({str(store.root)!r}))
mine = store.stage(io.BytesIO(b"before the fork"))
if (child := os.fork()) == 0:
    other = store.stage(io.BytesIO(b"of the child"))
    assert other.keep()
    raise SystemExit(0)
assert os.waitpid(child, 0)[1] == 0
assert mine.keep()
"""
    subprocess.run([sys.executable, "-c", script], check=True)
    assert store.sweep(0) == 0
    assert staged.keep()
    assert sorted(size for _, size in store.list()) == [12, 13, 15]


def test_writers_in_many_processes_agree_and_lose_nothing(store: DiskBlobs) -> None:
    script = f"""
import io, sys
from pathlib import Path
from typing import Any, BinaryIO, cast
from herdbook.stores.disk.blobs import DiskBlobs
store = DiskBlobs(Path({str(store.root)!r}))
sys.stdin.readline()
print(sum(store.stage(io.BytesIO(b"%d" % n)).keep() for n in range(200)))
"""
    children = [
        subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        for _ in range(3)
    ]
    new = 0
    for child in children:
        assert child.stdin is not None
        child.stdin.write(b"\n")
        child.stdin.flush()
    for child in children:
        new += int(child.communicate(timeout=120)[0])
        assert child.returncode == 0
    assert new == 200
    kept = [sha256 for sha256, _ in store.list()]
    assert len(kept) == 200
    for sha256 in kept:
        store.verify(sha256)
