"""A model of an accelerator control system, with the core alone: a namespace, its own schema, and no ``ext.hep``."""

from __future__ import annotations

from pathlib import Path

import pytest

from herdbook.kernel.errors import InvalidError
from herdbook.model.datasets import Dataset
from herdbook.model.identifiers import Identifier
from herdbook.model.models import Profile
from herdbook.model.query import FAMILIES, FIELDS
from herdbook.model.statements import Said, Subject
from herdbook.ports.registry import Registry
from herdbook.testing.registry_samples import binary, references, untouched

MODEL = "ring/blm/loss-forecast"
MACHINE = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "properties": {
        "$v": {"const": "1.0"},
        "machine": {"enum": ["booster", "storage-ring"], "x-index": True},
        "beam_energy": {"type": "number", "exclusiveMinimum": 0, "x-unit": "GeV", "x-index": True},
        "correctors": {"type": "array", "items": {"type": "string"}, "maxItems": 400},
    },
    "required": ["$v", "machine"],
    "additionalProperties": False,
}
OPERATION = {
    "type": "object",
    "properties": {"$v": {"const": "1.0"}, "fill": {"type": "integer", "x-index": True}, "optics": {"type": "string"}},
    "required": ["$v", "fill"],
    "additionalProperties": False,
}


@pytest.fixture
def ring(registry: Registry, tmp_path: Path) -> Registry:
    """A registry in which the control system's people have done their work."""
    registry.namespaces.create("ring")
    registry.namespaces.schema("ring", "model", "1.0", MACHINE)
    registry.namespaces.schema("ring", "dataset", "1.0", OPERATION)
    data = Dataset(id=Identifier(scheme="archiver", value="BLM:*@2026-05"))
    about = Said(
        type="herdbook/description/1",
        subject=(Subject(record=data.digest),),
        body={
            "title": "Loss monitors, May",
            "data": {"kind": "data", "columns": [{"name": "BLM.12.I", "dtype": "float32", "unit": "nA"}]},
            "ext": {"ring": {"$v": "1.0", "fill": 8123, "optics": "round beams"}},
        },
    )
    registry.datasets.register("ring", data, [about])
    folder = tmp_path / "forecast"
    folder.mkdir()
    (folder / "weights.bin").write_bytes(binary("weights"))
    (folder / "README.md").write_text("# Loss forecast\n\nSteers the scraper thirty turns ahead.\n")
    registry.versions.register(
        f"{MODEL}:2026.05",
        folder,
        datasets=[data.digest],
        activity={"kind": "training", "status": "finished", "parameters": [{"name": "horizon", "text": "30"}]},
        profile={
            "title": "Beam-loss forecast",
            "step": "control",
            "task": "forecasting",
            "domain": "accelerator physics",
            "keywords": ["beam loss", "feedback"],
            "ext": {"ring": {"$v": "1.0", "machine": "storage-ring", "beam_energy": 2.75}},
        },
    )
    return registry


@pytest.mark.parametrize(
    "query",
    [
        "step = control",
        "task = forecasting",
        'domain = "accelerator physics"',
        'keyword = "beam loss"',
        "ext.ring.machine = storage-ring",
        "ext.ring.beam_energy > 2 ext.ring.beam_energy < 3",
        "ext.ring.fill = 8123",
        "parameter.horizon >= 30",
        "scraper",
        "namespace = ring",
        "scheme = archiver",
    ],
)
def test_it_is_found_by_what_its_own_people_call_things(ring: Registry, query: str) -> None:
    assert references(ring, query) == [f"{MODEL}@1"]


def test_nothing_of_it_comes_from_high_energy_physics(ring: Registry) -> None:
    dossier = ring.versions.dossier(f"{MODEL}:2026.05")
    assert "hep" not in str(dossier.json_object()["statements"])
    assert dossier.profile is not None
    assert dossier.profile.ext == {"ring": {"$v": "1.0", "machine": "storage-ring", "beam_energy": 2.75}}
    core = " ".join(FIELDS) + " ".join(Profile.model_fields)
    for word in ("energy", "era", "run", "beam", "jet", "luminosity"):
        assert word not in core.replace("parameter", "").replace("operator", "")
    assert set(FAMILIES) == {"metric", "parameter", "ext"}


@pytest.mark.parametrize(
    ("ext", "where"),
    [
        ({"$v": "1.0", "machine": "LEP"}, "/ext/ring/machine"),
        ({"$v": "1.0", "machine": "booster", "beam_energy": -1}, "/ext/ring/beam_energy"),
        ({"$v": "1.0", "machine": "booster", "colour": "red"}, "/ext/ring"),
        ({"$v": "1.0"}, "/ext/ring"),
        ({"machine": "booster"}, "/ext/ring"),
        ({"$v": "1.0", "machine": "booster", "correctors": ["x" * 200] * 399}, "/ext/ring"),
    ],
)
def test_a_field_that_does_not_fit_its_schema_is_refused_saying_where(
    ring: Registry, ext: dict[str, object], where: str
) -> None:
    with untouched(ring), pytest.raises(InvalidError) as caught:
        ring.models.profile(MODEL, Profile(ext={"ring": ext}))
    assert caught.value.code == "bad-ext"
    assert where in caught.value.message


def test_a_fix_of_the_forecast_is_traced_to_the_first(ring: Registry, tmp_path: Path) -> None:
    folder = tmp_path / "forecast"
    (folder / "weights.bin").write_bytes(binary("better weights"))
    ring.versions.register(f"{MODEL}:2026.06", folder, parent=f"{MODEL}:2026.05")
    ring.pointers.alias(MODEL, "operation", "2026.06", reason="fewer false dumps")
    ring.statements.add(
        "ring",
        [
            Said(
                type="herdbook/evaluation/1",
                subject=(Subject(record=ring.versions.get(f"{MODEL}:2026.06").record),),
                body={"metrics": [{"name": "rmse", "value": 0.21, "stat": 0.01, "unit": "nA"}]},
            )
        ],
    )
    up = ring.versions.trace(f"{MODEL}@operation")
    assert [node.title for node in up.nodes if node.kind == "version"] == [f"{MODEL}:2026.06", f"{MODEL}:2026.05"]
    assert any(node.kind == "dataset" and "Loss monitors" in node.detail for node in up.nodes)
    assert references(ring, "metric.rmse < 0.3 alias = operation") == [f"{MODEL}@2"]
