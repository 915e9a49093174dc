"""The relations between blobs that the data pack tells of: what an import finds of them, and what it cannot yet."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import herdbook
from herdbook.bootstrap import importers
from herdbook.model.versions import Entry
from herdbook.ports.registry import Registry
from herdbook.service import importing, plans

pytestmark = pytest.mark.datapack
PATH = "cms-fileinpath:RecoTauTag/TrainingFiles/data/"


@dataclass
class Imported:
    """A registry with both repositories and the release lists, and what is observed of them, by its blobs."""

    registry: Registry
    observed: dict[tuple[str, ...], dict[str, Any]]

    def versions(self, git_id: str) -> list[Entry]:
        """Return the versions that hold a blob, oldest first."""
        content = self.content(git_id)
        found = [
            entry
            for model in self.registry.models.list("cms/", limit=1000).items
            for entry in self.registry.versions.list(model.name, limit=1000).items
            if content in {file.digest for file in entry.version.files}
        ]
        return sorted(found, key=lambda entry: entry.ordinal)

    def content(self, git_id: str) -> str:
        """Return the sha256 of a blob, whose git id is given whole or by its beginning."""
        whole = next(each for ids in self.observed for each in ids if each.startswith(git_id))
        return self.registry.files.find("cms", [f"git-sha1:{whole}"])[f"git-sha1:{whole}"].sha256

    def message(self, entry: Entry) -> str:
        """Return what was said when a version came."""
        (origin,) = self.registry.statements.list(entry.reference, kind="origin").items
        return str(origin.statement.body["message"])


@pytest.fixture(scope="module")
def imported(datapack: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Imported]:
    folder = tmp_path_factory.mktemp("observed")
    with tarfile.open(datapack / "systems" / "RecoTauTag-TrainingFiles.git.tar") as tar:
        tar.extractall(folder, filter="data")
    told = json.loads((datapack / "expected" / "systems" / "observations.json").read_text("utf-8"))
    with herdbook.open(str(folder / "registry")) as registry:
        for place, rules in (
            (folder / "RecoTauTag-TrainingFiles.git", None),
            (datapack / "systems" / "L1Trigger-Phase2L1ParticleFlow.bundle", None),
            (datapack / "systems" / "cmsdist", "cmsdist"),
        ):
            source = importers.open_source(str(place))
            drafts = source.drafts(importers.load_rules(rules, source.name, source.kind))
            assert importing.apply(registry, source, drafts, plans.make(drafts)).sound
            source.close()
        yield Imported(registry, {tuple(each["git_ids"]): each for each in told})


def test_every_observation_has_a_test_below(imported: Imported) -> None:
    assert {ids[0][:8] + ids[1][:8] for ids in imported.observed} == {
        "0425d41cb12962c5", "977435bfcdab8abb", "53b57c438f099a8b", "c32e42e67a1fceed", "474770aec32e42e6",
        "9c20653a77ba24b2", "77ba24b2a16cc25f", "77ba24b285809bfb", "2a0f25188f099a8b",
    }  # fmt: skip


def test_a_container_that_was_replaced_at_once_is_a_version_that_no_tag_has(imported: Imported) -> None:
    """That the first is a SavedModel is a fact of its format, which is not read yet."""
    (first,), (second,) = imported.versions("0425d41c"), imported.versions("b12962c5")
    assert (first.model, second.ordinal) == (second.model, first.ordinal + 1)
    assert imported.registry.identities.of(first.reference) == []
    assert [each.first for each in imported.registry.identities.of(second.reference)] == ["V00-07-00"]
    assert "tensorflow1" in imported.message(second)


def test_memory_mapped_files_were_in_one_tag_which_one_cycle_names(imported: Imported) -> None:
    """That they are memory-mapped stands in messages alone: neither that format nor parameters are read yet."""
    (mapped,), (plain,) = imported.versions("977435bf"), imported.versions("cdab8abb")
    assert {(each.first, each.last) for each in imported.registry.identities.of(mapped.reference)} == {
        ("V00-01-01", "V00-02-00")
    }
    assert {each.release for each in imported.registry.releases.of(mapped.reference)} == {"CMSSW_10_6_X"}
    assert {each.first for each in imported.registry.identities.of(plain.reference)} == {"V00-02-00"}
    assert "without memory mapping" in imported.message(plain)


def test_equal_trees_in_other_bytes_are_not_taken_for_the_same(imported: Imported) -> None:
    """To see that the trees are equal needs a reader of conifer; until then nothing may be claimed."""
    (old,), (new,) = imported.versions("53b57c43"), imported.versions("8f099a8b")
    assert old.model != new.model
    assert old.version.payload != new.version.payload


def test_text_and_binary_form_of_a_graph_are_one_version(imported: Imported) -> None:
    """That both are the same graph is for a reader to say; that they belong together, the import knows."""
    assert [entry.record for entry in imported.versions("7a1fceed")] == [
        entry.record for entry in imported.versions("c32e42e6") if len(entry.version.files) == 3
    ]


def test_the_normalisation_goes_with_the_model_in_each_of_its_versions(imported: Imported) -> None:
    """Its number of entries, and the model's axis, are for readers."""
    assert imported.versions("474770ae")
    assert imported.versions("474770ae") == imported.versions("c32e42e6")


def test_a_path_leads_to_other_bytes_from_a_tag_on(imported: Imported) -> None:
    """That the order of inputs changed is for a reader."""
    found = imported.registry.identities.find(PATH + "DeepTauId/deepTau_2018v2p5_core.pb")
    assert [(each.digest, each.first, each.last) for each in found] == [
        (imported.content("9c20653a"), "V00-04-00", "V00-06-00"),
        (imported.content("77ba24b2"), "V00-06-00", None),
    ]


def test_three_networks_are_one_version_of_exactly_these(imported: Imported) -> None:
    """That the axes fit is for a reader."""
    ids = next(ids for ids in imported.observed if len(ids) == 3)
    held = [imported.versions(git_id) for git_id in ids]
    assert held[0] == held[1] == held[2]
    (entry,) = held[0]
    assert {file.digest for file in entry.version.files} == {imported.content(git_id) for git_id in ids}


def test_names_of_outputs_and_features_are_for_readers_but_each_file_is_found(imported: Imported) -> None:
    """What a graph calls its output, or a forest its features, is not read yet."""
    for ids in (each for each in imported.observed if each[1].startswith(("85809bfb", "8f099a8b"))):
        assert all(len(imported.versions(git_id)) == 1 for git_id in ids)
