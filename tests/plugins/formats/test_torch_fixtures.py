"""Files of PyTorch, scikit-learn, skops and safetensors that the official libraries wrote and described."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from herdbook.model.facts import Facts, Severity
from herdbook.plugins.formats.archives import Archives
from herdbook.plugins.formats.npy import Npy
from herdbook.plugins.formats.pickles import Pickles
from herdbook.plugins.formats.safetensors import Safetensors
from herdbook.ports.formats import Format, ReadAt

ROOT = Path(__file__).resolve().parents[3]
FIXTURES = ROOT / "tests" / "fixtures" / "formats"
READERS: list[Format] = [Archives(), Npy(), Pickles(), Safetensors()]
Open = Callable[[Path], ReadAt]


def facts_of(file: ReadAt, path: str) -> Facts:
    return next(each for each in READERS if each.probe(file, path) is not None).read(file, path, {})


def differences(folder: Path, on_disk: Open) -> list[Any]:
    found: list[Any] = []
    for name, said in json.loads((folder / "expected.json").read_text()).items():
        facts = facts_of(on_disk(folder / name), name)
        ours = {"format": facts.format, **facts.values}
        if facts.format in {"torch-export", "torch-pickle", "safetensors"}:
            ours["tensors"] = sorted(ours["tensors"], key=lambda each: each["name"])
        found += [(name, key, item, got) for key, item in said.items() if (got := told(ours, key)) != item]
    return found


def told(ours: dict[str, Any], key: str) -> Any:
    """What the library cannot say is ours alone: defaults, quantisation, keys of outputs."""
    if key == "untrusted":
        return ours["types_not_known"]
    more = {"default", "quantisation", "persistent", "key"}
    if key in {"inputs", "outputs", "tensors"} and isinstance(ours.get(key), list):
        return [{name: item for name, item in each.items() if name not in more} for each in ours[key]]
    return ours.get(key)


def test_every_file_of_pytorch_reads_as_pytorch_says(on_disk: Open) -> None:
    assert differences(FIXTURES / "torch", on_disk) == []


def test_every_pickle_array_and_archive_reads_as_its_library_says(on_disk: Open) -> None:
    trusted_by_us = {"sklearn._loss._loss.CyHalfBinomialLoss", "sklearn.tree._tree.Tree"}
    found = [each for each in differences(FIXTURES / "pickles", on_disk) if each[1] != "untrusted"]
    assert found == []
    for name, said in json.loads((FIXTURES / "pickles" / "expected.json").read_text()).items():
        if "untrusted" in said:
            facts = facts_of(on_disk(FIXTURES / "pickles" / name), name)
            assert set(said["untrusted"]) - trusted_by_us == set(facts.values["types_not_known"])


def test_quantised_and_tied_tensors_of_a_checkpoint_are_told(on_disk: Open) -> None:
    for name in ("state.pt", "legacy.pth"):
        values = facts_of(on_disk(FIXTURES / "torch" / name), name).values
        by_name = {each["name"]: each for each in values["tensors"]}
        assert by_name["quantised.0"]["quantisation"] == {
            "scheme": "per_tensor_affine",
            "scale": 0.5,
            "zero_point": 3,
        }
        assert by_name["quantised.1"]["quantisation"]["axis"] == 1
        assert values["tied"] == [["tied.a", "tied.b"]]
        assert values["globals_outside_weights_only"] == []


def test_script_says_defaults_training_and_the_same_module_twice(on_disk: Open) -> None:
    facts = facts_of(on_disk(FIXTURES / "torch" / "script.pt"), "script.pt")
    assert facts.safety == "guarded"
    assert [each.get("default") for each in facts.values["inputs"]] == [None, None, "None", '"a, b) -> c:"']
    assert ["block.linear.weight", "again.linear.weight"] in facts.values["tied"]
    assert facts.values["operators_in_code"]["aten::linear"] >= 1
    assert [each for each in facts.findings if each.severity is Severity.ERROR] == []


def test_checkpoints_of_a_module_name_their_classes_as_a_warning(on_disk: Open) -> None:
    facts = facts_of(on_disk(FIXTURES / "torch" / "module.pth"), "module.pth")
    said = [(each.rule, each.severity) for each in facts.findings]
    assert facts.safety == "unsafe"
    assert ("pickle-unsafe", Severity.WARNING) in said
    assert ("pickle-global", Severity.WARNING) in said
    assert ("pickle-global", Severity.ERROR) not in said


def test_exported_programs_have_symbols_operators_and_keys(on_disk: Open) -> None:
    for name in ("export.pt2", "export_old.pt2"):
        facts = facts_of(on_disk(FIXTURES / "torch" / name), name)
        symbol = facts.values["inputs"][0]["shape"][0]
        assert facts.values["symbols"] == {symbol: {"min": 0}}
        assert [each["key"] for each in facts.values["outputs"]] == ["score", "seen"]
        assert facts.values["operators"]["aten.linear.default"] == 1
        assert any(place.endswith("data.pkl") for place in facts.values["pickle_globals"]), "the pickles inside"
        assert facts.safety == "unsafe"


def test_functions_pickled_by_dill_and_cloudpickle_are_errors(on_disk: Open) -> None:
    for name, maker in (("function.dill", "dill"), ("function.cloudpickle.pkl", "cloudpickle")):
        facts = facts_of(on_disk(FIXTURES / "pickles" / name), name)
        assert facts.values["made_with"] == maker
        assert any(each.rule == "pickle-global" and each.severity is Severity.ERROR for each in facts.findings)


def test_arrays_of_objects_are_pickles(on_disk: Open) -> None:
    facts = facts_of(on_disk(FIXTURES / "pickles" / "objects.npy"), "objects.npy")
    assert facts.safety == "unsafe"
    assert "builtins.print" in facts.values["pickle_globals"][""]
    assert any("builtins.print" in each.message and each.severity is Severity.ERROR for each in facts.findings)


def test_arrays_of_an_npz_are_listed(on_disk: Open) -> None:
    facts = facts_of(on_disk(FIXTURES / "pickles" / "arrays.npz"), "arrays.npz")
    assert facts.safety == "safe"
    assert {each["name"]: each["shape"] for each in facts.values["tensors"]}["linear_weight"] == [2, 3]
    assert facts_of(on_disk(FIXTURES / "pickles" / "packed.npz"), "packed.npz").values["parameters"] == 302
    assert facts_of(on_disk(FIXTURES / "pickles" / "table.npy"), "table.npy").safety == "safe"


@pytest.mark.slow
@pytest.mark.parametrize(("family", "environment"), [("torch", "frameworks"), ("pickles", "formats")])
def test_fixtures_made_anew_read_alike(family: str, environment: str, tmp_path: Path, on_disk: Open) -> None:
    python = ROOT / ".cache" / environment / "bin" / "python"
    if not (python.parent.parent / ".ready").exists():
        reason = f"the libraries are not here: tools/{environment}.sh gets them"
        if os.environ.get("CI", "").lower() in {"1", "true"}:
            pytest.fail(reason)
        pytest.skip(reason)
    script = FIXTURES / family / "make.py"
    subprocess.run([python, "-W", "ignore", script, tmp_path], check=True, capture_output=True, timeout=250)
    found = [each for each in differences(tmp_path, on_disk) if each[1] != "untrusted"]
    assert found == []
    made = {path.name for path in tmp_path.iterdir()} | {"make.py", "__pycache__"}
    assert made == {path.name for path in (FIXTURES / family).iterdir()} | {"__pycache__"}
