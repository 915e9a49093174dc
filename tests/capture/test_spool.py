"""The spool: whole or not at all, found by the beginning of an id, and settled after a crash."""

from __future__ import annotations

import multiprocessing
import os
from pathlib import Path

import pytest

from herdbook.capture import spool
from herdbook.capture.spool import Run, Spool
from herdbook.kernel.errors import ConflictError, CorruptError, DeniedError, MissingError
from herdbook.model.captures import Capture

from .workplace import Workplace


def _new(place: Spool, number: int, **more: object) -> Run:
    started = f"2026-11-20T09:00:0{number}Z"
    return place.new(Capture.read({"id": f"{number}{spool.new_id()[1:]}", "started": started, **more}))


def test_a_run_is_found_by_the_beginning_of_its_id(tmp_path: Path) -> None:
    place = Spool(tmp_path)
    runs = [_new(place, number) for number in (2, 1)]
    assert [run.id[0] for run in place.runs()] == ["1", "2"]
    assert place.find("2").id == runs[0].id
    assert place.find("last").id == runs[0].id
    with pytest.raises(MissingError, match="no run"):
        place.find("3")
    with pytest.raises(ConflictError, match="2 runs"):
        place.find("")


def test_a_run_that_says_running_and_has_no_owner_has_failed(tmp_path: Path) -> None:
    run = _new(Spool(tmp_path), 1)
    (run.seen / "1-a.ndjson").write_text("", "utf-8")
    with run.held() as got:
        assert got
        assert run.alive
        assert spool.settle(run).status == "running"
    settled = spool.settle(run)
    assert (settled.status, settled.problems) == ("failed", (spool.DIED,))
    assert settled.ended is not None
    assert run.read() == settled


def _hold(folder: str, begun: multiprocessing.synchronize.Event) -> None:
    with Run(Path(folder)).held():
        begun.set()
        os._exit(9)


def test_the_lock_goes_with_its_owner(tmp_path: Path) -> None:
    run = _new(Spool(tmp_path), 1)
    context = multiprocessing.get_context("fork")
    begun = context.Event()
    process = context.Process(target=_hold, args=(str(run.folder), begun))
    process.start()
    assert begun.wait(30)
    process.join(30)
    process.close()
    assert not run.alive


def test_what_cannot_be_read_is_told_and_can_be_dropped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HERDBOOK_SPOOL", str(tmp_path))
    run = _new(Spool(tmp_path), 1)
    (run.folder / "run.json").write_text('{"schema": "herdbook/capt', "utf-8")
    with pytest.raises(CorruptError, match="cannot be read"):
        run.read()
    place = Workplace(tmp_path)
    [told] = place.herdbook("spool", "list", "--json").lines
    assert told["status"] == "unreadable"
    place.herdbook("spool", "drop", run.id[:8], "--yes")
    assert not run.folder.exists()


def test_what_nobody_pushed_is_dropped_only_with_a_yes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HERDBOOK_SPOOL", str(tmp_path))
    run = _new(Spool(tmp_path), 1, status="finished")
    place = Workplace(tmp_path)
    place.herdbook("spool", "drop", run.id, status=2)
    place.herdbook("spool", "drop", "--pushed")
    assert run.folder.exists()
    with run.held():
        place.herdbook("spool", "drop", run.id, "--yes", status=4)
    place.herdbook("spool", "drop", run.id, "--yes")
    assert not run.folder.exists()


def test_copies_with_one_name_do_not_overwrite_each_other(tmp_path: Path) -> None:
    run = _new(Spool(tmp_path), 1)
    names = [run.keep("a/b.json", data) for data in (b"1", b"2", b"1")]
    assert names == ["a_b.json", "a_b-2.json", "a_b.json"]
    assert (run.files / names[1]).read_bytes() == b"2"
    assert run.keep("../../x", b"") == "_.._x"
    assert (run.files / "_.._x").exists()


def test_a_folder_that_somebody_chose_has_no_other_in_its_place(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("", "utf-8")
    with pytest.raises(DeniedError, match="cannot be written"):
        spool.choose(blocked / "spool", said=True)
    found, note = spool.choose(tmp_path / "spool", said=False)
    assert (found.folder, note) == (tmp_path / "spool", "")
