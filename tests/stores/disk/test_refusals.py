"""Disks that are full, read-only, forbidden or broken: a sentence, a hint, and nothing left behind."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from herdbook.kernel.errors import CorruptError, DeniedError, HerdbookError, UnavailableError
from herdbook.stores.disk.blobs import DiskBlobs
from herdbook.testing.blobs import LARGE, put, sample


@pytest.fixture
def store(tmp_path: Path) -> DiskBlobs:
    return DiskBlobs(tmp_path / "blobs")


def place(store: DiskBlobs, sha256: str) -> Path:
    return store.root / sha256[7:9] / sha256[7:]


def temporary(store: DiskBlobs) -> list[str]:
    return sorted(path.name for path in (store.root / "tmp").iterdir() if path.suffix == ".part")


def _refused(run: str) -> str:
    """Run a child that prints the error that it got; return its output."""
    return subprocess.run([sys.executable, "-c", run], capture_output=True, text=True, check=True, timeout=60).stdout


def test_a_limit_on_file_size_is_said_in_a_sentence_and_leaves_nothing(store: DiskBlobs) -> None:
    put(store, b"")
    said = _refused(f"""
import io, resource, signal
from pathlib import Path
from typing import Any, BinaryIO, cast
from herdbook.kernel.errors import HerdbookError
from herdbook.stores.disk.blobs import DiskBlobs
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (3 << 20, 3 << 20))
for size in (4 << 20, 20 << 20, 40 << 20):
    try:
        DiskBlobs(Path({str(store.root)!r})).stage(io.BytesIO(bytes(size)))
    except HerdbookError as error:
        print(type(error).__name__, error.code, error.hint)
""")
    assert said.count("UnavailableError file-too-large Raise") == 3
    assert temporary(store) == []


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "tiny"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode != 0:
        pytest.skip("to fill a disk this test mounts a small one, which needs root")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_full_disk_is_said_in_a_sentence_and_gets_its_space_back(tiny_disk: Path) -> None:
    store = DiskBlobs(tiny_disk / "blobs")
    kept = put(store, sample(1000)).sha256
    free = os.statvfs(tiny_disk).f_bfree
    for size in (LARGE, LARGE * 4, 40 << 20):
        with pytest.raises(UnavailableError) as caught:
            store.stage(io.BytesIO(sample(size)))
        assert caught.value.code == "disk-full"
        assert "Free some space" in caught.value.hint
    assert temporary(store) == []
    assert os.statvfs(tiny_disk).f_bfree == free
    store.verify(kept)
    put(store, sample(2 << 20))


def test_a_read_only_disk_is_read_and_says_why_it_is_not_written(tiny_disk: Path) -> None:
    store = DiskBlobs(tiny_disk / "blobs")
    sha256 = put(store, b"abc").sha256
    store.close()
    subprocess.run(["mount", "-o", "remount,ro", str(tiny_disk)], check=True)
    store = DiskBlobs(tiny_disk / "blobs")
    store.verify(sha256)
    assert list(store.list()) == [(sha256, 3)]
    for act in (lambda: store.stage(io.BytesIO(b"x")), lambda: store.delete(sha256)):
        with pytest.raises(UnavailableError) as caught:
            act()
        assert caught.value.code == "read-only"
    assert store.sweep(0) == 0


def test_a_folder_without_permission_is_denied_with_advice(store: DiskBlobs) -> None:
    sha256 = put(store, b"abc").sha256
    script = f"""
import io, os
from pathlib import Path
from typing import Any, BinaryIO, cast
from herdbook.kernel.errors import HerdbookError
from herdbook.stores.disk.blobs import DiskBlobs
if os.geteuid() == 0:
    os.setgid(65534); os.setuid(65534)
store = DiskBlobs(Path({str(store.root)!r}))
for act in (lambda: store.stage(io.BytesIO(b"x")), lambda: store.open({sha256!r}), lambda: store.delete({sha256!r})):
    try:
        act()
    except HerdbookError as error:
        print(type(error).__name__, bool(error.hint))
"""
    folders = [parent for parent in place(store, sha256).parents if parent.stat().st_uid == os.getuid()]
    before = [(folder, folder.stat().st_mode) for folder in folders if str(folder).count("/") > 1]
    try:
        for folder, _ in before:
            folder.chmod(0o555)
        place(store, sha256).chmod(0)
        (store.root / "tmp").chmod(0o555)
        said = _refused(script)
    finally:
        for folder, mode in before:
            folder.chmod(mode)
        (store.root / "tmp").chmod(0o755)
    assert said.splitlines() == ["DeniedError True"] * 3


def test_an_error_of_the_disk_itself_is_told_apart_by_what_was_done() -> None:
    from herdbook.stores.disk import trouble

    where = Path("blobs")
    kinds: list[type[HerdbookError]] = [
        type(trouble.reading(OSError(5, "Input/output error"), where)),
        type(trouble.writing(OSError(5, "Input/output error"), where)),
        type(trouble.writing(OSError(122, "Disk quota exceeded"), where)),
        type(trouble.reading(OSError(13, "Permission denied"), where)),
        type(trouble.reading(OSError(24, "Too many open files"), where)),
    ]
    assert kinds == [CorruptError, UnavailableError, UnavailableError, DeniedError, UnavailableError]
