"""Files for other programs: what they can say comes back the same, what they cannot say is refused by name."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from herdbook.kernel.errors import InvalidError
from herdbook.model.contracts import Bounds, Contract, Feature, Member, Sequence, Tensor
from herdbook.model.facts import Facts
from herdbook.model.preprocessing import PreparedInput, PreparedOutput, PreprocessingSpec
from herdbook.service import preprocessing

Told = Callable[..., Facts]
WHOLE = 2**53 - 1

numbers = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-WHOLE, WHOLE)
names = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=8)
labels = st.lists(names, min_size=1, max_size=3).map(tuple)


@st.composite
def of_variables(draw: st.DrawFn) -> Feature:
    """Return a variable as a file of weaver has it: what fills up lies within the bounds."""
    lower, pad, upper = sorted([draw(numbers), draw(numbers), draw(numbers)])
    fields = {"name": draw(names), "offset": draw(numbers), "scale": draw(numbers), "replace_non_finite": draw(numbers)}
    return Feature.read({**fields, "clip": {"lower": lower, "upper": upper}, "pad_value": pad})


@st.composite
def sequences(draw: st.DrawFn) -> Sequence:
    least, most = sorted([draw(st.integers(0, 200)), draw(st.integers(0, 200))])
    return Sequence(axis=2, min_length=least, max_length=most, pad_mode="constant")


def of_weaver() -> st.SearchStrategy[PreprocessingSpec]:
    features = st.lists(of_variables(), min_size=1, max_size=4, unique_by=lambda each: each.name).map(tuple)
    name = names.filter(lambda each: each not in {"input_names", "output_names"})
    given_ = st.builds(PreparedInput, name=name, features=features, sequence=st.none() | sequences())
    inputs = st.lists(given_, min_size=1, max_size=3, unique_by=lambda each: each.name).map(tuple)
    outputs = st.none() | st.tuples(st.builds(PreparedOutput, labels=labels))
    return st.builds(PreprocessingSpec, inputs=inputs, outputs=outputs)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(spec=of_weaver())
def test_a_spec_written_for_weaver_reads_back_as_it_was(told: Told, spec: PreprocessingSpec) -> None:
    found = preprocessing.read(told(preprocessing.export(spec, "weaver").text, "preprocess.json"))
    assert found.spec == spec
    assert found.findings == ()


def of_lwtnn() -> st.SearchStrategy[PreprocessingSpec]:
    feature = st.builds(Feature, name=names, offset=numbers, scale=numbers, missing_value=st.none() | numbers)
    features = st.lists(feature, min_size=1, max_size=4, unique_by=lambda each: each.name).map(tuple)
    plain = st.builds(
        PreprocessingSpec,
        inputs=st.tuples(st.builds(PreparedInput, name=st.just("inputs"), features=features)),
        outputs=st.tuples(st.builds(PreparedOutput, labels=labels)),
    )
    given_ = st.builds(
        PreparedInput, name=names.filter(lambda each: each != "inputs"), features=features,
        sequence=st.none() | st.just(Sequence()),
    )  # fmt: skip
    inputs = st.lists(given_, min_size=1, max_size=3, unique_by=lambda each: each.name)
    outputs = st.lists(
        st.builds(PreparedOutput, name=names, labels=labels), min_size=1, max_size=2, unique_by=lambda each: each.name
    )
    graph = st.builds(
        PreprocessingSpec,
        inputs=inputs.map(lambda each: tuple(sorted(each, key=lambda one: one.sequence is not None))),
        outputs=outputs.map(lambda each: tuple(sorted(each, key=lambda one: str(one.name)))),
    )
    return plain | graph


def network(text: str) -> str:
    """Return the keys in a network without layers, as a converter puts them together with its layers."""
    keys = json.loads(text)
    return json.dumps({"layers": [], **({"nodes": []} if "input_sequences" in keys else {}), **keys})


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(spec=of_lwtnn())
def test_a_spec_written_for_lwtnn_reads_back_as_it_was(told: Told, spec: PreprocessingSpec) -> None:
    found = preprocessing.read(told(network(preprocessing.export(spec, "lwtnn").text), "network.json"))
    assert found.spec == spec
    assert found.findings == ()


@pytest.mark.datapack
@pytest.mark.parametrize(
    "name",
    ["onnx/particlenet_AK4/CHS_V00/preprocess.json", "onnx/particlenet_AK4/CHS_V00/preprocess_noragged.json",
     "onnx/preprocess_only/preprocess.json"],
)  # fmt: skip
def test_real_files_of_weaver_come_back_with_every_constant(told: Told, datapack: Path, name: str) -> None:
    path = datapack / "models" / name
    spec = preprocessing.read(told(path)).spec
    written = json.loads(preprocessing.export(spec, "weaver").text)
    raw = json.loads(path.read_text())
    for group in (raw[key] for key in raw["input_names"]):
        if group.get("min_length", 0) == group.get("max_length", -1):
            group["var_length"] = group.pop("min_length")
            del group["max_length"]
    assert written == raw


@pytest.mark.datapack
@pytest.mark.parametrize("name", ["DeepCSV_PhaseI.json", "test_NN_graph.json"])
def test_real_networks_of_lwtnn_come_back_with_every_constant(told: Told, datapack: Path, name: str) -> None:
    path = datapack / "models/lwtnn" / name
    raw = json.loads(path.read_text())
    written = json.loads(preprocessing.export(preprocessing.read(told(path)).spec, "lwtnn").text)
    for key, item in written.items():
        if key == "outputs" and isinstance(item, dict):
            assert item == {each: {"labels": told_["labels"]} for each, told_ in raw["outputs"].items()}
        else:
            assert item == raw[key], key


def spec(sequence: Sequence | None = None, **fields: Any) -> PreprocessingSpec:
    feature = Feature(name="x", **fields)
    return PreprocessingSpec(inputs=(PreparedInput(name="in", features=(feature,), sequence=sequence),))


OBJECTS = {"min_length": 1, "max_length": 5}
PADDED = {"replace_non_finite": 0, "pad_value": 0}


@pytest.mark.parametrize(
    ("target", "sequence", "fields", "where"),
    [
        ("weaver", None, {"replace_non_finite": 0, "divisor": 3}, "features/0/divisor"),
        ("weaver", None, {"replace_non_finite": 0, "missing_value": 0}, "features/0/missing_value"),
        ("weaver", None, {"replace_non_finite": 0, "transform": "log"}, "features/0/transform"),
        ("weaver", None, {"offset": 1}, "features/0/replace_non_finite"),
        ("weaver", Sequence(**OBJECTS), {"replace_non_finite": 0}, "features/0/pad_value"),
        ("weaver", None, PADDED | {"clip": Bounds(lower=1)}, "features/0/pad_value"),
        ("weaver", Sequence(max_length=5), PADDED, "sequence/min_length"),
        ("weaver", Sequence(min_length=5), PADDED, "sequence/max_length"),
        ("weaver", Sequence(min_length=5, max_length=4), PADDED, "sequence/min_length"),
        ("weaver", Sequence(axis=1, **OBJECTS), PADDED, "sequence/axis"),
        ("weaver", Sequence(pad_mode="wrap", **OBJECTS), PADDED, "sequence/pad_mode"),
        ("weaver", Sequence(sort_key="pt", **OBJECTS), {"replace_non_finite": 0}, "sequence/sort_key"),
        ("weaver", Sequence(selection="pt > 1 GeV", **OBJECTS), {"replace_non_finite": 0}, "sequence/selection"),
        ("lwtnn", None, {"divisor": 3}, "features/0/divisor"),
        ("lwtnn", None, {"replace_non_finite": 0}, "features/0/replace_non_finite"),
        ("lwtnn", None, {"clip": Bounds(upper=5)}, "features/0/clip"),
        ("lwtnn", None, {"pad_value": 0}, "features/0/pad_value"),
        ("lwtnn", None, {"transform": "log"}, "features/0/transform"),
        ("lwtnn", Sequence(max_length=5), {}, "sequence/max_length"),
    ],
)
def test_what_the_target_cannot_say_is_refused_with_the_field_named(
    target: Any, sequence: Sequence | None, fields: dict[str, Any], where: str
) -> None:
    with pytest.raises(InvalidError) as caught:
        preprocessing.export(spec(sequence, **fields), target)
    assert caught.value.code == "preprocessing-not-expressible"
    assert caught.value.details["field"] == f"/inputs/0/{where}"


def test_one_name_for_two_things_is_refused() -> None:
    twice = (Feature(name="x", replace_non_finite=0), Feature(name="x", replace_non_finite=0, offset=1))
    given_ = PreparedInput(name="in", features=twice)
    for target in ("weaver", "lwtnn"):
        with pytest.raises(InvalidError) as caught:
            preprocessing.export(PreprocessingSpec(inputs=(given_,)), target, leave_out=["replace_non_finite"])
        assert caught.value.details["field"] == "/inputs/0/features/1/name"
    same = PreparedInput(name="in", features=twice[:1] * 2)
    assert json.loads(preprocessing.export(PreprocessingSpec(inputs=(same,)), "weaver").text)["in"]["var_names"] == [
        "x",
        "x",
    ]
    with pytest.raises(InvalidError):
        preprocessing.export(PreprocessingSpec(inputs=(same, same)), "weaver")


def test_words_that_change_no_number_are_left_out_and_said_to_be() -> None:
    made = preprocessing.export(
        spec(unit="GeV", definition="transverse momentum", replace_non_finite=0, divisor=1), "weaver"
    )
    assert made.left_out == (
        "/inputs/0/features/0/definition",
        "/inputs/0/features/0/unit",
        "/inputs/0/features/0/divisor",
    )
    assert json.loads(made.text)["in"]["var_infos"]["x"]["norm_factor"] == 1


def test_what_changes_numbers_may_be_left_out_knowingly_and_divisors_become_scales() -> None:
    sorted_ = spec(Sequence(sort_key="pt", sort_order="descending", **OBJECTS), divisor=4, **PADDED)
    made = preprocessing.export(sorted_, "weaver", leave_out=["sort_key", "sort_order"], divisors_as_scales=True)
    assert made.left_out == ("/inputs/0/sequence/sort_key", "/inputs/0/sequence/sort_order")
    assert json.loads(made.text)["in"]["var_infos"]["x"]["norm_factor"] == 0.25


def test_an_unknown_target_is_refused() -> None:
    with pytest.raises(InvalidError) as caught:
        preprocessing.export(spec(), "keras")  # type: ignore[arg-type]  # that is the point
    assert caught.value.code == "preprocessing-no-target"


def test_a_contract_gives_its_preparation_and_takes_one() -> None:
    features = (Feature(name="pt", unit="GeV", offset=-1),)
    contract = Contract(
        inputs=(Tensor(name="a", features=features, sequence=Sequence(max_length=3)), Tensor(name="b")),
        outputs=(Tensor(name="out", labels=("s", "b")),),
        members=(Member(name="odd", files=("odd.onnx",), inputs=(Tensor(name="c", features=features),)),),
    )
    found = preprocessing.to_spec(contract)
    assert [each.name for each in found.inputs] == ["a"]
    assert found.outputs == (PreparedOutput(name="out", labels=("s", "b")),)
    assert preprocessing.to_spec(contract, "odd").inputs[0].name == "c"
    assert preprocessing.to_spec(preprocessing.from_spec(found)) == found
    with pytest.raises(InvalidError):
        preprocessing.to_spec(contract, "even")
    with pytest.raises(InvalidError) as caught:
        preprocessing.to_spec(Contract(inputs=(Tensor(name="b"),)))
    assert caught.value.code == "preprocessing-none"
