"""What is done to numbers before they enter, at the prompt: from a file, from a folder, from a version's contract."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from .conftest import MODEL, Run

INFO = {"median": 1.5, "norm_factor": 0.5, "replace_inf_value": 0, "lower_bound": -5, "upper_bound": 5, "pad": 0}
SIDECAR = {
    "output_names": ["sig", "bkg"],
    "input_names": ["pf"],
    "pf": {"var_names": ["pt", "eta"], "var_infos": {"pt": INFO, "eta": INFO}, "min_length": 2, "max_length": 9},
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "model"
    made.mkdir()
    (made / "preprocess.json").write_text(json.dumps(SIDECAR), "utf-8")
    (made / "README.md").write_text("# A model\n", "utf-8")
    return made


def test_a_sidecar_is_shown_as_formulas(herdbook: Run, folder: Path) -> None:
    said = herdbook("preprocessing", "show", str(folder / "preprocess.json")).out
    assert "pf  sequence · 2 to 9 objects" in said
    assert "(x - 1.5) × 0.5, in [-5, 5], not finite: 0" in said
    assert "outputs  sig, bkg" in said
    assert herdbook("preprocessing", "show", "-q", str(folder)).out == "pt\neta\n"


def test_a_folder_is_shown_by_file_and_what_prepares_nothing_says_so(herdbook: Run, folder: Path) -> None:
    (folder / "scaler.txt").write_text("pt stdscale 1 2\nphi other 1 2\n", "utf-8")
    found = herdbook("preprocessing", "show", "--json", str(folder)).lines
    assert [each["path"] for each in found] == ["preprocess.json", "scaler.txt"]
    assert found[1]["findings"][0]["rule"] == "preprocessing-unknown-kind"
    assert "Nothing there prepares inputs." in herdbook("preprocessing", "show", str(folder / "README.md")).err


def test_weavers_file_is_written_as_it_was_and_never_over_another(herdbook: Run, folder: Path, tmp_path: Path) -> None:
    assert json.loads(herdbook("preprocessing", "export", str(folder), "--to", "weaver").out) == SIDECAR
    out = tmp_path / "out.json"
    said = herdbook("preprocessing", "export", str(folder), "--to", "weaver", "-o", str(out))
    assert "written" in said.out
    assert json.loads(out.read_text("utf-8")) == SIDECAR
    assert herdbook("preprocessing", "export", str(folder), "--to", "weaver", "-o", str(out), status=5).err


def test_what_lwtnn_cannot_say_is_refused_with_the_field(herdbook: Run, folder: Path) -> None:
    said = herdbook("preprocessing", "export", "--json", str(folder), "--to", "lwtnn", status=2)
    assert said.problem["code"] == "preprocessing-not-expressible"
    assert "/inputs/0/features/0/replace_non_finite" in said.err
    (folder / "preprocess.json").unlink()
    (folder / "scaler.txt").write_text("pt stdscale 1 4\n", "utf-8")
    assert "--divisors-as-scales" in herdbook("preprocessing", "export", str(folder), "--to", "lwtnn", status=2).err
    made = herdbook("preprocessing", "export", "--json", str(folder), "--to", "lwtnn", "--divisors-as-scales").json
    assert json.loads(made["text"])["inputs"] == [{"name": "pt", "offset": -1.0, "scale": 0.25}]


def test_of_several_files_one_must_be_chosen(herdbook: Run, folder: Path) -> None:
    (folder / "other.json").write_text(json.dumps(SIDECAR), "utf-8")
    said = herdbook("preprocessing", "export", str(folder), "--to", "weaver", status=2).err
    assert "--file" in said
    herdbook("preprocessing", "export", str(folder), "--to", "weaver", "--file", "other.json")
    herdbook("preprocessing", "export", str(folder), "--to", "weaver", "--file", "none.json", status=2)


def test_a_folders_contract_comes_before_its_files(herdbook: Run, folder: Path) -> None:
    declared = "inputs:\n- name: x\n  features:\n  - {name: pt, unit: GeV, offset: -2, replace_non_finite: 0}\n"
    (folder / "contract.yaml").write_text(declared, "utf-8")
    for given in (folder, folder / "contract.yaml"):
        made = herdbook("preprocessing", "export", str(given), "--to", "weaver").out
        assert json.loads(made)["x"]["var_infos"]["pt"]["median"] == 2
    (folder / "contract.yaml").write_text("inputs:\n- name: x\n  features: 7\n", "utf-8")
    assert "line" in herdbook("preprocessing", "show", str(folder), status=2).err


def test_a_versions_contract_comes_before_its_files(herdbook: Run, folder: Path) -> None:
    herdbook("register", f"{MODEL}:v1", str(folder))
    assert json.loads(herdbook("preprocessing", "export", f"{MODEL}:v1", "--to", "weaver").out) == SIDECAR
    features = [{"name": "pt", "unit": "GeV", "offset": -1, "replace_non_finite": 0}]
    contract = {"inputs": [{"name": "x", "features": features}], "outputs": [{"name": "y", "labels": ["s", "b"]}]}
    herdbook("statement", "add", f"{MODEL}:v1", "--kind", "contract", "--body", json.dumps(contract))
    found = herdbook("preprocessing", "show", "--json", f"{MODEL}:v1").lines
    assert [each.get("path") for each in found] == [None, "preprocess.json"]
    made = herdbook("preprocessing", "export", "--json", f"{MODEL}:v1", "--to", "weaver").json
    assert made["left_out"] == ["/inputs/0/features/0/unit"]
    assert json.loads(made["text"])["x"]["var_infos"]["pt"]["median"] == 1
    assert "contract" in herdbook("preprocessing", "show", f"{MODEL}:v1").out
