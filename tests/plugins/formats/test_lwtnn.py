"""lwtnn's files: scaling, defaults and labels reach whoever has to feed the network."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.plugins.formats.reading import read, rules

from herdbook.kernel.errors import CorruptError

PLAIN: dict[str, Any] = {
    "inputs": [{"name": "pt", "offset": -50.0, "scale": 0.01}, {"name": "eta", "offset": 0, "scale": 2}],
    "defaults": {"pt": 30.0},
    "layers": [{"architecture": "dense", "activation": "rectified", "weights": [1, 2.5, 3, 4], "bias": [0, 0]}],
    "outputs": ["b", "light"],
}
GRAPH: dict[str, Any] = {
    "inputs": [{"name": "jet", "variables": [{"name": "pt", "offset": 1, "scale": 2, "default": -1.0}]}],
    "input_sequences": [{"name": "tracks", "variables": [{"name": "d0", "offset": 0, "scale": 1}]}],
    "layers": [{"architecture": "lstm", "components": {"i": {"weights": [1, 2], "U": [3], "bias": [4]}}}],
    "nodes": [{"type": "input", "sources": [0]}, {"type": "feed_forward", "sources": [0], "layer_index": 0}],
    "outputs": {"z": {"labels": ["q"], "node_index": 1}, "a": {"labels": ["p", "r"], "node_index": 1}},
}


def facts(content: Any) -> Any:
    return read("nn.json", json.dumps(content))


def test_a_plain_network_says_how_each_variable_is_scaled_and_what_stands_for_a_missing_one() -> None:
    found = facts(PLAIN)
    assert (found.format, str(found.safety)) == ("lwtnn-json", "safe")
    assert found.values["features"] == PLAIN["inputs"]
    assert found.values["defaults"] == PLAIN["defaults"]
    assert found.values["classes"] == ["b", "light"]
    assert found.values["parameters"] == 6
    assert found.where["/features"] == "inputs"


def test_a_graph_says_nodes_sequences_and_the_labels_of_each_output() -> None:
    found = facts(GRAPH)
    assert found.format == "lwtnn-graph-json"
    assert [each["name"] for each in found.values["inputs"]] == ["jet"]
    assert found.values["inputs"][0]["variables"] == [{"name": "pt", "offset": 1, "scale": 2, "default": -1.0}]
    assert found.values["input_sequences"][0]["variables"] == [{"name": "d0", "offset": 0, "scale": 1}]
    assert [(each["name"], each["shape"]) for each in found.values["outputs"]] == [("a", [2]), ("z", [1])]
    assert found.values["parameters"] == 4
    assert found.values["node_types"] == {"feed_forward": 1, "input": 1}
    assert "made_by" not in found.values
    layer = {"architecture": "dense", "activation": "sigmoid", "weights": [1]}
    nodes = [*GRAPH["nodes"], {"type": "feed_forward", "sources": [1], "layer_index": 1}]
    outputs = {**GRAPH["outputs"], "a": {"labels": ["p", "r"], "node_index": 2}}
    told = facts({**GRAPH, "layers": [*GRAPH["layers"], layer], "nodes": nodes, "outputs": outputs})
    assert told.values["made_by"] == ["sigmoid", None]


def test_numbers_are_counted_as_numbers_and_not_as_lists_of_lists_or_truth_values() -> None:
    layers = [{"weights": [[1, 2], [3, [4.5]]], "bias": [True, "x", None], "size": 7}]
    assert facts({**PLAIN, "layers": layers}).values["parameters"] == 4


def test_numbers_that_json_cannot_write_stay_to_be_seen() -> None:
    text = json.dumps({**PLAIN, "defaults": {"pt": float("nan"), "eta": float("inf"), "phi": 2**60}})
    assert read("nn.json", text).values["defaults"] == {"pt": "NaN", "eta": "Infinity", "phi": hex(2**60)}


@pytest.mark.parametrize(
    "change",
    [
        {"layers": [3]},
        {"inputs": [*PLAIN["inputs"], 3]},
        {"inputs": [*PLAIN["inputs"], {"offset": 1}]},
    ],
)
def test_a_damaged_network_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(CorruptError):
        facts({**PLAIN, **change})


@pytest.mark.parametrize(
    "change",
    [
        {"outputs": {"z": 3}},
        {"outputs": {"z": {"node_index": 1}}},
        {"nodes": [None]},
        {"inputs": [{"name": "jet", "variables": 3}]},
        {"input_sequences": 3},
    ],
)
def test_a_damaged_graph_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(CorruptError):
        facts({**GRAPH, **change})


@pytest.mark.parametrize(
    "content",
    [
        {"layers": [], "outputs": []},
        {"layers": {}, "inputs": [], "outputs": []},
        {"layers": [], "inputs": [{"name": "x"}]},
    ],
)
def test_what_only_has_layers_is_no_network_of_lwtnn(content: Any) -> None:
    assert facts(content).format == "json-other"


def test_constants_without_end_are_cut_and_that_is_said() -> None:
    found = facts({**PLAIN, "miscellaneous": {str(number): number for number in range(300_000)}})
    assert rules(found) == ["values-cut"]
