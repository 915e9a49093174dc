"""Power loss: what is acknowledged is on disk; and the test that says so notices each thing that can be forgotten."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from herdbook.kernel import digests
from herdbook.testing import calls, power
from herdbook.testing.power import Problem, Watched


@pytest.fixture(autouse=True)
def _strace() -> None:
    if reason := power.why_not():
        if os.environ.get("CI", "").lower() in {"1", "true"}:
            pytest.fail(reason)
        pytest.skip(reason)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = (tmp_path / "watched ünd, so").resolve()
    folder.mkdir()
    return folder


def watch(script: str, folder: Path, *ignore: str) -> Watched:
    begin = "import os, sys\nroot = sys.argv[1]\n"
    argv = [sys.executable, "-c", begin + script, str(folder)]
    return power.watch(argv, folder, ignore=(*power.IGNORED, *ignore))


_STORE = """
import io, threading
from pathlib import Path
from herdbook.stores.disk.blobs import DiskBlobs
store = DiskBlobs(Path(root) / "new" / "blobs")
def keep(number, size):
    staged = store.stage(io.BytesIO(bytes([number]) * size))
    staged.keep()
    os.write(1, f"ACK {staged.content.sha256}\\n".encode())
"""


def where(sha256: str) -> str:
    return f"new/blobs/{sha256[7:9]}/{sha256[7:]}"


def test_a_blob_that_was_acknowledged_survives_with_its_name_and_all_folders(folder: Path) -> None:
    watched = watch(_STORE + "for n in range(30): keep(n, n * 1000)\nkeep(1, 34_000_000)", folder, "new/blobs/tmp/*")
    assert len(watched.acks) == 31
    for ack in watched.acks:
        assert ack.problems == ()
        assert where(ack.id) in ack.durable
    assert watched.hasty == ()
    assert watched.acks[-1].id == digests.of(b"\1" * 34_000_000)


def test_a_blob_that_was_there_already_is_made_sure_of_before_it_is_acknowledged(folder: Path) -> None:
    # Another writer came as far as the name and no further; its file was never synced, nor its folder.
    other = digests.of(b"\5" * 5000)
    script = (
        _STORE
        + f"""
path = Path(root) / {where(other)!r}
path.parent.mkdir(parents=True)
path.write_bytes(bytes([5]) * 5000)
keep(5, 5000)
"""
    )
    watched = watch(script, folder, "new/blobs/tmp/*", "new", "new/blobs")
    assert [ack.id for ack in watched.acks] == [other]
    assert watched.acks[0].problems == ()


def test_blobs_of_threads_that_write_at_once_survive_each_its_own_acknowledgement(folder: Path) -> None:
    script = (
        _STORE
        + """
threads = [threading.Thread(target=lambda n=n: [keep(n * 10 + k, 70_000 + k % 2) for k in range(8)]) for n in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
"""
    )
    watched = watch(script, folder)
    assert len(watched.acks) == 32
    for ack in watched.acks:
        assert where(ack.id) in ack.durable
    assert watched.hasty == ()


def test_a_deleted_blob_does_not_come_back(folder: Path) -> None:
    script = (
        _STORE
        + """
staged = store.stage(io.BytesIO(b"abc"))
staged.keep()
store.delete(staged.content.sha256)
os.write(1, f"ACK {staged.content.sha256}\\n".encode())
"""
    )
    (ack,) = watch(script, folder, "new/blobs/tmp/*").acks
    assert ack.problems == ()
    assert where(ack.id) not in ack.durable | ack.lingering


# -- the simulator notices what is forgotten

_CAREFUL = """
fd = os.open(root + "/part", os.O_CREAT | os.O_WRONLY)
os.write(fd, b"bytes")
os.fsync(fd)
os.rename(root + "/part", root + "/whole")
folder = os.open(root, os.O_RDONLY)
os.fsync(folder)
os.write(1, b"ACK done\\n")
"""


def problems(script: str, folder: Path) -> list[Problem]:
    (ack,) = watch(script, folder).acks
    assert ("whole" in ack.durable) == (not ack.problems)
    return list(ack.problems)


def test_a_careful_program_has_no_problem(folder: Path) -> None:
    assert problems(_CAREFUL, folder) == []


def test_a_file_that_was_not_synced_is_caught(folder: Path) -> None:
    script = _CAREFUL.replace("os.fsync(fd)", "")
    assert problems(script, folder) == [Problem("bytes", "whole")]
    assert watch(script, folder).hasty == ("whole",)


def test_bytes_written_after_the_sync_are_caught(folder: Path) -> None:
    assert problems(_CAREFUL.replace("os.fsync(fd)", "os.fsync(fd); os.pwrite(fd, b'x', 9)"), folder) == [
        Problem("bytes", "whole")
    ]


def test_a_folder_that_was_not_synced_is_caught(folder: Path) -> None:
    assert problems(_CAREFUL.replace("os.fsync(folder)", ""), folder) == [Problem("name", "whole")]


def test_a_folder_synced_before_the_rename_is_caught(folder: Path) -> None:
    script = _CAREFUL.replace("os.fsync(fd)", "os.fsync(fd); os.fsync(os.open(root, os.O_RDONLY))")
    assert problems(script.replace("os.fsync(folder)", ""), folder) == [Problem("name", "whole")]


def test_a_new_folder_whose_own_name_was_not_synced_is_caught(folder: Path) -> None:
    script = "os.mkdir(root + '/inner')\n" + _CAREFUL.replace("root + ", "root + '/inner' + ").replace(
        "os.open(root,", "os.open(root + '/inner',"
    )
    (ack,) = watch(script, folder).acks
    assert ack.problems == (Problem("name", "inner"),)
    assert "inner/whole" not in ack.durable


def test_a_sync_of_the_file_does_not_sync_what_a_thread_still_writes(tmp_path: Path) -> None:
    folder, path = tmp_path, f"{tmp_path}/f"
    trace = [
        f'1 0.1 openat(AT_FDCWD</>, "{path}", O_WRONLY|O_CREAT, 0666) = 3<{path}>',
        f'2 0.2 write(3<{path}>, "a"..., 100 <unfinished ...>',
        f"1 0.3 fsync(3<{path}>) = 0",
        "2 0.4 <... write resumed>) = 100",
        '1 0.5 write(1<pipe:[7]>, "ACK 1\\n", 6) = 6',
        f"1 0.6 fsync(3<{path}> <unfinished ...>",
        '2 0.7 write(1<pipe:[7]>, "ACK 2\\n", 6) = 6',
        "1 0.8 <... fsync resumed>) = 0",
        f"1 0.9 fsync(4<{folder}>) = -1 EIO (Input/output error)",
        '1 1.0 write(1<pipe:[7]>, "ACK 3\\n", 6) = 6',
        f"1 1.1 fsync(4<{folder}>) = 0",
        '1 1.2 write(1<pipe:[7]>, "ACK 4\\n", 6) = 6',
    ]
    watched = power.replay(list(calls.parse(trace)), folder, {str(folder): True})
    assert [[problem.kind for problem in ack.problems] for ack in watched.acks] == [
        ["bytes", "name"],
        ["bytes", "name"],
        ["name"],
        [],
    ]


def test_after_a_sync_that_failed_the_bytes_are_never_trusted_again(tmp_path: Path) -> None:
    path = f"{tmp_path}/f"
    trace = [
        f'1 0.1 write(3<{path}>, "a", 1) = 1',
        f"1 0.2 fsync(3<{path}>) = -1 EIO (Input/output error)",
        f"1 0.3 fsync(3<{path}>) = 0",
        '1 0.4 write(1<pipe:[7]>, "ACK 1\\n", 6) = 6',
    ]
    watched = power.replay(list(calls.parse(trace)), tmp_path, {str(tmp_path): True, path: False})
    assert watched.acks[0].problems == (Problem("bytes", "f"),)


_SQLITE = """
import sqlite3
base = sqlite3.connect(root + "/catalogue.db")
base.execute("PRAGMA journal_mode = WAL")
base.execute("PRAGMA synchronous = FULL")
base.execute("CREATE TABLE event (seq INTEGER PRIMARY KEY, body TEXT)")
for seq in range(5):
    with base:
        base.execute("INSERT INTO event VALUES (?, ?)", (seq, "x" * 9000))
    os.write(1, f"ACK {seq}\\n".encode())
"""


def test_a_database_in_wal_mode_with_full_sync_is_durable_at_each_commit(folder: Path) -> None:
    watched = watch(_SQLITE, folder)
    assert len(watched.acks) == 5
    for ack in watched.acks:
        assert ack.problems == ()
        assert {"catalogue.db", "catalogue.db-wal"} <= ack.durable


def test_a_database_whose_log_is_not_synced_at_commit_is_caught(folder: Path) -> None:
    watched = watch(_SQLITE.replace("= FULL", "= NORMAL"), folder)
    assert [Problem("bytes", "catalogue.db-wal") in ack.problems for ack in watched.acks] == [True] * 5


def test_a_file_written_through_a_mapping_is_reported_not_trusted(folder: Path) -> None:
    script = """
import mmap
fd = os.open(root + "/whole", os.O_CREAT | os.O_RDWR)
os.truncate(fd, 4096)
os.fsync(fd)
os.fsync(os.open(root, os.O_RDONLY))
mmap.mmap(fd, 4096)[:1] = b"x"
os.write(1, b"ACK done\\n")
"""
    assert problems(script, folder) == [Problem("mapped", "whole")]


def test_a_program_that_fails_is_no_success(folder: Path) -> None:
    from herdbook.kernel.errors import UnavailableError

    with pytest.raises(UnavailableError, match="no such thing"):
        watch("raise SystemExit('no such thing')", folder)
