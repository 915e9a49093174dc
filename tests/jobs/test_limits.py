"""A command that takes more than it may is ended, with all that it started."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from tests.jobs import asked

from herdbook.jobs import running

FORK = """
import os, sys, time
for how in ('plain', 'session', 'twice'):
    if os.fork() == 0:
        if how != 'plain':
            os.setsid()
        if how == 'twice' and os.fork():
            os._exit(0)
        open(how, 'w').write(str(os.getpid()))
        time.sleep(300)
        os._exit(0)
while not all(os.path.exists(how) and os.path.getsize(how) for how in ('plain', 'session', 'twice')):
    time.sleep(0.01)
"""


def alive(folder: Path) -> list[str]:
    """Return which of the forked processes still run."""
    found = []
    for how in ("plain", "session", "twice"):
        status = Path("/proc", (folder / "work" / how).read_text(), "status")
        try:
            text = status.read_text()
        except FileNotFoundError:
            continue
        if "State:\tZ" not in text:
            found.append(how)
    return found


def test_a_command_that_runs_too_long_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    folder = asked.ask(tmp_path, command=asked.python(FORK + "time.sleep(300)"), limits={"wall_s": 1.5})
    begun = time.monotonic()
    result = asked.run(folder)
    assert time.monotonic() - begun < 60
    assert (result.status, result.exit) == ("killed", -9)
    assert "wall-limit" in asked.codes(result)
    assert not alive(tmp_path)


def test_what_a_command_leaves_running_is_ended_and_told(tmp_path: Path) -> None:
    result = asked.run(asked.ask(tmp_path, command=asked.python(FORK + asked.WRITE)))
    assert result.status == "finished"
    assert "left-behind: 3 processes" in asked.said(result)
    assert not alive(tmp_path)


def test_a_command_that_takes_too_much_memory_is_ended(tmp_path: Path) -> None:
    text = "import time; x = bytearray(400 << 20); time.sleep(60)"
    result = asked.run(asked.ask(tmp_path, command=asked.python(text), limits={"memory_bytes": 200 << 20}))
    assert (result.status, asked.codes(result)) == ("killed", {"memory-limit"})


def test_memory_of_children_counts(tmp_path: Path) -> None:
    text = "import os, time\nfor _ in range(3):\n    os.fork()\nx = bytearray(60 << 20); time.sleep(60)"
    result = asked.run(asked.ask(tmp_path, command=asked.python(text), limits={"memory_bytes": 200 << 20}))
    assert (result.status, asked.codes(result)) == ("killed", {"memory-limit"})


def test_one_file_cannot_grow_beyond_the_limit(tmp_path: Path) -> None:
    text = "f = open('out.txt', 'wb'); f.truncate(1 << 40)"
    result = asked.run(asked.ask(tmp_path, command=asked.python(text), limits={"output_bytes": 1 << 20}))
    assert (result.status, asked.codes(result)) == ("failed", {"command-failed"})


def test_many_files_cannot_take_more_than_the_limit(tmp_path: Path) -> None:
    text = "import os; os.mkdir('m'); [open(f'm/{n}', 'wb').truncate(1 << 20) for n in range(100)]"
    limits = {"output_bytes": 10 << 20}
    result = asked.run(asked.ask(tmp_path, command=asked.python(text), limits=limits, outputs=[{"path": "m"}]))
    assert (result.status, asked.codes(result)) == ("failed", {"output-limit"})
    assert sum(each.size for each in result.outputs) <= limits["output_bytes"]


def test_a_disk_is_not_filled_by_many_files(tmp_path: Path) -> None:
    text = "import time\nfor n in range(5000): open(f'{n}', 'wb').write(b'x' * (1 << 20)); time.sleep(.02)"
    result = asked.run(asked.ask(tmp_path, command=asked.python(text), limits={"output_bytes": 20 << 20}))
    assert (result.status, asked.codes(result)) == ("killed", {"output-limit"})


def test_what_is_printed_without_end_does_not_fill_the_disk(tmp_path: Path) -> None:
    count = 300 << 20
    text = (
        f"import sys\nfor _ in range({count >> 20}): sys.stdout.write('x' * (1 << 20))\nprint('the end')\n"
        + asked.WRITE
    )
    result = asked.run(asked.ask(tmp_path, command=asked.python(text)))
    assert result.status == "finished"
    assert result.usage is not None
    assert result.usage["printed_bytes"] > count
    log = (tmp_path / "log.txt").read_bytes()
    assert len(log) < running.LOG_BYTES + (2 << 20)
    assert log.endswith(b"the end\n")
    assert b"bytes left out" in log


def test_processors_are_those_allowed(tmp_path: Path) -> None:
    text = "import os; print(len(os.sched_getaffinity(0))); " + asked.WRITE
    assert asked.run(asked.ask(tmp_path, command=asked.python(text), limits={"cpus": 1})).status == "finished"
    assert (tmp_path / "log.txt").read_text() == "1\n"


@pytest.mark.parametrize(
    ("command", "status", "code"),
    [
        ({"argv": ["no-such-program"]}, "refused", "no-command"),
        ({"argv": ["./train"]}, "refused", "no-command"),
        (asked.python("raise SystemExit(3)"), "failed", "command-failed"),
        (asked.python("import os; os.kill(os.getpid(), 11)"), "failed", "command-failed"),
    ],
)
def test_a_command_that_fails_or_is_not_there(tmp_path: Path, command: dict[str, Any], status: str, code: str) -> None:
    result = asked.run(asked.ask(tmp_path, command=command))
    assert result.status == status
    assert code in asked.codes(result)


def test_variables_are_clean_but_for_those_asked_for(tmp_path: Path) -> None:
    text = "import os, json; print(json.dumps(dict(os.environ))); " + asked.WRITE
    variables = {"PYTHONHASHSEED": "7", "HOME": "/elsewhere", "LD_PRELOAD": "/evil.so", "OMP_NUM_THREADS": "2"}
    folder = asked.ask(tmp_path, command=asked.python(text), variables=variables)
    asked.run(folder, {"SECRET_TOKEN": "x", "PYTHONPATH": "/elsewhere", "CUDA_VISIBLE_DEVICES": "1"})
    seen = __import__("json").loads((tmp_path / "log.txt").read_text())
    assert (seen["PYTHONHASHSEED"], seen["OMP_NUM_THREADS"], seen["CUDA_VISIBLE_DEVICES"]) == ("7", "2", "1")
    assert seen["HOME"] == str(tmp_path / "home")
    assert not seen.keys() & {"SECRET_TOKEN", "LD_PRELOAD", "PYTHONPATH"}
