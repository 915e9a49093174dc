"""What files of the data pack say about each other: our rules find what the oracle says disagrees, and nothing else."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from herdbook.bootstrap.checks import checks
from herdbook.model.facts import Finding
from herdbook.plugins.host.pool import WorkerPool
from herdbook.service import checking
from herdbook.service.checking_subjects import Place, of_place

pytestmark = pytest.mark.datapack

RULES: dict[str, tuple[str, ...]] = {
    "triton-md5": ("triton-checksum",),
    "triton-input-names-and-order": ("triton-names",),
    "triton-output-names": ("triton-names",),
    "triton-dims": ("triton-dims", "triton-types", "triton-ragged"),
    "labels-equal-output-dimension": ("labels-differ", "triton-labels"),
    "preprocess-inputs-equal-model-inputs": ("preprocess-inputs",),
    "preprocess-variables-equal-input-dimension": ("preprocess-variables",),
    "preprocess-outputs-equal-labels": ("label-names-differ",),
    "scaler-rows-equal-input-dimension": ("preprocess-variables",),
    "text-and-binary-graph-equal": ("twins-differ",),
    "feature-list-equals-num-features": ("preprocess-variables",),
    "best-iteration-equals-trees": ("early-stopped",),
    "fold-members-alike": ("members-differ",),
    "architecture-and-weights-parameters": ("twins-differ",),
    "operator-domains-declared": ("no-opset",),
    "signature-shape-equals-graph-shape": ("signature-differs",),
    "lwtnn-first-layer-equals-inputs": ("preprocess-variables",),
    "tmva-counts": ("trees-differ", "preprocess-variables"),
}
"""The oracle's rule → ours, one of which finds what does not agree."""

NOT_OURS = {"same-function": "needs the models to be run; golden outputs are compared in another test"}


def entries(datapack: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((datapack / "expected" / "consistency.json").read_bytes())
    return found


def findings(readers: WorkerPool, datapack: Path, files: Sequence[str], folder: Path) -> list[Finding]:
    """Lay out the files as they lie in the pack, below the folder that they share, and check them."""
    top = os.path.commonpath([Path(name).parent for name in files])
    for name in files:
        place = folder / os.path.relpath(name, top)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes((datapack / name).read_bytes())
    subject = of_place(readers, Place(str(folder), (str(folder),)))
    return list(checking.check(subject, checks()).findings)


def test_every_kind_of_comparison_is_a_rule_of_ours_or_has_its_reason(datapack: Path) -> None:
    assert {entry["rule"] for entry in entries(datapack)} == RULES.keys() | NOT_OURS.keys()


def test_rules_find_what_the_oracle_says_disagrees_and_nothing_else(
    datapack: Path, readers: WorkerPool, tmp_path: Path
) -> None:
    different = []
    for number, entry in enumerate(entries(datapack)):
        if entry["rule"] in NOT_OURS:
            continue
        every = findings(readers, datapack, entry["files"], tmp_path / str(number))
        told = [each for each in every if each.rule in RULES[entry["rule"]]]
        if bool(told) != (entry["agree"] is False):
            said = "; ".join(each.message for each in told) or "nothing"
            different.append(f"{entry['rule']} of {', '.join(entry['files'])}: agree {entry['agree']}, we find {said}")
    assert not different, "\n".join(different)
