"""A mirror that is killed outright, again and again, is continued by the next run."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tests.admin.registries import Place, rules
from tests.mirror.test_mirror import same

if TYPE_CHECKING:
    from tests.admin.conftest import Open

MIRROR = """
import sys, time
from herdbook.bootstrap.open import init_registry, open_admin, open_registry
from herdbook.service import replay, replay_blobs
replay.CHUNK_OPS, replay_blobs.TOGETHER = 40, 8
with open_registry(sys.argv[1], read_only=True) as source, open_admin(init_registry(sys.argv[2])) as admin:
    print("begun", flush=True)
    report = admin.mirror(source)
print(report.events, report.blobs, flush=True)
"""


def _run(source: Path, target: Path, patience: float) -> str:
    """Run a mirror and kill it after so many seconds of work; return what it said at its end, if it came to one."""
    child = subprocess.Popen(
        [sys.executable, "-c", MIRROR, str(source), str(target)],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert child.stdout is not None
    with child.stdout:
        child.stdout.readline()
        try:
            child.wait(patience)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
        said = child.stdout.read()
    child.wait(30)
    return said


def test_a_killed_mirror_is_a_correct_older_copy_and_goes_on(place: Open, tmp_path: Path) -> None:
    home, target = place("home"), tmp_path / "site"
    home.many(400)
    for number in range(30):
        home.registry.pointers.alias(f"demo/many/m{number % 10}", "next", f"v{number}")
    chance = random.Random(5)
    for _ in range(6):
        _run(home.folder, target, chance.uniform(0, 0.4))
        with Place(target) as site:
            for head in site.registry.namespaces.list():
                assert site.registry.journal.lines("demo") == home.registry.journal.lines("demo")[: head.seq]
            assert rules(site.admin.doctor()) == set()
    held = set((target / "blobs").glob("??/*"))
    said = _run(home.folder, target, 120)
    events, blobs = map(int, said.split())
    assert events <= home.registry.journal.checkpoint("demo").seq
    assert len(held) + blobs == len(list(home.context.blobs.list()))  # what was brought was not brought again
    with Place(target) as site:
        same(home, site)
        assert rules(site.admin.doctor()) == set()
        site.admin.garbage(dry_run=False)
        assert [path for path in (target / "blobs" / "tmp").rglob("*") if path.is_file() and path.stat().st_size] == []
