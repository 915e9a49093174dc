"""Tree models, TMVA and ROOT: equal to what each official library says, of real files and of files that it made."""

from __future__ import annotations

import json
import math
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.plugins.formats.tree_files import READERS, TREES, expected, fixture, read, taken, without_nulls

from herdbook.model.facts import Facts
from herdbook.plugins.importers.git import Git
from herdbook.ports.formats import ReadAt

BEGINS = ("xgboost", "lightgbm", "catboost", "conifer", "tmva", "gbrforest", "root-other", "pmml")
NOT_FACTS = {
    "path", "size", "sha256", "md5", "adler32", "git_id", "obtained_with", "system", "repo_paths", "trees_note",
}  # fmt: skip
MADE = expected()
LEGACY = expected("expected_legacy.json")
NOT_IN_THE_FILE = {("legacy_linear.model", "boosted_rounds")}
"""XGBoost says 0, because the old format does not have the number of rounds of a linear booster; we say nothing."""


def same(ours: Any, theirs: Any) -> bool:
    """Equal; of numbers the last bit apart.

    LightGBM reads ``0.097439999999999999`` by a quick routine of its own as 0.09744000000000001; the nearest float64,
    which is ours, is 0.09744.
    """
    if isinstance(theirs, float) and isinstance(ours, float):
        return math.isclose(ours, theirs, rel_tol=1e-15)
    if isinstance(theirs, dict) and isinstance(ours, dict):
        return ours.keys() == theirs.keys() and all(same(ours[key], each) for key, each in theirs.items())
    if isinstance(theirs, list) and isinstance(ours, list):
        return len(ours) == len(theirs) and all(map(same, ours, theirs))
    return bool(ours == theirs)


def differences(facts: Facts, entry: dict[str, Any]) -> list[tuple[str, Any, Any]]:
    ours = {"format": facts.format, "safety": str(facts.safety), **facts.values}
    told = without_nulls({key: item for key, item in entry.items() if key not in NOT_FACTS})
    return [(key, item, ours.get(key)) for key, item in told.items() if not same(ours.get(key), item)]


@pytest.mark.parametrize("name", [*MADE, *LEGACY])
def test_a_file_reads_as_the_library_that_wrote_it_reads_it(name: str) -> None:
    entry = {**MADE, **LEGACY}[name]
    facts = read(name, fixture(name))
    assert [each for each in differences(facts, entry) if (name, each[0]) not in NOT_IN_THE_FILE] == []
    assert taken(name.rsplit(".", 1)[0], fixture(name)) in {entry["format"], "json-other"}  # whatever it is called


@pytest.mark.datapack
def test_every_file_of_the_pack_reads_as_expected(datapack: Path, on_disk: Callable[[Path], ReadAt]) -> None:
    entries = json.loads((datapack / "expected" / "files.json").read_text())
    found = [each for each in entries if each["format"].startswith(BEGINS)]
    for entry in found:
        file = on_disk(datapack / entry["path"])
        reader = next(reader for reader in READERS if reader.probe(file, entry["path"]) is not None)
        assert differences(reader.read(file, entry["path"], {}), entry) == [], entry["path"]
    assert len(found) == 7


@pytest.mark.datapack
def test_every_blob_of_the_systems_reads_as_expected(datapack: Path, tmp_path: Path) -> None:
    entries = json.loads((datapack / "expected" / "systems" / "files.json").read_text())
    found = [each for each in entries if each["format"].startswith(BEGINS)]
    for system in {each["system"] for each in found}:
        place = datapack / "systems" / f"{system}.bundle"
        if not place.exists():
            with tarfile.open(datapack / "systems" / f"{system}.git.tar") as archive:
                archive.extractall(tmp_path, filter="data")
            place = tmp_path / f"{system}.git"
        source = Git().open(str(place), name=system)
        try:
            for entry in (each for each in found if each["system"] == system):
                with source.open(f"git-sha1:{entry['git_id']}") as stream:
                    facts = read(entry["repo_paths"][0], stream.read())
                assert differences(facts, entry) == [], entry["path"]
        finally:
            source.close()
    assert len(found) == 29


@pytest.mark.datapack
def test_no_other_file_of_the_pack_is_taken_for_one(datapack: Path, on_disk: Callable[[Path], ReadAt]) -> None:
    entries = json.loads((datapack / "expected" / "files.json").read_text())
    for entry in entries:
        file = on_disk(datapack / entry["path"])
        takers = [reader.name for reader in READERS if reader.name != "json" and reader.probe(file, "file")]
        assert bool(takers) == (entry["format"].startswith(BEGINS) and entry["format"] != "xgboost-json"), takers


@pytest.mark.slow
def test_files_that_are_made_anew_give_the_same_facts(tmp_path: Path) -> None:
    python = Path(__file__).resolve().parents[3] / ".cache" / "formats" / "bin" / "python"
    if not python.exists():
        pytest.skip("the official libraries are not installed: tools/formats.sh")
    made = subprocess.run([python, TREES / "make.py", tmp_path], capture_output=True, text=True, check=False)
    if "ModuleNotFoundError" in made.stderr:
        pytest.skip(made.stderr.strip().splitlines()[-1])
    assert made.returncode == 0, made.stderr[-2000:]
    drawn = {"metadata", "producer", "file_version"}  # ids and dates of this run, and the version in that environment
    for name, entry in json.loads((tmp_path / "expected.json").read_text()).items():
        facts = read(name, (tmp_path / name).read_bytes())
        assert differences(facts, entry) == [], name
        before = read(name, fixture(name))
        assert {key: each for key, each in facts.values.items() if key not in drawn} == {
            key: each for key, each in before.values.items() if key not in drawn
        }, name
