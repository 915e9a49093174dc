"""Writers: one at a time, none starves, and what dies half-way leaves nothing."""

from __future__ import annotations

import signal
import threading
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest
from tests.stores.sql.conftest import Script

from herdbook.kernel.errors import UnavailableError
from herdbook.model.journal import digest_lines
from herdbook.model.rows import Lease
from herdbook.stores.sql.catalogue import SqlCatalogue
from herdbook.testing.events import ACTOR, begin, content, named, placed, tell

TAU = "cms/tau/deeptau"

_REGISTER = """
c = SqlCatalogue.open(path)
who, count = sys.argv[2], int(sys.argv[3])
for number in range(count):
    c.lease([Lease("actor:" + "0" * 32, named(who), 1e12)])
    with c.write() as tx:
        ordinal = tx.last_ordinals(["cms/tau/deeptau"]).get("cms/tau/deeptau", 0) + 1
        record = f"{who} {number}"
        tx.put_bodies({named(record): record.encode()})
        tell(tx, "cms", placed(("cms/tau/deeptau", ordinal, record), labels=True))
    print(record, flush=True)
c.close()
"""


def sound(catalogue: SqlCatalogue) -> set[bytes]:
    """Check that journal, versions, labels and bodies say the same; return the bodies of all versions."""
    assert catalogue.check() == []
    with catalogue.read() as look:
        head = look.head("cms")
        assert head
        assert [row.seq for row in look.events("cms")] == list(range(1, head.seq + 1))
        versions = look.versions(TAU, limit=10_000)
        assert [row.ordinal for row in versions] == list(range(1, head.seq))
        assert [row.seq for row in versions] == list(range(2, head.seq + 1))
        for row in versions:
            pointer = look.pointer(f"label:{TAU}:V{row.ordinal}")
            assert pointer
            assert pointer.to == row.record
        lines = list(look.state_lines("cms"))
        assert len(lines) == 3 * len(versions)
        assert digest_lines(lines)
        bodies = look.bodies([row.record for row in versions])
        assert len(bodies) == len(versions)
        return set(bodies.values())


def test_processes_that_write_at_once_lose_nothing_and_share_the_turns(
    path: Path, catalogue: SqlCatalogue, script: Script
) -> None:
    with catalogue.write() as tx:
        begin(tx, "cms")
    writers = [script(_REGISTER, path, name, "40") for name in "abcd"]
    told = {line for writer in writers for line in writer.communicate(timeout=120)[0].splitlines()}
    assert Counter(line[0] for line in told) == dict.fromkeys("abcd", 40)
    assert sound(catalogue) == {line.encode() for line in told}


def test_writers_that_are_killed_lose_nothing_that_was_acknowledged(
    path: Path, catalogue: SqlCatalogue, script: Script
) -> None:
    with catalogue.write() as tx:
        begin(tx, "cms")
    told: set[bytes] = set()
    for turn in range(6):
        writers = [script(_REGISTER, path, f"{name}{turn}", "100000") for name in "ab"]
        for number, writer in enumerate(writers):
            assert writer.stdout
            told.update(writer.stdout.readline().rstrip("\n").encode() for _ in range(3 + 2 * turn))
            time.sleep(0.003 * turn * (number + 1))
            writer.send_signal(signal.SIGKILL)
        for writer in writers:
            writer.wait(60)
            assert writer.stdout
            told.update(line.encode() for line in writer.stdout.read().splitlines())
        there = sound(catalogue)
        assert told <= there
        assert len(there - told) <= 2 * (turn + 1), "at most the last one of each was written and not told"


@pytest.mark.parametrize("how", ["os._exit(0)", "os.kill(os.getpid(), 9)"])
def test_a_writer_that_dies_in_the_middle_leaves_nothing(
    path: Path, catalogue: SqlCatalogue, script: Script, how: str
) -> None:
    with catalogue.write() as tx:
        begin(tx, "cms")
    text = f"""
c = SqlCatalogue.open(path)
with c.write() as tx:
    tell(tx, "cms", placed(*(("cms/tau/deeptau", n, f"{{n}}") for n in range(1, 30000)), labels=True))
    print("half", flush=True)
    {how}
"""
    assert script(text, path).communicate(timeout=60)[0] == "half\n"
    assert sound(catalogue) == set()
    with catalogue.write() as tx:
        tx.put_bodies({named("after"): b"after"})
        tell(tx, "cms", placed((TAU, 1, "after"), labels=True))
    assert sound(catalogue) == {b"after"}


def test_a_writer_that_waits_too_long_is_told_so(path: Path, catalogue: SqlCatalogue) -> None:
    with closing(SqlCatalogue.open(path, patience_s=0.2)) as waiting, catalogue.write():
        start = time.monotonic()
        for attempt in (waiting.write, catalogue.write):  # another connection's lock, and our own thread's
            with pytest.raises(UnavailableError) as caught, attempt():
                pass
            assert caught.value.code == "locked"
        with pytest.raises(UnavailableError):
            waiting.lease([Lease(ACTOR, named("x"), 1.0)])
        assert time.monotonic() - start < 5
    with waiting.write() as tx:
        begin(tx, "cms")
    waiting.close()


def test_threads_write_one_after_the_other_and_read_meanwhile(catalogue: SqlCatalogue) -> None:
    with catalogue.write() as tx:
        begin(tx, "cms")
    failures: list[BaseException] = []

    def work(name: str) -> None:
        try:
            for number in range(15):
                with catalogue.write() as tx:
                    ordinal = tx.last_ordinals([TAU]).get(TAU, 0) + 1
                    tx.put_bodies({named(f"{name}{number}"): b"%d" % ordinal})
                    tell(tx, "cms", placed((TAU, ordinal, f"{name}{number}"), labels=True))
                    catalogue.lease([Lease(ACTOR, named(name), 1e12)], [content(name)])
                with catalogue.read() as look:
                    assert look.last_ordinals([TAU])[TAU] >= ordinal
        except BaseException as error:  # noqa: BLE001  # shown by the test's own thread
            failures.append(error)

    threads = [threading.Thread(target=work, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failures == []
    assert sound(catalogue) == {b"%d" % number for number in range(1, 61)}


def test_a_lease_within_a_write_is_part_of_it(catalogue: SqlCatalogue) -> None:
    def fail() -> None:
        with catalogue.write():
            catalogue.lease([Lease(ACTOR, named("x"), 1e12)])
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    with catalogue.read() as look:
        assert look.leases([named("x")], 0) == []
