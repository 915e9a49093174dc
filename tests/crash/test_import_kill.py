"""Imports that are killed at random moments: all of a batch or nothing of it, and the next run brings the rest."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.admin.registries import Place, rules
from tests.story.growing import bring, entries, sets, told

import herdbook
from herdbook.bootstrap.open import open_admin
from herdbook.testing.repositories import Repository

IMPORTER = Path(__file__).with_name("importer.py")
MODELS = 20


def prepare(scratch: Path) -> None:
    """Make the repository, once without its content, and the registries to begin with."""
    rng = random.Random(5)
    letters = [chr(97 + number) for number in range(MODELS)]
    trees = [{f"nets/{letter}_v1.pb": rng.randbytes(40_000) for letter in letters} for _ in range(2)]
    for name in ("nets.git", "partial.git"):
        repository = Repository(scratch / name)
        for number, tree in enumerate(trees, 1):
            message = f"Better, training {number:032x}"
            repository.tag(f"T{number}", repository.commit(tree, message, author=f"Ann {number} <ann{number}@x.org>"))
        for content in trees[0].values() if name == "partial.git" else ():
            repository.drop(repository.put("blob", content))
        for content in trees[1].values() if name == "partial.git" else ():
            repository.drop(repository.put("blob", content))
    herdbook.open(str(scratch / "empty")).close()
    with herdbook.open(str(scratch / "partial")) as registry:
        assert bring(registry, scratch / "partial.git").unresolved == 2 * MODELS


def kill(scratch: Path, deaths: int, seed: int) -> list[dict[str, Any]]:
    prepare(scratch)
    argv = [sys.executable, str(IMPORTER), str(scratch), str(deaths), str(seed)]
    found = subprocess.run(argv, stdout=subprocess.PIPE, text=True, check=False, timeout=60 + 10 * deaths)
    assert found.returncode == 0
    return [json.loads(line) for line in found.stdout.splitlines()]


def check_after(scratch: Path, state: str) -> None:
    """Let every import of a state come through, and compare with the one that nobody killed."""
    with herdbook.open(str(scratch / f"undisturbed-{state}")) as registry:
        wanted = sets(registry), told(registry)
    for folder in sorted(scratch.glob(f"killed-{state}-*")):
        with herdbook.open(str(folder)) as registry:
            bring(registry, scratch / "nets.git")
            assert bring(registry, scratch / "nets.git").outcome == "unchanged"
            assert (sets(registry), told(registry)) == wanted
        with Place(folder, now=[4e9]) as later:  # long after: no lease stands
            later.admin.garbage(dry_run=False)
            assert list((folder / "blobs" / "tmp").glob("*.part")) == []
            assert rules(later.admin.doctor(reindex=True)) == set()
            for entry in entries(later.registry):
                assert {check.status for check in later.registry.files.verify(entry.reference)} == {"ok"}


def _kill(tmp_path: Path, deaths: int, seed: int) -> None:
    lines = kill(tmp_path, deaths, seed)
    assert sum(line["killed"] for line in lines) == deaths
    assert sum(line["killed"] and not line["whole"] for line in lines) > deaths // 3  # the others came to the end
    for state in ("empty", "partial"):
        check_after(tmp_path, state)


def test_an_import_that_is_killed_is_there_as_a_whole_or_not_at_all(tmp_path: Path) -> None:
    _kill(tmp_path, 16, seed=20261121)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seed", range(4))
def test_an_import_that_is_killed_hundreds_of_times_is_whole_or_not_there(tmp_path: Path, seed: int) -> None:
    _kill(tmp_path, 120, seed=seed)


def test_what_a_killed_import_left_goes_when_its_lease_ended(tmp_path: Path) -> None:
    prepare(tmp_path)
    script = f"""
import os, sys
sys.path.insert(0, {str(IMPORTER.parents[2])!r})
from pathlib import Path
import herdbook
from tests.story.growing import bring
with herdbook.open({str(tmp_path / "empty")!r}) as registry:
    registry.imports.record = lambda *given: os.kill(os.getpid(), 9)  # all bytes came, nothing is written
    bring(registry, Path({str(tmp_path / "nets.git")!r}))
"""
    assert subprocess.run([sys.executable, "-c", script], check=False, timeout=60).returncode == -9
    admin = open_admin(str(tmp_path / "empty"))
    try:
        assert admin.garbage(dry_run=False).leased == 2 * MODELS
    finally:
        admin.close()
    with Place(tmp_path / "empty", now=[4e9]) as later:
        report = later.admin.garbage(dry_run=False)
        assert len(report.candidates) == 2 * MODELS
        assert later.admin.doctor().sound
        assert later.registry.namespaces.list() == []
    with herdbook.open(str(tmp_path / "empty")) as registry:
        assert bring(registry, tmp_path / "nets.git").new == 2 * MODELS
