"""The ONNX reader against what the official library said about real models."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from herdbook.plugins.formats.onnx import Onnx
from herdbook.ports.formats import ReadAt

NOT_FACTS = {"path", "size", "sha256", "md5", "adler32", "git_id", "format", "safety", "obtained_with"}
LATER = {"checker", "quantizers_note"}
"""What the library's checker says, and a note for people."""
MORE = {
    "topologically_sorted",
    "undefined_names",
    "duplicate_names",
    "duplicate_node_names",
    "dead_outputs",
    "made_by",
    "domains_not_imported",
}
"""What checks need and the oracle has not; tests/plugins/formats/test_onnx_graph.py shows each."""

pytestmark = pytest.mark.datapack


def without_nulls(value: Any) -> Any:
    """Null and absent are the same, but in a list, where null is an unknown axis."""
    if isinstance(value, dict):
        return {key: without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [item if item is None else without_nulls(item) for item in value]
    return value


def entries(datapack: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((datapack / "expected" / "files.json").read_text())
    return found


def test_every_model_of_the_pack_reads_as_the_official_library_read_it(
    datapack: Path, on_disk: Callable[[Path], ReadAt]
) -> None:
    different = []
    read = 0
    for entry in entries(datapack):
        if entry["format"] not in {"onnx", "qonnx"}:
            continue
        facts = Onnx().read(on_disk(datapack / entry["path"]), entry["path"], {})
        read += 1
        assert set(facts.values) <= set(entry) | MORE
        expected = {key: item for key, item in entry.items() if key not in NOT_FACTS | LATER}
        ours = {"format": facts.format, "safety": facts.safety, **facts.values}
        for key, item in without_nulls({**expected, "format": entry["format"], "safety": entry["safety"]}).items():
            if ours.get(key) != item:
                different.append((entry["path"], key, item, ours.get(key)))
    assert read == 7
    assert different == []


def test_only_the_onnx_files_of_the_pack_are_taken_for_onnx_whatever_they_are_called(
    datapack: Path, on_disk: Callable[[Path], ReadAt]
) -> None:
    for entry in entries(datapack):
        taken = Onnx().probe(on_disk(datapack / entry["path"]), "file") is not None
        assert taken == (entry["format"] in {"onnx", "qonnx"}), entry["path"]


def test_weights_of_a_real_model_are_not_read(datapack: Path, on_disk: Callable[[Path], Any]) -> None:
    file = on_disk(datapack / "models/onnx/particlenet_AK4/1/model.onnx")
    Onnx().read(file, "model.onnx", {})
    assert file.bytes_read < 0.2 * file.size
