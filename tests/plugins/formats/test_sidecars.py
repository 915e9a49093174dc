"""What lies beside a model as JSON or YAML is recognised as what it is."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.plugins.formats.reading import FIXTURES, read, rules

from herdbook.kernel.errors import CorruptError, InvalidError
from herdbook.model.facts import Safety
from herdbook.plugins.formats import salt_config
from herdbook.plugins.formats.yaml_documents import Document as Yaml

L2: dict[str, dict[str, float]] = {
    "pt": {"mean": 1.5, "std": 2.0, "min": -5.0, "max": 5.0},
    "eta": {"mean": 0, "std": 1, "min": -1, "max": 1},
}
TAUML = {
    "TauFlat": {"tau_pt": {"global": {"mean": 1, "std": 2, "lim_min": -5, "lim_max": 5}}},
    "PfCand": {"dz": {"inner": {"mean": 0, "std": 1}, "outer": {"lim_min": 0, "lim_max": 1}}},
}


def facts(name: str, content: Any) -> Any:
    return read(name, json.dumps(content))


def test_a_dictionary_of_normalisation_has_every_constant_under_its_variable() -> None:
    found = facts("NormalizationDict.json", L2)
    assert found.format == "normalisation-dict"
    assert found.values["features"] == [{"name": name, **constants} for name, constants in L2.items()]
    assert (found.values["json_type"], found.values["length"], found.values["keys"]) == ("dict", 2, ["eta", "pt"])
    assert found.where["/features/1"] == "eta"


def test_groups_and_cells_of_taumltools_are_kept() -> None:
    found = facts("scaling_params_v1.json", TAUML)
    assert found.format == "normalisation-dict"
    assert found.values["features"] == [
        {"group": "TauFlat", "name": "tau_pt", "cell": "global", "mean": 1, "std": 2, "lim_min": -5, "lim_max": 5},
        {"group": "PfCand", "name": "dz", "cell": "inner", "mean": 0, "std": 1},
        {"group": "PfCand", "name": "dz", "cell": "outer", "lim_min": 0, "lim_max": 1},
    ]


@pytest.mark.parametrize(
    "content", [{}, {"x": 3}, {"x": {"min": 0, "max": 1}}, {**L2, "note": "text"}, {"x": {"mean": "a", "std": 1}}, [L2]]
)
def test_other_dictionaries_are_no_normalisation(content: Any) -> None:
    assert facts("norm.json", content).format == "json-other"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("model.features", ["pt", "eta"]),
        ("features.json", ["pt", "eta"]),
        ("bdt_variables.json", ["pt", "eta"]),
    ],
)
def test_a_list_of_names_is_a_feature_list_when_it_is_called_so(name: str, content: Any) -> None:
    found = facts(name, content)
    assert found.format == "feature-list"
    assert found.values["features"] == [{"name": "pt"}, {"name": "eta"}]
    assert facts("cats.json", content).format == "json-other"
    assert facts(name, [1, 2]).format == "json-other"


def test_labels_may_be_json() -> None:
    assert facts("labels.json", ["b", "c"]).values["classes"] == ["b", "c"]
    assert facts("class_names.json", {"1": "c", "0": "b"}).values["classes"] == ["b", "c"]
    assert facts("labels.json", {"0": "b", "2": "c"}).format == "json-other"


def test_settings_of_a_training_are_a_configuration() -> None:
    found = facts("m.params", {"eta": 0.3, "max_depth": 5, "nested": {"x": None, "y": [1]}})
    assert found.format == "config"
    assert found.values["settings"] == {"eta": 0.3, "max_depth": 5, "nested": {"y": [1]}}
    assert facts("m.json", {"eta": 0.3, "max_depth": 5, "objective": "binary:logistic"}).format == "config"
    assert facts("m.json", {"eta": 0.3, "phi": 5, "pt": 7}).format == "json-other"


def test_corrections_are_recognised_as_the_library_wrote_them() -> None:
    folder = FIXTURES / "correctionlib"
    found = read("electron.json", (folder / "electron.json").read_bytes())
    expected = json.loads((folder / "expected.json").read_text())
    assert (found.format, found.values["kind"], found.values["schema_version"]) == ("json-other", "correctionlib", 2)
    ours = {
        each["name"]: {
            "version": each["version"],
            "inputs": [[one["name"], one["type"]] for one in each["inputs"]],
            "output": each["output"]["name"],
        }
        for each in found.values["corrections"]
    }
    assert ours == expected


def test_a_mask_of_lumi_sections_is_no_model() -> None:
    found = facts("Cert_Golden.json", {"355100": [[1, 10], [12, 12]], "355101": [[1, 1]]})
    assert (found.format, found.values["kind"]) == ("json-other", "luminosity-mask")
    assert found.values["runs"] == {"first": 355100, "last": 355101, "number": 2}
    assert found.values["lumi_sections"] == 12
    assert "kind" not in facts("x.json", {"355100": [[1]]}).values


def test_words_of_what_people_read_are_found_and_those_of_models_are_not() -> None:
    assert {"pt", "mean"} <= set(facts("n.json", L2).values["words"])
    assert "words" in facts("any.json", {"note": "hello"}).values
    assert (
        "words"
        not in facts("s.json", {"nodes": [{"op": "null", "name": "x"}], "arg_nodes": [0], "heads": [[0, 0, 0]]}).values
    )


def test_json_that_is_none_keeps_its_words_and_says_so() -> None:
    found = read("notes.json", '{"almost": json, }')
    assert (found.format, str(found.safety), rules(found)) == ("json-other", "guarded", ["not-json"])
    assert "almost" in found.values["words"]
    with pytest.raises(CorruptError):
        read("deep.json", b'{"a\0": ' + b"[" * 100_000)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("run.ini", "[training]\nrate = 3\n"),
        ("notes", '{"quoted"} words\n'),
        ("list", "[1] first\n[2] next\n"),
    ],
)
def test_text_that_only_begins_like_json_is_text(name: str, text: str) -> None:
    found = read(name, text)
    assert (found.format, str(found.safety)) == ("other", "safe")
    assert found.values["lines"] == text.count("\n")


def test_salts_configuration_says_variables_outputs_versions_and_the_hash() -> None:
    found = salt_config.read((FIXTURES / "salt" / "gnn_config.json").read_text())
    assert found["inputs"][0]["name"] == "jet_features"
    assert found["input_sequences"][0]["variables"][0] == {"name": "d0", "offset": 0.0, "scale": 1.0}
    assert found["output_names"] == ["toy_pu", "toy_pc", "toy_pb"]
    assert found["onnx_model_version"] == "v1"
    assert found["export_hash"].startswith("0123456789abcdef")
    assert found["versions"]["salt_hash"] == "v0.13"
    assert found["training"]["variables"]["tracks"] == ["d0", "z0SinTheta"]
    old = salt_config.read('{"inputs": [], "outputs": {"m": {"labels": ["a"], "node_index": 0}}}')
    assert old["outputs"] == [{"name": "m", "labels": ["a"], "node_index": 0}]


@pytest.mark.parametrize("text", ["", "{", "[]", "3"])
def test_a_damaged_configuration_of_salt_is_refused(text: str) -> None:
    with pytest.raises(CorruptError):
        salt_config.read(text)
    with pytest.raises(InvalidError):
        salt_config.read("[" * 2_000_000)


def test_yaml_of_settings_is_a_configuration_and_dates_stay_text() -> None:
    found = read("train.yaml", "a: 1\nb: [x, 2.5, yes, ~, 2020-01-01]\nc: &c {d: 1}\ne: {<<: *c, d: 2, f: 3}\n")
    assert found.format == "config"
    assert found.values["settings"] == {
        "a": 1,
        "b": ["x", 2.5, True, None, "2020-01-01"],
        "c": {"d": 1},
        "e": {"d": 2, "f": 3},
    }
    assert read("list.yml", "- a\n- b\n").format == "other"


def test_python_objects_in_yaml_stay_opaque_and_are_said() -> None:
    text = "a: !!python/object/apply:os.system [echo hacked]\nb: !mine {x: &x 3}\nc: !!binary aGVsbG8=\nd: *x\n"
    found = read("evil.yaml", text)
    assert found.values["settings"] == {
        "a": {"!python": "object/apply:os.system"},
        "b": {"!": "mine"},
        "c": {"!": "binary"},
        "d": {"!": "opaque"},
    }
    assert rules(found) == ["yaml-python-tags"]
    assert (found.safety, read("tame.yaml", "b: !mine {x: 3}\n").safety) == (Safety.GUARDED, Safety.SAFE)


BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{b}: &{b} [{','.join(f'*{a}' for _ in range(9))}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        (BOMB, "yaml-too-large"),
        ("[" * 5000, "nested-too-deep"),
        ("- " * 5000, "nested-too-deep"),
        ("a: &a [*a]", "not-yaml"),
        ("a: *nobody", "not-yaml"),
        ("a: b: c", "not-yaml"),
        ("a: [", "not-yaml"),
        ("a: \x7f\x80", "not-yaml"),
    ],
)
def test_hostile_yaml_is_refused_and_its_words_stay(text: str, rule: str) -> None:
    found = read("bomb.yaml", text)
    assert found.findings[0].rule == rule
    assert found.findings[0].severity == "error"
    assert "words" in found.values


def test_numbers_that_only_look_like_it_are_text() -> None:
    assert Yaml(b"[1e-3, 0x_, 1_000, .inf, 0o7, '5', 1:30]").value[-2:] == ["5", 90]
    huge = b"1" * 5000
    assert Yaml(b"a: " + huge).value == {"a": huge.decode()}


def test_only_the_first_yaml_document_is_read_and_that_is_said() -> None:
    found = read("two.yaml", "a: 1\n---\nb: 2\n")
    assert found.values["settings"] == {"a": 1}
    assert rules(found) == ["yaml-further-documents"]
