"""weaver: every constant of its preprocessing is a fact."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.plugins.formats.reading import read, rules

from herdbook.kernel.errors import CorruptError

CONSTANTS = {"median": 0.8, "norm_factor": 0.7, "replace_inf_value": 0, "lower_bound": -5, "upper_bound": 5, "pad": 0}
WEAVER: dict[str, Any] = {
    "input_names": ["pf"],
    "pf": {"var_names": ["pt", "eta"], "var_infos": {"pt": CONSTANTS, "eta": CONSTANTS}, "var_length": 50},
    "output_names": ["b"],
    "input_shapes": {"pf": [-1, 2, 50]},
}
CONFIG = """
preprocess: {method: manual}
new_variables:
  pt_log: np.log(pt)
inputs:
  pf:
    length: 128
    pad_mode: wrap
    vars:
      - [pt_log, 1.7, 0.7, -3, 3, 1]
      - [eta, null]
      - phi
labels:
  type: simple
  value: [b, c]
"""


def test_preprocessing_is_known_by_its_keys_and_not_by_its_name() -> None:
    assert read("anything.json", json.dumps(WEAVER)).format == "weaver-preprocess"
    assert read("preprocess.json", json.dumps({"input_names": []})).format == "json-other"


def test_every_constant_is_there_and_its_words_are_found() -> None:
    found = read("preprocess.json", json.dumps(WEAVER))
    group = found.values["input_groups"][0]
    assert group == {
        "name": "pf",
        "var_names": ["pt", "eta"],
        "var_length": 50,
        "input_shapes": [-1, 2, 50],
        "var_infos": {"pt": CONSTANTS, "eta": CONSTANTS},
    }
    assert found.values["inputs"] == [{"name": "pf", "shape": [-1, 2, 50]}]
    assert {"eta", "pf"} <= set(found.values["words"])
    assert found.where["/input_groups/0"] == "pf"


@pytest.mark.parametrize("group", [{"var_names": 3}, {"var_names": [3]}, {"var_names": [], "var_infos": []}])
def test_damaged_preprocessing_is_refused(group: Any) -> None:
    with pytest.raises(CorruptError):
        read("preprocess.json", json.dumps({**WEAVER, "pf": group}))


def test_a_data_configuration_names_each_constant_of_a_variable() -> None:
    found = read("data.yaml", CONFIG)
    assert found.format == "weaver-data-config"
    assert found.values["input_groups"] == [
        {
            "name": "pf",
            "length": 128,
            "pad_mode": "wrap",
            "vars": [
                {
                    "name": "pt_log",
                    "subtract_by": 1.7,
                    "multiply_by": 0.7,
                    "clip_min": -3,
                    "clip_max": 3,
                    "pad_value": 1,
                },
                {"name": "eta"},
                {"name": "phi"},
            ],
        }
    ]
    assert found.values["classes"] == ["b", "c"]
    assert found.values["new_variables"] == {"pt_log": "np.log(pt)"}
    assert found.where["/inputs"] == "line 5"
    assert rules(found) == []


def test_labels_that_are_computed_are_definitions_and_no_classes() -> None:
    values = read("data.yaml", CONFIG.replace("[b, c]", "{truth: label.argmax(1)}")).values
    assert values["label_definitions"] == {"truth": "label.argmax(1)"}
    assert "classes" not in values


def test_a_variable_that_is_none_keeps_the_format_away_and_the_words() -> None:
    found = read("data.yaml", CONFIG.replace("- phi", "- {a: b}"))
    assert found.findings[0].severity == "error"
    assert "pf" in found.values["words"]
