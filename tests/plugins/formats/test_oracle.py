"""Every file of the data pack, and every blob of its two systems, read by all readers as they are at work.

What is expected was obtained with each format's official library. Every difference is reported; where we believe the
oracle wrong, or a value is not in the bytes, ``DIFFERENT`` says why.
"""

from __future__ import annotations

import json
import math
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.plugins.formats.test_onnx_expected import without_nulls

from herdbook.model.facts import Facts
from herdbook.plugins.host.pool import WorkerPool
from herdbook.plugins.importers.git import Git

pytestmark = pytest.mark.datapack

ABOUT_THE_FILE = {"path", "size", "sha256", "md5", "adler32", "git_id", "repo_paths", "system"}
SAID_BY_A_LIBRARY = {
    "obtained_with": "which library",
    "checker": "what onnx's checker says",
    "not_obtained": "why the library could not",
    "loads_with_weights_only": "torch was asked to load it",
    "refused_because": "torch's message",
    **dict.fromkeys(
        ("note", "inputs_note", "quantizers_note", "shape_note", "trees_note", "operators_counted"), "words for people"
    ),
}
DIFFERENT: dict[tuple[str, str], str] = {
    ("resnet-symbol.json", "missing_from_params"): "compares with another file; facts are of one file's bytes",
    ("resnet-symbol.json", "params_not_in_symbol"): "the same",
    ("torchscript.pt", "operators"): "counted by torch after it compiled the code, which a reader does not run",
    (
        "saved_model.pb",
        "meta_graphs",
    ): "repeats the empty attribute as a shape; test_tensorflow_expected.py corrects it",
}
"""(end of the path, key) → why our value is another one."""


@pytest.fixture(scope="module")
def pool() -> Iterator[WorkerPool]:
    with WorkerPool() as made:
        yield made


def same(ours: Any, theirs: Any) -> bool:
    """Equal; numbers within the last digits that a text of them loses."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return all(same(ours.get(key), item) for key, item in theirs.items())
    if isinstance(ours, list) and isinstance(theirs, list):
        return len(ours) == len(theirs) and all(map(same, ours, theirs))
    if isinstance(ours, float | int) and isinstance(theirs, float | int):
        return math.isclose(ours, theirs, rel_tol=1e-12) or (math.isnan(ours) and math.isnan(theirs))
    return bool(ours == theirs)


def differences(entry: dict[str, Any], facts: Facts | None) -> list[tuple[str, str, Any, Any]]:
    """Return (path, key, expected, found) for each key of the oracle that is not so in the facts."""
    path = entry["path"]
    ours: dict[str, Any] = {"format": "other", "safety": "safe"}
    if facts is not None:
        ours = {**facts.values, "format": facts.format, "safety": str(facts.safety)}
    told = {key: item for key, item in entry.items() if key not in ABOUT_THE_FILE | SAID_BY_A_LIBRARY.keys()}
    return [
        (path, key, item, ours.get(key))
        for key, item in without_nulls(told).items()
        if not same(without_nulls(ours.get(key)), item)
        and not any(path.endswith(end) and key == name for end, name in DIFFERENT)
    ]


def report(different: list[tuple[str, str, Any, Any]]) -> str:
    return "\n".join(
        f"{path} {key}\n  expected {item!r:.300}\n  found    {ours!r:.300}" for path, key, item, ours in different
    )


def test_every_file_of_the_pack_reads_as_its_official_library_reads_it(
    datapack: Path, pool: WorkerPool, on_disk: Callable[[Path], Any]
) -> None:
    entries = json.loads((datapack / "expected" / "files.json").read_text())
    different = []
    for entry in entries:
        file = datapack / entry["path"]
        folder = file.parent
        listing = {
            each.relative_to(folder).as_posix(): each.stat().st_size for each in folder.rglob("*") if each.is_file()
        }
        (facts,) = pool.read([(file.name, on_disk(file))], listing)
        different += differences(entry, facts)
    assert len(entries) == 50
    assert not different, report(different)


def test_every_blob_of_the_two_systems_reads_as_its_official_library_reads_it(
    datapack: Path, pool: WorkerPool, tmp_path: Path, in_memory: Callable[[bytes], Any]
) -> None:
    entries = json.loads((datapack / "expected" / "systems" / "files.json").read_text())
    different = []
    for system in ("RecoTauTag-TrainingFiles", "L1Trigger-Phase2L1ParticleFlow"):
        place = datapack / "systems" / f"{system}.bundle"
        if not place.exists():
            with tarfile.open(datapack / "systems" / f"{system}.git.tar") as archive:
                archive.extractall(tmp_path, filter="data")
            place = tmp_path / f"{system}.git"
        source = Git().open(str(place), name=system)
        try:
            for entry in entries:
                if entry["system"] != system:
                    continue
                with source.open(f"git-sha1:{entry['git_id']}") as stream:
                    file = in_memory(stream.read())
                (facts,) = pool.read([(entry["repo_paths"][0], file)], {})
                different += differences(entry, facts)
        finally:
            source.close()
    assert not different, report(different)
