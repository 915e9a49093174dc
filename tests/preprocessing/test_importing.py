"""What sidecars say is done to numbers, as one value: nothing is lost, and nothing is guessed."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from herdbook.kernel.errors import InvalidError
from herdbook.model.contracts import Bounds, Feature, Sequence
from herdbook.model.facts import Facts
from herdbook.model.preprocessing import PreparedOutput
from herdbook.service import preprocessing
from herdbook.service.preprocessing import salt

Told = Callable[..., Facts]


def rules(imported: Any) -> list[str]:
    return [finding.rule for finding in imported.findings]


@pytest.mark.datapack
@pytest.mark.parametrize("name", ["preprocess.json", "preprocess_noragged.json"])
def test_every_constant_of_a_real_preprocess_json_is_in_the_value(told: Told, datapack: Path, name: str) -> None:
    path = datapack / "models/onnx/particlenet_AK4/CHS_V00" / name
    raw = json.loads(path.read_text())
    found = preprocessing.read(told(path))
    assert found.findings == ()
    assert [each.name for each in found.spec.inputs] == raw["input_names"]
    assert found.spec.outputs == (PreparedOutput(labels=tuple(raw["output_names"])),)
    for part in found.spec.inputs:
        group = raw[part.name]
        assert [each.name for each in part.features] == group["var_names"]
        assert part.sequence == Sequence(
            axis=2, min_length=group["min_length"], max_length=group["max_length"], pad_mode="constant"
        )
        for feature in part.features:
            info = group["var_infos"][feature.name]
            assert feature == Feature(
                name=feature.name,
                offset=-info["median"],
                scale=info["norm_factor"],
                replace_non_finite=info["replace_inf_value"],
                clip=Bounds(lower=info["lower_bound"], upper=info["upper_bound"]),
                pad_value=info["pad"],
            )


@pytest.mark.datapack
def test_real_sidecars_of_every_kind_are_read_whole(told: Told, datapack: Path) -> None:
    models = datapack / "models"
    fixed = preprocessing.read(told(models / "onnx/preprocess_only/preprocess.json")).spec.inputs[0].sequence
    assert fixed == Sequence(axis=2, min_length=120, max_length=120, pad_mode="constant")
    deepcsv = preprocessing.read(told(models / "lwtnn/DeepCSV_PhaseI.json")).spec
    assert len(deepcsv.inputs[0].features) == 66
    assert deepcsv.inputs[0].features[0] == Feature(
        name="jetPt", offset=-97.12158203125, scale=0.006858854554593563, missing_value=0.0
    )
    assert deepcsv.outputs == (PreparedOutput(labels=("probb", "probbb", "probc", "probudsg")),)
    graph = preprocessing.read(told(models / "lwtnn/test_NN_graph.json"))
    assert [(each.name, each.sequence is None) for each in graph.spec.inputs] == [
        ("node_0", True),
        ("node_1", True),
        ("node_0[]", False),
    ]
    assert rules(graph) == ["preprocessing-name-twice"]
    scaler = preprocessing.read(told(models / "tf_graphdef/ele_pfid_exteta1/scaler.txt"))
    assert scaler.findings == ()
    assert scaler.spec.inputs[0].features[0] == Feature(
        name="fbrem", offset=1.4484487928400953, divisor=1047.088065683617
    )
    bdt = preprocessing.read(told(models / "tmva/mu_BDTG.weights.xml"))
    assert bdt.findings == ()
    assert bdt.spec.inputs[0].features[0] == Feature(
        name="LepGood_pt", training_range=Bounds(lower=5.00003052, upper=1325.75464)
    )
    kin = preprocessing.read(told(models / "torch/JetClass_kin.yaml"))
    assert kin.findings == ()
    features = kin.spec.inputs[1]
    assert features.sequence == Sequence(axis=2, min_length=128, max_length=128, pad_mode="wrap")
    assert features.features[0] == Feature(
        name="part_pt_log", missing_value=1.7, offset=-1.7, scale=0.7, clip=Bounds(lower=-5, upper=5), pad_value=0
    )
    assert features.features[5] == Feature(name="part_deta", missing_value=0, pad_value=0)


def test_a_dictionary_of_normalisation_centres_divides_and_clips(told: Told) -> None:
    told_ = told('{"nVertices": {"mean": 2.0, "std": 3.0, "min": -5.0, "max": 5.0}}', "NormalizationDict.json")
    (part,) = preprocessing.read(told_).spec.inputs
    assert part.features == (Feature(name="nVertices", offset=-2.0, divisor=3.0, clip=Bounds(lower=-5.0, upper=5.0)),)


def test_groups_of_a_dictionary_of_normalisation_are_inputs(told: Told) -> None:
    cell = {"global": {"mean": 1.0, "std": 2.0, "lim_min": -3.0, "lim_max": 3.0}}
    found = preprocessing.read(told(json.dumps({"TauFlat": {"pt": cell}, "PfCand": {"pt": cell}}), "scaling.json"))
    assert [each.name for each in found.spec.inputs] == ["TauFlat/global", "PfCand/global"]
    assert found.spec.inputs[0].features[0].clip == Bounds(lower=-3.0, upper=3.0)


def test_a_width_of_which_nobody_says_whether_it_divides_is_not_guessed(told: Told) -> None:
    found = preprocessing.read(told('{"pt": {"mean": 1.0, "scale": 2.0}}', "norm.json"))
    assert rules(found) == ["preprocessing-unknown-kind"]
    feature = found.spec.inputs[0].features[0]
    assert feature == Feature(name="pt", transform="normalisation by mean, scale")


def test_a_scaler_of_another_kind_is_named_and_not_guessed(told: Told) -> None:
    found = preprocessing.read(told("pt quantile 1.0 2.0\neta minmax -2 3\nphi stdscale 0 0\n", "scaler.txt"))
    assert sorted(rules(found)) == ["preprocessing-bad-divisor", "preprocessing-unknown-kind"]
    assert found.spec.inputs[0].features == (
        Feature(name="pt", transform="scaler: quantile"),
        Feature(name="eta", offset=2.0, divisor=5.0),
        Feature(name="phi", offset=0.0),
    )
    photons = preprocessing.read(told("hoe custom1 0.5 4.5\nr9 custom1 1 1\n", "EB_scaler.txt"))
    assert photons.spec.inputs[0].features == (
        Feature(name="hoe", offset=-2.5, divisor=2.0),
        Feature(name="r9", offset=-1.0),
    )
    assert rules(photons) == ["preprocessing-bad-divisor"]


SELECTION = """<Selection><Input NInputs="2"><Input Type="Variable" Label="{0}" Expression="{0}"/>
<Input Type="Variable" Label="{1}" Expression="{1}"/></Input><Output NOutputs="0"/></Selection>"""
OUTPUT = """NOutputs="2"><Output Type="Variable" Label="{0}" Expression="{0}"/>
<Output Type="Variable" Label="{1}" Expression="{1}"/></Output>"""
RANGES = """<Class ClassIndex="{0}"><Ranges><Range Index="0" Min="{1}" Max="{2}"/>
<Range Index="1" Min="-3" Max="1"/></Ranges></Class>"""


def normalize(first: str = "pt", second: str = "eta") -> str:
    classes = "".join(RANGES.format(index, 10 * index, 10 * index + 20) for index in range(3))
    return (
        '<Transformations NTransformations="1"><Transform Name="Normalize">'
        f"{SELECTION.format(first, second)}{classes}</Transform></Transformations>"
    )


@pytest.mark.parametrize("packed", [False, True])
def test_normalisation_by_tmva_takes_the_ranges_of_all_events_to_minus_one_and_one(tmva: Any, packed: bool) -> None:
    found = preprocessing.read(tmva(normalize(), packed=packed))
    assert found.findings == ()
    pt, eta = found.spec.inputs[0].features
    assert pt == Feature(
        name="pt", unit="GeV", training_range=Bounds(lower=5.0, upper=25.0), offset=-30.0, divisor=10.0
    )
    assert (eta.offset, eta.divisor) == (1.0, 2.0)
    assert found.spec.outputs == (PreparedOutput(labels=("Signal", "Background")),)
    for option in ("Norm(pt,eta)", "Normalise_AllClasses"):
        assert preprocessing.read(tmva(normalize(), option)) == found
    same = normalize().replace('NOutputs="0"/>', OUTPUT.format("pt", "eta"))
    assert preprocessing.read(tmva(same)) == found
    swapped = preprocessing.read(tmva(normalize("eta", "pt"))).spec.inputs[0].features
    assert [(each.name, each.offset) for each in swapped] == [("pt", 1.0), ("eta", -30.0)]


@pytest.mark.parametrize(
    ("transformations", "option"),
    [
        (normalize(), "N_Signal"),
        (normalize().replace('NOutputs="0"/>', OUTPUT.format("eta", "pt")), "N"),
        (normalize("pt", "other"), "N"),
        ('<Transformations NTransformations="1"><Transform Name="Gauss"/></Transformations>', "G"),
        ('<Transformations NTransformations="1"><Transform Name="Decorrelation"/></Transformations>', "D"),
    ],
)
def test_what_tmva_does_and_we_cannot_say_is_a_finding_and_no_number(
    tmva: Any, transformations: str, option: str
) -> None:
    found = preprocessing.read(tmva(transformations, option))
    assert rules(found) == ["preprocessing-transformation"]
    for feature in found.spec.inputs[0].features:
        assert (feature.offset, feature.scale, feature.divisor) == (None, None, None)
        assert str(feature.transform).startswith("TMVA: ")


def test_a_kind_that_is_not_known_is_one_finding_however_many_variables_have_it(told: Told) -> None:
    lines = "".join(f"x{number} MeanRms 1.5 2\n" for number in range(7)) + "iz None 0 0\n"
    found = preprocessing.read(told(lines, "config_scaler.txt"))
    assert [each.message for each in found.findings] == ["scaler: meanrms is not known: x0, x1, x2, x3, x4 and 2 more"]
    assert found.spec.inputs[0].features[-1] == Feature(name="iz")


def test_a_range_that_tmva_never_filled_is_none_and_no_finding(tmva: Any) -> None:
    facts = tmva("")
    features = [{**each, "min": 3.40282347e38, "max": -3.40282347e38} for each in facts.values["features"]]
    found = preprocessing.read(facts.model_copy(update={"values": {**facts.values, "features": features}}))
    assert found.findings == ()
    assert [each.training_range for each in found.spec.inputs[0].features] == [None, None]


def test_a_unit_that_is_none_is_left_out(tmva: Any) -> None:
    found = preprocessing.read(tmva("", unit="#frac{GeV}{c}"))
    assert rules(found) == ["preprocessing-unit"]
    assert found.spec.inputs[0].features[0].unit is None


def test_weaver_that_standardises_by_itself_says_that_the_constants_are_not_there(told: Told) -> None:
    text = """
preprocess: {method: auto}
inputs:
  pf: {length: 3, vars: [[a, null], [b, 1.0, 2.0, -1, 1, 9], [c, auto], d, pf_mask]}
labels: {type: simple, value: [x, y]}
"""
    found = preprocessing.read(told(text, "data.yaml"))
    assert rules(found) == ["preprocessing-automatic"] * 2
    a, b, c, d, mask = found.spec.inputs[0].features
    assert (c.transform, d.transform) == ("weaver: automatic standardisation",) * 2
    assert a == Feature(name="a", missing_value=0, pad_value=0)  # null: not transformed
    assert mask == Feature(name="pf_mask", missing_value=0, pad_value=0)
    assert b == Feature(
        name="b", missing_value=1.0, offset=-1.0, scale=2.0, clip=Bounds(lower=-1, upper=1), pad_value=9
    )


def weaver(**info: Any) -> str:
    return json.dumps({"input_names": ["pf"], "pf": {"var_names": ["a"], "var_infos": {"a": info}, "var_length": 3}})


def test_constants_that_are_no_numbers_are_left_out_and_named(told: Told) -> None:
    found = preprocessing.read(told(weaver(median="1", norm_factor=2, lower_bound=3, upper_bound=-3), "p.json"))
    assert sorted(rules(found)) == ["preprocessing-bad-bounds", "preprocessing-no-number"]
    assert found.spec.inputs[0].features[0] == Feature(name="a", scale=2, pad_value=0)
    open_ = preprocessing.read(told(weaver(lower_bound=float("-inf"), upper_bound=3), "p.json"))
    assert open_.spec.inputs[0].features[0].clip == Bounds(upper=3)


def test_a_variable_without_constants_and_lengths_that_cannot_be_are_named(told: Told) -> None:
    document = {"input_names": ["pf"], "pf": {"var_names": ["a"], "var_infos": {}, "min_length": -3, "max_length": 2}}
    found = preprocessing.read(told(json.dumps(document), "p.json"))
    assert rules(found) == ["preprocessing-no-constants", "preprocessing-bad-lengths"]
    assert found.spec.inputs[0].sequence == Sequence(axis=2)


def test_salt_configurations_are_read_from_the_onnx_facts() -> None:
    variables = [{"name": "pt", "offset": 0.0, "scale": 1.0}]
    config = {
        "inputs": [{"name": "jet_var", "variables": variables}],
        "input_sequences": [{"name": "tracks_r22default_sd0sort", "variables": variables}],
        "output_names": ["GN2_pb", "GN2_pc"],
    }
    facts = Facts(reader="onnx", reader_version="2", format="onnx", values={"gnn_config": config})
    spec = preprocessing.read(facts).spec
    assert [each.sequence for each in spec.inputs] == [None, Sequence(axis=0)]
    assert spec.outputs == (PreparedOutput(name="GN2_pb"), PreparedOutput(name="GN2_pc"))


@pytest.mark.parametrize(
    ("graph", "order"),
    [
        (["jet_features", "track_features", "electron_features"], [0, 1, 2]),
        (["track_features", "electron_features", "jet_features"], [1, 2, 0]),
        (["track_features", "jet_features"], None),
        (["track_features", "a", "jet_features"], None),
    ],
)
def test_inputs_of_salt_are_told_from_one_another_by_their_names(graph: list[str], order: list[int] | None) -> None:
    variables = [{"name": "pt", "offset": 0.0, "scale": 1.0}]
    names = ("jet_var", "tracks_r22default_sd0sort", "electrons_r22default")
    told_ = [{"name": name, "variables": variables} for name in names]
    config = {"inputs": told_[:1], "input_sequences": told_[1:], "output_names": ["GN2_pb"]}
    values = {"gnn_config": config, "inputs": [{"name": name} for name in graph]}
    assert salt.graph_order(values) == order
    found = preprocessing.read(Facts(reader="onnx", reader_version="2", format="onnx", values=values))
    assert rules(found) == (["preprocessing-order"] if order == [1, 2, 0] else [])
    assert [each.name for each in found.spec.inputs] == list(names)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.sampled_from(["pf", "a"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "name", "mean", "std"]), inner),
    max_leaves=8,
)
keys = st.sampled_from(
    ["pf", "inputs", "input_names", "output_names", "outputs", "defaults", "layers", "nodes", "input_sequences"]
)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    said=st.dictionaries(keys, anything),
    group=st.dictionaries(
        st.sampled_from(["var_names", "var_infos", "var_length", "min_length", "max_length"]), anything
    ),
)
def test_any_json_gives_a_value_or_a_refusal(told: Told, said: dict[str, Any], group: dict[str, Any]) -> None:
    weaver_ = {"input_names": ["pf"], "pf": {"var_names": ["a"], **group}, **said}
    variables = [{"name": "a", "offset": 0, "scale": 1, **group}]
    plain = {"layers": [], "inputs": variables, "outputs": [], **said}
    graph = {"layers": [], "nodes": [], "inputs": [{"name": "n", "variables": variables}], "outputs": {}, **said}
    for document in (weaver_, plain, graph, {"a": {"mean": 0, "std": 1, **said}}):
        facts = told(json.dumps(document), "sidecar.json")
        if preprocessing.prepares(facts):
            with contextlib.suppress(InvalidError):
                preprocessing.read(facts)


def test_what_prepares_nothing_is_refused(told: Told) -> None:
    with pytest.raises(InvalidError) as caught:
        preprocessing.read(told("# A model\n", "README.md"))
    assert caught.value.code == "preprocessing-none"
    with pytest.raises(InvalidError):
        preprocessing.read(told('{"input_names": ["pf"], "pf": {"var_names": []}}', "p.json"))


def test_salts_dictionary_of_normalisation_is_read_by_names(told: Told) -> None:
    text = "jets:\n  pt_btagJes: {mean: 61000.0, std: 30000.0}\ntracks:\n  d0: {mean: 0.25, std: 0.5}\n"
    found = preprocessing.read(told(text, "norm_dict.yaml"))
    assert [each.name for each in found.spec.inputs] == ["jets", "tracks"]
    assert found.spec.inputs[1].features == (Feature(name="d0", offset=-0.25, divisor=0.5),)
