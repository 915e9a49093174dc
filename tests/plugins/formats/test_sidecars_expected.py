"""Sidecars and small formats of the data pack, against what official libraries and plain parsers said of them."""

from __future__ import annotations

import json
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import NeedTool
from tests.plugins.formats.reading import SIDECARS, read, without_nulls

from herdbook.ports.formats import ReadAt

NOT_FACTS = {"path", "size", "sha256", "md5", "adler32", "git_id", "obtained_with", "system", "repo_paths"}
REMARKS = {"note", "inputs_note", "shape_note"}
"""What the people who made the expectations say about the format; docs/reference/facts.md says it."""

OF_TWO_FILES = {"missing_from_params", "params_not_in_symbol"}
"""An MXNet symbol held against its params file: a check, since a reader sees one file."""

pytestmark = pytest.mark.datapack


def differences(entry: dict[str, Any], file: ReadAt | bytes) -> list[tuple[str, str, Any, Any]]:
    facts = read(entry["path"], file)
    ours = {"format": facts.format, "safety": str(facts.safety), **facts.values}
    expected = {key: item for key, item in entry.items() if key not in NOT_FACTS | REMARKS | OF_TWO_FILES}
    return [
        (entry["path"], key, item, ours.get(key))
        for key, item in without_nulls(expected).items()
        if ours.get(key) != item
    ]


def entries(path: Path) -> list[dict[str, Any]]:
    return [each for each in json.loads(path.read_text()) if each["format"] in SIDECARS]


def test_every_sidecar_of_the_pack_reads_as_expected(datapack: Path, on_disk: Callable[[Path], ReadAt]) -> None:
    found = entries(datapack / "expected" / "files.json")
    different = [each for entry in found for each in differences(entry, on_disk(datapack / entry["path"]))]
    assert {each["format"] for each in found} >= SIDECARS - {
        "normalisation-dict", "hls4ml-defines", "json-other", "git-symlink",
    }  # fmt: skip
    assert different == []


def test_every_sidecar_of_the_two_systems_reads_as_expected(
    datapack: Path, tmp_path: Path, need_tool: NeedTool
) -> None:
    git = need_tool("git")
    systems = datapack / "systems"
    bundle = next(systems.glob("L1Trigger*.bundle"), None)
    tar = next(systems.glob("RecoTauTag*.tar"), None)
    if bundle is None or tar is None:
        pytest.skip("the data pack here has no git systems")
    clone = [git, "clone", "-q", "--bare", str(bundle), str(tmp_path / "l1t.git")]
    subprocess.run(clone, check=True, capture_output=True)
    with tarfile.open(tar) as archive:
        archive.extractall(tmp_path / "tau", filter="data")
    folders = {"L": tmp_path / "l1t.git", "R": next((tmp_path / "tau").iterdir())}
    different = []
    found = entries(datapack / "expected" / "systems" / "files.json")
    for entry in found:
        blob = entry["path"].split("/")[1]
        show = [git, "--git-dir", str(folders[entry["path"][0]]), "cat-file", "blob", blob]
        data = subprocess.run(show, check=True, capture_output=True).stdout
        different += differences(entry, data)
    assert {each["format"] for each in found} == {"readme", "json-other", "normalisation-dict", "triton-config"}
    assert different == []


def test_all_constants_of_preprocessing_are_facts(datapack: Path, on_disk: Callable[[Path], ReadAt]) -> None:
    """What weaver's file says about its inputs can be written again from facts alone."""
    for path in (datapack / "models" / "onnx").rglob("preprocess*.json"):
        real = json.loads(path.read_text())
        values = read(path.name, on_disk(path)).values
        again: dict[str, Any] = {
            "input_names": [group["name"] for group in values["input_groups"]],
            "output_names": values["output_names"],
        }
        for group in values["input_groups"]:
            again[group["name"]] = {key: item for key, item in group.items() if key not in {"name", "input_shapes"}}
        assert again == {key: item for key, item in real.items() if key != "input_shapes"}
