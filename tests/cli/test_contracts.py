"""`contract`: begun from files, kept, shown, said of a version, and said by registering a folder that has one."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from herdbook import open as herdbook_open
from herdbook.kernel.errors import HerdbookWarning

from .conftest import Run

DATA = Path(os.environ.get("HERDBOOK_DATA") or Path(__file__).resolve().parents[3] / "shared" / "data")
NAME = "demo/jets/tagger"
CONSTANTS = {"median": 1.5, "norm_factor": 2, "lower_bound": -5, "upper_bound": 5, "replace_inf_value": 0, "pad": 0}
INFO = {
    "input_names": ["x"],
    "x": {
        "var_names": ["pt", "eta"],
        "var_length": 5,
        "var_infos": dict.fromkeys(("pt", "eta"), CONSTANTS),
    },
    "output_names": ["label_b", "label_c"],
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with weaver's constants and no model."""
    made = tmp_path / "tagger"
    made.mkdir()
    (made / "preprocess.json").write_text(json.dumps(INFO), "utf-8")
    return made


def test_a_contract_is_begun_filled_in_registered_and_shown(herdbook: Run, folder: Path) -> None:
    begun = herdbook("contract", "init", str(folder)).out
    assert "offset: -1.5" in begun
    assert "unit: unknown" in begun
    filled = begun.replace("unit: unknown", "unit: GeV", 1).replace("sort_key: unknown", "sort_key: pt")
    (folder / "contract.yaml").write_text(filled, "utf-8")
    herdbook("register", f"{NAME}:v1", str(folder))
    shown = herdbook("contract", "show", f"{NAME}:v1", "--json").json
    features = shown["contract"]["inputs"][0]["features"]
    assert (shown["source"], features[0]["unit"], features[1].get("unit")) == ("declared", "GeV", None)
    assert "/inputs/0/features/1/unit" in shown["unknown"]
    assert shown["evidence"][""] == {"how": "declared", "where": "contract.yaml"}
    [entry] = herdbook("statement", "list", f"{NAME}:v1", "--kind", "contract", "--json").lines
    assert entry["statement"]["unknown"] == shown["unknown"]


def test_registering_a_contract_that_the_files_contradict_is_told_to_the_author(
    herdbook: Run, folder: Path, tmp_path: Path
) -> None:
    begun = herdbook("contract", "init", str(folder)).out
    (folder / "contract.yaml").write_text(begun.replace("offset: -1.5", "offset: -2.5", 1), "utf-8")
    told = "/inputs/0/features/0/offset is -2.5 in contract.yaml, and -1.5 in preprocess.json"
    assert told in herdbook("register", f"{NAME}:v1", str(folder)).err
    line = json.dumps({"reference": "demo/jets/other:v1", "path": str(folder)})
    manifest = tmp_path / "manifest.jsonl"
    manifest.write_text(line, "utf-8")
    assert told in herdbook("register", "--batch", str(manifest)).err
    with herdbook_open(str(tmp_path / "registry")) as registry, pytest.warns(HerdbookWarning, match="offset is -2.5"):
        registry.versions.register(f"{NAME}:v2", str(folder))
    (folder / "contract.yaml").write_text(begun, "utf-8")
    assert "warning" not in herdbook("register", f"{NAME}:v3", str(folder)).err


def test_init_keeps_a_file_that_is_there_unless_it_may_merge(herdbook: Run, folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("inputs:\n- name: x\n  features:\n  - {name: pt, unit: MeV}\n  - {name: eta, unit: '1'}\n", "utf-8")
    assert "--merge" in herdbook("contract", "init", str(folder), "-o", str(file), status=4).err
    herdbook("contract", "init", str(folder), "-o", str(file), "--merge")
    text = file.read_text("utf-8")
    assert "unit: MeV" in text
    assert "scale: 2" in text
    assert "contract.yaml to merge with" in herdbook("contract", "init", str(folder), "--merge", status=3).err


def test_what_the_files_tell_otherwise_is_said_only_when_confirmed(herdbook: Run, folder: Path, tmp_path: Path) -> None:
    herdbook("register", f"{NAME}:v1", str(folder))
    assert herdbook("contract", "show", f"{NAME}:v1", "--json").json["source"] == "files"
    file = tmp_path / "c.yaml"
    file.write_text("inputs:\n- name: x\n  features:\n  - {name: pt, offset: 3}\n  - {name: eta}\n", "utf-8")
    refused = herdbook("contract", "add", f"{NAME}:v1", str(file), status=4)
    assert "c.yaml" in refused.err
    assert "preprocess.json" in refused.err
    first = herdbook("contract", "add", f"{NAME}:v1", str(file), "--confirm", "--json").json
    assert first["findings"][0]["rule"] == "contract-conflict"
    file.write_text(
        "inputs:\n- name: x\n  features:\n  - {name: pt, offset: -1.5, unit: GeV}\n  - {name: eta}\n", "utf-8"
    )
    second = herdbook("contract", "add", f"{NAME}:v1", str(file), "--json").json
    assert "/inputs/0/features/0" in second["evidence"]
    [entry] = herdbook("statement", "list", f"{NAME}:v1", "--kind", "contract", "--json").lines
    assert entry["statement"]["supersedes"] == [first["statement"]]


def test_a_unit_that_is_none_is_refused_with_its_line(herdbook: Run, folder: Path) -> None:
    (folder / "contract.yaml").write_text("inputs:\n- name: x\n  unit: Gev\n", "utf-8")
    assert "contract.yaml, line 3" in herdbook("register", f"{NAME}:v1", str(folder), status=2).err
    (folder / "contract.yaml").write_text("parties:\n- of another kind of contract\n", "utf-8")
    herdbook("register", f"{NAME}:v1", str(folder))
    assert not herdbook("statement", "list", f"{NAME}:v1", "--kind", "contract", "--json").lines


def test_a_folder_s_own_contract_is_shown_with_what_its_files_tell(herdbook: Run, folder: Path) -> None:
    (folder / "contract.yaml").write_text("selection: jets with pt > 15 GeV\ninputs: unknown\n", "utf-8")
    shown = herdbook("contract", "show", str(folder), "--json").json
    assert shown["contract"]["selection"].startswith("jets")
    assert shown["contract"]["inputs"][0]["features"][0]["scale"] == 2
    assert "evidence" in herdbook("contract", "show", str(folder)).out


@pytest.mark.datapack
def test_particlenet_s_contract_is_begun_by_the_readers_themselves(herdbook: Run) -> None:
    if not (model := DATA / "models" / "onnx" / "particlenet_AK4").is_dir():
        pytest.skip(f"no {model}: the data pack is not beside this checkout")
    found = herdbook("contract", "init", str(model), "--json").json
    features = [each for tensor in found["contract"]["inputs"] for each in tensor["features"]]
    fields = ("name", "offset", "scale", "clip", "pad_value")
    known = sum(field in each for each in features for field in fields)
    assert known >= 0.9 * len(features) * len(fields)
    assert len(features) == 37
    assert all("unit" not in each for each in features), "no file says one"
    assert sum(pointer.endswith("/unit") for pointer in found["unknown"]) == 37
    assert [each["rule"] for each in found["findings"]] == ["sidecar-ambiguous"]


@pytest.mark.datapack
def test_the_agc_pair_is_a_set_whose_member_is_chosen_once_a_person_confirms(
    herdbook: Run, tmp_path: Path, registry: Path
) -> None:
    if not (pair := DATA / "models" / "xgboost" / "agc_ttbar").is_dir():
        pytest.skip(f"no {pair}: the data pack is not beside this checkout")
    import herdbook as package
    from herdbook.kernel.errors import InvalidError

    herdbook("register", f"{NAME}:v1", str(pair))
    file = tmp_path / "contract.yaml"
    herdbook("contract", "init", str(pair), "-o", str(file))
    herdbook("contract", "add", f"{NAME}:v1", str(file))
    with package.open(str(registry)) as opened, pytest.raises(InvalidError, match="nobody confirmed"):
        opened.versions.dossier(f"{NAME}:v1").select(event_number=7)
    kept = [line for line in file.read_text("utf-8").splitlines() if "how: inferred" not in line]
    file.write_text("\n".join(kept), "utf-8")
    herdbook("contract", "add", f"{NAME}:v1", str(file))
    with package.open(str(registry)) as opened:
        dossier = opened.versions.dossier(f"{NAME}:v1")
        assert dossier.select(event_number=7).files == ("model_odd.json",)
        assert dossier.select(event_number=8).files == ("model_even.json",)
