"""What belongs to a version is found: through conversions, by the ids of runs, by the names that datasets once had."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest

from herdbook.model.activities import Activity
from herdbook.model.datasets import Dataset, ManifestLine, write_manifest
from herdbook.model.identifiers import Identifier
from herdbook.model.statements import Said, Subject
from herdbook.ports.registry import Registry
from herdbook.service.auditing import Auditor
from herdbook.service.auditing_evidence import Evidence


def version(registry: Registry, folder: Path, name: str) -> str:
    """Register a version of one file; return its record."""
    (folder / name).write_text(f"weights of {name}\n")
    return registry.versions.register(f"demo/{name}:v1", folder / name).record


def told(registry: Registry, output: str, **fields: Any) -> str:
    """Tell of a training that put a version out; return its record."""
    given = {"kind": "training", "status": "finished", "outputs": [{"record": output, "role": "model"}], **fields}
    return registry.activities.register("demo", Activity.read(given)).record


def evidence(registry: Registry, name: str) -> Evidence:
    return Auditor(registry).evidence(f"demo/{name}:v1")


def score(registry: Registry, name: str, item: str) -> int | None:
    found = Auditor(registry).audit(f"demo/{name}:v1").audit
    return next(each.score.score for each in found.items if each.item == item)


def test_what_a_converted_file_learnt_it_learnt_before(registry: Registry, tmp_path: Path) -> None:
    first, second = version(registry, tmp_path, "checkpoint"), version(registry, tmp_path, "exported")
    training = told(registry, first, seeds=[{"name": "s", "text": "1"}])
    hop = told(registry, second, kind="conversion", inputs=[{"record": first, "role": "checkpoint"}])
    found = evidence(registry, "exported")
    assert found.training is not None
    assert (found.training.record, [each.record for each in found.hops]) == (training, [hop])
    assert (score(registry, "exported", "T7"), score(registry, "exported", "S6")) == (1, 0)


def test_a_parent_is_found_by_the_id_of_the_run_that_made_it(registry: Registry, tmp_path: Path) -> None:
    first, second = version(registry, tmp_path, "parent"), version(registry, tmp_path, "child")
    told(registry, first, ids=[{"scheme": "mlflow-run", "value": "one"}])
    parent = {"id": {"scheme": "mlflow-run", "value": "one"}, "role": "parent"}
    told(registry, second, kind="fine-tuning", inputs=[parent])
    assert [(each.title, each.level) for each in evidence(registry, "child").parents] == [("demo/parent:v1", 0)]
    assert score(registry, "child", "T11") == 2
    unknown = version(registry, tmp_path, "orphan")
    told(registry, unknown, kind="fine-tuning", inputs=[{**parent, "id": {"scheme": "mlflow-run", "value": "two"}}])
    assert score(registry, "orphan", "T11") == 1


def test_versions_that_descend_from_one_another_in_a_circle_end_the_walk(registry: Registry, tmp_path: Path) -> None:
    first, second = version(registry, tmp_path, "hen"), version(registry, tmp_path, "egg")
    told(registry, first, kind="fine-tuning", inputs=[{"record": second, "role": "parent"}])
    told(registry, second, kind="fine-tuning", inputs=[{"record": first, "role": "parent"}])
    assert Auditor(registry).audit("demo/hen:v1").audit.level == 0


@pytest.mark.parametrize(("manifests", "wanted"), [(0, 1), (1, 2), (2, 1)])
def test_a_dataset_known_by_name_has_the_files_of_the_one_manifest_that_resolves_it(
    registry: Registry, tmp_path: Path, manifests: int, wanted: int
) -> None:
    name = Identifier(scheme="local", value="toy")
    bare = Dataset(id=name)
    registry.datasets.register("demo", bare)
    record = version(registry, tmp_path, "model")
    told(registry, record, inputs=[{"record": bare.digest, "role": "train"}])
    for number in range(manifests):
        line = ManifestLine(path="a.csv", size=3, sha256=f"{number:064x}")
        manifest = registry.files.put(io.BytesIO(b"".join(write_manifest([line])))).sha256
        full = Dataset(id=name, manifest=manifest)
        resolves = Said(type="herdbook/resolves/1", subject=(Subject(record=bare.digest),), body={"by": full.digest})
        registry.datasets.register("demo", full, [resolves])
    assert score(registry, "model", "T3") == wanted
