"""``kill -9`` at random instants: what a writer acknowledged must be there, whatever stood half-done beside it.

A program calls ``die_often`` with what it writes. That forks a child which writes, kills it at a random instant, forks
the next one, and so on; a child acknowledges by ``acknowledge``, when the call returned. ``run`` starts several such
programs at once and returns what all of them acknowledged. Forked children start at once, since everything is imported
already, so that there are many deaths in a second.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_FAILED = 70
_GONE_S = 10.0


@dataclass(frozen=True, slots=True)
class Lived:
    """What came of some writers.

    Attributes:
        acknowledged: in the order of each writer.
        deaths: how many children were killed.
        left: processes that were still there some seconds after all was over.
    """

    acknowledged: list[Any]
    deaths: int
    left: list[int]


def acknowledge(value: object) -> None:
    """Say that something is done for good. One short line, which no kill can tear."""
    os.write(1, json.dumps(value).encode() + b"\n")


def die_often(write: Callable[[random.Random], None], *, seed: int, seconds: float, longest_s: float) -> None:
    """Fork children that write, and kill each at a random instant within ``longest_s`` seconds; print how many.

    Raises:
        SystemExit: when a child fails by itself; its trace stands on stderr.
    """
    rng = random.Random(seed)  # noqa: S311 - instants, no secrets
    deadline = time.monotonic() + seconds
    deaths = 0
    while time.monotonic() < deadline:
        child_seed = rng.getrandbits(64)
        child = os.fork()
        if not child:
            _write_until_killed(write, child_seed)
        # Squared: many die young, some come far.
        time.sleep(longest_s * rng.random() ** 2)
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        if os.WIFEXITED(status):
            sys.exit(f"a writer failed (seed {seed}, {child_seed})")
        deaths += 1
    acknowledge({"deaths": deaths})


def _write_until_killed(write: Callable[[random.Random], None], seed: int) -> None:
    try:
        write(random.Random(seed))  # noqa: S311 - contents, no secrets
    except BaseException:  # noqa: BLE001 - a forked child must never come back
        import traceback  # noqa: PLC0415 - only then

        traceback.print_exc()
    finally:
        os._exit(_FAILED)


def run(argv: Sequence[str], *, writers: int, seed: int, timeout_s: float) -> Lived:
    """Run programs that ``die_often``, each with its own seed as last argument, and gather what they acknowledged.

    Raises:
        AssertionError: when a writer failed by itself, or did not end in time.
    """
    started = [
        subprocess.Popen(  # noqa: S603 - the test's own program
            [*argv, str(seed + number)], stdout=subprocess.PIPE, start_new_session=True
        )
        for number in range(writers)
    ]
    said: list[Any] = []
    try:
        for program in started:
            out, _ = program.communicate(timeout=timeout_s)
            assert program.returncode == 0, f"a writer failed; its seed is among {seed} to {seed + writers - 1}"
            said += [json.loads(line) for line in out.splitlines(keepends=True) if line.endswith(b"\n")]
        left = _left([program.pid for program in started])
    finally:
        for program in started:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(program.pid, signal.SIGKILL)
            program.wait()
            if program.stdout is not None:
                program.stdout.close()
    deaths = [line["deaths"] for line in said if isinstance(line, dict) and "deaths" in line]
    return Lived([line for line in said if not (isinstance(line, dict) and "deaths" in line)], sum(deaths), left)


def _left(sessions: list[int]) -> list[int]:
    """Return processes of these sessions that are there still; they get some seconds to end."""
    deadline = time.monotonic() + _GONE_S
    while (found := _of_sessions(set(sessions))) and time.monotonic() < deadline:
        time.sleep(0.05)
    return found


def _of_sessions(sessions: set[int]) -> list[int]:
    found = []
    for entry in Path("/proc").glob("[0-9]*") if Path("/proc").is_dir() else ():
        with contextlib.suppress(OSError, ValueError, IndexError):
            state, _, _, session = (entry / "stat").read_text().rpartition(")")[2].split()[:4]
            if int(session) in sessions and state != "Z":
                found.append(int(entry.name))
    return found
