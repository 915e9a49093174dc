"""Our numbers against those of the programs themselves, which tests/fixtures/preprocessing holds."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from herdbook.kernel.errors import InvalidError
from herdbook.model.contracts import Feature, Sequence
from herdbook.model.facts import Facts
from herdbook.model.preprocessing import PreparedInput, PreprocessingSpec
from herdbook.service import preprocessing

Told = Callable[..., Facts]
GOLDEN = Path(__file__).parents[1] / "fixtures" / "preprocessing"


def golden(name: str) -> Any:
    return json.loads((GOLDEN / f"{name}.json").read_text())


def same(found: Any, expected: Any) -> None:
    """Compare bit by bit, but for the sign of a zero and for which NaN."""
    np.testing.assert_array_equal(found, np.asarray(expected, np.float32), strict=True)


def plain(spec: PreprocessingSpec, values: dict[str, Any], **more: Any) -> Any:
    return preprocessing.apply(spec, values, **more)[spec.inputs[0].name]


@pytest.mark.parametrize("flags", ["nan", "all"])
def test_a_plain_network_of_lwtnn_gets_what_lwtnn_gives_it(told: Told, flags: str) -> None:
    case = golden("lwtnn")["plain"]
    spec = preprocessing.read(told(json.dumps(case["network"]), "network.json")).spec
    values: dict[str, Any] = {name: np.array(each) for name, each in case["values"]["inputs"].items()}
    if flags == "all":  # the caller of lwtnn says that an infinity is missing, too; eta has no default
        values |= {name: np.ma.masked_invalid(values[name]) for name in ("pt", "mass")}
    found = plain(spec, values)
    same(found, np.array(case["expected"][flags]["inputs"])[:, :, 0])


def graph() -> PreprocessingSpec:
    """Return what the graph of the golden numbers says."""
    jet = (Feature(name="pt", offset=-1, scale=2, missing_value=5), Feature(name="eta", offset=0, scale=1))
    tracks = (
        Feature(name="d0", offset=0.1, scale=3, missing_value=-2),
        Feature(name="z0", offset=-0.3, scale=0.7),
    )
    return PreprocessingSpec(
        inputs=(
            PreparedInput(name="jet", features=jet),
            PreparedInput(name="tracks", features=tracks, sequence=Sequence()),
        )
    )


def test_a_graph_of_lwtnn_gets_what_lwtnn_gives_it_sequences_too(told: Told) -> None:
    case = golden("lwtnn")["graph"]
    found_spec = preprocessing.read(told(json.dumps(case["network"]), "network.json")).spec
    assert found_spec.inputs == graph().inputs
    expected = case["expected"]["nan"]
    for row in (0, 1):
        values = {name: [each[row]] for told in case["values"].values() for name, each in told.items()}
        found = preprocessing.apply(graph(), values)
        same(found["jet"][0], np.array(expected["jet"][row])[:, 0])
        same(found["tracks"][0], np.array(expected["tracks"][row]).reshape(2, -1))


def test_lwtnn_read_our_graph_with_its_defaults() -> None:
    written = json.loads(preprocessing.export(graph(), "lwtnn").text)
    network = golden("lwtnn")["graph"]["network"]
    assert written == {key: network[key] for key in ("inputs", "input_sequences")}


def test_cmssw_prepares_each_jet_as_we_do_bit_by_bit(told: Told) -> None:
    case = golden("cmssw")
    found = preprocessing.read(told(json.dumps(case["document"]), "preprocess.json"))
    assert found.findings == ()
    for row in range(5):
        values = {name: [each[row]] for name, each in case["values"].items()}
        made = preprocessing.apply(found.spec, values, precision="float32")
        for name, expected in case["expected"].items():
            same(made[name][0], expected[row])


def test_what_we_write_for_weaver_is_the_file_that_cmssw_was_given(told: Told) -> None:
    document = golden("cmssw")["document"]
    document["features"]["var_infos"]["charge"]["pad"] = 0  # what CMSSW does where the file says nothing
    spec = preprocessing.read(told(json.dumps(document), "preprocess.json")).spec
    assert json.loads(preprocessing.export(spec, "weaver").text) == document


def test_kinds_of_a_scaler_are_those_of_cmssw(told: Told) -> None:
    for kind, first, second, value, expected in golden("cmssw")["scaled"]:
        spec = preprocessing.read(told(f"x {kind} {first!r} {second!r}\n", "scaler.txt")).spec
        found = plain(spec, {"x": [value]}, precision="float32")
        np.testing.assert_allclose(found[0, 0], expected, rtol=3e-7, atol=2e-7)


@pytest.mark.parametrize("kind", ["constant", "wrap", "automatic"])
def test_weaver_makes_the_same_of_its_configuration(told: Told, kind: str) -> None:
    case = golden("weaver")
    config, values = case["configs"][kind], case["values"]
    found = preprocessing.read(told(config["text"], "data.yaml"))
    made = preprocessing.apply(found.spec, values, precision="float32")
    for name, expected in config["expected"].items():
        if name == "features":  # z0 is never 0: weaver's NaN becomes 0 behind its bounds, which no formula of ours says
            assert [finding.rule for finding in found.findings] == ["preprocessing-nan"]
            assert np.isnan(made[name][2, 2, 0])
            made[name] = np.nan_to_num(made[name], posinf=np.inf, neginf=-np.inf)
        same(made[name], expected)


def test_weavers_own_preprocess_json_is_what_we_write(told: Told) -> None:
    exported = golden("weaver")["configs"]["constant"]["exported"]
    spec = preprocessing.read(told(json.dumps(exported), "preprocess.json")).spec
    with pytest.raises(InvalidError, match="CMSSW stops") as caught:
        preprocessing.export(spec, "weaver")  # z0 is filled up with 0, below its lower bound
    assert caught.value.details["field"] == "/inputs/1/features/2/pad_value"
    exported["features"]["var_infos"]["z0"]["lower_bound"] = 0
    spec = preprocessing.read(told(json.dumps(exported), "preprocess.json")).spec
    assert json.loads(preprocessing.export(spec, "weaver").text) == exported


def test_constants_that_weaver_worked_out_are_read(told: Told) -> None:
    config = golden("weaver")["configs"]["automatic"]
    found = preprocessing.read(told(config["text"], "data.auto.yaml"))
    assert found.findings == ()
    pt, d0, eta, mask = found.spec.inputs[0].features
    assert (pt.offset, pt.missing_value, pt.scale) == (-4.375, 4.375, 0.02565747273893522)
    assert d0.clip is not None
    assert (d0.clip.lower, d0.clip.upper) == (-1, 1)
    assert (eta.offset, eta.clip, mask.offset, mask.transform) == (None, None, None, None)


def test_tmva_normalises_as_we_do_but_for_its_rounding(tmva: Any) -> None:
    for value, ranges, expected in golden("tmva")["cases"]:
        classes = "".join(
            f'<Class ClassIndex="{index}"><Ranges><Range Index="0" Min="{least!r}" Max="{most!r}"/></Ranges></Class>'
            for index, (least, most) in enumerate(ranges)
        )
        selection = (
            '<Selection><Input NInputs="1"><Input Type="Variable" Label="pt" Expression="pt"/></Input></Selection>'
        )
        one = f'<Transformations><Transform Name="Normalize">{selection}{classes}</Transform></Transformations>'
        spec = preprocessing.read(tmva(one)).spec
        found = preprocessing.apply(spec, {"pt": [value], "eta": [0]})["inputs"][0, 0]
        np.testing.assert_allclose(found, expected, rtol=3e-7, atol=3e-7)


@pytest.mark.parametrize("kind", ["stdscale", "minmax", "custom1"])
def test_scikit_learns_scalers_make_the_same_of_their_constants(told: Told, kind: str) -> None:
    case = golden("sklearn")
    scaler = case["scalers"][kind]
    text = "".join(f"x{n} {kind} {first!r} {second!r}\n" for n, (first, second) in enumerate(scaler["constants"]))
    spec = preprocessing.read(told(text, "scaler.txt")).spec
    columns = np.array(case["values"]).T
    found = plain(spec, {f"x{n}": column for n, column in enumerate(columns)})
    np.testing.assert_allclose(found, scaler["expected"], rtol=2e-7, atol=1e-7)


def test_a_robust_scaler_is_an_offset_and_a_divisor() -> None:
    case = golden("sklearn")
    features = tuple(
        Feature(name=f"x{n}", offset=-centre, divisor=width)
        for n, (centre, width) in enumerate(case["scalers"]["robust"]["constants"])
    )
    spec = PreprocessingSpec(inputs=(PreparedInput(name="inputs", features=features),))
    found = plain(spec, {f"x{n}": column for n, column in enumerate(np.array(case["values"]).T)})
    same(found, case["scalers"]["robust"]["expected"])
