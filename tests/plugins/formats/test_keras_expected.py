"""Keras's files of the data pack, beside what Keras, or where it could not load them h5py, said of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from herdbook.plugins.formats.archives import Archives
from herdbook.plugins.formats.hdf5 import Hdf5
from herdbook.plugins.formats.json import Json
from herdbook.ports.formats import Format

from .reading import without_nulls

NOT_FACTS = {"path", "size", "sha256", "md5", "adler32", "git_id", "obtained_with", "not_obtained"}
READERS: dict[str, Format] = {"keras-json": Json(), "keras-h5": Hdf5(), "keras-v3": Archives()}

pytestmark = pytest.mark.datapack


def test_every_keras_file_of_the_pack_reads_as_keras_read_it(datapack: Path, on_disk: Callable[[Path], Any]) -> None:
    different = []
    read = 0
    for entry in json.loads((datapack / "expected" / "files.json").read_text()):
        if entry["format"] not in READERS:
            continue
        file = on_disk(datapack / entry["path"])
        facts = READERS[entry["format"]].read(file, entry["path"], {})
        read += 1
        ours = without_nulls({"format": facts.format, "safety": facts.safety, **facts.values})
        expected = without_nulls({key: item for key, item in entry.items() if key not in NOT_FACTS})
        different += [
            (entry["path"], key, item, ours.get(key)) for key, item in expected.items() if ours.get(key) != item
        ]
        if entry["size"] > 500_000:
            assert file.bytes_read < 0.2 * file.size, "the weights are not read"
    assert read == 6
    assert different == []


def test_quantisers_of_a_qkeras_model_are_told(datapack: Path, on_disk: Callable[[Path], Any]) -> None:
    for path in ("models/keras/qkeras_3layer.json", "models/keras/qkeras-v3_3layer.keras"):
        file = on_disk(datapack / path)
        facts = (Json() if path.endswith("json") else Archives()).read(file, path, {})
        first = facts.values["quantizers"][0]
        assert (first["layer"], first["of"], first["class"]) == ("fc1", "kernel", "quantized_bits")
        assert (first["settings"]["bits"], first["settings"]["integer"]) == (6, 0)
        assert [each.rule for each in facts.findings] == ["custom-objects"]
