"""Writers that are killed at random instants lose nothing that was acknowledged, and leave a sound registry."""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.admin.registries import Place, rules

import herdbook
from herdbook.bootstrap.open import open_admin
from herdbook.ports.registry import Registry
from herdbook.testing import crash

WRITER = Path(__file__).with_name("writer.py")
LONG = os.environ.get("HERDBOOK_LONG") == "1"


def check(registry: Registry, said: list[Any]) -> None:
    moved: dict[str, int] = {}
    for reference, number, record, digests in said:
        if "@" in reference:
            moved[reference] = max(moved.get(reference, 0), number)
            continue
        entry = registry.versions.get(reference)
        assert (entry.ordinal, entry.record) == (number, record)
        for path, digest in digests.items():
            with registry.files.open(reference, path) as stream:
                assert hashlib.sha256(stream.read()).hexdigest() == digest
    for alias, seq in moved.items():  # each is moved by one writer alone, which may have died before it could say so
        assert registry.pointers.history(alias)[-1].seq >= seq


def _kill(tmp_path: Path, seconds: float, seed: int, writers: int) -> crash.Lived:
    folder = tmp_path / "registry"
    argv = [sys.executable, str(WRITER), str(folder), str(seconds), "2.5"]
    lived = crash.run(argv, writers=writers, seed=seed, timeout_s=seconds + 120)
    assert lived.left == []
    with herdbook.open(str(folder)) as registry:
        check(registry, lived.acknowledged)
    admin = open_admin(str(folder))
    try:
        report = admin.doctor()
        assert rules(report) == set(), report.findings
        assert rules(report, "warning") == set(), report.findings
        admin.garbage(dry_run=False)
    finally:
        admin.close()
    with Place(folder, now=[4e9]) as later:  # long after: no lease stands
        later.admin.garbage(dry_run=False)
        assert rules(later.admin.doctor(), "note") <= {"unread"}
        assert [path.name for path in (folder / "blobs" / "tmp").iterdir() if path.suffix == ".part"] == []
        check(later.registry, lived.acknowledged)
    return lived


def test_what_was_acknowledged_survives_kills_at_random_instants(tmp_path: Path) -> None:
    lived = _kill(tmp_path, 20, seed=20260101, writers=3)
    assert lived.deaths > 5
    assert len(lived.acknowledged) > 5


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seed", range(4))
def test_what_was_acknowledged_survives_hours_of_kills(tmp_path: Path, seed: int) -> None:
    _kill(tmp_path, 300 if LONG else 60, seed=seed * 1000, writers=4)
