"""A program whose imports are killed: ``importer.py SCRATCH DEATHS SEED``. It prints a JSON object for each round.

The scratch folder holds registries in two states: ``empty``, and ``partial`` with what a clone without content told;
and ``nets.git``, the full repository.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # the tests are no package that is installed

from tests.admin.registries import rules
from tests.story.growing import bring, entries

import herdbook

# Imported before the first fork, so that children begin at once.
import herdbook.service.registry
import herdbook.stores.disk.blobs
import herdbook.stores.sql.catalogue
from herdbook.bootstrap.open import open_admin
from herdbook.testing import crash

SCRATCH, DEATHS, SEED = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
STATES = ("empty", "partial")
WHOLE = 40
FAILED = 70


def forked(work: Callable[[], bool]) -> int:
    """Run work in a process of its own; return its id."""
    child = os.fork()
    if not child:
        try:
            os._exit(work())
        except BaseException:  # noqa: BLE001 - a forked child must never come back
            traceback.print_exc()
        finally:
            os._exit(FAILED)
    return child


def done(child: int) -> bool | None:
    """Wait for a child; return what its work did, ``None`` when it was killed."""
    _, status = os.waitpid(child, 0)
    if not os.WIFEXITED(status):
        return None
    if os.WEXITSTATUS(status) == FAILED:
        sys.exit(f"a child failed (seed {SEED})")
    return bool(os.WEXITSTATUS(status))


def apply(folder: Path) -> bool:
    with herdbook.open(str(folder)) as registry:
        return bring(registry, SCRATCH / "nets.git").outcome == "applied"


def check(folder: Path, state: str) -> bool:
    """Look at what a killed import left: sound, and all of the batch or nothing of it. Return which."""
    admin = open_admin(str(folder))
    try:
        report = admin.doctor()
        assert rules(report) | rules(report, "warning") == set(), report.findings
        assert admin.garbage(dry_run=False).candidates == ()  # what came stays: its lease stands
    finally:
        admin.close()
    before = 1 if state == "partial" else 0
    with herdbook.open(str(folder), read_only=True) as registry:
        batches = registry.imports.list("toy") if registry.namespaces.list() else []
        found = entries(registry)
        there = len(batches) > before
        assert len(found) == (WHOLE if there or before else 0)
        assert {entry.version.resolved for entry in found} <= {there}
        return there


def main() -> None:
    rng = random.Random(SEED)
    spans, made = {}, dict.fromkeys(STATES, 0)
    for state in STATES:
        folder = Path(shutil.copytree(SCRATCH / state, SCRATCH / f"undisturbed-{state}"))
        began = time.monotonic()
        done(forked(partial(apply, folder)))
        spans[state] = time.monotonic() - began
    deaths = number = 0
    while deaths < DEATHS and number < 4 * DEATHS:
        number += 1
        state = STATES[number % 2]
        folder = SCRATCH / f"killed-{state}-{made[state]}"
        if not folder.exists():
            shutil.copytree(SCRATCH / state, folder)
        child = forked(partial(apply, folder))
        time.sleep(spans[state] * rng.random())
        os.kill(child, signal.SIGKILL)
        killed = done(child) is None
        deaths += killed
        whole = done(forked(partial(check, folder, state)))
        made[state] += bool(whole)  # the next round begins with another registry
        crash.acknowledge({"killed": killed, "whole": whole})


if __name__ == "__main__":
    main()
