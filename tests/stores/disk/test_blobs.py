"""What only a local disk can do wrong: other files, links, full disks, dead writers, files that change."""

from __future__ import annotations

import gzip
import io
import os
import threading
from pathlib import Path
from typing import Any, BinaryIO, cast

import pytest

from herdbook.kernel.errors import CorruptError, MissingError, UnavailableError
from herdbook.stores.disk.blobs import DiskBlobs
from herdbook.testing.blobs import ABSENT, LARGE, expected, put, sample


@pytest.fixture
def store(tmp_path: Path) -> DiskBlobs:
    return DiskBlobs(tmp_path / "deep" / "blobs")


def place(store: DiskBlobs, sha256: str) -> Path:
    return store.root / sha256[7:9] / sha256[7:]


def temporary(store: DiskBlobs) -> list[str]:
    return sorted(path.name for path in (store.root / "tmp").iterdir() if path.suffix == ".part")


def test_a_blob_lies_where_the_bundle_has_it_and_nobody_may_write_to_it(store: DiskBlobs) -> None:
    path = place(store, put(store, b"abc").sha256)
    assert path.read_bytes() == b"abc"
    assert path.stat().st_mode & 0o777 & ~0o444 == 0
    assert path.stat().st_nlink == 1
    assert temporary(store) == []


def test_reading_creates_nothing(store: DiskBlobs) -> None:
    assert store.size(ABSENT) is None
    assert list(store.list()) == []
    assert store.sweep(0) == 0
    assert store.delete(ABSENT) == 0
    with pytest.raises(MissingError):
        store.open(ABSENT)
    assert not store.root.exists()


# -- sources


@pytest.mark.parametrize("size", [0, 100, LARGE])
def test_a_file_on_disk_is_hashed_from_where_it_stands(store: DiskBlobs, tmp_path: Path, size: int) -> None:
    (tmp_path / "file").write_bytes(b"skip" + sample(size))
    for buffering in (0, -1):
        with (tmp_path / "file").open("rb", buffering=buffering) as source:
            source.seek(4)
            staged = store.stage(source)
        assert staged.content.model_dump() == expected(sample(size))
        staged.discard()


@pytest.mark.parametrize("size", [(32 << 20) - 1, 32 << 20, (34 << 20) + 4096, (34 << 20) + 4097])
def test_a_large_file_written_past_the_page_cache_is_the_same_to_the_last_byte(store: DiskBlobs, size: int) -> None:
    data = sample(1 << 20) * (size >> 20) + sample(size % (1 << 20), 1)
    content = put(store, data)
    assert content.model_dump() == expected(data)
    assert place(store, content.sha256).read_bytes() == data
    store.verify(content.sha256)


def test_a_large_source_that_ends_early_is_hashed_as_what_came(store: DiskBlobs) -> None:
    class Shrunk(io.BytesIO):
        """Promises 40 MiB and gives 34."""

        def readinto(self, buffer: object) -> int:
            left = (34 << 20) + 5 - self.tell()
            return super().readinto(memoryview(buffer)[: max(0, left)])  # type: ignore[arg-type]  # the same

    content = store.stage(Shrunk(bytes(40 << 20))).content
    assert content.model_dump() == expected(bytes((34 << 20) + 5))


def test_a_decompressor_is_not_taken_for_the_file_below_it(store: DiskBlobs, tmp_path: Path) -> None:
    (tmp_path / "file.gz").write_bytes(gzip.compress(bytes(3_000_000)))
    with gzip.open(tmp_path / "file.gz", "rb") as source:
        stream = cast("BinaryIO", source)
        assert store.stage(stream).content.model_dump() == expected(bytes(3_000_000))


def test_a_file_that_says_it_is_empty_and_is_not_is_read(store: DiskBlobs) -> None:
    with Path("/proc/self/cmdline").open("rb") as source:
        assert store.stage(source).content.size > 0


class Meddled(io.FileIO):
    """A file that somebody else changes once half of it is read."""

    meddle = staticmethod(lambda: None)
    left = 2_000_000

    def readinto(self, buffer: object) -> int | None:
        count = super().readinto(buffer)  # type: ignore[arg-type]  # the same
        self.left -= count or 0
        if self.left < 0:
            self.left = 1 << 60
            self.meddle()
        return count


@pytest.mark.parametrize("how", ["grows", "shrinks", "is rewritten"])
def test_a_file_that_changes_while_it_is_read_is_refused_and_leaves_nothing(
    store: DiskBlobs, tmp_path: Path, how: str
) -> None:
    path = tmp_path / "busy"
    path.write_bytes(sample(LARGE))
    os.utime(path, (1, 1))

    def meddle() -> None:
        if how == "is rewritten":
            with path.open("r+b") as file:
                file.write(b"x")
        else:
            os.truncate(path, LARGE + 1 if how == "grows" else LARGE - 1)

    with Meddled(str(path)) as source:
        source.meddle = meddle
        with pytest.raises(UnavailableError) as caught:
            store.stage(source)
    assert caught.value.code == "changed-while-read"
    assert "try again" in caught.value.hint
    assert temporary(store) == []


def test_an_interrupt_leaves_no_temporary_bytes_and_no_threads(store: DiskBlobs) -> None:
    def stop(_: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.stage(io.BytesIO(sample(LARGE)), progress=stop)
    assert temporary(store) == []
    assert not [thread for thread in threading.enumerate() if thread.name == "herdbook-lane"]


# -- what somebody put in a blob's place


@pytest.mark.parametrize("what", ["link", "dangling link", "folder", "fifo"])
def test_what_is_no_plain_file_is_refused_at_once(store: DiskBlobs, tmp_path: Path, what: str) -> None:
    (tmp_path / "secret").write_bytes(b"secret")
    sha256 = put(store, b"secret").sha256
    path = place(store, sha256)
    path.unlink()
    if what == "link":
        path.symlink_to(tmp_path / "secret")
    elif what == "dangling link":
        path.symlink_to(tmp_path / "nothing")
    elif what == "folder":
        path.mkdir()
    else:
        os.mkfifo(path)
    for ask in (store.open, store.verify):
        with pytest.raises(CorruptError) as caught:
            ask(sha256)
        assert caught.value.code == "not-a-plain-file"
    assert store.size(sha256) is None
    assert list(store.list()) == []
    staged = store.stage(io.BytesIO(b"secret"))
    if what == "folder":
        with pytest.raises(CorruptError):
            staged.keep()
        with pytest.raises(CorruptError):
            store.delete(sha256)
        staged.discard()
    else:
        assert staged.keep()
        store.verify(sha256)
        assert (tmp_path / "secret").read_bytes() == b"secret"


def test_foreign_files_are_neither_listed_nor_swept(store: DiskBlobs) -> None:
    sha256 = put(store, b"abc").sha256
    (store.root / "README").write_text("mine")
    (store.root / sha256[7:9] / "notes.txt").write_text("mine")
    (store.root / sha256[7:9] / ("f" * 64 if sha256[7:9] != "ff" else "0" * 64)).write_text("in the wrong folder")
    (store.root / "tmp" / "notes.txt").write_text("mine")
    (store.root / "zz").mkdir()
    (store.root / "00000").write_text("mine")
    assert list(store.list()) == [(sha256, 3)]
    assert store.sweep(0) == 0
    assert (store.root / "tmp" / "notes.txt").exists()


def test_a_blob_cut_while_it_is_open_is_an_error_not_short_data(store: DiskBlobs) -> None:
    sha256 = put(store, sample(10_000)).sha256
    with store.open(sha256) as blob:
        os.truncate(place(store, sha256), 100)
        with pytest.raises(CorruptError) as caught:
            blob.read_at(50, 100)
        assert caught.value.code == "blob-cut"
        with blob.stream() as stream, pytest.raises(CorruptError):
            stream.read()


def test_asking_a_stream_for_its_size_costs_no_pass_over_the_file(store: DiskBlobs) -> None:
    data = sample(LARGE)
    sha256 = put(store, data).sha256
    with store.open(sha256) as blob, blob.stream() as stream:
        os.truncate(place(store, sha256), 1000)  # a pass over the whole would now fail
        assert stream.seek(0, os.SEEK_END) == LARGE
        stream.seek(0)
        os.truncate(place(store, sha256), LARGE)
        place(store, sha256).write_bytes(data)
        assert stream.read() == data


def test_numpy_loads_from_a_stream_and_cannot_read_past_it(store: DiskBlobs) -> None:
    numpy: Any = pytest.importorskip("numpy")
    for save in (numpy.save, numpy.savez):
        file = io.BytesIO()
        save(file, numpy.arange(300_000))
        sha256 = put(store, file.getvalue()).sha256
        with store.open(sha256) as blob, blob.stream() as stream:
            with pytest.raises(io.UnsupportedOperation):
                stream.fileno()
            loaded = numpy.load(stream)
            array = loaded["arr_0"] if save is numpy.savez else loaded
            assert (array == numpy.arange(300_000)).all()
