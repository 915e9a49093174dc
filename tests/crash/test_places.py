"""Bad places and bad company: a full disk, a folder that is only read, a clock that goes back, two writers at once."""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.admin.registries import NAME, Place, rules

from herdbook.kernel.errors import ConflictError, InvalidError, UnavailableError

ROOT = Path(__file__).resolve().parents[2]

RACER = """
import json, sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from herdbook.kernel.errors import ConflictError
from tests.admin.registries import Place
folder, who, rounds = Path(sys.argv[2]), sys.argv[3], int(sys.argv[4])
with Place(folder, actor="actor:" + who * 32) as place:
    print("ready", flush=True)
    sys.stdin.readline()
    for number in range(rounds):
        same = number % 2 == 0
        data = b"the same" if same else who.encode()
        try:
            said = place.register("demo/race/m", f"v{number}", {"m": data + b" %d" % number}).outcome
        except ConflictError as error:
            said = error.code
        print(json.dumps([number, said]), flush=True)
"""


def test_two_processes_that_register_one_label_at_once_get_one_winner(tmp_path: Path) -> None:
    rounds = 20
    Place(tmp_path / "registry").close()
    argv = [sys.executable, "-c", RACER, str(ROOT), str(tmp_path / "registry")]
    racers = [
        subprocess.Popen([*argv, who, str(rounds)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for who in "cd"
    ]
    try:
        for racer in racers:
            assert racer.stdout is not None
            assert racer.stdout.readline() == "ready\n"
        out = []
        for racer in racers:
            assert racer.stdin is not None
            racer.stdin.write("go\n")
            racer.stdin.flush()
        out = [racer.communicate(timeout=60)[0] for racer in racers]
    finally:
        for racer in racers:
            racer.kill()
            racer.communicate()
    told = [dict(json.loads(line) for line in lines.splitlines()) for lines in out]
    for number in range(rounds):
        pair = {told[0][number], told[1][number]}
        assert pair == ({"registered", "unchanged"} if number % 2 == 0 else {"registered", "label-taken"}), number
    with Place(tmp_path / "registry") as place:
        assert len(place.registry.versions.list("demo/race/m", limit=100).items) == rounds
        assert place.admin.doctor().sound


def test_the_loser_is_told_what_differs(tmp_path: Path) -> None:
    with Place(tmp_path / "registry") as place:
        place.register(NAME, "v1", {"m": b"one"})
        with pytest.raises(ConflictError, match="m has sha256"):
            place.register(NAME, "v1", {"m": b"two"})
        assert place.registry.journal.checkpoint("demo").seq == 2


def test_a_clock_that_goes_back_never_takes_the_journal_with_it(tmp_path: Path) -> None:
    now = ["2026-11-21T12:00:00Z"]
    with Place(tmp_path / "registry", clock=lambda: now[0]) as place:
        place.register(NAME, "v1", {"m": b"1"})
        now[0] = "2026-11-21T02:00:00.5Z"  # ten hours back
        place.register(NAME, "v2", {"m": b"2"})
        now[0] = "2026-11-20T11:59:59Z"  # more than a day
        with pytest.raises(InvalidError) as caught:
            place.register(NAME, "v3", {"m": b"3"})
        assert caught.value.code == "clock-behind"
        assert "HERDBOOK_ACCEPT_OLD_CLOCK" in caught.value.hint
        now[0] = "2026-11-21T12:00:00.25Z"
        place.register(NAME, "v3", {"m": b"3"})
        now[0] = "2020-01-01T00:00:00Z"
        place.context.accept_old_clock = True  # somebody confirmed that
        place.register(NAME, "v4", {"m": b"4"})
        events = place.registry.journal.events("demo").items
        times = [entry.event.time for entry in events]
        assert times[1:] == ["2026-11-21T12:00:00Z"] * 2 + ["2026-11-21T12:00:00.25Z"] * 2
        assert place.admin.doctor().sound


READER = """
import ctypes, struct, sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
if sys.platform == "linux":  # root may write everywhere: give up its capabilities, see capset(2)
    header, none = struct.pack("Ii", 0x20080522, 0), struct.pack("6I", *[0] * 6)
    assert ctypes.CDLL(None).capset(header, none) == 0
from herdbook.kernel.errors import HerdbookError
from tests.admin.registries import NAME, Place
place = Place(Path(sys.argv[2]), read_only=True)
print(place.registry.versions.get(NAME).reference, len(place.registry.versions.search("toy").items))
with place.registry.files.open(NAME + ":v1", "m") as stream:
    print(stream.read())
print(place.admin.doctor().sound, place.admin.garbage().kept)
for write in (
    lambda: place.register(NAME, "v2", {"m": b"2"}),
    lambda: place.registry.versions.undo(NAME + ":v1", reason="x"),
    lambda: place.registry.pointers.alias(NAME, "a", "v1"),
    lambda: place.admin.garbage(dry_run=False),
):
    try:
        write()
    except HerdbookError as error:
        print(error.kind, error.code)
"""


def test_a_registry_in_a_folder_that_is_only_read_is_read(tmp_path: Path) -> None:
    folder = tmp_path / "registry"
    with Place(folder) as place:
        place.register(NAME, "v1", {"m": b"one"})
    paths = [folder, *folder.rglob("*")]
    for path in paths:
        path.chmod(0o555 if path.is_dir() else 0o444)
    try:
        argv = [sys.executable, "-c", READER, str(ROOT), str(folder)]
        done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60)
    finally:
        for path in paths:
            path.chmod(0o755 if path.is_dir() else 0o644)
    assert done.returncode == 0, done.stderr
    said = done.stdout.splitlines()
    assert said[:3] == [f"{NAME}:v1 1", "b'one'", "True 1"]
    assert [line.split()[0] for line in said[3:]] == ["denied"] * 4


def test_a_full_disk_is_an_error_that_leaves_nothing_half_done(small_disk: Path) -> None:
    with Place(small_disk / "registry") as place:
        place.register(NAME, "v1", {"m": b"one"})
        ballast = small_disk / "ballast"
        _fill(ballast)
        os.truncate(ballast, ballast.stat().st_size - 100_000)  # room for a little, and not for a file
        with pytest.raises(UnavailableError) as caught:
            place.registry.files.put(io.BytesIO(bytes(500_000)))
        assert caught.value.code == "disk-full"
        assert [path for path in (place.folder / "blobs" / "tmp").iterdir() if path.suffix == ".part"] == []
        failed = _until_full(place)
        assert failed.code == "disk-full"
        seq = place.registry.journal.checkpoint("demo").seq
        with pytest.raises(UnavailableError) as caught:
            place.admin.export_bundle(str(small_disk / "bundle"), [])
        assert caught.value.code == "disk-full"
        assert not list(small_disk.glob(".bundle*"))
        assert not (small_disk / "bundle").exists()
        ballast.unlink()
        assert place.registry.journal.checkpoint("demo").seq == seq
        assert place.admin.doctor().sound
        assert place.register(NAME, "after", {"m": b"after"}).seq == seq + 1
        assert rules(place.admin.doctor()) == set()


def _fill(path: Path) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT)
    try:
        for size in (2**16, 2**12):
            with contextlib.suppress(OSError):
                while os.write(handle, bytes(size)):
                    pass
    finally:
        os.close(handle)


def _until_full(place: Place) -> UnavailableError:
    for number in range(1000):
        try:
            place.register(NAME, f"w{number}", {"m": b"%d" % number * 500})
        except UnavailableError as error:
            return error
    raise AssertionError("the disk never was full")
