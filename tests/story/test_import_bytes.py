"""Bytes that a source lacks, and that come later: from a fuller clone, from a folder, in any order."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from herdbook.model.imports import Delivery
from herdbook.ports.registry import Registry
from herdbook.service import drifts
from herdbook.testing.repositories import Repository

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # tests are no package that is installed
from tests.story.growing import bring, entries, events, identifier, opened, rules, sets

CONTENTS = {"core": b"the core", "inner": b"the inner part", "jet": b"a jet"}


def clone(folder: Path, *present: str) -> Repository:
    """Make the same history always, with the content of these blobs alone."""
    repository = Repository(folder)
    tree = {"nets/tau_v1_core.pb": CONTENTS["core"], "nets/tau_v1_inner.pb": CONTENTS["inner"]}
    repository.tag("T1", repository.commit(tree, "Trained, training " + "ab" * 16))
    repository.tag("T2", repository.commit({**tree, "nets/jet_v1.pb": CONTENTS["jet"]}))
    for name, content in CONTENTS.items():
        if name not in present:
            repository.drop(repository.put("blob", content))
    return repository


def stand(registry: Registry) -> dict[str, tuple[int, str, tuple[str, ...], bool]]:
    found = entries(registry)
    return {entry.reference: (entry.ordinal, entry.record, entry.labels, entry.version.resolved) for entry in found}


@pytest.mark.parametrize("half", [(), ("core",), ("core", "jet")])
def test_a_fuller_clone_resolves_what_a_poorer_one_told_and_a_poorer_one_changes_nothing(
    registry: Registry, tmp_path: Path, half: tuple[str, ...]
) -> None:
    poor, full = clone(tmp_path / "poor.git", *half), clone(tmp_path / "full.git", *CONTENTS)
    first = bring(registry, poor)
    assert (first.absent, first.new) == (3 - len(half), 2)
    before = stand(registry)
    with opened(full) as source:
        assert [drift.what for drift in drifts.status(registry, source, rules()).drifts].count("unresolved") == 2 - (
            "jet" in half
        )
    again = bring(registry, full)
    assert (again.new, again.unresolved, again.absent) == (0, 0, 0)
    assert {name: told[:3] for name, told in stand(registry).items()} == {n: told[:3] for n, told in before.items()}
    assert registry.files.open("toy/nets/tau:v1", "tau_v1_core.pb").read() == CONTENTS["core"]
    assert registry.files.open("toy/nets/tau:v1", "tau_v1_inner.pb").read() == CONTENTS["inner"]
    (found,) = registry.identities.find(identifier("nets/jet_v1.pb"), tag="T2")
    assert (found.reference, found.size) == ("toy/nets/jet:v1", len(CONTENTS["jet"]))
    seen, journal = sets(registry), events(registry)
    for each in (full, poor, full):
        assert bring(registry, each).outcome == "unchanged"
    assert (sets(registry), events(registry)) == (seen, journal)


def test_a_part_of_the_missing_bytes_is_no_work_for_ever(registry: Registry, tmp_path: Path) -> None:
    bring(registry, clone(tmp_path / "poor.git"))
    half = clone(tmp_path / "half.git", "core")
    report = bring(registry, half)
    assert (report.outcome, report.new, report.unresolved) == ("applied", 0, 2)
    assert registry.files.open("toy/nets/tau:v1", "tau_v1_core.pb").read() == CONTENTS["core"]
    batch = registry.imports.get("toy", report.batch)
    assert batch.first == batch.last == events(registry)["toy"]  # the bytes resolve in the batch and not after it
    before = events(registry)
    report = bring(registry, half)
    assert (report.outcome, report.distinct) == ("unchanged", 0)  # it was not even read
    assert events(registry) == before


def test_a_folder_that_somebody_registers_brings_the_bytes_that_an_import_lacked(
    registry: Registry, tmp_path: Path
) -> None:
    bring(registry, clone(tmp_path / "poor.git"))
    folder = tmp_path / "folder"
    folder.mkdir()
    for part in ("core", "inner"):
        (folder / f"tau_v1_{part}.pb").write_bytes(CONTENTS[part])
    done = registry.versions.register("toy/nets/tau:v1", folder)
    assert (done.outcome, done.ordinal) == ("resolved", 1)
    entry = registry.versions.get("toy/nets/tau:v1")
    assert entry.version.resolved
    assert registry.activities.get("mlflow-run:" + "ab" * 16).activity.outputs
    assert registry.identities.find(identifier("nets/tau_v1_core.pb"), tag="T1")[0].reference == "toy/nets/tau:v1"
    report = bring(registry, clone(tmp_path / "full.git", *CONTENTS))
    assert (report.new, report.unresolved) == (0, 0)
    assert registry.models.get("toy/nets/tau").versions == 1


def test_the_same_bytes_under_another_name_resolve_too(registry: Registry, tmp_path: Path) -> None:
    bring(registry, clone(tmp_path / "poor.git"))
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "weights.bin").write_bytes(CONTENTS["jet"])
    registry.versions.register("toy/mine/jet:v7", folder)
    assert registry.versions.get("toy/nets/jet:v1").version.resolved
    assert registry.files.open("toy/nets/jet:v1", "jet_v1.pb").read() == CONTENTS["jet"]


def test_a_delivery_resolves_with_bytes_that_came_and_with_no_others(registry: Registry, tmp_path: Path) -> None:
    import io

    bring(registry, clone(tmp_path / "poor.git"))
    nobodys = "sha256:" + "0" * 64
    assert registry.imports.record("toy", Delivery(arrived=(nobodys,))).batch == ""
    content = registry.files.put(io.BytesIO(CONTENTS["jet"]))
    batch = registry.imports.record("toy", Delivery(arrived=(content.sha256,)))
    assert batch.batch
    assert registry.versions.get("toy/nets/jet:v1").version.resolved
    assert registry.imports.record("toy", Delivery(arrived=(content.sha256,))).batch == ""
