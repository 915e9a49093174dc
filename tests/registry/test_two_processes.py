"""Two processes at one registry: the same label at once, many at once, and each sees what the other wrote."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import herdbook
from herdbook.testing.registry_samples import replayed

PROGRAM = """
import io, json, sys
import pytest

import herdbook
from herdbook.kernel.errors import HerdbookError
from herdbook.testing.registry_samples import prepared

folder, name, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
with herdbook.open(folder) as registry:
    print("ready", flush=True)
    sys.stdin.readline()
    told = []
    for number in range(count):
        try:
            item = prepared(registry, f"demo/tau/toy:V{number}", f"{name} {number}")
            told.append(registry.versions.record([item])[0].outcome)
        except HerdbookError as error:
            told.append(error.code)
        own = prepared(registry, f"demo/tau/{name}:V{number}", f"{number}")
        told.append(registry.versions.record([own])[0].outcome)
    print(json.dumps(told))
"""
COUNT = 8


@pytest.fixture(params=["folder", "pg_folder"], ids=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest) -> Path:
    found = request.getfixturevalue(request.param)
    assert isinstance(found, Path)
    return found


def test_two_processes_that_register_the_same_labels_at_once_get_one_each(place: Path) -> None:
    started = [
        subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(place), name, str(COUNT)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for name in ("left", "right")
    ]
    for process in started:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    told = [json.loads(out) for out in _finish(started)]
    for left, right in zip(told[0][::2], told[1][::2], strict=True):
        assert {left, right} == {"registered", "label-taken"}
    assert set(told[0][1::2]) == set(told[1][1::2]) == {"registered"}
    with herdbook.open(str(place)) as registry:
        assert registry.models.get("demo/tau/toy").versions == COUNT
        assert registry.versions.search("", total=True).total == 3 * COUNT
        assert registry.journal.checkpoint("demo").seq == 1 + 3 * COUNT
        assert registry.journal.state_digest("demo") == replayed(registry, "demo").digest()
        events = registry.journal.events("demo", limit=100).items
        assert [entry.event.seq for entry in events] == list(range(1, 2 + 3 * COUNT))


def _finish(started: list[subprocess.Popen[str]]) -> list[str]:
    for process in started:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    out = [process.communicate(timeout=120)[0] for process in started]
    assert [process.returncode for process in started] == [0, 0]
    return out
