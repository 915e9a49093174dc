"""Kills around PostgreSQL: of writers, of the server's processes, of the server; what was acknowledged is there."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.admin.registries import rules
from tests.crash.test_kill import LONG, WRITER, check
from tests.servers.postgres import Server, running

import herdbook
from herdbook.bootstrap.open import open_admin
from herdbook.testing import crash

PROGRAM = """
import json, sys
import herdbook
from herdbook.kernel.errors import UnavailableError
from herdbook.testing.registry_samples import prepared

folder, name, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
with herdbook.open(folder) as registry:
    print(json.dumps("ready"), flush=True)
    for number in range(count):
        item = None
        while True:
            try:
                item = item or prepared(registry, f"demo/tau/shared:{name}{number}", f"{name} {number}")
                told = registry.versions.record([item])[0]
            except UnavailableError as error:
                print(json.dumps(error.code), flush=True)
                import time; time.sleep(0.2)
            else:
                print(json.dumps([f"{name}{number}", told.outcome, told.ordinal]), flush=True)
                break
"""
Start = Callable[[Path, str, int], subprocess.Popen[str]]


@pytest.fixture
def server() -> Iterator[Server]:
    """Give a server of this test alone, which makes durable what it says it does."""
    with running(()) as server:
        server.say("CREATE DATABASE registry")
        yield server


@pytest.fixture
def folder(server: Server, tmp_path: Path) -> Path:
    folder = tmp_path / "registry"
    folder.mkdir()
    (folder / "registry.toml").write_text(f'catalogue = "{server.url("registry")}"\n', "utf-8")
    herdbook.open(str(folder)).close()
    return folder


@pytest.fixture
def start() -> Iterator[Start]:
    """Return a function that starts a writer; what still runs at the end is ended."""
    started: list[subprocess.Popen[str]] = []

    def go(folder: Path, name: str, count: int) -> subprocess.Popen[str]:
        argv = [sys.executable, "-c", PROGRAM, str(folder), name, str(count)]
        started.append(subprocess.Popen(argv, stdout=subprocess.PIPE, text=True))
        return started[-1]

    yield go
    for process in started:
        process.kill()
        process.communicate()


def sound(folder: Path, acknowledged: list[tuple[str, str, int]]) -> int:
    """Check that all that was acknowledged is there, and the registry sound; return how many versions there are."""
    with herdbook.open(str(folder)) as registry:
        for label, _, ordinal in acknowledged:
            assert registry.versions.get(f"demo/tau/shared:{label}").ordinal == ordinal
        versions = registry.models.get("demo/tau/shared").versions
        assert len({ordinal for _, _, ordinal in acknowledged}) == len({label for label, _, _ in acknowledged})
    with closing(open_admin(str(folder))) as admin:
        report = admin.doctor()
        assert rules(report) == set(), report.findings
        assert rules(report, "warning") == set(), report.findings
    return versions


def heard(writers: list[subprocess.Popen[str]]) -> tuple[list[tuple[str, str, int]], Counter[str]]:
    """Wait for writers; return what they acknowledged, and the codes of the errors they met."""
    lines = [json.loads(line) for writer in writers for line in writer.communicate(timeout=240)[0].splitlines()]
    assert [writer.returncode for writer in writers] == [0] * len(writers)
    return [tuple(line) for line in lines if isinstance(line, list)], Counter(x for x in lines if isinstance(x, str))


def test_processes_that_write_at_once_lose_nothing(folder: Path, start: Start) -> None:
    told, codes = heard([start(folder, name, 25) for name in "abcd"])
    assert codes == {"ready": 4}
    assert Counter(outcome for _, outcome, _ in told) == {"registered": 100}
    assert sorted(ordinal for _, _, ordinal in told) == list(range(1, 101))
    assert sound(folder, told) == 100


def test_writers_that_are_killed_lose_nothing_and_hold_no_lock(folder: Path, start: Start) -> None:
    told: list[tuple[str, str, int]] = []
    for turn in range(4):
        writers = [start(folder, f"{name}{turn}x", 100_000) for name in "ab"]
        for number, writer in enumerate(writers):
            assert writer.stdout
            assert writer.stdout.readline() == '"ready"\n'
            told += [tuple(json.loads(writer.stdout.readline())) for _ in range(2 + 2 * turn)]
            time.sleep(0.004 * turn * (number + 1))
            writer.send_signal(signal.SIGKILL)
        for writer in writers:
            writer.wait(60)
            assert writer.stdout
            told += [tuple(json.loads(line)) for line in writer.stdout.read().splitlines() if line.endswith("]")]
        versions = sound(folder, told)
        assert len(told) <= versions <= len(told) + 2 * (turn + 1), "at most each one's last was written and not told"


@pytest.mark.parametrize("what", ["sessions", "a process of the server", "the server", "the server, in good order"])
def test_writers_go_on_when_postgresql_was_gone(server: Server, folder: Path, start: Start, what: str) -> None:
    writers = [start(folder, name, 30) for name in "abc"]
    for writer in writers:
        assert writer.stdout
        assert writer.stdout.readline() == '"ready"\n'
    chance = random.Random(7)
    for _ in range(5):
        time.sleep(0.3 + chance.random() / 2)
        make_trouble(server, what)
    told, codes = heard(writers)
    assert set(codes) <= {"database-unavailable", "outcome-unknown", "locked"}
    # Whose commit was not answered asks again, and is told that it is there already.
    assert {outcome for _, outcome, _ in told} <= {"registered", "unchanged"}
    assert sum(outcome == "unchanged" for _, outcome, _ in told) <= codes["outcome-unknown"]
    assert sound(folder, told) == 90


def make_trouble(server: Server, what: str) -> None:
    sessions = "FROM pg_stat_activity WHERE datname = 'registry' AND backend_type = 'client backend'"
    match what:
        case "sessions":
            server.say(f"SELECT pg_terminate_backend(pid) {sessions}")
        case "a process of the server":  # all others end too, and the server recovers by itself
            for (pid,) in server.say(f"SELECT pid {sessions} LIMIT 1"):
                os.kill(pid, signal.SIGKILL)
            time.sleep(0.3)  # until it has noticed
            server.wait()
        case "the server":
            server.stop(signal.SIGKILL)
            server.start()
        case _:
            server.stop(signal.SIGINT)
            server.start()


def test_what_was_acknowledged_survives_kills_at_random_instants(folder: Path) -> None:
    seconds = 60 if LONG else 8
    argv = [sys.executable, str(WRITER), str(folder), str(seconds), "2.5"]
    lived = crash.run(argv, writers=3, seed=20260101, timeout_s=seconds + 120)
    assert lived.left == []
    assert lived.deaths > 3
    with herdbook.open(str(folder)) as registry:
        check(registry, lived.acknowledged)
    with closing(open_admin(str(folder))) as admin:
        report = admin.doctor()
        assert rules(report) | rules(report, "warning") == set(), report.findings
        admin.garbage(dry_run=False)
        assert rules(admin.doctor()) == set()
    with herdbook.open(str(folder)) as registry:
        check(registry, lived.acknowledged)
