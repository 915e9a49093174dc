"""conifer's JSON, true and odd."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.plugins.formats.tree_files import fixture, read, rules

from herdbook.kernel.errors import CorruptError

MODEL: dict[str, Any] = json.loads(fixture("conifer_classes.json"))


def facts(**changes: Any) -> Any:
    return read("m.json", json.dumps({**MODEL, **changes}).encode())


def test_types_of_firmware_and_the_order_of_features_are_read() -> None:
    found = facts(feature_map={"b": 1, "a": 0, "c": 2, "d": 3})
    assert found.format == "conifer-json"
    assert [each["name"] for each in found.values["features"]] == ["a", "b", "c", "d"]
    assert found.values["config"]["input_precision"] == "ap_fixed<18,8>"
    assert found.values["metadata"][0]["version"] == "1.11"
    assert found.where["/features"] == "feature_map"


def test_what_json_has_no_number_for_is_a_text() -> None:
    assert facts(init_predict=[float("nan"), float("-inf"), 1.5]).values["init_predict"] == ["NaN", "-Infinity", 1.5]


def test_another_number_of_trees_than_declared_is_a_finding() -> None:
    assert rules(facts(n_trees=7)) == ["trees-differ"]
    assert rules(facts()) == []


def test_without_names_there_are_no_features() -> None:
    nothing: tuple[Any, ...] = (None, {}, [])
    for value in nothing:
        assert "features" not in facts(feature_map=value).values


@pytest.mark.parametrize(
    "changes",
    [{"trees": [[], 1]}, {"feature_map": {"a": "x"}}, {"feature_map": {"a": None}}, {"feature_map": {"a": 1e999}}],
)
def test_a_model_that_is_none_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(CorruptError):
        facts(**changes)


def test_json_with_some_of_its_keys_is_something_else() -> None:
    assert read("m.json", json.dumps({key: MODEL[key] for key in ("trees", "n_trees")}).encode()).format == "json-other"
