"""The shipped extension ``ext.hep``: what fits is kept and found, what does not is refused saying where."""

from __future__ import annotations

import pytest

from herdbook.kernel.errors import InvalidError
from herdbook.model.activities import Activity
from herdbook.model.datasets import Dataset
from herdbook.model.identifiers import Identifier
from herdbook.model.models import Profile
from herdbook.model.statements import Said, Subject
from herdbook.ports.registry import Registry
from herdbook.testing.registry_lineage import training
from herdbook.testing.registry_samples import references, register, say, untouched

DATASET = Dataset(id=Identifier(scheme="cms-dbs", value="/TTTo2L2Nu/RunIISummer20UL18/MINIAODSIM"))
MODEL = "cms/tau/deeptau"


def described(**ext: object) -> Said:
    """Return a description of the dataset with fields of high-energy physics."""
    body = {"title": "Top pairs", "data": {"kind": "mc", "events": 1000}, "ext": {"hep": {"$v": "1.0", **ext}}}
    return Said(type="herdbook/description/1", subject=(Subject(record=DATASET.digest),), body=body)


def test_era_and_energy_of_a_dataset_find_what_was_trained_on_it(registry: Registry) -> None:
    registry.datasets.register("cms", DATASET, [described(experiment="CMS", era="Run2018A", energy=13.0, beams="pp")])
    record = register(registry, f"{MODEL}:V1").record
    registry.activities.register("cms", training(DATASET.digest, out=record))
    for query in ("ext.hep.era = Run2018A", "ext.hep.energy >= 13", "ext.hep.beams = pp", "ext.hep.experiment = cms"):
        assert references(registry, query) == [f"{MODEL}@1"], query
    assert references(registry, "ext.hep.energy > 13") == []


def test_a_models_object_and_detectors_find_it(registry: Registry) -> None:
    ext = {"$v": "1.0", "experiment": "CMS", "object": "tau", "detectors": ["tracker", "ECAL"]}
    register(registry, f"{MODEL}:V1", statements=[say("profile", {"ext": {"hep": ext}}, name=MODEL)])
    for query in ("ext.hep.object = tau", "ext.hep.detectors = ecal", "ext.hep.detectors = tracker"):
        assert references(registry, query) == [f"{MODEL}@1"], query


@pytest.mark.parametrize(
    ("ext", "where"),
    [
        ({"energy": -13}, "/ext/hep/energy"),
        ({"energy": "13 TeV"}, "/ext/hep/energy"),
        ({"era": ""}, "/ext/hep/era"),
        ({"colour": "red"}, "/ext/hep"),
        ({"runs": [[-1, 5]]}, "/ext/hep/runs/0/0"),
        ({"$v": "9.9"}, "/ext/hep"),
        ({"$v": 1}, "/ext/hep"),
    ],
)
def test_a_wrong_field_of_a_dataset_is_refused_saying_where(
    registry: Registry, ext: dict[str, object], where: str
) -> None:
    registry.datasets.register("cms", DATASET)
    with untouched(registry), pytest.raises(InvalidError) as caught:
        registry.statements.add("cms", [described(**ext)])
    assert caught.value.code == "bad-ext"
    assert where in caught.value.message


def test_a_wrong_field_of_a_model_or_an_activity_is_refused_saying_where(registry: Registry) -> None:
    record = register(registry, f"{MODEL}:V1").record
    with untouched(registry), pytest.raises(InvalidError) as caught:
        registry.models.profile(MODEL, Profile(ext={"hep": {"$v": "1.0", "detectors": "ECAL"}}))
    assert "/ext/hep/detectors" in caught.value.message
    bad = Activity.read(
        {
            "kind": "training",
            "status": "finished",
            "outputs": [{"record": record, "role": "model"}],
            "ext": {"hep": {"$v": "1.0", "colour": "red"}},
        }
    )
    with untouched(registry), pytest.raises(InvalidError) as caught:
        registry.activities.register("cms", bad)
    assert "/ext/hep" in caught.value.message


def test_nobody_registers_another_schema_for_hep(registry: Registry) -> None:
    with untouched(registry), pytest.raises(InvalidError) as caught:
        registry.namespaces.schema("hep", "dataset", "1.0", {"type": "object"})
    assert caught.value.code == "reserved-name"
