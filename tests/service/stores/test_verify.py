"""Verification of stores: what is lost or rotten is found, and an interruption costs little."""

from __future__ import annotations

import itertools
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.service.stores.places import Stores

from herdbook.kernel.errors import MissingError, UnavailableError
from herdbook.model.stores import StoreReport, Verification
from herdbook.ports.blobs import Progress
from herdbook.service import blob_checks
from herdbook.service.tiers import Tiers
from herdbook.stores.disk.blobs import DiskBlobs
from herdbook.testing.blobs import put, sample


def by_store(reports: list[StoreReport]) -> dict[str, StoreReport]:
    return {report.store: report for report in reports}


def wheres(report: StoreReport) -> set[tuple[str, str]]:
    return {(finding.rule, finding.where) for finding in report.findings}


def test_all_copies_are_read_and_counted(stores: Stores) -> None:
    stores.keep(*(sample(size, size) for size in (0, 1, 70_000)))
    stores.fill()
    reports = stores.admin.verify_stores()
    assert [(each.store, each.ok, each.bytes, each.sound) for each in reports] == [
        (name, 3, 70_001, True) for name in ("first", "second", "third")
    ]


def test_what_is_lost_cut_or_rotten_is_named_with_its_store(stores: Stores) -> None:
    lost, cut, rotten, fine = stores.keep(*(sample(5000, seed) for seed in range(4)))
    stores.fill()
    stores.lose("first", lost)
    stores.cut("second", cut, 4999)
    stores.flip("third", rotten, 2500)
    found = by_store(stores.admin.verify_stores())
    assert wheres(found["first"]) == {("blob-missing", lost)}
    assert wheres(found["second"]) == {("blob-size", cut)}
    assert wheres(found["third"]) == {("blob-corrupt", rotten)}
    assert [(each.ok, each.missing, each.corrupt) for each in found.values()] == [(3, 1, 0), (3, 0, 1), (3, 0, 1)]
    assert not any(each.sound for each in found.values())
    assert all(fine not in {finding.where for finding in each.findings} for each in found.values())
    assert [entry.verification.corrupt for entry in stores.admin.stores() if entry.verification] == [0, 1, 1]


def test_what_no_record_needs_is_counted_and_is_no_fault(stores: Stores) -> None:
    stores.keep(b"needed")
    put(stores.disks["first"], b"not needed")
    (report,) = stores.admin.verify_stores(["first"])
    assert (report.ok, report.extra, report.sound) == (1, 1, True)


def test_what_was_never_here_is_not_missed(stores: Stores) -> None:
    stores.many(3, here=False)
    assert all(report.sound and report.ok == 0 for report in stores.admin.verify_stores())


def test_a_store_that_is_not_there_is_told_with_those_that_are(stores: Stores) -> None:
    with pytest.raises(MissingError) as caught:
        stores.admin.verify_stores(["firts"])
    assert caught.value.code == "no-store"
    assert "first, second, third" in caught.value.hint


def test_more_contents_than_a_page_are_all_looked_at(stores: Stores, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blob_checks, "_PAGE", 2)
    stores.many(600)
    found = [sha256 for sha256, _ in blob_checks.needed(stores.context)]
    assert found == sorted(sha256 for sha256, _ in stores.disks["first"].list())
    for after in found[::150]:
        rest = [sha256 for sha256, _ in blob_checks.needed(stores.context, after)]
        assert rest == found[found.index(after) + 1 :]


class Counting(DiskBlobs):
    """A store that counts what is read, and is away from some blob on."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.read: list[str] = []
        self.away_after: int | None = None
        self._asked = itertools.count()  # several threads ask at once

    def verify(self, sha256: str, *, progress: Progress | None = None) -> None:
        if self.away_after is not None and next(self._asked) >= self.away_after:
            raise UnavailableError("no answer", code="store-away", hint="Look whether it runs.")
        super().verify(sha256, progress=progress)
        self.read.append(sha256)


@pytest.fixture
def counting(stores: Stores) -> Counting:
    made = Counting(stores.folder / "first")
    stores.context.blobs = Tiers({"first": made})
    return made


def test_one_that_was_interrupted_goes_on_and_reads_little_twice(stores: Stores, counting: Counting) -> None:
    stores.many(100)
    bad = sorted(sha256 for sha256, _ in counting.list())[10]
    stores.flip("first", bad)
    counting.away_after = 60
    with pytest.raises(UnavailableError):
        stores.admin.verify_stores()
    (entry,) = stores.admin.stores()
    assert entry.verification is not None
    assert entry.verification.ended is None
    assert entry.verification.bad == (bad,)
    counting.away_after = None
    (report,) = stores.admin.verify_stores()
    assert report.resumed
    assert (report.ok, report.corrupt) == (99, 1)
    assert wheres(report) == {("blob-corrupt", bad)}
    assert len(counting.read) < 99 + 20
    (again,) = stores.admin.verify_stores()
    assert not again.resumed
    assert len(counting.read) >= 2 * 99


def test_without_resuming_all_is_read_again(stores: Stores, counting: Counting) -> None:
    stores.many(40)
    counting.away_after = 20
    with pytest.raises(UnavailableError):
        stores.admin.verify_stores()
    counting.away_after = None
    (report,) = stores.admin.verify_stores(resume=False)
    assert not report.resumed
    assert report.ok == 40
    assert len(counting.read) == 60


_VERIFY = """
import sys
from pathlib import Path
from herdbook.service import blob_checks
from tests.service.stores.places import Stores
blob_checks.NOTE_EVERY_S = 0.05
with Stores(Path(sys.argv[1])) as stores:
    print("begun", flush=True)
    stores.admin.verify_stores(["first"], rate=float(sys.argv[2]))
"""
ROOT = Path(__file__).resolve().parents[3]


def _noted(stores: Stores) -> Verification | None:
    """Return what the last verification of the first store has written down."""
    (noted,) = [entry.verification for entry in stores.admin.stores() if entry.name == "first"]
    return noted


def test_a_verification_that_was_killed_goes_on_where_it_was(stores: Stores) -> None:
    stores.keep(*(sample(100_000, seed) for seed in range(40)))
    with subprocess.Popen(
        [sys.executable, "-c", _VERIFY, str(stores.folder), "2e6"], cwd=ROOT, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        child.stdout.readline()
        deadline = time.monotonic() + 30
        while not ((before := _noted(stores)) and before.ok):
            assert time.monotonic() < deadline, "it noted nothing"
            time.sleep(0.02)
        child.send_signal(signal.SIGKILL)
    before = _noted(stores)
    assert before is not None
    assert 0 < before.ok < 40
    counting = Counting(stores.folder / "first")
    stores.context.blobs = Tiers({"first": counting})
    (report,) = stores.admin.verify_stores(["first"])
    assert report.resumed
    assert report.ok == 40
    assert len(counting.read) == 40 - before.ok


def test_the_pace_is_kept_by_all_threads_together(stores: Stores) -> None:
    stores.keep(*(sample(100_000, seed) for seed in range(10)))
    begun = time.monotonic()
    (report,) = stores.admin.verify_stores(["first"], rate=1e6)
    assert report.ok == 10
    assert time.monotonic() - begun >= 0.9


def test_progress_rises_to_the_whole(stores: Stores) -> None:
    stores.many(50)
    seen: list[tuple[int, int]] = []
    (report,) = stores.admin.verify_stores(["first"], step=lambda _, done, total: seen.append((done, total)))
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert seen[-1][0] == report.bytes
    assert all(done <= total for done, total in seen)
