"""Keras's formats on files that Keras wrote, beside what it said of them; and on files made to mislead."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from herdbook.kernel.errors import CorruptError, InvalidError
from herdbook.model.facts import Facts, Safety
from herdbook.plugins.formats import hdf5_tree
from herdbook.plugins.formats.archives import Archives
from herdbook.plugins.formats.hdf5 import Hdf5
from herdbook.plugins.formats.json import Json

from .reading import rules

ROOT = Path(__file__).resolve().parents[3]
FIXTURES = ROOT / "tests" / "fixtures" / "formats" / "keras"
READERS = (Archives(), Hdf5(), Json())
Open = Callable[[Path], Any]


def read(file: Any, name: str) -> Facts:
    reader = next(each for each in READERS if each.probe(file, name) is not None)
    return reader.read(file, name, {})


def sides(found: list[dict[str, Any]]) -> list[Any]:
    return [[each["name"], each.get("dtype"), each.get("shape")] for each in found]


def differences(folder: Path, name: str, on_disk: Open) -> list[Any]:
    """Return (key, what Keras says, what we say) for each difference."""
    said = json.loads((folder / "expected.json").read_text())[name.partition(".")[0]]
    values = read(on_disk(folder / name), name).values
    layers = [[each["name"], each["class"].rpartition(">")[2]] for each in values["layers"]]
    ours = {
        "inputs": sides(values["inputs"]),
        "outputs": sides(values["outputs"]),
        "parameters": values.get("parameters"),
        "parameters_trainable": values.get("parameters_trainable"),
        "layers": [each for each in layers if each in said["layers"]],  # Keras hides some that the file has
    }
    if "tensors" in values and "optimizer_tensors" not in values:
        ours["weights"] = [[each["dtype"], each["shape"]] for each in values["tensors"]]
    return [(name, key, said[key], item) for key, item in ours.items() if item != said[key]]


def test_shapes_and_counts_of_networks_of_many_layers_are_those_of_keras(on_disk: Open) -> None:
    for name in ("images.json", "sequences.json", "trained.json", "trained.keras", "trained.h5"):
        assert differences(FIXTURES, name, on_disk) == []


def test_lambda_layers_and_classes_of_others_are_told_and_what_they_hide_stays_unknown(on_disk: Open) -> None:
    for name in ("stranger.json", "stranger.keras", "stranger.h5"):
        facts = read(on_disk(FIXTURES / name), name)
        assert rules(facts) == ["lambda-layer", "custom-objects"]
        assert facts.values["lambda_layers"] == ["doubled"]
        assert facts.values["custom_objects"] == ["herd>Shift"]
        assert facts.safety is Safety.GUARDED
        unknown = {"parameters", "parameters_trainable"} if name.endswith("json") else {"parameters_trainable"}
        left = {key for _, key, _, _ in differences(FIXTURES, name, on_disk)}
        assert left - {"outputs"} == unknown, (
            "a layer of one's own may have weights, which only the weights' file tells"
        )


def test_optimisers_weights_do_not_count(on_disk: Open) -> None:
    old = read(on_disk(FIXTURES / "trained.h5"), "trained.h5").values
    assert (old["full_model"], old["has_training_config"], old["has_optimizer_weights"]) == (True, True, True)
    new = read(on_disk(FIXTURES / "trained.keras"), "trained.keras").values
    assert new["optimizer_tensors"] == 10
    assert old["parameters_in_weights"] == old["parameters"] == new["parameters"] == 11
    assert set(new["members"]) == {"metadata.json", "config.json", "model.weights.h5"}


def test_weights_alone_in_the_layout_of_keras_3_are_told(on_disk: Open) -> None:
    facts = read(on_disk(FIXTURES / "alone.weights.h5"), "alone.weights.h5")
    assert facts.format == "keras-h5"
    assert facts.values["full_model"] is False
    assert [each["name"] for each in facts.values["tensors"]][:2] == ["layers/dense/vars/0", "layers/dense/vars/1"]
    assert facts.values["parameters"] == 11


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    """Return a file whose links and values lead elsewhere."""
    np.zeros(4, dtype="float32").tofile(tmp_path / "outside.bin")
    with h5py.File(tmp_path / "other.h5", "w") as other:
        other["secret"] = np.zeros(3)
    path = tmp_path / "hostile.h5"
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = np.array([b"a", b"b", b"missing"])
        for name in ("a", "b"):
            file.create_group(name).attrs["weight_names"] = np.array([b"w:0", b"x:0"])
        file["a/w:0"] = h5py.ExternalLink("other.h5", "/secret")
        file["a/x:0"] = h5py.SoftLink("/b/w:0")
        layout = h5py.VirtualLayout(shape=(3,), dtype="f8")
        layout[:] = h5py.VirtualSource(str(tmp_path / "other.h5"), "secret", shape=(3,))
        file.create_virtual_dataset("b/w:0", layout)
        file.create_dataset("b/x:0", (4,), "f4", external=[(str(tmp_path / "outside.bin"), 0, 16)])
    return path


def test_links_out_of_the_file_and_values_elsewhere_are_refused(hostile: Path, on_disk: Open) -> None:
    facts = read(on_disk(hostile), "hostile.h5")
    assert facts.values["tensors"] == []
    assert sorted(rules(facts)) == ["hdf5-link", "hdf5-link", "hdf5-outside", "hdf5-outside", "weights-missing"]


def test_other_hdf5_is_told_by_its_names(tmp_path: Path, on_disk: Open) -> None:
    with h5py.File(tmp_path / "data.h5", "w") as file:
        file["jets"] = np.zeros(5, dtype=[("pt", "f4"), ("eta", "f4")])
        file.create_group("more")
    facts = read(on_disk(tmp_path / "data.h5"), "data.h5")
    assert facts.format == "hdf5-other"
    assert facts.values["groups"] == ["more"]
    assert [each["name"] for each in facts.values["datasets"]] == ["jets"]


def test_deep_and_wide_files_are_refused(tmp_path: Path, on_disk: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    with h5py.File(tmp_path / "deep.h5", "w") as file:
        file.create_group("layers/a/vars")
        file.create_group("/".join(["layers/b", *["g"] * 60]))
    with pytest.raises(InvalidError) as raised:
        read(on_disk(tmp_path / "deep.h5"), "deep.h5")
    assert raised.value.code == "nested-too-deep"
    monkeypatch.setattr(hdf5_tree, "MAX_OBJECTS", 3)
    with pytest.raises(InvalidError) as raised:
        read(on_disk(FIXTURES / "trained.h5"), "trained.h5")
    assert raised.value.code == "too-many-objects"


def test_a_configuration_that_is_no_model_is_damage(tmp_path: Path, on_disk: Open) -> None:
    for config, code in (("{", "not-json"), ("[]", "keras-no-layers"), ('{"class_name": "Model"}', "keras-no-layers")):
        with h5py.File(tmp_path / "bad.h5", "w") as file:
            file.attrs["model_config"] = config
        with pytest.raises(CorruptError) as raised:
            read(on_disk(tmp_path / "bad.h5"), "bad.h5")
        assert raised.value.code == code


def old(layers: list[dict[str, Any]], **more: Any) -> bytes:
    return json.dumps({"class_name": "Sequential", "config": layers, "keras_version": "1.2.2", **more}).encode()


def test_a_sequential_model_of_keras_1_is_read(in_memory: Callable[[bytes], Any]) -> None:
    dense = {"name": "dense_1", "units": 3, "batch_input_shape": [None, 4], "activation": "linear"}
    data = old([{"class_name": "Dense", "config": dense}, {"class_name": "Activation", "config": {"name": "a"}}])
    values = read(in_memory(data), "old.json").values
    assert values["inputs"] == [{"name": "dense_1_input", "shape": [None, 4], "tensor": "dense_1_input"}]
    assert values["outputs"] == [{"name": "a", "shape": [None, 3]}]
    assert (values["parameters"], values["metadata"]) == (15, {"keras_version": "1.2.2"})


def test_layers_that_nobody_knows_leave_shapes_and_counts_open(in_memory: Callable[[bytes], Any]) -> None:
    first = {"name": "d", "units": 3, "batch_input_shape": [None, 4], "dtype": "float32"}
    data = old([{"class_name": "Dense", "config": first}, {"class_name": "MyOwn", "config": {"name": "m"}}])
    facts = read(in_memory(data), "old.json")
    assert facts.values["outputs"] == [{"name": "m", "dtype": "float32"}]
    assert "parameters" not in facts.values
    assert rules(facts) == ["custom-objects"]
    broken = {"class_name": "Dense", "config": {"name": "d", "units": "x", "batch_input_shape": [None, 4]}}
    assert "parameters" not in read(in_memory(old([broken])), "old.json").values


def test_hdf5_that_was_cut_is_told_in_the_same_words_each_time(in_memory: Callable[[bytes], Any]) -> None:
    data = (FIXTURES / "trained.h5").read_bytes()
    with pytest.raises(CorruptError, match=r"^the HDF5 is cut short\. Fetch it again\.$"):
        read(in_memory(data[: len(data) // 2]), "model.h5")


def test_an_archive_without_weights_says_so_and_one_with_damaged_weights_too(tmp_path: Path, on_disk: Open) -> None:
    import zipfile

    config, metadata = (FIXTURES / "trained.json").read_bytes(), b'{"keras_version": "3.0.0"}'
    for weights, rule in ((None, "weights-missing"), (b"no HDF5 at all", "bad-hdf5")):
        path = tmp_path / "made.keras"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("config.json", config)
            archive.writestr("metadata.json", metadata)
            if weights is not None:
                archive.writestr("model.weights.h5", weights)
        facts = read(on_disk(path), "made.keras")
        assert (facts.format, rules(facts)) == ("keras-v3", [rule])
        assert facts.values["outputs"][0]["shape"] == [None, 1]


@pytest.mark.slow
def test_fixtures_made_anew_by_keras_read_alike(tmp_path: Path, on_disk: Open) -> None:
    python = ROOT / ".cache" / "formats" / "bin" / "python"
    if not (python.parent.parent / ".ready").exists():
        if os.environ.get("CI", "").lower() in {"1", "true"}:
            pytest.fail("Keras is not here: tools/formats.sh gets it")
        pytest.skip("Keras is not here: tools/formats.sh gets it")
    subprocess.run(
        [python, "-W", "ignore", FIXTURES / "make.py", tmp_path], check=True, capture_output=True, timeout=250
    )
    for name in ("images.json", "sequences.json", "trained.json", "trained.keras", "trained.h5"):
        assert differences(tmp_path, name, on_disk) == []
