"""The pool with real worker processes and readers that misbehave: one bad file never stops the others."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from herdbook.kernel.errors import CorruptError, UnavailableError
from herdbook.model.facts import Facts, Safety
from herdbook.plugins.host.pool import WorkerPool
from herdbook.plugins.host.worker import Limits
from herdbook.ports.formats import ReadAt

HERE = Path(__file__).parent
MISBEHAVING = "misbehaving:Misbehaving"
README = b"# Title\n\nSome words.\n"
Memory = Callable[[bytes], Any]


@pytest.fixture(autouse=True)
def _importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(HERE))


@pytest.fixture(autouse=True)
def _no_process_left() -> Iterator[None]:
    before = {child.pid for child in psutil.Process().children(recursive=True)}
    yield
    left = [child for child in psutil.Process().children(recursive=True) if child.pid not in before]
    assert left == []


@pytest.fixture
def pool() -> Iterator[WorkerPool]:
    with WorkerPool(limits=Limits(seconds=1.5, memory=256 << 20), formats=[MISBEHAVING]) as made:
        yield made


def one(pool: WorkerPool, path: str, file: ReadAt) -> Facts:
    (facts,) = pool.read([(path, file)], {path: file.size})
    assert facts is not None
    return facts


def worker_pid(pool: WorkerPool) -> int:
    (worker,) = pool._all
    return worker.channel.pid


@pytest.mark.parametrize(
    ("deed", "rule", "says"),
    [
        ("hang", "reader-hung", "1.5 s"),
        ("spin", "reader-hung", "1.5 s"),
        ("stop", "reader-hung", "1.5 s"),
        ("crash", "reader-died", "SIGSEGV"),
        ("exit", "reader-died", "exit status 3"),
        ("eat", "reader-out-of-memory", "256 MiB"),
        ("nibble", "reader-out-of-memory", "256 MiB"),
        ("fail", "reader-failed", "ZeroDivisionError: by nought"),
        ("recurse", "reader-failed", "RecursionError"),
        ("not_json", "reader-failed", "JSON"),
        ("surrogate", "reader-failed", "JSON"),
        ("fill", "reader-out-of-memory", "256 MiB"),
    ],
)
def test_a_reader_that_misbehaves_is_a_finding_and_the_other_files_are_read(
    pool: WorkerPool, in_memory: Memory, deed: str, rule: str, says: str
) -> None:
    files = [("README.md", in_memory(README)), (f"deed.{deed}", in_memory(b"x")), ("b/README", in_memory(README))]
    first, facts, last = pool.read(files, {path: file.size for path, file in files})
    assert facts is not None
    assert (facts.reader, facts.reader_version, facts.format) == ("misbehaving", "7", "unreadable")
    assert facts.safety is not Safety.SAFE
    assert [finding.rule for finding in facts.findings] == [rule]
    assert says in facts.findings[0].message
    for each in (first, last):
        assert each is not None
        assert each.format == "readme"
        assert each.findings == ()


def test_facts_larger_than_facts_may_be_are_a_finding(in_memory: Memory) -> None:
    with WorkerPool(formats=[MISBEHAVING]) as pool:
        facts = one(pool, "deed.huge", in_memory(b"x"))
        assert [finding.rule for finding in facts.findings] == ["reader-failed"]
        assert "bytes" in facts.findings[0].message


@pytest.mark.parametrize(
    ("deed", "rule"), [("hang", "reader-hung"), ("crash", "reader-died"), ("eat", "reader-out-of-memory")]
)
def test_a_probe_that_misbehaves_is_a_finding(pool: WorkerPool, in_memory: Memory, deed: str, rule: str) -> None:
    facts = one(pool, f"probe.{deed}", in_memory(README))
    assert (facts.reader, facts.format) == ("misbehaving", "unreadable")
    assert [finding.rule for finding in facts.findings] == [rule]


def test_a_probe_that_raises_leaves_the_file_to_the_next_format(pool: WorkerPool, in_memory: Memory) -> None:
    facts = one(pool, "probe.fail", in_memory(README))
    assert facts.format == "text"
    assert [finding.rule for finding in facts.findings] == ["reader-failed"]
    facts = one(pool, "probe.fail", in_memory(b"\0binary"))
    assert facts.format == "unreadable"


@pytest.mark.parametrize(
    ("deed", "rule", "says"), [("corrupt", "rotten", "Throw it away."), ("invalid", "too-much", "")]
)
def test_what_a_reader_refuses_keeps_its_format_and_says_why(
    pool: WorkerPool, in_memory: Memory, deed: str, rule: str, says: str
) -> None:
    one(pool, "README", in_memory(README))
    before = worker_pid(pool)
    facts = one(pool, f"deed.{deed}", in_memory(b"x"))
    assert (facts.reader, facts.format, facts.safety) == ("misbehaving", "deed", Safety.GUARDED)
    assert [finding.rule for finding in facts.findings] == [rule]
    assert says in facts.findings[0].message
    assert worker_pid(pool) == before


def test_what_a_reader_last_printed_is_in_the_finding_when_it_dies(pool: WorkerPool, in_memory: Memory) -> None:
    facts = one(pool, "deed.crash", in_memory(b"x"))
    assert "about to touch nothing" in facts.findings[0].message


def test_what_a_reader_prints_does_not_disturb_the_protocol(pool: WorkerPool, in_memory: Memory) -> None:
    assert one(pool, "deed.chatter", in_memory(b"x")).values["said"] == ""
    assert one(pool, "README", in_memory(README)).values["title"] == "Title"


def test_a_reader_cannot_write_files_nor_open_many(pool: WorkerPool, in_memory: Memory) -> None:
    assert one(pool, "deed.write", in_memory(b"x")).values["said"] == "OSError"
    assert one(pool, "deed.open_many", in_memory(b"x")).values["said"] < 64


def test_a_reader_sees_no_secret_of_the_environment_and_not_the_callers_folder(
    pool: WorkerPool, in_memory: Memory, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HERDBOOK_TOKEN", "secret")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    (tmp_path / "json.py").write_text("raise SystemExit('this is not the json you want')")
    monkeypatch.chdir(tmp_path)
    said = one(pool, "deed.environment", in_memory(b"x")).values["said"]
    assert "secret" not in said.values()
    folders = one(pool, "deed.folder", in_memory(b"x")).values["said"]
    assert folders[0] == "/"
    assert str(tmp_path) not in folders
    assert "" not in folders


def test_what_a_reader_started_ends_with_it(pool: WorkerPool, in_memory: Memory) -> None:
    facts = one(pool, "deed.spawn_and_hang", in_memory(b"x"))
    pid = int(facts.findings[0].message.split()[-1])
    quiet = one(pool, "deed.spawn", in_memory(b"x")).values["said"]
    assert gone(pid)
    assert alive(quiet)
    pool.close()
    assert gone(quiet)


def gone(pid: int) -> bool:
    """Say whether a process ends within five seconds; a zombie has ended."""
    until = time.monotonic() + 5
    while time.monotonic() < until:
        if not alive(pid):
            return True
        time.sleep(0.01)
    return False


def alive(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


# ── bytes over the pipe ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("size", [1, 1000, 65_536, 65_537, 3_000_001, 9_500_000])
@pytest.mark.parametrize("deed", ["whole", "backwards"])
def test_a_reader_gets_every_byte_as_it_is(pool: WorkerPool, in_memory: Memory, size: int, deed: str) -> None:
    data = os.urandom(size)
    assert one(pool, f"deed.{deed}", in_memory(data)).values["said"] == sum(data)


def test_reading_past_the_end_gives_what_there_is(pool: WorkerPool, in_memory: Memory) -> None:
    assert one(pool, "deed.past_the_end", in_memory(bytes(100_000))).values["said"] == [0, 0, 3, 0]
    assert one(pool, "deed.negative", in_memory(b"x")).findings[0].rule == "bad-range"


def test_many_small_reads_are_few_round_trips(pool: WorkerPool, in_memory: Memory) -> None:
    data = b"".join(b"\x0a\x02ab" for _ in range(500_000))
    file = in_memory(bytes([8, 8, 0x3A, *varint(len(data))]) + data)
    one(pool, "many.onnx", file)
    assert file.reads < 40


def varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


class Trouble:
    """A file whose store fails behind the first bytes."""

    size = 1_000_000

    def __init__(self, error: Exception) -> None:
        self.error = error

    def read_at(self, offset: int, length: int) -> bytes:
        if offset + length > 100_000:
            raise self.error
        return bytes(length)


@pytest.mark.parametrize("error", [CorruptError("not what it was"), UnavailableError("S3 is down"), OSError(5, "I/O")])
def test_a_store_that_fails_is_a_finding_that_names_the_store_not_the_reader(
    pool: WorkerPool, in_memory: Memory, error: Exception
) -> None:
    facts = one(pool, "deed.whole", Trouble(error))
    assert facts.format == "unreadable"
    assert [finding.rule for finding in facts.findings] == ["bytes-unavailable"]
    assert str(error) in facts.findings[0].message
    assert one(pool, "README", in_memory(README)).format == "readme"


class Slow:
    """A store that needs its time."""

    size = 300_000

    def read_at(self, offset: int, length: int) -> bytes:
        time.sleep(0.2)
        return bytes(min(length, self.size - offset))


def test_time_that_the_store_needs_is_not_the_readers(pool: WorkerPool) -> None:
    assert one(pool, "deed.backwards", Slow()).values["said"] == 0


def test_a_reader_that_reads_for_ever_is_ended(pool: WorkerPool, in_memory: Memory) -> None:
    assert one(pool, "deed.forever", in_memory(bytes(3_000_000))).findings[0].rule == "reader-hung"


def test_a_bug_in_the_callers_file_is_raised_and_leaves_no_worker_in_the_middle(
    pool: WorkerPool, in_memory: Memory
) -> None:
    with pytest.raises(ZeroDivisionError):
        one(pool, "deed.whole", Trouble(ZeroDivisionError("mine")))
    assert one(pool, "README", in_memory(README)).format == "readme"


# ── the life of workers ───────────────────────────────────────────────────────────────────────────────────────────


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
            found = pool.read([("deed.slowly", in_memory(b"x"))] * 6, {})
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
        assert set(pool.versions) == {"onnx", "document"}


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
        assert dict(pool.versions) == {"onnx": "1", "document": "1"}
        assert not pool._all


def test_versions_of_foreign_readers_are_asked_of_a_worker(pool: WorkerPool) -> None:
    assert dict(pool.versions) == {"misbehaving": "7", "onnx": "1", "document": "1"}
    assert "misbehaving" not in sys.modules


def test_a_file_that_no_format_takes_has_no_facts(pool: WorkerPool, in_memory: Memory) -> None:
    assert pool.read([("weights.bin", in_memory(bytes(1000)))], {}) == [None]


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
