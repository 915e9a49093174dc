"""The readers of PyTorch and pickles against what the official libraries said about the files of the data pack."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from herdbook.model.facts import Facts
from herdbook.plugins.formats.archives import Archives
from herdbook.plugins.formats.pickles import Pickles
from herdbook.ports.formats import Format, ReadAt

FORMATS = {"torchscript", "torch-state-dict", "torch-pickle", "torch-export", "sklearn-pickle", "joblib", "pickle"}
NOT_FACTS = {"path", "size", "sha256", "md5", "adler32", "git_id", "obtained_with"}
ONLY_BY_LOADING = {"loads_with_weights_only", "refused_because"}
"""What PyTorch does with the file; ours is `globals_outside_weights_only`, what it would refuse for."""
ONLY_BY_COMPILING = {"operators", "operators_counted"}
"""Nodes of the graph that PyTorch compiles from the code, with its constants and attributes inlined; the file has the
code only, whose calls are `operators_in_code`."""

pytestmark = pytest.mark.datapack


def without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_nulls(item) for key, item in value.items() if item is not None}
    return [without_nulls(item) for item in value] if isinstance(value, list) else value


def entries(datapack: Path) -> list[dict[str, Any]]:
    found = []
    for name in ("files.json", "systems/files.json"):
        data = json.loads((datapack / "expected" / name).read_text())
        found += [each for each in data if each["format"] in FORMATS]
    return found


def facts_of(file: ReadAt, path: str) -> Facts:
    readers: list[Format] = [Archives(), Pickles()]
    return next(each for each in readers if each.probe(file, path) is not None).read(file, path, {})


def test_every_file_of_the_pack_reads_as_the_official_libraries_read_it(
    datapack: Path, on_disk: Callable[[Path], ReadAt]
) -> None:
    different = []
    found = entries(datapack)
    for entry in found:
        facts = facts_of(on_disk(datapack / entry["path"]), entry["path"])
        ours = {"format": facts.format, "safety": facts.safety, **facts.values}
        for key, item in without_nulls(entry).items():
            if key not in NOT_FACTS | ONLY_BY_LOADING | ONLY_BY_COMPILING and ours.get(key) != item:
                different.append((entry["path"], key, item, ours.get(key)))
        if "loads_with_weights_only" in entry:
            assert entry["loads_with_weights_only"] == (not ours["globals_outside_weights_only"]), entry["path"]
    assert len(found) == 5
    assert different == []


def test_only_zip_archives_and_pickles_of_the_pack_are_taken(datapack: Path, on_disk: Callable[[Path], ReadAt]) -> None:
    for entry in json.loads((datapack / "expected" / "files.json").read_text()):
        file = on_disk(datapack / entry["path"])
        zipped = Archives().probe(file, entry["path"]) is not None
        pickled = Pickles().probe(file, entry["path"]) is not None
        inside_zip = {"torchscript", "keras-v3"} | ({entry["format"]} if entry.get("container") == "zip" else set())
        assert zipped == (entry["format"] in inside_zip), entry["path"]
        assert pickled == (entry["format"] in FORMATS and not zipped), entry["path"]


def test_weights_are_not_read(datapack: Path, on_disk: Callable[[Path], Any]) -> None:
    for name, share in (("ParticleNet_kin_state_dict.pt", 0.03), ("particlenet_AK4_PT_torchscript.pt", 0.2)):
        file = on_disk(datapack / "models/torch" / name)
        facts = facts_of(file, name)
        assert facts.values["parameters"] > 100_000
        assert file.bytes_read < share * file.size
