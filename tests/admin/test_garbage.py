"""Garbage collection removes what nothing needs, and never anything else, whoever writes meanwhile."""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule
from tests.admin.registries import ANNA, BERT, NAME, Place, rules, unresolved

from herdbook.kernel import digests
from herdbook.kernel.errors import DeniedError, HerdbookError
from herdbook.model.files import File
from herdbook.model.journal import PurgeOp
from herdbook.model.registrations import Registration
from herdbook.model.rows import Lease
from herdbook.model.versions import Version
from herdbook.ports.blobs import Progress, Staged
from herdbook.service import garbage
from herdbook.service.context import LEASE_S
from herdbook.service.journal import Draft
from herdbook.stores.disk.blobs import DiskBlobs
from herdbook.stores.disk.staged import DiskStaged

if TYPE_CHECKING:
    from tests.admin.conftest import Open

ROOT = Path(__file__).resolve().parents[2]
ENDED = LEASE_S + garbage.GRACE_S + 1


def test_what_was_put_and_never_registered_goes_when_its_lease_ended(place: Open) -> None:
    ours = place()
    kept = ours.register(NAME, "v1", {"m": b"kept"}).record
    left = ours.put(b"left over")
    assert ours.admin.garbage().candidates == ()
    assert ours.admin.garbage().leased == 1
    ours.now[0] += ENDED
    shown = ours.admin.garbage()
    assert (shown.dry_run, shown.candidates, shown.bytes, shown.kept) == (True, (left,), 9, 1)
    assert ours.blob(left).exists()
    done = ours.admin.garbage(dry_run=False)
    assert (done.dry_run, done.candidates, done.bytes) == (False, (left,), 9)
    assert not ours.blob(left).exists()
    assert ours.registry.versions.get(f"{NAME}@{kept}").ordinal == 1
    assert ours.admin.doctor().sound
    assert rules(ours.admin.doctor(), "note") == set()


def test_a_clock_that_is_an_hour_wrong_takes_no_upload(place: Open) -> None:
    ours = place()
    ours.put(b"just put")
    ours.now[0] += LEASE_S + 3500
    assert ours.admin.garbage().candidates == ()


def test_what_a_record_of_any_kind_names_is_kept(told: Place) -> None:
    told.now[0] += ENDED
    before = sorted(told.context.blobs.list())
    assert told.admin.garbage(dry_run=False).candidates == ()
    assert sorted(told.context.blobs.list()) == before


def test_bytes_of_one_resolved_file_are_kept_while_others_of_its_version_are_awaited(place: Open) -> None:
    ours = place()
    sha256 = unresolved(ours)
    ours.now[0] += ENDED
    assert ours.admin.garbage(dry_run=False).candidates == ()
    with ours.registry.files.open("demo/tau/old:v0", "1/model.graphdef") as stream:
        assert digests.of(stream.read()) == sha256


def test_the_other_digests_of_what_was_removed_are_forgotten(place: Open) -> None:
    ours = place()
    content = ours.registry.files.put(io.BytesIO(b"gone"))
    ours.now[0] += ENDED
    ours.admin.garbage(dry_run=False)
    with ours.context.catalogue.read() as tx:
        assert tx.contents([content.sha256]) == {}
    # Registered later by somebody who says that nobody has the bytes: absent, and not lost.
    version = Version.of([File(path="m", digest=content.sha256, size=content.size)])
    ours.registry.versions.record([Registration(model=NAME, version=version, absent=(content.sha256,))])
    report = ours.admin.doctor()
    assert report.sound
    assert rules(report, "note") == {"blob-absent"}


def test_a_registry_that_is_only_read_loses_nothing(place: Open) -> None:
    ours = place()
    left = ours.put(b"left over")
    ours.close()
    reading = place(read_only=True)
    reading.now[0] += ENDED
    assert reading.admin.garbage().candidates == (left,)
    with pytest.raises(DeniedError):
        reading.admin.garbage(dry_run=False)
    assert reading.blob(left).exists()


def test_bytes_that_a_dead_upload_left_are_swept_and_a_running_one_is_not(place: Open) -> None:
    ours = place()
    running = ours.context.blobs.stage(io.BytesIO(b"running"))
    dead = "import sys, os; from pathlib import Path; from herdbook.stores.disk.blobs import DiskBlobs; import io\n"
    dead += "s = DiskBlobs(Path(sys.argv[1])).stage(io.BytesIO(b'x' * 1000)); os.kill(os.getpid(), 9)"
    subprocess.run([sys.executable, "-c", dead, str(ours.folder / "blobs")], check=False)
    assert ours.admin.garbage().temporary_bytes == 0
    assert ours.admin.garbage(dry_run=False).temporary_bytes == 1000
    ours.context.catalogue.lease([Lease(ANNA, running.content.sha256, ours.now[0] + 100)], [running.content])
    assert running.keep()


class Collects(DiskBlobs):
    """A store in which garbage is collected by another process just before and just after a blob gets its name."""

    collect: Callable[[], object]

    def stage(self, source: BinaryIO, *, progress: Progress | None = None) -> DiskStaged:
        """Stage bytes as ever; only what keeps them is slow."""
        staged = super().stage(source, progress=progress)
        keep = staged.keep

        def slow() -> bool:
            self.collect()
            new = keep()
            self.collect()
            return new

        staged.keep = slow  # type: ignore[method-assign]  # the same step, with others in between
        return staged


def test_a_collection_just_before_or_after_a_blob_gets_its_name_takes_nothing(place: Open) -> None:
    ours, other = place(), place(actor=BERT)
    store = Collects(ours.folder / "blobs")
    store.collect = lambda: other.admin.garbage(dry_run=False)
    ours.context.blobs = store
    for number in range(3):
        done = ours.register(NAME, f"v{number}", {"m": b"%d" % number, "same": b"same"})
        with ours.registry.files.open(done.reference, "m") as stream:
            assert stream.read() == b"%d" % number


def test_who_takes_a_lease_while_the_collector_waits_for_its_turn_keeps_the_bytes(place: Open) -> None:
    ours, other = place(), place(actor=BERT)
    left = ours.put(b"left over")
    for each in (ours, other):
        each.now[0] = 1.8e9 + ENDED
    assert other.admin.garbage().candidates == (left,)
    with ThreadPoolExecutor(1) as threads:
        with ours.context.catalogue.write():
            waiting = threads.submit(other.admin.garbage, dry_run=False)  # has looked, and waits to remove
            time.sleep(0.5)
            ours.put(b"left over")
        assert waiting.result(30).candidates == ()
    assert ours.blob(left).exists()
    ours.register(NAME, "v1", {"m": b"left over"})
    assert ours.admin.doctor().sound


class Collecting(RuleBasedStateMachine):
    """Uploads in steps, of two principals, with registrations, purges and collections in between."""

    uploads = Bundle("uploads")

    def __init__(self) -> None:
        super().__init__()
        self.stack = contextlib.ExitStack()
        folder = Path(self.stack.enter_context(tempfile.TemporaryDirectory(dir=_fast())))
        self.now = [1.8e9]
        self.anna = self.stack.enter_context(Place(folder, now=self.now))
        self.bert = self.stack.enter_context(Place(folder, now=self.now, actor=BERT))
        self.needed: dict[str, bytes] = {}
        self.purged: set[str] = set()

    def teardown(self) -> None:
        self.stack.close()

    def _place(self, actor: str) -> Place:
        return self.anna if actor == ANNA else self.bert

    @rule(target=uploads, actor=st.sampled_from((ANNA, BERT)), number=st.integers(0, 3))
    def stage(self, actor: str, number: int) -> tuple[str, Staged]:
        return actor, self._place(actor).context.blobs.stage(io.BytesIO(b"%d" % number))

    @rule(upload=uploads)
    def lease(self, upload: tuple[str, Staged]) -> None:
        """The second step alone: the process dies before the third, or is slow."""
        actor, staged = upload
        lease = Lease(actor, staged.content.sha256, self.now[0] + LEASE_S)
        self._place(actor).context.catalogue.lease([lease], [staged.content])

    @rule(upload=uploads)
    def keep(self, upload: tuple[str, Staged]) -> None:
        self.lease(upload)
        with contextlib.suppress(Exception):  # bytes that were kept are kept once
            upload[1].keep()

    @rule(actor=st.sampled_from((ANNA, BERT)), number=st.integers(0, 3))
    def put(self, actor: str, number: int) -> None:
        self._place(actor).put(b"%d" % number)

    @rule(actor=st.sampled_from((ANNA, BERT)), number=st.integers(0, 3), model=st.sampled_from(("a", "b")))
    def register(self, actor: str, number: int, model: str) -> None:
        data = b"%d" % number
        version = Version.of([File(path="m", digest=digests.of(data), size=len(data))])
        namespace = "demo" if actor == ANNA else "other"
        try:
            item = Registration(model=f"{namespace}/{model}/m", version=version)
            self._place(actor).registry.versions.record([item])
        except HerdbookError as error:
            if error.code not in {"no-bytes", "purged"}:
                raise
            return
        if digests.of(data) not in self.purged and self._place(actor).blob(digests.of(data)).exists():
            self.needed[digests.of(data)] = data

    @rule(hours=st.sampled_from((1, 20, 24, 25, 26)))
    def later(self, hours: int) -> None:
        self.now[0] += hours * 3600

    @rule(number=st.integers(0, 3), namespace=st.sampled_from(("demo", "other")))
    def purge(self, number: int, namespace: str) -> None:
        sha256 = digests.of(b"%d" % number)
        with self.anna.context.catalogue.write() as tx:
            draft = Draft(self.anna.context, tx, namespace)
            draft.ops.append(PurgeOp(digest=sha256))
            draft.commit()
            if sha256 not in tx.needed([sha256]):
                self.needed.pop(sha256, None)
                self.purged.add(sha256)

    @rule(actor=st.sampled_from((ANNA, BERT)))
    def collect(self, actor: str) -> None:
        report = self._place(actor).admin.garbage(dry_run=False)
        assert not set(report.candidates) & self.needed.keys()

    @invariant()
    def what_is_needed_is_there(self) -> None:
        for sha256 in self.needed:
            self.anna.context.blobs.verify(sha256)

    @invariant()
    def what_is_leased_and_was_kept_is_there(self) -> None:
        with self.anna.context.catalogue.read() as tx:
            every = [digests.of(b"%d" % number) for number in range(4)]
            leased = {lease.sha256 for lease in tx.leases(every, self.now[0])}
        assert not leased & set(self.anna.admin.garbage().candidates)


def _fast() -> str | None:
    """Return a folder in memory, where there is one: durability is not what is tested here."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


Collecting.TestCase.settings = settings(max_examples=25, stateful_step_count=25)
TestCollecting = Collecting.TestCase


WRITER = """
import json, sys, time
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from tests.admin.registries import Place
who, now = sys.argv[3], float(sys.argv[4])
with Place(Path(sys.argv[2]), actor="actor:" + who * 32, now=[now]) as place:
    deadline = time.monotonic() + 60
    for number in range(40 if who in "cd" else 10**6):
        data = b"shared %d" % (number % 40)
        if who in "cd":
            done = place.register(f"demo/w{who}/m", f"v{number}", {"m": data})
            print(json.dumps([done.reference, data.decode()]), flush=True)
        else:  # puts the same bytes, and its lease has ended at once
            place.put(data)
            if time.monotonic() > deadline:
                break
"""


def test_processes_register_while_garbage_is_removed_and_lose_nothing(place: Open) -> None:
    ours = place()
    past = ours.now[0] - ENDED
    argv = [sys.executable, "-c", WRITER, str(ROOT), str(ours.folder)]
    clocks = {"c": ours.now[0], "d": ours.now[0], "e": past}
    writers = {who: subprocess.Popen([*argv, who, str(now)], stdout=subprocess.PIPE) for who, now in clocks.items()}
    removed = 0
    try:
        deadline = time.monotonic() + 60
        while any(writers[who].poll() is None for who in "cd") and time.monotonic() < deadline:
            removed += len(ours.admin.garbage(dry_run=False).candidates)
        writers["e"].kill()
        said = [json.loads(line) for who in "cd" for line in writers[who].communicate(timeout=60)[0].splitlines()]
    finally:
        for writer in writers.values():
            writer.kill()
            writer.communicate()
    assert [writers[who].returncode for who in "cd"] == [0, 0]
    assert len(said) == 80
    assert removed > 0
    for reference, data in said:
        with ours.registry.files.open(reference, "m") as stream:
            assert stream.read() == data.encode()
    ours.admin.garbage(dry_run=False)
    report = ours.admin.doctor()
    assert report.sound
    assert report.blobs == 40
