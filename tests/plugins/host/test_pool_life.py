"""The life of workers: who starts them, who shares them, and that they end."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from herdbook.kernel.errors import UnavailableError
from herdbook.model.facts import Facts
from herdbook.plugins.formats.document import Document
from herdbook.plugins.formats.onnx import Onnx
from herdbook.plugins.host.pool import WorkerPool

from .workers import MISBEHAVING, README, gone, one, worker_pid

Memory = Callable[[bytes], Any]
OURS = {"onnx": Onnx.version, "document": Document.version}


class Killing:
    """A file whose second read kills the worker that asks."""

    size = 1_000_000

    def __init__(self, pool: WorkerPool) -> None:
        self.pool = pool

    def read_at(self, offset: int, length: int) -> bytes:
        if offset:
            os.kill(worker_pid(self.pool), signal.SIGKILL)
        return bytes(length)


def test_a_worker_killed_in_mid_read_is_a_finding_and_the_next_file_has_a_new_one(
    pool: WorkerPool, in_memory: Memory
) -> None:
    facts, after = pool.read([("deed.backwards", Killing(pool)), ("README", in_memory(README))], {})
    assert facts is not None
    assert facts.findings[0].rule == "reader-died"
    assert "SIGKILL" in facts.findings[0].message
    assert after is not None
    assert after.format == "readme"


def test_a_worker_killed_while_idle_costs_nobody_a_finding(pool: WorkerPool, in_memory: Memory) -> None:
    one(pool, "README", in_memory(README))
    os.kill(worker_pid(pool), signal.SIGKILL)
    facts = one(pool, "README", in_memory(README))
    assert facts.format == "readme"
    assert facts.findings == ()


def test_one_worker_serves_all_files_and_several_share_them(in_memory: Memory) -> None:
    for count in (1, 3):
        with WorkerPool(workers=count, formats=[MISBEHAVING]) as pool:
            found = pool.read([("deed.slowly", in_memory(b"x"))] * 16, {})
            assert len({facts.values["pid"] for facts in found if facts is not None}) == count


def test_threads_share_one_worker(pool: WorkerPool, in_memory: Memory) -> None:
    found: list[Facts] = []
    threads = [
        threading.Thread(target=lambda: found.append(one(pool, "deed.whole", in_memory(bytes([1]) * 200_000))))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [facts.values["said"] for facts in found] == [200_000] * 8
    assert len({facts.values["pid"] for facts in found}) == 1


def test_a_worker_outlives_the_thread_that_started_it(pool: WorkerPool, in_memory: Memory) -> None:
    found: list[Facts] = []
    thread = threading.Thread(target=lambda: found.append(one(pool, "deed.slowly", in_memory(b"x"))))
    thread.start()
    thread.join()
    assert one(pool, "deed.slowly", in_memory(b"x")).values["pid"] == found[0].values["pid"]


def test_a_pool_that_was_prepared_starts_one_worker_and_closes_it_though_nothing_is_read(in_memory: Memory) -> None:
    others = _readers()  # of fixtures that live as long as the session
    with WorkerPool() as pool:
        for _ in range(3):
            pool.prepare()
        pool.read([("a", in_memory(b"a"))], {})
        (worker,) = pool._all
        pid = worker.channel.pid
    assert not psutil.pid_exists(pid)
    with WorkerPool() as pool:
        pool.prepare()
    assert not _readers() - others


def _readers() -> set[psutil.Process]:
    return {child for child in psutil.Process().children() if "herdbook.apps.worker" in " ".join(child.cmdline())}


def test_a_closed_pool_leaves_no_process_and_says_that_it_is_closed(in_memory: Memory) -> None:
    pool = WorkerPool(workers=2, formats=[MISBEHAVING])
    errors: list[UnavailableError] = []

    def hang() -> None:
        try:
            one(pool, "deed.hang", in_memory(b"x"))
        except UnavailableError as error:
            errors.append(error)

    one(pool, "README", in_memory(README))
    thread = threading.Thread(target=hang)
    thread.start()
    while not any(worker.reader == "misbehaving" for worker in pool._all):
        time.sleep(0.01)
    pids = [worker.channel.pid for worker in pool._all]
    pool.close()
    thread.join()
    assert [error.code for error in errors] == ["pool-closed"]
    assert not any(psutil.pid_exists(pid) for pid in pids)
    with pytest.raises(UnavailableError):
        pool.read([("README", in_memory(README))], {})
    pool.close()


def test_a_pool_that_nobody_closed_leaves_no_process(in_memory: Memory) -> None:
    pool = WorkerPool()
    one(pool, "README", in_memory(README))
    pid = worker_pid(pool)
    del pool
    assert not psutil.pid_exists(pid)


PARENT = """
import os, sys, time
from herdbook.plugins.host.pool import WorkerPool
class File:
    size = 1
    def read_at(self, offset, length):
        return b"x"[:length]
pool = WorkerPool(formats=["misbehaving:Misbehaving"])
pool.read([("README", File())], {})
(worker,) = pool._all
print(worker.channel.pid, flush=True)
pool.read([("deed." + sys.argv[1], File())], {})
"""


@pytest.mark.parametrize("deed", ["hang", "spin", "slowly"])
def test_a_worker_ends_when_its_parent_is_killed_whatever_its_reader_does(deed: str) -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT, deed], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        time.sleep(0.1)
        parent.kill()
    assert gone(pid)


def test_a_pool_used_after_a_fork_starts_its_own_worker_and_the_parents_goes_on(
    pool: WorkerPool, in_memory: Memory
) -> None:
    mine = one(pool, "deed.slowly", in_memory(b"x")).values["pid"]
    theirs, ours = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            found = one(pool, "deed.slowly", in_memory(b"x")).values["pid"]
            pool.close()
            os.write(ours, str(found).encode())
            status = 0
        finally:
            os._exit(status)
    os.close(ours)
    with os.fdopen(theirs) as said:
        other = int(said.read())
    assert os.waitpid(child, 0)[1] == 0
    assert other != mine
    assert not psutil.pid_exists(other)
    assert one(pool, "deed.slowly", in_memory(b"x")).values["pid"] == mine


def test_a_format_that_cannot_be_loaded_is_named_and_the_others_work(in_memory: Memory) -> None:
    with WorkerPool(formats=["misbehaving:Unloadable", "nowhere:Format"]) as pool:
        assert one(pool, "README", in_memory(README)).format == "readme"
        assert "no libfoo here" in pool.failed["misbehaving:Unloadable"]
        assert "ModuleNotFoundError" in pool.failed["nowhere:Format"]
        assert set(pool.versions) >= {"onnx", "document"}


def test_workers_that_cannot_start_are_a_finding_for_each_file_and_not_tried_each_time(
    in_memory: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with WorkerPool() as pool:
        for _ in range(3):
            facts = one(pool, "README", in_memory(README))
            assert [finding.rule for finding in facts.findings] == ["reader-unavailable"]
    monkeypatch.setattr(sys, "executable", "/nonexistent/python")
    with WorkerPool() as pool:
        assert one(pool, "README", in_memory(README)).findings[0].rule == "reader-unavailable"


def test_versions_of_our_readers_are_known_without_a_worker() -> None:
    with WorkerPool() as pool:
        assert dict(pool.versions).items() >= OURS.items()
        assert not pool._all


def test_versions_of_foreign_readers_are_asked_of_a_worker(pool: WorkerPool) -> None:
    assert dict(pool.versions).items() >= {"misbehaving": "7", **OURS}.items()
    assert "misbehaving" not in sys.modules


def test_a_file_that_no_format_takes_has_no_facts(pool: WorkerPool, in_memory: Memory) -> None:
    assert pool.read([("weights.bin", in_memory(bytes(range(256))))], {}) == [None]


def test_the_listing_reaches_the_reader(pool: WorkerPool, in_memory: Memory, datapack: Path) -> None:
    model = (datapack / "models/onnx/particlenet_AK4/1/model.onnx").read_bytes()
    assert one(pool, "1/model.onnx", in_memory(model)).values["nodes"] == 248


def test_a_worker_imports_nothing_heavy() -> None:
    code = "import herdbook.plugins.host.child, herdbook.apps.worker, sys; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    heavy = {"sqlalchemy", "click", "rich", "numpy", "onnx", "alembic", "asyncio", "subprocess", "concurrent"}
    assert not heavy & set(loaded)


def test_a_worker_started_by_hand_says_what_it_is() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "herdbook.apps.worker"],
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 2
    assert "worker" in done.stderr


def test_a_thousand_files_leak_neither_memory_nor_descriptors(pool: WorkerPool, in_memory: Memory) -> None:
    one(pool, "README", in_memory(README))
    me = psutil.Process()
    before = me.num_fds()
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    pool.read([("README", in_memory(README))] * 1000, {})
    for _ in range(5):
        one(pool, "deed.exit", in_memory(b"x"))
    one(pool, "README", in_memory(README))
    assert me.num_fds() == before
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - grown < 50_000  # KiB
