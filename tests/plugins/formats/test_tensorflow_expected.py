"""TensorFlow's files of the data pack and of its two systems, beside what TensorFlow said of them."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from herdbook.model.facts import Facts
from herdbook.plugins.formats.tensorflow import Tensorflow
from herdbook.plugins.importers.git import Git

from .reading import without_nulls

NOT_FACTS = {"path", "size", "sha256", "md5", "adler32", "git_id", "obtained_with", "system", "repo_paths"}
SYSTEMS = ("RecoTauTag-TrainingFiles", "L1Trigger-Phase2L1ParticleFlow")

pytestmark = pytest.mark.datapack


def differences(entry: dict[str, Any], facts: Facts) -> list[Any]:
    ours = without_nulls({"format": facts.format, "safety": facts.safety, **facts.values})
    expected = without_nulls({key: item for key, item in entry.items() if key not in NOT_FACTS})
    if entry["format"] == "tf-savedmodel":
        for meta in expected["meta_graphs"]:
            _as_tensorflow_infers(meta)
    return [(entry["path"], key, item, ours.get(key)) for key, item in expected.items() if ours.get(key) != item]


def _as_tensorflow_infers(meta: dict[str, Any]) -> None:
    """Correct the oracle, which for a SavedModel repeats the attribute as the shape (`infer=False` in facts_tf.py).

    TensorFlow takes an empty attribute for "unknown" in graphs of producers before 24, as the README there says, and
    as it has it for GraphDefs. The signature `tensorflow/serving/regress` of the same file has the tensor so.
    """
    for each in meta["placeholders"]:
        if each["shape_attribute"] == [] and meta["versions"]["producer"] < 24:
            del each["shape"]


def entries(datapack: Path, name: str) -> list[dict[str, Any]]:
    found = json.loads((datapack / "expected" / name).read_text())
    return [entry for entry in found if entry["format"].startswith("tf-")]


def test_every_tensorflow_file_of_the_pack_reads_as_tensorflow_read_it(
    datapack: Path, on_disk: Callable[[Path], Any]
) -> None:
    different = []
    found = entries(datapack, "files.json")
    for entry in found:
        different += differences(entry, Tensorflow().read(on_disk(datapack / entry["path"]), entry["path"], {}))
    assert len(found) == 5
    assert different == []


@pytest.fixture(scope="module")
def blobs(datapack: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str, str], bytes]]:
    sources = {}
    for system in SYSTEMS:
        place = datapack / "systems" / f"{system}.bundle"
        if not place.exists():
            folder = tmp_path_factory.mktemp("system")
            with tarfile.open(datapack / "systems" / f"{system}.git.tar") as archive:
                archive.extractall(folder, filter="data")
            place = folder / f"{system}.git"
        sources[system] = Git().open(str(place), name=system)

    def blob(system: str, git_id: str) -> bytes:
        with sources[system].open(f"git-sha1:{git_id}") as stream:
            return stream.read()

    yield blob
    for source in sources.values():
        source.close()


def test_every_graph_of_the_two_systems_reads_as_tensorflow_read_it(
    datapack: Path, blobs: Callable[[str, str], bytes], in_memory: Callable[[bytes], Any]
) -> None:
    different = []
    found = entries(datapack, "systems/files.json")
    for entry in found:
        file = in_memory(blobs(entry["system"], entry["git_id"]))
        facts = Tensorflow().read(file, entry["repo_paths"][0], {})
        different += differences(entry, facts)
        if entry["format"] == "tf-graphdef" and entry["size"] > 500_000:
            assert file.bytes_read < 0.26 * file.size, entry["path"]
        rules = [finding.rule for finding in facts.findings]
        assert ("suffix-lies" in rules) == (entry["format"] in {"tf-savedmodel", "tf-memmapped"}), entry["path"]
    assert len(found) == 25
    assert different == []


def test_only_tensorflows_files_are_taken_for_tensorflow_whatever_they_are_called(
    datapack: Path, on_disk: Callable[[Path], Any]
) -> None:
    for entry in json.loads((datapack / "expected" / "files.json").read_text()):
        taken = Tensorflow().probe(on_disk(datapack / entry["path"]), "file") is not None
        expected = entry["format"].startswith("tf-") and entry["format"] != "tf-checkpoint-data"  # by its name only
        assert taken == expected, entry["path"]


def test_a_frozen_graph_that_was_saved_while_it_was_trained_says_what_is_left_of_it(
    datapack: Path, blobs: Callable[[str, str], bytes], in_memory: Callable[[bytes], Any]
) -> None:
    entry = next(each for each in entries(datapack, "systems/files.json") if each["path"].endswith("tau_3layer.pb"))
    facts = Tensorflow().read(in_memory(blobs(entry["system"], entry["git_id"])), "tau_3layer.pb", {})
    assert facts.values["training_leftovers"]["optimizer"][:2] == ["Adam/iterations", "Adam/lr"]
    assert [(each.rule, each.where) for each in facts.findings] == [("training-leftovers", "/training_leftovers")]
