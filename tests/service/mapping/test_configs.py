"""Training configurations: values become what a rule says, comments count for nothing, and no tag is executed."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from herdbook.kernel.errors import InvalidError
from herdbook.model.activities import Activity
from herdbook.model.rules import ListRule
from herdbook.service.mapping import configs, yaml_values
from herdbook.service.mapping.configs import training_config
from herdbook.service.mapping.lists import ListDrafts
from herdbook.service.mapping.yaml_values import Mapping, Scalar, Sequence

PACK = Path(os.environ.get("HERDBOOK_DATA") or Path(__file__).resolve().parents[4] / "shared" / "data")
BLOB = "git-sha1:" + "1" * 40
WHERE = f"{BLOB}:train.yaml"
RULE: dict[str, Any] = {
    "id": "config",
    "paths": [r"(?P<stem>\w+)\.yaml"],
    "what": "training-config",
    "name": "{stem}",
    "activity": {
        "kind": "fine-tuning",
        "status": "unknown",
        "ids": [{"scheme": "training-config", "value": "{name}"}],
    },
    "pointers": {
        "/pretrained/run_id": {"input": {"scheme": "mlflow-run", "role": "parent"}},
        "/experiment": {"id": {"scheme": "mlflow-experiment"}},
        "/data/train": {"input": {"path": True, "role": "train"}},
        "/data/names": {"input": {"scheme": "cms-dbs", "role": "validation"}},
        "/opt/lr": {"parameter": "learning_rate"},
        "/steps/1/name": {"parameter": "second"},
    },
}

CONFIG = """
pretrained:
  run_id : e1f3 # e.g: 6076
  starting_model: net.tf
experiment: [one, two, one, null]
data:
  train: /eos/toys/*.root
  names: [/A/B-v1/AOD, /A*/B-v1/AOD, nonsense]
missing: ???
nothing: null
empty:
opt: {lr: 1.0e-3, name: "7", on: True, grid: [1, 2.5, 20., yes, ~, "x"], long: [LONG]}
steps:
  - {name: a}
  - {name: b}
base: &base {deep: 1}
same: *base
value: &v 5
again: *v
bad: !!python/object/apply:os.system ["touch gone"]
worse: !!python/name:os.system x
a.b/c~d: odd
"""


def _read(text: str, **changes: object) -> ListDrafts:
    return training_config(
        text, ListRule.read({**RULE, **changes}), {"stem": "phase2", "path": "cfg/train.yaml"}, WHERE
    )


def _activity(drafts: ListDrafts) -> Activity:
    """Return the activity as it is once the file's bytes are known."""
    (draft,) = drafts.activities
    body = {**draft.activity, "inputs": [dict(part) for part in draft.activity["inputs"]]}
    for pointer in draft.blobs:
        _, _, index, field = pointer.split("/")
        body["inputs"][int(index)][field] = "sha256:" + "2" * 64
    return Activity.read(body)


@pytest.fixture
def drafts() -> ListDrafts:
    return _read(CONFIG.replace("LONG", ", ".join(str(number) for number in range(100))))


def test_pointers_say_what_becomes_an_input_or_an_id(drafts: ListDrafts) -> None:
    told = _activity(drafts)
    assert told.kind == "fine-tuning"
    assert [str(one) for one in told.ids or ()] == [
        "training-config:phase2", "mlflow-experiment:one", "mlflow-experiment:two",
    ]  # fmt: skip
    inputs = told.inputs or ()
    assert [
        (part.role, str(part.id or (part.selector and part.selector.value) or part.path or "")) for part in inputs
    ] == [
        ("parent", "mlflow-run:e1f3"),
        ("train", "/eos/toys/*.root"),
        ("validation", ""),
        ("validation", "/A*/B-v1/AOD"),
        ("validation", "freeform:nonsense"),
        ("config", "cfg/train.yaml"),
    ]
    assert inputs[1].selector is not None
    assert inputs[2].record == drafts.datasets[0].dataset.digest
    assert [one.code for one in drafts.findings] == ["dataset-freeform"]


def test_the_file_itself_is_an_input_whose_bytes_come_later(drafts: ListDrafts) -> None:
    assert drafts.activities[0].blobs == {"/inputs/5/blob": BLOB}
    assert "blob" not in drafts.activities[0].activity["inputs"][5]


def test_every_other_known_value_is_a_parameter_and_comments_are_none(drafts: ListDrafts) -> None:
    found = {one.name: (one.type, one.text) for one in _activity(drafts).parameters or ()}
    assert found == {
        "pretrained.starting_model": ("str", "net.tf"),
        "learning_rate": ("float", "1.0e-3"),
        "opt.name": ("str", "7"),
        "opt.on": ("bool", "True"),
        "opt.grid": ("list", '[1,2.5,"20.","yes",null,"x"]'),
        "second": ("str", "b"),
        "base.deep": ("int", "1"),
        "same": ("str", "*base"),
        "value": ("int", "5"),
        "again": ("int", "5"),
        "bad": ("str", "!!python/object/apply:os.system"),
        "worse": ("str", "!!python/name:os.system x"),
        "a.b/c~d": ("str", "odd"),
    }
    assert "6076" not in drafts.activities[0].model_dump_json()


def test_evidence_points_into_the_file(drafts: ListDrafts) -> None:
    evidence = drafts.activities[0].evidence or {}
    assert evidence["/kind"].how == "inferred"
    assert evidence["/kind"].rule == "config"
    assert str(evidence["/inputs/0"].where) == WHERE + "#/pretrained/run_id"
    assert str(evidence["/ids/1"].where) == WHERE + "#/experiment"
    parameters = _activity(drafts).parameters or ()
    places = {one.name: evidence[f"/parameters/{index}"].where for index, one in enumerate(parameters)}
    assert places["learning_rate"] == WHERE + "#/opt/lr"
    assert places["a.b/c~d"] == WHERE + "#/a.b~1c~0d"


def test_what_a_rule_knows_from_elsewhere_says_where() -> None:
    (draft,) = _read("a: 1\n", because={"/ids": "commit:a73b360a"}).activities
    evidence = draft.evidence or {}
    assert (evidence["/ids"].how, evidence["/ids"].where) == ("inferred", "commit:a73b360a")
    assert evidence["/status"].where == WHERE


@pytest.mark.parametrize("value", ["???", "null", "", "~", "False", '"???"'])
def test_a_value_that_says_there_is_none_makes_no_input(value: str) -> None:
    told = _activity(_read(f"pretrained:\n  run_id: {value} # 6076\n"))
    assert [part.role for part in told.inputs or ()] == ["config"]


@pytest.mark.parametrize("text", ["a: b: c", "\x00", '"\\U00FFFFFF"', "[" * 100_000, "{a: " * 100_000, "- " * 100_000])
def test_what_is_no_yaml_is_a_finding(text: str) -> None:
    found = _read(text)
    assert (found.activities, [one.code for one in found.findings]) == ((), ["bad-config"])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"pointers": {"/a": {"output": {}}}}, "does not say what /a means"),
        ({"pointers": {"/a": {"input": "parent"}}}, "an object must stand"),
        ({"pointers": {"/a": {"input": {"role": "parent"}}}}, "makes no activity"),
        ({"activity": {"kind": "training"}}, "makes no activity"),
        ({"activity": {"kind": "{nobody}", "status": "unknown"}}, "nobody"),
    ],
)
def test_a_rule_that_cannot_be_followed_is_refused_by_name(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidError, match=words) as refused:
        _read("a: b\n", **changes)
    assert refused.value.code == "bad-rules"


def test_a_configuration_with_very_many_values_says_what_was_left() -> None:
    found = _read("\n".join(f"k{number}: {number}" for number in range(configs.MAX_PARAMETERS + 5)))
    assert len(_activity(found).parameters or ()) == configs.MAX_PARAMETERS
    assert [one.code for one in found.findings] == ["config-long"]


@pytest.mark.parametrize("pure", [False, True])
def test_yaml_is_data_whichever_parser_reads_it(pure: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if pure:
        monkeypatch.delattr(yaml, "CBaseLoader", raising=False)
    assert yaml_values.read("a: &a [1, *a]\nb: 'null'\n? [x]\n: y\n? {k: v}\n: [w]\nc: !t {d: [e]}\na: 2\n") == Mapping(
        {"a": Scalar("2", "int"), "b": Scalar("null"), "?": Sequence([Scalar("w")]), "c": Scalar("!t")}
    )
    assert yaml_values.read("a: 1\n---\nb: 2\n") == Mapping({"a": Scalar("1", "int")})
    assert yaml_values.read("") == Scalar("", "null")
    start = time.process_time()
    bombs = ("a: &a [" + "x," * 2_000 + "]\n" + "".join(f"b{n}: [*a,*a,*a,*a]\n" for n in range(50)), "[" * 50_000)
    assert isinstance(yaml_values.read(bombs[0]), Mapping)
    with pytest.raises(InvalidError):
        yaml_values.read(bombs[1])
    assert time.process_time() - start < 5


@given(st.text(alphabet=st.sampled_from("ab:?-[]{}&*!#'\"|>\n \t,%@~1."), max_size=80))
def test_any_text_is_read_or_found_to_be_no_yaml(text: str) -> None:
    for draft in _read(text).activities:
        assert draft.blobs


@pytest.mark.datapack
def test_the_phase_2_training_started_from_the_run_2_one() -> None:
    path = PACK / "systems" / "TauMLTools" / "train_phase2_contv2p5.yaml"
    if not path.exists():
        pytest.skip("there is no data pack (HERDBOOK_DATA)")
    told = _activity(_read(path.read_text("utf-8")))
    first, config = told.inputs or ()
    assert (str(first.id), first.role) == ("mlflow-run:e1f3ddb3c4c94128a34a7635c56322eb", "parent")
    assert config.role == "config"
    assert {one.name: one.text for one in told.parameters or ()} == {
        "hydra.run.dir": ("outputs/${experiment_name}/${training_cfg.SetupNN.model_name}/${now:%Y-%m-%d_%H-%M-%S}"),
        "path_to_mlflow": "mlruns",
        "pretrained.experiment_id": "4",
        "pretrained.starting_model": "adv_decay_1e3_Adam_100k_step1_final.tf",
        "scaling_cfg": "../configs/ScalingParameters_Phase2.json",
        "gpu_cfg.gpu_mem": "7",
        "gpu_cfg.gpu_index": "0",
        "log_suffix": "step1",
    }


@pytest.mark.datapack
def test_the_run_2_configuration_gives_its_parameters() -> None:
    path = PACK / "systems" / "TauMLTools" / "training_v1.yaml"
    if not path.exists():
        pytest.skip("there is no data pack (HERDBOOK_DATA)")
    found = {one.name: one for one in _activity(_read(path.read_text("utf-8"))).parameters or ()}
    assert (found["SetupNN.learning_rate"].type, found["SetupNN.learning_rate"].text) == ("float", "0.001")
    assert found["SetupNN.TauLossesSFs"].text == "[1,2.5,5,1.5]"
    assert "SetupNN.first_layer_reg" not in found
    assert "SetupNN.conv_2d_net.reduction_rate" not in found
