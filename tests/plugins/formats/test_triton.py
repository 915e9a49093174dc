"""Triton's configuration: what the server promises can be held against the model, whatever style it is written in."""

from __future__ import annotations

import pytest
from tests.plugins.formats.reading import read, rules

LISTS = """
name: "toy"  # a comment
platform: 'onnxruntime_onnx'
max_batch_size: 8
input [
  { name: "x" data_type: TYPE_FP32 dims: [ 3, -1 ] reshape { shape: [ 1, 3, -1 ] } },
  { name: "mask" data_type: TYPE_INT8 dims: [ -1 ] allow_ragged_batch: true optional: true }
]
output [ { name: "y" data_type: TYPE_FP16 dims: [ 2 ] label_filename: "labels.txt" } ]
instance_group [ { kind: KIND_GPU count: 2 gpus: [ 0, 1 ] } ]
version_policy: { specific: { versions: [ 1, 3 ] } }
dynamic_batching { }
model_repository_agents { agents [ { name: "checksum" parameters { key: "MD5:1/model.onnx" value: "abc" } } ] }
parameters: { key: "INFERENCE_MODE" value: { string_value: "true" } }
"""
REPEATED = """
name: "toy" platform: "onnxruntime_onnx" max_batch_size: 8
input { name: "x" data_type: TYPE_FP32 dims: 3 dims: -1 reshape: { shape: 1 shape: 3 shape: -1 } }
input < name: "mask", data_type: 6, dims: [-1]; allow_ragged_batch: true optional: true >
output { name: "y" data_type: TYPE_FP16 dims: 2 label_filename: "labels.txt" }
instance_group { kind: KIND_GPU count: 2 gpus: 0 gpus: 1 }
version_policy { specific { versions: 1 versions: 3 } }
dynamic_batching {}
model_repository_agents { agents { name: "checksum" parameters { key: "MD5:1/model.onnx" value: "abc" } } }
parameters { key: "INFERENCE_MODE" value { string_value: "true" } }
"""


@pytest.mark.parametrize("text", [LISTS, REPEATED])
def test_both_styles_of_lists_say_the_same(text: str) -> None:
    found = read("toy/config.pbtxt", text)
    values = {key: item for key, item in found.values.items() if key not in {"words", "lines"}}
    assert found.format == "triton-config"
    assert values == {
        "name": "toy",
        "platform": "onnxruntime_onnx",
        "max_batch_size": 8,
        "inputs": [
            {"name": "x", "dtype": "float32", "shape": [3, -1], "reshape": [1, 3, -1]},
            {"name": "mask", "dtype": "int8", "shape": [-1], "ragged": True, "optional": True},
        ],
        "outputs": [{"name": "y", "dtype": "float16", "shape": [2], "label_filename": "labels.txt"}],
        "instance_groups": [{"kind": "KIND_GPU", "count": 2, "gpus": [0, 1]}],
        "version_policy": {"specific": {"versions": [1, 3]}},
        "scheduling": ["dynamic_batching"],
        "checksums": {"MD5:1/model.onnx": "abc"},
        "parameters_declared": {"INFERENCE_MODE": "true"},
    }
    assert rules(found) == []


def test_places_in_the_file_are_lines() -> None:
    where = read("config.pbtxt", LISTS).where
    assert (where["/name"], where["/inputs"], where["/checksums"]) == ("line 2", "line 6", "line 13")


def test_what_is_left_out_has_the_defaults_of_the_format() -> None:
    values = read("config.pbtxt", 'backend: "python"').values
    assert (values["name"], values["max_batch_size"], values["inputs"], values["checksums"]) == ("", 0, [], {})
    assert "platform" not in values


def test_an_ensemble_says_its_steps() -> None:
    step = 'step [ { model_name: "a" model_version: -1 input_map { key: "x" value: "raw" } } ]'
    values = read("config.pbtxt", f'platform: "ensemble" ensemble_scheduling {{ {step} }}').values
    assert values["ensemble"] == [{"model": "a", "version": -1, "inputs": {"x": "raw"}, "outputs": {}}]


def test_a_configuration_is_known_by_its_fields_as_well() -> None:
    assert read("model.pbtxt", LISTS).format == "triton-config"
    assert read("graph.pbtxt", "node { name: 'x' }\nversions { }\n").format == "other"


@pytest.mark.parametrize("text", ["name: ", "input [ { ", "name = 3", "{" * 200, "a { " * 200, 'name: "\n"', "[" * 9])
def test_a_damaged_configuration_keeps_its_format_and_its_words_and_says_so(text: str) -> None:
    found = read("config.pbtxt", text)
    assert (found.format, str(found.safety)) == ("triton-config", "guarded")
    assert found.findings[0].severity == "error"
    assert "words" in found.values


def test_a_name_that_stands_twice_is_said() -> None:
    text = 'input { name: "x" dims: 1 } input { name: "x" dims: 2 } output { name: "y" dims: 1 }'
    assert rules(read("config.pbtxt", text)) == ["triton-name-twice"]
