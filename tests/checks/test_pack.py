"""What the rules say of real models: each finding stands in ``pack_findings.toml`` with its reason, and no other."""

from __future__ import annotations

import json
import shutil
import tarfile
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from herdbook.bootstrap.checks import checks
from herdbook.model.checks import CONSUMERS, CheckPolicy
from herdbook.plugins.host.pool import WorkerPool
from herdbook.plugins.importers.git import Git
from herdbook.service import checking
from herdbook.service.checking_subjects import Place, of_place

pytestmark = pytest.mark.datapack

TABLE: dict[str, dict[str, str]] = tomllib.loads((Path(__file__).parent / "pack_findings.toml").read_text("utf-8"))
MODELS: dict[str, list[str]] = {
    "gbrforest": ["gbrforest/*"],
    "keras/KERAS_3layer": ["keras/KERAS_3layer*"],
    "keras/qkeras_3layer": ["keras/qkeras_3layer*"],
    "keras/qkeras-v3_3layer": ["keras/qkeras-v3*"],
    "lightgbm": ["lightgbm/*"],
    "lwtnn/DeepCSV_PhaseI": ["lwtnn/DeepCSV*"],
    "lwtnn/test_NN_graph": ["lwtnn/test_NN*"],
    "mxnet": ["mxnet/*"],
    "onnx/deepdoublex_102X_V02": ["onnx/deepdoublex_102X_V02/*"],
    "onnx/particlenet_AK4": ["onnx/particlenet_AK4/**/*"],
    "onnx/preprocess_only": ["onnx/preprocess_only/*"],
    "onnx/ragged_io": ["onnx/ragged_io/**/*"],
    "onnx/supercls_v2p1": ["onnx/supercls_v2p1/*"],
    "onnx/three_layer_keras": ["onnx/three_layer_keras.onnx"],
    "onnx/two_layer_keras": ["onnx/two_layer_keras.onnx"],
    "qonnx": ["qonnx/*"],
    "sklearn": ["sklearn/*"],
    "tf_graphdef/ele_pfid_exteta1": ["tf_graphdef/ele_pfid_exteta1/*"],
    "tf_savedmodel/half_plus_three": ["tf_savedmodel/half_plus_three/**/*"],
    "tmva/mu_BDTG": ["tmva/mu_BDTG*"],
    "tmva/pileupJetId": ["tmva/pileupJetId*"],
    "torch/ParticleNet_kin": ["torch/ParticleNet_kin*", "torch/JetClass_kin*"],
    "torch/legacy_pickle_IN": ["torch/legacy_pickle_IN*"],
    "torch/particlenet_AK4_PT": ["torch/particlenet_AK4_PT*"],
    "torch/unsafe_pickled_module": ["torch/unsafe_pickled_module*"],
    "xgboost/agc_ttbar": ["xgboost/agc_ttbar/*"],
    "xgboost/legacy_binf": ["xgboost/legacy_binf/*"],
}
"""The models of the pack, each with its files: some lie together in a folder and have nothing to do with each other."""
SYSTEMS = {"RecoTauTag-TrainingFiles": ".git.tar", "L1Trigger-Phase2L1ParticleFlow": ".bundle"}
ALONE = CheckPolicy(severities={"licence-missing": "off"})
"""A blob alone has no folder in which a licence could lie."""


def findings(
    readers: WorkerPool, folder: Path, consumers: tuple[str, ...], policy: CheckPolicy = checking.NO_POLICY
) -> dict[str, str]:
    """Return what is found, for these frameworks too: ``PATH: RULE`` or ``RULE`` → the first message."""
    subject = of_place(readers, Place(str(folder), (str(folder),)), frozenset(consumers))
    report = checking.check(subject, checks(), policy)
    told = [(f"{each.path}: {each.rule}" if each.path else each.rule, each.message) for each in report.findings]
    counts = Counter(key for key, _ in told)
    return {key if counts[key] == 1 else f"{key} x{counts[key]}": message for key, message in reversed(told)}


def differences(name: str, found: dict[str, str]) -> list[str]:
    """Return what is new, and what is told in the table and not found any more."""
    reasons = TABLE.get(name, {})
    new = [f"{name}\n  new      {key}: {message}" for key, message in found.items() if key not in reasons]
    return new + [f"{name}\n  missing  {key}" for key in reasons if key not in found]


def copied(models: Path, name: str, to: Path) -> Path:
    """Return a folder with the files of one model, at the paths that they have in theirs."""
    for pattern in MODELS[name]:
        beside = models / pattern.partition("*")[0]
        top = beside if beside.is_dir() else beside.parent
        for file in (each for each in models.glob(pattern) if each.is_file()):
            place = to / file.relative_to(top)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, place)
    return to


@pytest.mark.parametrize("name", MODELS)
def test_every_finding_in_a_model_of_the_pack_has_its_reason(
    datapack: Path, readers: WorkerPool, tmp_path: Path, name: str
) -> None:
    folder = copied(datapack / "models", name, tmp_path / "model")
    different = differences(name, findings(readers, folder, CONSUMERS))
    assert not different, "\n".join(different)


def test_every_file_of_the_pack_is_in_one_of_the_models(datapack: Path) -> None:
    models = datapack / "models"
    named = [file for patterns in MODELS.values() for pattern in patterns for file in models.glob(pattern)]
    assert sorted(file for file in named if file.is_file()) == sorted(f for f in models.rglob("*") if f.is_file())


@pytest.mark.parametrize("system", SYSTEMS)
def test_every_finding_in_the_blobs_of_a_system_has_its_reason(
    datapack: Path, readers: WorkerPool, tmp_path: Path, system: str
) -> None:
    different: list[str] = []
    for entry, data in blobs(datapack, system, tmp_path):
        folder = tmp_path / "blobs" / entry["git_id"][:10]
        place = folder / entry["repo_paths"][0]
        place.parent.mkdir(parents=True)
        place.write_bytes(data)
        different += differences(f"{system}/{folder.name}", findings(readers, folder, (), ALONE))
    assert not different, "\n".join(different)


def blobs(datapack: Path, system: str, scratch: Path) -> Iterator[tuple[dict[str, Any], bytes]]:
    """Yield the distinct blobs whose content is there, each with what is expected of it."""
    place = datapack / "systems" / f"{system}{SYSTEMS[system]}"
    if place.suffix == ".tar":
        with tarfile.open(place) as archive:
            archive.extractall(scratch, filter="data")
        place = scratch / f"{system}.git"
    source = Git().open(str(place), name=system)
    try:
        for entry in json.loads((datapack / "expected" / "systems" / "files.json").read_text("utf-8")):
            if entry["system"] == system:
                with source.open(f"git-sha1:{entry['git_id']}") as stream:
                    yield entry, stream.read()
    finally:
        source.close()


def test_every_line_of_the_table_says_why() -> None:
    assert all(len(reason) >= 15 for reasons in TABLE.values() for reason in reasons.values())
