"""Uploads on disk: what was acknowledged survives, what was not is cut off, and no clock loses an upload at work."""

from __future__ import annotations

import contextlib
import io
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.small_disk import small_disk

from herdbook.kernel import digests
from herdbook.kernel.errors import HerdbookError, MissingError, UnavailableError
from herdbook.stores.disk import upload_note, uploads
from herdbook.stores.disk.blobs import DiskBlobs
from herdbook.stores.disk.upload_note import Note, Said
from herdbook.testing import power
from herdbook.testing.blobs import LARGE, expected, put, sample
from herdbook.testing.streams import Trickle

__all__ = ["small_disk"]


@pytest.fixture
def store(tmp_path: Path) -> DiskBlobs:
    return DiskBlobs(tmp_path / "blobs")


def part(store: DiskBlobs, upload: str) -> Path:
    return store.root / "uploads" / f"{upload}.part"


def note(store: DiskBlobs, upload: str) -> Path:
    return store.root / "uploads" / f"{upload}.note"


def finished(store: DiskBlobs, upload: str, data: bytes) -> bool:
    staged = store.uploads.finish(upload)
    assert staged.content.model_dump() == expected(data)
    return staged.keep()


# -- what is here


def test_a_kept_upload_is_the_same_file_and_was_not_copied(store: DiskBlobs) -> None:
    upload = store.uploads.begin()
    store.uploads.append(upload, 0, io.BytesIO(sample(LARGE)))
    inode = part(store, upload).stat().st_ino
    assert finished(store, upload, sample(LARGE))
    path = store.root / digests.of(sample(LARGE))[7:9] / digests.of(sample(LARGE))[7:]
    assert path.stat().st_ino == inode
    assert path.stat().st_mode & 0o222 == 0
    assert list((store.root / "uploads").iterdir()) == []


def test_all_that_came_before_a_source_broke_off_is_kept(store: DiskBlobs) -> None:
    data, upload = sample(LARGE), store.uploads.begin()
    with pytest.raises(UnavailableError) as caught:
        store.uploads.append(upload, 0, Trickle(data, 65536, 3_000_000))  # type: ignore[arg-type]  # a raw stream
    assert caught.value.code == "source-unreadable"
    at = store.uploads.offset(upload)
    assert at >= 3_000_000
    assert store.uploads.append(upload, at, io.BytesIO(data[at:])) == LARGE
    assert finished(store, upload, data)


def test_whatever_a_source_raises_is_passed_on_and_what_came_is_kept(store: DiskBlobs) -> None:
    class Interrupted(io.RawIOBase):
        def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]  # enough for this test
            if self.tell_ == 3:
                raise KeyboardInterrupt
            self.tell_ += 1
            buffer[:10] = bytes(10)
            return 10

        tell_ = 0

    upload = store.uploads.begin()
    with pytest.raises(KeyboardInterrupt):
        store.uploads.append(upload, 0, Interrupted())  # type: ignore[arg-type]  # a raw stream
    assert store.uploads.offset(upload) == 30


def test_bytes_that_were_not_acknowledged_are_cut_off(store: DiskBlobs) -> None:
    upload = store.uploads.begin()
    store.uploads.append(upload, 0, io.BytesIO(b"acknowledged"))
    with part(store, upload).open("ab") as file:
        file.write(b", and what a killed process left behind")
    assert store.uploads.offset(upload) == 12
    other = DiskBlobs(store.root)
    assert other.uploads.append(upload, 12, io.BytesIO(b"!")) == 13
    with part(store, upload).open("ab") as file:
        file.write(b"garbage")
    assert finished(DiskBlobs(store.root), upload, b"acknowledged!")


def test_a_torn_note_says_that_nothing_is_here_and_not_something_wrong(store: DiskBlobs) -> None:
    upload = store.uploads.begin()
    store.uploads.append(upload, 0, io.BytesIO(b"bytes"))
    note(store, upload).write_bytes(b"5 0 123")
    other = DiskBlobs(store.root)
    assert other.uploads.offset(upload) == 0
    other.uploads.append(upload, 0, io.BytesIO(b"again"))
    assert finished(other, upload, b"again")


def test_an_upload_that_was_kept_by_one_who_died_then_is_never_written_to(store: DiskBlobs) -> None:
    upload = store.uploads.begin()
    store.uploads.append(upload, 0, io.BytesIO(b"kept"))
    kept = store.root / digests.of(b"kept")[7:9] / digests.of(b"kept")[7:]
    put(store, b"other")  # makes the shelves
    os.link(part(store, upload), kept)
    with pytest.raises(MissingError):
        store.uploads.append(upload, 4, io.BytesIO(b" and spoilt"))
    assert kept.read_bytes() == b"kept"
    assert not finished(store, upload, b"kept")
    store.verify(digests.of(b"kept"))


def test_the_size_that_was_announced_need_not_be_true(store: DiskBlobs) -> None:
    for size in (0, 3, 5, 100):
        upload = store.uploads.begin(size=size)
        store.uploads.append(upload, 0, io.BytesIO(b"bytes"))
        staged = store.uploads.finish(upload)
        assert staged.content.model_dump() == expected(b"bytes")
        staged.discard()


# -- several at once


def test_only_one_adds_at_a_time_and_the_other_is_told(store: DiskBlobs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "_WAIT_S", 0.1)
    upload, entered, go = store.uploads.begin(), threading.Event(), threading.Event()

    class Slow(io.RawIOBase):
        def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]  # enough for this test
            if entered.is_set():
                return 0
            entered.set()
            assert go.wait(30)
            buffer[:4] = b"slow"
            return 4

    thread = threading.Thread(target=store.uploads.append, args=(upload, 0, Slow()))
    thread.start()
    assert entered.wait(30)
    for opened in (store, DiskBlobs(store.root)):
        asks: list[Callable[[DiskBlobs], object]] = [
            lambda store: store.uploads.append(upload, 0, io.BytesIO(b"fast")),
            lambda store: store.uploads.finish(upload),
            lambda store: store.uploads.abandon(upload),
        ]
        for ask in asks:
            with pytest.raises(UnavailableError) as caught:
                ask(opened)
            assert caught.value.code == "upload-busy"
        assert opened.uploads.offset(upload) == 0, "asking how far it is never waits"
    go.set()
    thread.join()
    assert finished(store, upload, b"slow")


_DIES = """
import io, os, sys
from pathlib import Path
from herdbook.stores.disk import uploads
from herdbook.stores.disk.blobs import DiskBlobs
uploads.MARK_EVERY = 4 << 20
class Endless(io.RawIOBase):
    at = 0
    def readable(self): return True
    def readinto(self, view):
        count = min(len(view), 1 << 16)
        view[:count] = bytes((self.at + k) % 251 for k in range(251)) * (count // 251) + bytes(count % 251)
        self.at += count
        return count
store = DiskBlobs(Path(sys.argv[1]))
upload = store.uploads.begin()
print(upload, flush=True)
store.uploads.append(upload, 0, Endless())
"""


def test_an_upload_survives_the_death_of_its_process_but_for_the_last_bytes(store: DiskBlobs) -> None:
    with subprocess.Popen([sys.executable, "-c", _DIES, str(store.root)], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        upload = child.stdout.readline().decode().strip()
        while store.uploads.offset(upload) < 8 << 20:
            assert child.poll() is None
        child.send_signal(signal.SIGKILL)
    at = store.uploads.offset(upload)
    size = part(store, upload).stat().st_size
    assert 8 << 20 <= at <= size
    assert size - at < 40 << 20
    data = part(store, upload).read_bytes()[:at]
    assert store.uploads.append(upload, at, io.BytesIO(b"the end")) == at + 7
    assert finished(store, upload, data + b"the end")


def test_a_forked_child_goes_on_without_its_parents_digests(store: DiskBlobs) -> None:
    script = f"""
import io, os
from pathlib import Path
from herdbook.stores.disk.blobs import DiskBlobs
store = DiskBlobs(Path({str(store.root)!r}))
upload = store.uploads.begin()
store.uploads.append(upload, 0, io.BytesIO(b"parent, "))
if (child := os.fork()) == 0:
    store.uploads.append(upload, 8, io.BytesIO(b"child, "))
    raise SystemExit(0)
assert os.waitpid(child, 0)[1] == 0
store.uploads.append(upload, 15, io.BytesIO(b"parent"))
staged = store.uploads.finish(upload)
staged.keep()
print(staged.content.sha256)
"""
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == digests.of(b"parent, child, parent")
    store.verify(done.stdout.strip())


# -- full disks


def test_what_went_onto_a_disk_before_it_was_full_is_kept(small_disk: Path) -> None:
    store, data = DiskBlobs(small_disk / "blobs"), sample(6_000_000)
    upload = store.uploads.begin()
    with pytest.raises(UnavailableError) as caught:
        store.uploads.append(upload, 0, io.BytesIO(data))
    assert caught.value.code == "disk-full"
    at = store.uploads.offset(upload)
    assert 0 < at < 4 << 20
    assert part(store, upload).read_bytes()[:at] == data[:at]
    with part(store, upload).open("r+b") as file:
        file.truncate(1000)  # as if somebody had made room
    store.uploads.abandon(upload)
    assert list((store.root / "uploads").iterdir()) == []


def test_a_disk_that_is_full_from_the_start_says_so(small_disk: Path) -> None:
    store = DiskBlobs(small_disk / "blobs")
    with (small_disk / "fill").open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(65536))
    with pytest.raises(UnavailableError) as caught:
        store.uploads.begin()
    assert caught.value.code == "disk-full"


# -- what is swept


@pytest.fixture
def ages(monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    """The machine's clocks: ``wall``, which somebody may set, and ``ticks``, which nobody can."""
    now = {"wall": 1.8e9, "ticks": 5000.0}
    monkeypatch.setattr(upload_note, "_wall", lambda: now["wall"])
    monkeypatch.setattr(upload_note, "_ticks", lambda: now["ticks"])
    return now


def test_an_upload_that_stood_still_for_a_week_is_swept(store: DiskBlobs, ages: dict[str, float]) -> None:
    upload = store.uploads.begin()
    store.uploads.append(upload, 0, io.BytesIO(bytes(1000)))
    ages["ticks"] += 6.9 * 86400
    assert store.sweep(0) == 0
    ages["ticks"] += 0.2 * 86400
    assert store.sweep(0) == 1000
    with pytest.raises(MissingError):
        store.uploads.offset(upload)


@pytest.mark.parametrize("jump", [-1.7e9, 1e9])
def test_a_clock_that_is_set_loses_no_upload(store: DiskBlobs, ages: dict[str, float], jump: float) -> None:
    upload = store.uploads.begin()
    store.uploads.append(upload, 0, io.BytesIO(b"at work"))
    ages["wall"] += jump
    assert store.sweep(0) == 0
    assert store.uploads.offset(upload) == 7


def test_after_a_restart_of_the_machine_the_calendar_counts(
    store: DiskBlobs, ages: dict[str, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    store.uploads.append(store.uploads.begin(), 0, io.BytesIO(b"before"))
    monkeypatch.setattr(upload_note, "_boot", lambda: "another")
    ages["ticks"] = 10.0
    ages["wall"] -= 1e6
    assert store.sweep(0) == 0, "a date in the future is no age"
    ages["wall"] += 1e6 + 8 * 86400
    assert store.sweep(0) == 6


def test_what_somebody_adds_to_or_finishes_is_not_swept_however_old(store: DiskBlobs, ages: dict[str, float]) -> None:
    upload = store.uploads.begin()
    store.uploads.append(upload, 0, io.BytesIO(b"old"))
    ages["ticks"] += 30 * 86400
    staged = store.uploads.finish(upload)
    ages["ticks"] += 30 * 86400
    assert store.sweep(0) == 0
    assert staged.keep()
    store.verify(staged.content.sha256)
    other = store.uploads.begin()
    ages["ticks"] += 30 * 86400
    with Note(note(store, other)) as held:
        assert held.lock(0)
        assert store.sweep(0) == 0
    store.sweep(0)
    with pytest.raises(MissingError):
        store.uploads.offset(other)


def test_foreign_files_among_uploads_are_left_alone(store: DiskBlobs, ages: dict[str, float]) -> None:
    store.uploads.begin()
    for name in ("README", "x.part", "0" * 31 + ".note"):
        (store.root / "uploads" / name).write_bytes(b"foreign")
    ages["ticks"] += 30 * 86400
    store.sweep(0)
    assert len(list((store.root / "uploads").iterdir())) == 3


def test_bytes_whose_note_is_gone_are_swept_by_their_date(store: DiskBlobs) -> None:
    store.uploads.begin()
    left = part(store, "0" * 32)
    left.write_bytes(bytes(50))
    assert store.sweep(0) == 0
    os.utime(left, (0, 0))
    assert store.sweep(0) == 50


def test_a_note_says_what_was_written(tmp_path: Path) -> None:
    upload_note.create(tmp_path / "note")
    with Note(tmp_path / "note") as held:
        held.write(10**18, finished=True)
        said = held.read()
    assert (said.size, said.finished) == (10**18, True)
    assert len(Said.now(10**18).line()) == len(Said().line())


# -- power loss


@pytest.mark.skipif(bool(power.why_not()), reason=power.why_not() or "-")
def test_what_append_acknowledged_is_on_disk(tmp_path: Path) -> None:
    folder = (tmp_path / "watched").resolve()
    folder.mkdir()
    script = """
import io, os, sys
from pathlib import Path
from herdbook.stores.disk.blobs import DiskBlobs
store = DiskBlobs(Path(sys.argv[1]) / "blobs")
upload = store.uploads.begin()
at = 0
for size in (10, 3_000_000, 5_000_000):
    at = store.uploads.append(upload, at, io.BytesIO(bytes(size)))
    os.write(1, f"ACK {upload}\\n".encode())
staged = store.uploads.finish(upload)
staged.keep()
os.write(1, f"ACK {staged.content.sha256}\\n".encode())
"""
    watched = power.watch([sys.executable, "-c", script, str(folder)], folder, ignore=power.IGNORED)
    *appended, kept = watched.acks
    for ack in appended:
        assert f"blobs/uploads/{ack.id}.part" in ack.durable
        assert f"blobs/uploads/{ack.id}.note" in ack.durable
    assert f"blobs/{kept.id[7:9]}/{kept.id[7:]}" in kept.durable


def test_an_error_of_an_upload_says_what_to_do(store: DiskBlobs) -> None:
    with pytest.raises(HerdbookError) as caught:
        store.uploads.offset("x" * 1000)
    assert caught.value.hint
    assert len(str(caught.value)) < 300
