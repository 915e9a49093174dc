"""The contract of impact: what descends from a record."""

from __future__ import annotations

from itertools import pairwise

import pytest

from herdbook.kernel.errors import InvalidError, MissingError
from herdbook.model.activities import Activity
from herdbook.ports.registry import Registry
from herdbook.testing.registry_lineage import dataset, training
from herdbook.testing.registry_samples import Given, register


class ImpactContract(Given):
    """What descends from a record that turned out to be bad."""

    def test_all_descendants_are_found_through_datasets_and_versions(self, registry: Registry) -> None:
        raw, made = (
            registry.datasets.register("demo", dataset("raw")),
            registry.datasets.register("demo", dataset("h5")),
        )
        registry.activities.register("demo", training(raw.record, out=made.record, kind="dataset-conversion"))
        parent = made.record
        for number in range(4):
            model = f"demo/tau/toy{number % 2}"
            record = register(registry, f"{model}:V{number}", f"{number}").record
            registry.activities.register("demo", training(f"parent={parent}", out=record))
            parent = record
        register(registry, "demo/tau/other:V1", "unrelated")
        registry.pointers.alias("demo/tau/toy1", "production", "demo/tau/toy1:V3")
        found = registry.versions.impact("local:raw")
        assert (found.versions, found.datasets) == (4, 1)
        assert [(item.name, item.versions, item.aliases) for item in found.models] == [
            ("demo/tau/toy0", 2, ()),
            ("demo/tau/toy1", 2, ("production",)),
        ]
        assert [item.reference for item in found.items] == [
            "demo/tau/toy0:V0", "demo/tau/toy0:V2", "demo/tau/toy1:V1", "demo/tau/toy1:V3",
        ]  # fmt: skip
        assert registry.versions.impact("demo/tau/toy1:V3").versions == 0

    def test_pages_of_an_impact_join_without_a_gap(self, registry: Registry) -> None:
        data = registry.datasets.register("demo", dataset())
        for number in range(7):
            record = register(registry, f"demo/tau/toy{number % 3}:V{number}", f"{number}").record
            registry.activities.register("demo", training(data.record, out=record))
        whole = [item.reference for item in registry.versions.impact("local:toys").items]
        seen, cursor = [], None
        while True:
            page = registry.versions.impact("local:toys", cursor=cursor, limit=2)
            assert page.versions == 7
            seen += [item.reference for item in page.items]
            if (cursor := page.cursor) is None:
                break
        assert seen == whole
        assert len(whole) == 7
        for bad in ("nonsense", "demo/tau/toy@x"):
            with pytest.raises(InvalidError):
                registry.versions.impact("local:toys", cursor=bad)

    def test_what_took_a_run_or_a_dataset_by_its_id_alone_is_reached(self, registry: Registry) -> None:
        first = register(registry, "demo/tau/toy:V1", "1").record
        run = {"scheme": "mlflow-run", "value": "e1f3"}
        registry.activities.register("demo", training(out=first, ids=[run]))
        second = register(registry, "demo/tau/toy:V2", "2").record
        told = {"kind": "fine-tuning", "status": "finished", "inputs": [{"id": run, "role": "parent"}]}
        told["outputs"] = [{"record": second, "role": "model"}]
        registry.activities.register("demo", Activity.read(told))
        third = register(registry, "demo/tau/toy:V3", "3").record
        taken = {"kind": "training", "status": "finished", "outputs": [{"record": third, "role": "model"}]}
        taken["inputs"] = [{"id": {"scheme": "local", "value": "toys"}, "role": "train"}]
        registry.activities.register("demo", Activity.read(taken))
        assert [item.ordinal for item in registry.versions.impact("demo/tau/toy:V1").items] == [2]
        assert [item.ordinal for item in registry.versions.impact("local:toys").items] == [3]
        registry.datasets.register("demo", dataset())
        assert [item.ordinal for item in registry.versions.impact("local:toys").items] == [3]

    def test_a_circle_ends_and_does_not_count_the_root(self, registry: Registry) -> None:
        records = [register(registry, f"demo/tau/toy:V{number}", f"{number}").record for number in range(3)]
        for parent, child in [*pairwise(records), (records[-1], records[0])]:
            registry.activities.register("demo", training(f"parent={parent}", out=child))
        assert [item.ordinal for item in registry.versions.impact("demo/tau/toy:V1").items] == [1, 3]

    def test_the_impact_of_a_training_is_what_it_made_and_what_followed(self, registry: Registry) -> None:
        records = [register(registry, f"demo/tau/toy:V{number}", f"{number}").record for number in range(2)]
        data = registry.datasets.register("demo", dataset()).record
        made = registry.activities.register("demo", training(data, out=records[0]))
        registry.activities.register("demo", training(f"parent={records[0]}", out=records[1]))
        assert [item.ordinal for item in registry.versions.impact(made.record).items] == [1, 2]

    def test_the_impact_of_nothing_is_a_missing_error(self, registry: Registry) -> None:
        register(registry, "demo/tau/toy:V1")
        with pytest.raises(MissingError):
            registry.versions.impact("demo/tau/none:V1")
        with pytest.raises((InvalidError, MissingError)):
            registry.versions.impact("local:nobody-knows-it")
