"""XGBoost: JSON, UBJSON and the legacy binary, true and lying."""

from __future__ import annotations

import json
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.plugins.conftest import Bytes
from tests.plugins.formats.tree_files import fixture, read, rules, taken

from herdbook.kernel.errors import CorruptError, InvalidError
from herdbook.plugins.formats import ubjson
from herdbook.plugins.formats.ubjson import Numbers, Ubjson
from herdbook.plugins.formats.xgboost import Xgboost
from herdbook.plugins.formats.xgboost_binary import _scientific

NAMES = ("binary", "classes", "categories", "dart", "forest", "linear")


def text(value: str) -> bytes:
    return b"L" + struct.pack(">q", len(value)) + value.encode()


def written(value: Any) -> bytes:
    """Return a value as UBJSON."""
    if isinstance(value, dict):
        return b"{" + b"".join(text(key) + written(each) for key, each in value.items()) + b"}"
    if isinstance(value, list):
        return b"[" + b"".join(map(written, value)) + b"]"
    if isinstance(value, str):
        return b"S" + text(value)
    return b"l" + struct.pack(">i", value) if isinstance(value, int) else b"D" + struct.pack(">d", value)


def model(**changes: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(fixture("xgboost_binary.json"))
    found["learner"] |= changes
    return found


@pytest.mark.parametrize("name", NAMES)
def test_json_and_ubjson_of_one_model_have_the_same_facts(name: str) -> None:
    as_json = read("m.json", fixture(f"xgboost_{name}.json"))
    as_ubjson = read("m.ubj", fixture(f"xgboost_{name}.ubj"))
    assert (as_json.format, as_ubjson.format) == ("xgboost-json", "xgboost-ubj")
    assert as_json.values == as_ubjson.values
    assert as_json.where == as_ubjson.where
    assert as_json.where["/num_features"] == "learner.learner_model_param.num_feature"


def test_a_saved_configuration_is_no_model() -> None:
    config = model(gradient_booster={"name": "gbtree", "gbtree_train_param": {}, "updater": []})
    assert read("config.json", json.dumps(config).encode()).format != "xgboost-json"
    with pytest.raises(CorruptError, match="no model"):
        read("config.ubj", written(config))


def test_a_list_with_another_number_of_trees_than_declared_is_a_finding() -> None:
    lying = model()
    lying["learner"]["gradient_booster"]["model"]["trees"].pop()
    facts = read("m.json", json.dumps(lying).encode())
    assert (facts.values["trees"], facts.values["trees_declared"]) == (3, 4)
    assert rules(facts) == ["trees-differ"]


@pytest.mark.parametrize(
    "changes",
    [
        {"learner_model_param": {"num_feature": "many"}},
        {"learner_model_param": {"num_feature": "1" * 400}},
        {"learner_model_param": {"num_feature": "٣"}},
        {"learner_model_param": {}},
        {"gradient_booster": {"model": []}},
        {"gradient_booster": {"model": {"trees": {}}}},
        {"gradient_booster": {"model": {"trees": [1]}}},
        {"gradient_booster": {"model": {"trees": [{"tree_param": {"num_nodes": None}}]}}},
    ],
)
def test_a_model_that_is_not_as_the_schema_says_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(CorruptError):
        read("m.json", json.dumps(model(**changes)).encode())


def test_odd_but_harmless_content_is_left_out() -> None:
    odd = model(feature_names=[1, None], attributes={"a": "1", "b": 2}, objective="binary:logistic")
    facts = read("m.json", json.dumps(odd).encode())
    assert facts.values["features"] == [{"name": "1"}, {"name": "None"}]
    assert facts.values["attributes"] == {"a": "1"}
    assert "objective" not in facts.values


def test_numbers_in_arrays_are_passed_over_and_not_read() -> None:
    big = b"{" + text("weights") + b"[$d#L" + struct.pack(">q", 4_000_000) + bytes(16_000_000) + b"}"
    file = Bytes(big)
    assert Ubjson(file).read() == {"weights": Numbers(4_000_000)}
    assert file.bytes_read < 64 * 1024
    assert read("m.ubj", written(model())).values == read("m.json", json.dumps(model()).encode()).values


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"{" + text("learner") + b"[$d#L" + struct.pack(">q", 2**62) + b"}", CorruptError),
        (b"{" + text("learner") + b"[#L" + struct.pack(">q", 2**40) + b"}", CorruptError),
        (b"{" + text("learner") + b"[$d#L" + struct.pack(">q", -1), CorruptError),
        (b"{" + text("learner") + b"S" + b"L" + struct.pack(">q", 2**61), InvalidError),
        (b"{" + text("learner") + b"[" * 500, InvalidError),
        (b"{" + text("learner") + b"[$Z#L" + struct.pack(">q", 2**62) + b"}", CorruptError),
        (b"{" + text("learner") + b"[$[#i\x02", CorruptError),
        (b"{" + text("learner") + b"N" * 100, CorruptError),
    ],
    ids=["typed", "counted", "negative", "text", "deep", "nothing", "typed-lists", "no-op"],
)
def test_lying_lengths_of_ubjson_are_refused(data: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        read("m.ubj", data)


def test_values_without_an_end_are_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ubjson, "MAX_VALUES", 1000)
    with pytest.raises(InvalidError, match="values"):
        read("m.ubj", b"{" + text("learner") + b"[" + b"Z" * 2000)


def test_containers_with_and_without_counts_and_no_ops_are_the_same() -> None:
    for data in (b"[i\x01i\x02]", b"[#i\x02i\x01i\x02", b"[Ni\x01NNi\x02N]"):
        assert Ubjson(Bytes(data)).read() == [1, 2]
    for data in (b"{i\x01aT}", b"{#i\x01i\x01aT", b"{$T#i\x01i\x01a"):
        assert Ubjson(Bytes(data)).read() == {"a": True}
    assert Ubjson(Bytes(b"[Cxd\x3f\x80\0\0Hi\x031.5]")).read() == ["x", 1.0, "1.5"]


def test_the_legacy_format_says_who_reads_it_and_where_names_may_be() -> None:
    facts = read("a/m.model", fixture("legacy_binary.model"), {"a/m.model": 1, "a/m.features": 2})
    assert facts.format == "xgboost-binf"
    assert facts.safety == "guarded"
    assert rules(facts) == ["xgboost-legacy", "no-feature-names"]
    assert "3.0" in facts.findings[0].message
    assert ".features" in facts.findings[1].message
    assert facts == read("a/m.model", fixture("legacy_binary.model")), "facts are of one file's bytes"


def test_the_older_format_is_known_without_a_marker() -> None:
    assert taken("m.bin", fixture("legacy_unmarked.model")) == "xgboost-bin-old"
    assert taken("m.bin", bytes(400)) is None
    assert taken("m.bin", fixture("legacy_binary.model")[:150]) == "xgboost-binf"


def test_what_cannot_be_read_behind_the_trees_is_a_finding() -> None:
    data = fixture("legacy_binary.model")
    assert "xgboost-tail" in rules(read("m", data + b"more"))
    facts = read("m", data[:-20])
    assert "xgboost-tail" in rules(facts)
    assert facts.values["trees"] == 4


@pytest.mark.parametrize(("trees", "error"), [(-1, CorruptError), (2**31 - 1, InvalidError), (1000, CorruptError)])
def test_lying_numbers_of_trees_of_the_legacy_format_are_refused(trees: int, error: type[Exception]) -> None:
    data = bytearray(fixture("legacy_binary.model"))
    at = data.index(b"gbtree") + 6
    data[at : at + 4] = struct.pack("<i", trees)
    with pytest.raises(error):
        read("m", bytes(data))


def test_nodes_of_the_legacy_format_are_not_read(in_memory: type[Bytes]) -> None:
    file = in_memory(fixture("legacy_classes.model"))
    Xgboost().read(file, "m", {})
    assert file.bytes_read < 0.5 * file.size


@given(value=st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_a_score_is_written_with_the_digits_that_give_it_back(value: float) -> None:
    written = _scientific(value)
    assert struct.pack("<f", float(written)) == struct.pack("<f", value) or value == 0
    assert written == written.upper()


def test_scores_look_as_xgboost_writes_them() -> None:
    said = {0.5: "5E-1", 1.0: "1E0", -12.5: "-1.25E1", 0.0: "0E0"}
    assert {value: _scientific(value) for value in said} == said
    assert _scientific(struct.unpack("<f", struct.pack("<f", 0.535))[0]) == "5.35E-1"
