"""The real ParticleNet directory, registered and found again by everything that is known of it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from herdbook.kernel import words
from herdbook.ports.registry import Registry
from herdbook.service.fetch import fetch

pytestmark = pytest.mark.datapack

NAME = "cms/btv/particlenet-ak4"
REFERENCE = f"{NAME}:CHS-V00"
SELECTORS = 2  # line 7 of the README has a wildcard; line 6 has none, and its text says that it stands for several
ALGORITHMS = {"sha256": "sha256", "md5": "md5", "adler32": "adler32", "git_id": "git-sha1"}
Find = Callable[[str], list[str]]


@pytest.fixture(scope="module")
def folder_of_model(datapack: Path) -> Path:
    return datapack / "models" / "onnx" / "particlenet_AK4"


@pytest.fixture(scope="module")
def expected(datapack: Path) -> dict[str, Any]:
    """What is known of each file, by its path in the directory."""
    top = "models/onnx/particlenet_AK4/"
    entries = json.loads((datapack / "expected" / "files.json").read_bytes())
    return {entry["path"].removeprefix(top): entry for entry in entries if entry["path"].startswith(top)}


@pytest.fixture(scope="module")
def named(expected: dict[str, Any]) -> list[str]:
    """The names that the README lists as what it was trained on."""
    return [item["raw"] for item in expected["CHS_V00/README.md"]["datasets"]]


@pytest.fixture(scope="module")
def activity(named: list[str]) -> dict[str, Any]:
    selector = {"selector": {"scheme": "cms-dbs", "value": named[2]}, "role": "train"}
    return {"kind": "training", "status": "unknown", "inputs": [selector]}


@pytest.fixture
def datasets(named: list[str]) -> list[str]:
    """What is given as ``--dataset``: two datasets and the one with the wildcard."""
    return [f"cms-dbs:{name}" for name in (named[0], named[1], named[3])]


def every_question(expected: dict[str, Any], named: list[str], folder: Path) -> list[str]:
    """Return a query for each thing by which the version must be found."""
    asked = [f"name = {NAME}", NAME, "label = CHS-V00", "CHS-V00", "particlenet"]
    for facts in expected.values():
        for key, algorithm in ALGORITHMS.items():
            asked += [facts[key], f"file = {algorithm}:{facts[key]}"]
        asked.append(facts["sha256"][:12])
    asked += [f"path = {path}" for path in expected]
    text = (folder / "CHS_V00" / "README.md").read_text("utf-8")
    asked += [f'"{word}"' for word in sorted(set(words.split(text)))]
    model = expected["1/model.onnx"]
    asked += [f"input = {item['name']}" for item in model["inputs"]] + [item["name"] for item in model["inputs"]]
    asked += [f"output = {item['name']}" for item in model["outputs"]]
    asked += ["format = onnx", "producer = pytorch", "opset = 11", f"parameters = {model['parameters']}"]
    asked += [f'dataset = "{name}"' for name in named] + [f"dataset = {named[0][:20]}*", "scheme = cms-dbs"]
    return asked


def test_it_is_registered_whole_and_found_by_everything(
    registry: Registry,
    folder_of_model: Path,
    expected: dict[str, Any],
    named: list[str],
    datasets: list[str],
    activity: dict[str, Any],
) -> None:
    answer = registry.versions.register(REFERENCE, folder_of_model, datasets=datasets, activity=activity)
    assert (answer.outcome, answer.ordinal) == ("registered", 1)
    entry = registry.versions.get(REFERENCE)
    assert {file.path: (file.digest, file.size) for file in entry.version.files} == {
        path: (f"sha256:{facts['sha256']}", facts["size"]) for path, facts in expected.items()
    }
    for question in every_question(expected, named, folder_of_model):
        found = [item.reference for item in registry.versions.search(question).items]
        assert found == [REFERENCE], question
    for text in (entry.record, entry.record[:19], f"{NAME}@1", NAME):
        assert registry.versions.get(text).record == entry.record
    again = registry.versions.register(REFERENCE, folder_of_model, datasets=datasets, activity=activity)
    assert again.outcome == "unchanged"


def test_its_interface_is_what_the_official_library_says(
    registry: Registry, folder_of_model: Path, expected: dict[str, Any]
) -> None:
    registry.versions.register(REFERENCE, folder_of_model)
    dossier = registry.versions.dossier(REFERENCE)
    interface = dossier.interface
    assert interface is not None
    wanted = expected["1/model.onnx"]
    assert interface.format == "onnx"
    assert str(interface.safety) == wanted["safety"]
    names = ("inputs", "outputs", "parameters", "opsets", "producer", "operators", "ir_version", "graph_name")
    for name in names:
        assert interface.values[name] == wanted[name], name
    for view in dossier.files:
        facts = expected[view.path]
        assert view.here
        assert view.content is not None
        assert view.content.digests == tuple(f"{a}:{facts[k]}" for k, a in _strongest_first())
    assert {view.facts.format for view in dossier.files if view.facts and view.path.endswith("README.md")} == {"readme"}


def _strongest_first() -> list[tuple[str, str]]:
    return [(key, ALGORITHMS[key]) for key in ("sha256", "git_id", "md5", "adler32")]


def test_its_training_names_two_datasets_and_two_selectors(
    registry: Registry, folder_of_model: Path, named: list[str], datasets: list[str], activity: dict[str, Any]
) -> None:
    registry.versions.register(REFERENCE, folder_of_model, datasets=datasets, activity=activity)
    lineage = registry.versions.trace(REFERENCE)
    drawn = {(node.kind, node.title.removeprefix("cms-dbs:")) for node in lineage.nodes if node.title.startswith("cms")}
    assert drawn == {
        ("version", REFERENCE),
        ("dataset", named[0]),
        ("dataset", named[1]),
        ("selector", named[2]),
        ("selector", named[3]),
    }
    assert len([kind for kind, _ in drawn if kind == "selector"]) == SELECTORS
    assert {entry.dataset.title for entry in registry.datasets.list("cms-dbs:/").items} == {
        f"cms-dbs:{name}" for name in named[:2]
    }
    assert not any(node.resolved for node in lineage.nodes if node.kind in {"dataset", "selector"})


def test_it_is_fetched_as_it_was(
    registry: Registry, folder_of_model: Path, expected: dict[str, Any], tmp_path: Path
) -> None:
    registry.versions.register(REFERENCE, folder_of_model)
    assert sorted(fetch(registry, REFERENCE, tmp_path / "out")) == sorted(expected)
    for path in expected:
        assert (tmp_path / "out" / path).read_bytes() == (folder_of_model / path).read_bytes()
    assert {check.status for check in registry.files.verify(REFERENCE)} == {"ok"}


def test_the_same_through_the_command_line(
    folder_of_model: Path,
    expected: dict[str, Any],
    named: list[str],
    datasets: list[str],
    activity: dict[str, Any],
    tmp_path: Path,
) -> None:
    from click.testing import CliRunner

    from herdbook.apps.cli.main import cli

    place = str(tmp_path / "registry")
    told = tmp_path / "training.json"
    told.write_text(json.dumps(activity))
    given = [word for name in datasets for word in ("--dataset", name)]
    start = "from herdbook.apps.cli.main import run; run()"
    command = [sys.executable, "-c", start, "-R", place, "register", REFERENCE, str(folder_of_model)]
    done = subprocess.run(
        [*command, *given, "--activity", str(told), "--json"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["outcome"] == "registered"
    for question in every_question(expected, named, folder_of_model):
        result = CliRunner().invoke(cli, ["-R", place, "search", "--json", "--", question], prog_name="herdbook")
        assert result.exit_code == 0, (question, result.stderr)
        lines = [json.loads(line) for line in result.stdout.splitlines()]
        assert [line["model"] for line in lines] == [NAME], question
        assert lines[0]["labels"] == ["CHS-V00"]
