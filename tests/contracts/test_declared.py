"""The contract as its author has it: YAML that says unknown, is merged with files, and never wins silently."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # tests are no package that is installed
from tests.contracts.expected import folder, view

from herdbook.kernel.errors import HerdbookError, InvalidError
from herdbook.model.contracts import Contract
from herdbook.service.contracts import Assembled, agreeing, assemble, declared, writing
from herdbook.service.contracts.assembling import asked

TMVA = view(
    "w.xml",
    "tmva-xml",
    features=[{"name": "pt", "unit": "GeV", "min": 5.0, "max": 90.0}, {"name": "eta"}],
    num_features=2,
)


def read(text: str) -> declared.Declared:
    return declared.read(text.encode())


def test_unknown_is_said_and_is_not_a_value() -> None:
    told = read(
        "selection: unknown\ninputs:\n- name: x\n  unit: unknown\n  shape: [unknown, 3]\n  labels: ['unknown']\n"
    )
    assert told.unknown == ("/inputs/0/unit", "/selection")
    assert told.contract.inputs is not None
    assert told.contract.inputs[0].shape == ("?", 3)
    assert told.contract.inputs[0].labels == ("unknown",), "in quotes it is a text"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("inputs:\n- name: x\n  unit: Gev\n", "line 3"),
        ("inputs:\n- name: x\n  units: GeV\n", "line 3"),
        ("inputs:\n- name: x\n  labels: [a, unknown]\n", "line 3"),
        ("inputs:\n- name: x\n- name: x\n", "stands twice"),
        ("inputs: [{name: x}]\ninputs: []\n", "line 2"),
        ("inputs: &a []\noutputs: *a\n", "anchors"),
        ("inputs: !!python/object:os.system {}\n", "tag"),
        ("- inputs\n", "no mapping"),
        ("inputs:\n- name: 3\n", "line 2"),
        ("evidence: 3\n", "evidence"),
        ("evidence: {/inputs: {how: guessed}}\n", "how"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(text: str, words: str) -> None:
    with pytest.raises(InvalidError, match=words):
        read(text)


def test_a_file_of_that_name_which_is_another_thing_is_told_apart() -> None:
    assert declared.is_contract(b"# mine\ninputs:\n- name: x\n")
    assert not declared.is_contract(b"parties:\n- a\n- b\n")
    with pytest.raises(InvalidError, match="bytes"):
        declared.read(b" " * (declared.MAX_BYTES + 1))


def test_gev_and_mev_are_a_conflict_and_no_conversion() -> None:
    mine = read("inputs:\n- name: inputs\n  features:\n  - {name: pt, unit: MeV}\n  - {name: eta, unit: '1'}\n")
    found = agreeing.agree(mine, assemble([TMVA]), fill=False)
    [finding] = found.findings
    assert finding.rule == "contract-conflict"
    assert all(word in finding.message for word in ("'MeV'", "'GeV'", "contract.yaml", "w.xml"))
    assert found.contract.inputs is not None
    assert found.contract.inputs[0].features is not None
    assert [each.unit for each in found.contract.inputs[0].features] == ["MeV", "1"]
    assert found.evidence_of("/inputs/0/features/0/unit") == found.evidence_of("/inputs/0/features/1/unit")


def test_another_word_than_the_last_operator_s_is_a_conflict_and_words_of_ones_own_are_not() -> None:
    network = view("m.onnx", "onnx", outputs=[{"name": "y"}], made_by=["ai.onnx.Softmax"])

    def said(meaning: str) -> list[str]:
        mine = read(f"outputs:\n- name: y\n  meaning: {meaning}\n")
        return [each.message for each in agreeing.agree(mine, assemble([network]), fill=False).findings]

    [message] = said("logit")
    assert all(word in message for word in ("'logit'", "'probability'", "m.onnx"))
    assert not said("tau against jets")
    assert not said("probability")


def test_what_the_files_say_too_is_extracted_and_the_rest_is_declared() -> None:
    mine = read(
        "inputs:\n- name: inputs\n  features:\n  - {name: pt, unit: GeV, definition: momentum}\n  - name: eta\n"
    )
    found = agreeing.agree(mine, assemble([TMVA]), fill=False)
    hows = {
        field: found.evidence_of(f"/inputs/0/features/0/{field}")
        for field in ("name", "unit", "definition", "training_range")
    }
    assert hows["unit"] is not None
    assert (hows["unit"].how, hows["definition"].how if hows["definition"] else "") == ("extracted", "declared")
    assert found.contract == mine.contract, "nothing is added that the author did not say"


def test_merging_keeps_what_the_author_wrote_and_fills_in_the_rest() -> None:
    mine = read(
        "inputs:\n- name: inputs\n  features:\n  - {name: pt, definition: momentum, training_range: unknown}\n"
        "  - {name: eta, unit: '1'}\n"
    )
    found = agreeing.agree(mine, assemble([TMVA]), fill=True)
    assert not found.findings
    assert found.contract.inputs is not None
    features = found.contract.inputs[0].features
    assert features is not None
    assert (features[0].definition, features[0].unit, features[1].unit) == ("momentum", "GeV", "1")
    assert features[0].training_range is not None, "what the author did not know, the file does"
    assert "/inputs/0/features/0/training_range" not in found.unknown
    again = agreeing.agree(declared.read(writing.write(found).encode()), assemble([TMVA]), fill=True)
    assert (again.contract, again.unknown) == (found.contract, found.unknown)


def test_features_in_another_order_than_the_file_s_are_a_conflict() -> None:
    mine = read("inputs:\n- name: inputs\n  features: [{name: eta}, {name: pt}]\n")
    [finding] = agreeing.agree(mine, assemble([TMVA]), fill=False).findings
    assert "['eta', 'pt']" in finding.message


def test_what_was_inferred_stays_inferred_until_its_line_is_deleted() -> None:
    files = [view(f"model_{which}.json", "xgboost-json", num_features=2) for which in ("even", "odd")]
    told = assemble(files)
    text = writing.write(told)
    assert "  /members/0/when: {how: inferred" in text
    mine = declared.read(text.encode())
    added = agreeing.agree(mine, told, fill=False)
    assert added.evidence["/members/0/when"].how == "inferred"
    confirmed = declared.read("\n".join(each for each in text.splitlines() if "how: inferred" not in each).encode())
    added = agreeing.agree(confirmed, told, fill=False)
    assert {each.how for pointer, each in added.evidence.items() if "when" in pointer} == {"declared"}


def _round(told: Assembled) -> None:
    text = writing.write(told)
    mine = declared.read(text.encode())
    assert mine.contract == told.contract
    assert mine.unknown == told.unknown
    assert writing.write(agreeing.agree(mine, told, fill=True)) == text


@pytest.mark.datapack
@pytest.mark.parametrize(
    "prefix",
    [
        "models/onnx/particlenet_AK4/",
        "models/xgboost/",
        "models/lwtnn/",
        "models/tmva/",
        "models/tf_graphdef/",
        "models/keras/",
        "models/torch/",
        "models/",
        "RecoTauTag-TrainingFiles/",
    ],
)
def test_what_is_written_is_read_again_as_it_was(prefix: str) -> None:
    _round(assemble(folder(prefix)))


texts = st.text(min_size=1, max_size=12)
numbers = st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(allow_nan=False, allow_infinity=False)
names = st.lists(texts, min_size=1, max_size=4, unique=True)


@st.composite
def contracts(draw: st.DrawFn) -> dict[str, Any]:
    features = [
        {
            "name": draw(texts),
            "offset": draw(numbers),
            "definition": draw(texts),
            "unit": draw(st.sampled_from(["GeV", "1", "mm"])),
        }
        for _ in range(draw(st.integers(1, 3)))
    ]
    return {
        "inputs": [
            {
                "name": name,
                "features": features,
                "shape": draw(st.lists(st.none() | texts | st.integers(-3, 99), max_size=4)),
            }
            for name in draw(names)
        ],
        "outputs": [{"name": name, "labels": draw(st.lists(texts, max_size=3))} for name in draw(names)],
    }


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(contracts())
def test_any_contract_that_is_written_is_read_again(body: dict[str, Any]) -> None:
    told = Assembled(Contract.read(body), unknown=tuple(sorted(asked(body))))
    mine = declared.read(writing.write(told).encode())
    assert (mine.contract, mine.unknown) == (told.contract, told.unknown)


@given(st.binary(max_size=200) | st.text(alphabet="inputs:-[]{}!&*# \n'\"unk0.e", max_size=80).map(str.encode))
def test_nothing_that_stands_in_the_file_breaks_the_reader(data: bytes) -> None:
    try:
        declared.read(data)
    except HerdbookError:
        return
