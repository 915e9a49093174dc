"""Imports in bad places and bad company: a full disk, a folder that is only read, two at once, a source that moves."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

import herdbook
from herdbook.bootstrap.open import open_admin
from herdbook.kernel.errors import ConflictError, HerdbookError, UnavailableError
from herdbook.ports.registry import Registry
from herdbook.service import importing, plans
from herdbook.testing.repositories import Repository

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # tests are no package that is installed
from tests.story.growing import bring, entries, events, opened, rules, rules_file, sets, told

ROOT = Path(__file__).resolve().parents[2]
COUNT = 12


def large(folder: Path, size: int = 40_000, seed: int = 1) -> Repository:
    """Make a repository of some megabytes of noise."""
    repository, rng = Repository(folder), random.Random(seed)
    letters = [chr(97 + number) for number in range(COUNT)]
    for tag in ("T1", "T2"):
        repository.tag(tag, repository.commit({f"nets/{letter}_v1.pb": rng.randbytes(size) for letter in letters}))
    return repository


def sound(folder: Path) -> bool:
    admin = open_admin(str(folder))
    try:
        return admin.doctor().sound
    finally:
        admin.close()


@pytest.mark.parametrize("room", [0, 300_000, 900_000])
def test_a_full_disk_half_applies_nothing_and_the_next_run_brings_the_rest(
    small_disk: Path, tmp_path: Path, room: int
) -> None:
    repository = large(tmp_path / "nets.git")
    with herdbook.open(str(small_disk / "registry")) as registry:
        registry.namespaces.create("toy")
        before = events(registry)
        (small_disk / "ballast").write_bytes(bytes(_free(small_disk) - room - 65536))
        with pytest.raises(UnavailableError) as caught:
            bring(registry, repository)
        assert caught.value.code == "disk-full"
        (small_disk / "ballast").unlink()
        assert (events(registry), entries(registry)) == (before, [])
        assert list((small_disk / "registry" / "blobs" / "tmp").glob("*.part")) == []
        report = bring(registry, repository)
        assert (report.outcome, report.new) == ("applied", 2 * COUNT)
    assert sound(small_disk / "registry")


def _free(folder: Path) -> int:
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize


COMMAND = """
import ctypes, struct, sys
if sys.platform == "linux":  # root may write everywhere: give up its capabilities, see capset(2)
    header, none = struct.pack("Ii", 0x20080522, 0), struct.pack("6I", *[0] * 6)
    assert ctypes.CDLL(None).capset(header, none) == 0
from herdbook.apps.cli.main import run
run()
"""


def test_a_registry_that_is_only_read_can_be_looked_at_and_compared_and_takes_no_import(tmp_path: Path) -> None:
    repository, by = large(tmp_path / "nets.git", 100), str(rules_file(tmp_path))
    folder = tmp_path / "registry"
    with herdbook.open(str(folder)) as registry:
        bring(registry, repository)
        before = events(registry)
    repository.commit({"nets/new_v1.pb": b"new"})
    paths = [folder, *folder.rglob("*")]
    for path in paths:
        path.chmod(0o555 if path.is_dir() else 0o444)
    try:
        done = {}
        for words in (["import", "git"], ["import", "git", "--apply"], ["import", "status"], ["import", "verify"]):
            given = [str(repository.folder), "--rules", by, "--name", "toy/Nets"]
            argv = [sys.executable, "-c", COMMAND, "--registry", str(folder), "--json", *words, *given]
            done[words[-1]] = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60)
    finally:
        for path in paths:
            path.chmod(0o755 if path.is_dir() else 0o644)
    assert done["git"].returncode == 0, done["git"].stderr
    assert json.loads(done["git"].stdout)["outcome"] == "planned"
    assert json.loads(done["--apply"].stderr)["kind"] == "denied"
    assert done["--apply"].returncode not in {0, 70}
    assert {drift["what"] for drift in json.loads(done["status"].stdout)["drifts"]} >= {"new"}
    assert done["verify"].returncode == 0, done["verify"].stderr
    with herdbook.open(str(folder)) as registry:
        assert events(registry) == before


RACER = """
import json, sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
import herdbook
from herdbook.kernel.errors import HerdbookError
from tests.story.growing import bring
with herdbook.open(sys.argv[2]) as registry:
    print("ready", flush=True)
    sys.stdin.readline()
    try:
        report = bring(registry, Path(sys.argv[3]), name=sys.argv[4])
        print(json.dumps([report.outcome, report.new]))
    except HerdbookError as error:
        print(json.dumps([error.code, 0]))
"""


def race(folder: Path, *places: tuple[Path, str]) -> list[list[object]]:
    """Let imports begin at one moment, each in a process of its own; return what they say."""
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", RACER, str(ROOT), str(folder), str(place), name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for place, name in places
    ]
    try:
        for racer in racers:
            assert racer.stdout is not None
            assert racer.stdout.readline() == "ready\n"
        for racer in racers:
            assert racer.stdin is not None
            racer.stdin.write("go\n")
            racer.stdin.flush()
        return [json.loads(racer.communicate(timeout=60)[0]) for racer in racers]
    finally:
        for racer in racers:
            racer.kill()
            racer.communicate()


def test_two_imports_of_one_source_at_once_are_one(tmp_path: Path, registry: Registry) -> None:
    repository = large(tmp_path / "nets.git", 3000)
    bring(registry, repository)
    folder = tmp_path / "raced"
    herdbook.open(str(folder)).close()
    said = race(folder, *[(repository.folder, "toy/Nets")] * 3)
    assert ["applied", 2 * COUNT] in said
    assert {word for word, _ in said} <= {"applied", "unchanged"}
    with herdbook.open(str(folder)) as raced:
        assert (sets(raced), told(raced)) == (sets(registry), told(registry))
        assert bring(raced, repository).outcome == "unchanged"
    assert sound(folder)


def test_two_sources_imported_at_once_into_one_namespace_are_both_there(tmp_path: Path) -> None:
    ours, theirs = large(tmp_path / "ours.git", 3000), Repository(tmp_path / "theirs.git")
    theirs.commit({f"nets/{letter * 2}_v1.pb": letter.encode() for letter in "abcdef"})
    folder = tmp_path / "raced"
    herdbook.open(str(folder)).close()
    said = race(folder, (ours.folder, "toy/Nets"), (theirs.folder, "toy/Else"))
    assert said == [["applied", 2 * COUNT], ["applied", 6]]
    with herdbook.open(str(folder)) as registry:
        assert len(entries(registry)) == 2 * COUNT + 6
        assert len(registry.imports.list("toy")) == 2
        assert bring(registry, ours).outcome == "unchanged"
        assert bring(registry, theirs, name="toy/Else").outcome == "unchanged"
    assert sound(folder)


def test_a_source_that_moves_while_it_is_planned_or_applied_is_read_as_it_was_opened(
    registry: Registry, tmp_path: Path
) -> None:
    repository = large(tmp_path / "nets.git", 100)
    with opened(repository) as source:
        drafts = source.drafts(rules())
        plan = plans.make(drafts)
        repository.tag("T3", repository.commit({"nets/new_v1.pb": b"new"}))
        assert importing.apply(registry, source, drafts, plan).new == 2 * COUNT
    with opened(repository) as source:
        moved = source.drafts(rules())
        with pytest.raises(ConflictError) as caught:
            importing.apply(registry, source, moved, plan)
        assert caught.value.code == "source-moved"
    assert bring(registry, repository).new == 1


def test_an_object_that_goes_while_it_is_brought_leaves_nothing_half_applied(
    registry: Registry, tmp_path: Path
) -> None:
    repository = large(tmp_path / "nets.git", 100)
    with opened(repository) as source:
        drafts = source.drafts(rules())
        blob = next(blob for blob in drafts.blobs if blob.fate == "taken")
        repository.drop(blob.digest.partition(":")[2])
        with pytest.raises(HerdbookError):
            importing.apply(registry, source, drafts, plans.make(drafts))
    assert registry.namespaces.list() == []
    assert bring(registry, repository).absent == 1
