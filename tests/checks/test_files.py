"""Files that are missing, twice, elsewhere, or not what they are called; pickles; and who may use it."""

from __future__ import annotations

import json
import os
import pickle
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

from onnx import TensorProto
from tests.checks.models import model

from herdbook.model.contracts import Contract
from herdbook.model.facts import Finding
from herdbook.ports.checks import Subject

Found = Callable[..., list[Finding]]
Made = Callable[..., Subject]
FIXTURES = Path(__file__).parents[1] / "fixtures" / "formats" / "tensorflow"
PICKLE = pickle.dumps({"weights": [0.5, 1.5]}, protocol=2)


def elsewhere(location: str, length: int = 12) -> Any:
    """Return an ONNX model whose weights lie in another file."""
    made = model(operator="Relu")
    weights = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[3], data_location=TensorProto.EXTERNAL)
    for key, value in (("location", location), ("offset", "0"), ("length", str(length))):
        entry = weights.external_data.add()
        entry.key, entry.value = key, value
    made.graph.initializer.append(weights)
    return made


def test_weights_outside_the_folder_are_an_error_and_in_a_folder_inside_are_not(found: Found) -> None:
    assert found("external-data-outside", {"model.onnx": elsewhere("../weights.bin")})[0].severity == "error"
    inside = {"model.onnx": elsewhere("data/weights.bin"), "data/weights.bin": bytes(12)}
    assert not found("external-data-outside", inside)


def test_weights_that_are_missing_are_an_error_and_those_beside_it_are_not(found: Found) -> None:
    assert found("external-data-missing", {"model.onnx": elsewhere("weights.bin")})
    assert not found("external-data-missing", {"model.onnx": elsewhere("weights.bin"), "weights.bin": bytes(12)})


def test_weights_that_are_cut_short_are_an_error_and_longer_ones_are_not(found: Found) -> None:
    assert found("external-data-short", {"model.onnx": elsewhere("weights.bin"), "weights.bin": bytes(11)})
    assert not found("external-data-short", {"model.onnx": elsewhere("weights.bin"), "weights.bin": bytes(13)})


def test_the_same_model_without_its_weights_elsewhere_is_told_there_only(found: Found) -> None:
    paths = [
        each.path
        for each in found(
            "external-data-missing",
            {
                "a/model.onnx": elsewhere("50%.bin"),
                "a/50%.bin": bytes(12),
                "b/model.onnx": elsewhere("50%.bin"),
            },
        )
    ]
    assert paths == ["b/model.onnx"]


def written(*names: str) -> dict[str, bytes]:
    """Return files of a SavedModel, or of a checkpoint, that TensorFlow wrote."""
    return {name: (FIXTURES / name).read_bytes() for name in names}


CHECKPOINT = ("partitioned/model.ckpt.index", "partitioned/model.ckpt.data-00000-of-00001")


def test_weights_of_a_checkpoint_that_are_missing_or_short_are_told_and_whole_ones_are_not(found: Found) -> None:
    whole = written(*CHECKPOINT)
    index, data = CHECKPOINT
    missing = found("shard-missing", {index: whole[index]})
    assert [(each.path, each.severity) for each in missing] == [(index, "warning")]
    assert "'partitioned/model.ckpt.data-00000-of-00001'" in missing[0].message
    assert not found("shard-missing", whole)
    short = {**whole, data: whole[data][:-1]}
    assert [(each.path, each.severity) for each in found("shard-short", short)] == [(index, "error")]
    assert not found("shard-short", {**whole, data: whole[data] + b"x"})


def test_weights_without_their_index_are_told_and_those_beside_it_are_not(found: Found) -> None:
    whole = written(*CHECKPOINT)
    index, data = CHECKPOINT
    assert [each.path for each in found("index-missing", {data: whole[data], "other.index": whole[index]})] == [data]
    assert not found("index-missing", whole)


def test_a_saved_model_without_variables_or_assets_is_told_and_a_whole_one_is_not(found: Found) -> None:
    variables, asset = "saved/variables/variables.index", "saved/assets/vocabulary.txt"
    whole = written("saved/saved_model.pb", variables, "saved/variables/variables.data-00000-of-00001", asset)
    assert not found("variables-missing", whole)
    assert not found("asset-missing", whole)
    told = found("variables-missing", {path: data for path, data in whole.items() if path != variables})
    assert [(each.path, each.severity) for each in told] == [("saved/saved_model.pb", "warning")]
    told = found("asset-missing", {path: data for path, data in whole.items() if path != asset})
    assert [(each.path, each.where) for each in told] == [("saved/saved_model.pb", "/meta_graphs/0/assets")]
    assert "'vocabulary.txt'" in told[0].message


def test_the_same_bytes_twice_are_told_and_empty_files_are_not(found: Found) -> None:
    finding = found("duplicate-files", {"a/model.onnx": model(), "b/model.onnx": model()})[0]
    assert (finding.path, finding.severity) == ("b/model.onnx", "note")
    assert "a/model.onnx" in finding.message
    assert not found("duplicate-files", {"a/__init__.py": "", "b/__init__.py": "", "model.onnx": model()})


def test_a_model_that_another_name_has_too_is_told_and_a_readme_is_not(found: Found, subject: Made) -> None:
    made = subject({"model.onnx": model(), "README.md": "# Toy\n"})
    digests = {view.path: view.digest for view in made.files}
    shared = {digests["model.onnx"]: ("cms/tau/other:v1",)}
    assert "'cms/tau/other:v1'" in found("same-bytes-elsewhere", _with(made, elsewhere=shared))[0].message
    shared = {digests["README.md"]: ("cms/tau/other:v1",)}
    assert not found("same-bytes-elsewhere", _with(made, elsewhere=shared))


def _with(made: Subject, **fields: Any) -> Subject:
    return Subject(files=made.files, **fields)


def test_a_model_without_a_licence_is_told_and_one_with_a_statement_or_a_file_is_not(found: Found) -> None:
    assert found("licence-missing", {"model.onnx": model(), "licensed_jets.txt": "b\nc\n"})[0].severity == "warning"
    assert not found("licence-missing", {"model.onnx": model()}, licence="Apache-2.0")
    assert not found("licence-missing", {"model.onnx": model(), "LICENSE.md": "Apache"})
    assert not found("licence-missing", {"README.md": "# No model\n"})


def test_nothing_but_a_pickle_is_an_error_and_a_pickle_beside_a_model_a_note(found: Found) -> None:
    alone, beside = {"model.pkl": PICKLE}, {"model.pkl": PICKLE, "model.onnx": model()}
    assert found("only-pickle", alone)[0].severity == "error"
    assert not found("only-pickle", beside)
    assert "model.onnx serves" in found("pickle-beside", beside)[0].message
    assert not found("pickle-beside", alone)


def test_a_pickle_beside_documents_only_is_nothing_but_a_pickle(found: Found) -> None:
    assert found("only-pickle", {"model.pkl": PICKLE, "README.md": "# Toy\n"})


def test_a_member_that_is_a_pickle_is_an_error_and_a_pickle_beside_members_is_not(found: Found) -> None:
    files = {"model.pkl": PICKLE, "model.onnx": model()}
    serves = Contract.read({"members": [{"name": "even", "files": ["model.pkl"]}]})
    assert "'even'" in found("pickle-serves", files, contract=serves)[0].message
    keeps = Contract.read({"members": [{"name": "even", "files": ["model.onnx"]}]})
    assert not found("pickle-serves", files, contract=keeps)


def test_a_pickle_is_told_and_what_it_names_that_may_do_anything_is_an_error(found: Found) -> None:
    assert found("pickle-unsafe", {"model.pkl": PICKLE})[0].severity == "warning"
    assert not found("pickle-unsafe", {"model.onnx": model()})
    harmful = pickle.dumps(os.system, protocol=2)
    assert "system" in found("pickle-global", {"model.pkl": harmful})[0].message
    assert not found("pickle-global", {"model.pkl": pickle.dumps(OrderedDict(weights=[0.5]), protocol=2)})


def saved_model() -> bytes:
    """Return a SavedModel (schema 1) of one meta graph with one placeholder and a signature, as protobuf."""

    def field(number: int, *data: bytes) -> bytes:
        whole = b"".join(data)
        return bytes([number << 3 | 2, len(whole)]) + whole

    node = field(1, b"x") + field(2, b"Placeholder") + field(5, field(1, b"dtype"), field(2, b"\x30\x01"))
    info = field(4, b"serve") + field(5, b"2.4.0")
    tensor = field(1, b"x:0") + b"\x10\x01"
    signature = field(1, field(1, b"x"), field(2, tensor)) + field(3, b"tensorflow/serving/predict")
    meta = field(1, info) + field(2, field(1, node)) + field(5, field(1, b"serving_default"), field(2, signature))
    return b"\x08\x01" + field(2, meta)


def test_a_package_called_like_a_frozen_graph_is_told_and_one_in_its_own_folder_is_not(found: Found) -> None:
    saved = saved_model()
    assert found("suffix-lies", {"tau.pb": saved})[0].severity == "warning"
    assert not found("suffix-lies", {"tau/saved_model.pb": saved})


def test_a_pickle_called_like_a_safe_format_is_told_and_one_under_its_own_name_is_not(found: Found) -> None:
    told = found("suffix-lies", {"m.safetensors": pickle.dumps([1.5]), "m.pkl": pickle.dumps([1.5])})
    assert [(each.path, each.message) for each in told] == [
        ("m.safetensors", "it is called .safetensors, and is pickle")
    ]
    assert [each.path for each in found("suffix-lies", {"a.h5": model(), "b.onnx": model(), "c": model()})] == ["a.h5"]


def preprocess(*names: str, norm: float = 1.0) -> str:
    """Return weaver's preprocess.json with one variable in each input."""
    infos = {
        "median": 0.0,
        "norm_factor": norm,
        "replace_inf_value": 0.0,
        "lower_bound": -5,
        "upper_bound": 5,
        "pad": 0,
    }
    inputs = {name: {"var_names": [f"{name}_eta"], "var_infos": {f"{name}_eta": infos}} for name in names}
    return json.dumps({"input_names": list(names), "output_names": ["label_b"], **inputs})


def test_two_sidecars_for_the_same_inputs_are_told_and_one_for_each_model_is_not(found: Found) -> None:
    files = {
        "model.onnx": model({"pf": ["batch", 1, 50]}),
        "preprocess.json": preprocess("pf"),
        "preprocess_noragged.json": preprocess("pf", norm=2.0),
    }
    finding = found("ambiguous-sidecars", files)[0]
    assert "'preprocess.json', 'preprocess_noragged.json'" in finding.message
    names = "inputs: [{name: pf, features: [{name: pf_eta, scale: unknown}]}]\n"
    assert found("ambiguous-sidecars", {**files, "contract.yaml": names}), "what they differ in is not said"
    assert not found("ambiguous-sidecars", {**files, "contract.yaml": names.replace("unknown", "2")})
    other = {**files, "preprocess_noragged.json": preprocess("sv", norm=2.0)}
    assert not found("ambiguous-sidecars", other)
    same = {**files, "preprocess_noragged.json": preprocess("pf")}
    assert not found("ambiguous-sidecars", same)
