"""The contract of datasets, activities and lineage."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest

from herdbook.kernel.errors import ConflictError, InvalidError, MissingError
from herdbook.model.activities import Activity, Part, Selector
from herdbook.model.datasets import Dataset
from herdbook.model.identifiers import Identifier
from herdbook.model.lineage import Lineage
from herdbook.ports.registry import Registry
from herdbook.testing.registry_samples import (
    NOBODY,
    PATH,
    Given,
    binary,
    events_made,
    put,
    references,
    register,
    say,
    unresolved,
    untouched,
)


def dataset(value: str = "toys", manifest: str | None = None) -> Dataset:
    """Return a dataset of the scheme ``local``."""
    return Dataset(id=Identifier(scheme="local", value=value), manifest=manifest)


def training(*inputs: str, out: str | None = None, kind: str = "training", **more: object) -> Activity:
    """Return an activity from records (``role=digest``, or a digest for ``train``) to a version's record."""
    parts = []
    for text in inputs:
        role, _, digest = text.rpartition("=")
        parts.append({"record": digest, "role": role or "train"})
    told = {"kind": kind, "status": "finished", "inputs": parts or None, **more}
    if out:
        told["outputs"] = [{"record": out, "role": "model"}]
    return Activity.read(told)


def shape(lineage: Lineage) -> list[tuple[str, str]]:
    """Return kind and title of nodes, in the order of the walk."""
    return [(node.kind, node.title) for node in lineage.nodes]


class DatasetContract(Given):
    """Datasets: an id, a manifest, or both."""

    def test_a_dataset_known_by_name_is_registered_once(self, registry: Registry) -> None:
        with events_made(registry, "demo", 2):
            entry = registry.datasets.register("demo", dataset())
        with untouched(registry):
            assert registry.datasets.register("demo", dataset()) == entry
        assert registry.datasets.get("local:toys") == registry.datasets.get(entry.record) == entry
        assert entry.namespaces == ("demo",)

    def test_a_manifest_is_bytes_that_were_brought(self, registry: Registry, other: Registry) -> None:
        manifest = b'{"path":"a.root","size":12}\n'
        held = put(other, manifest).sha256
        for value in (dataset(manifest=held), dataset(manifest=NOBODY), Dataset(manifest=NOBODY)):
            with untouched(registry), pytest.raises(MissingError) as caught:
                registry.datasets.register("demo", value)
            assert caught.value.code == "no-bytes"
        put(registry, manifest)
        both = registry.datasets.register("demo", dataset(manifest=held))
        bare = registry.datasets.register("demo", Dataset(manifest=held))
        assert both.record != bare.record
        with untouched(registry):
            registry.datasets.register("demo", dataset(manifest=held))

    def test_several_of_one_name_are_a_conflict_that_lists_them(self, registry: Registry) -> None:
        records = []
        for text in ("a", "b"):
            manifest = put(registry, b'{"path":"%s"}\n' % text.encode()).sha256
            records.append(registry.datasets.register("demo", dataset(manifest=manifest)).record)
        with pytest.raises(ConflictError) as caught:
            registry.datasets.get("local:toys")
        assert caught.value.code == "ambiguous"
        assert all(record in caught.value.hint for record in records)
        assert registry.datasets.get(records[0]).record == records[0]

    def test_what_is_said_with_a_dataset_is_said_of_it(self, registry: Registry) -> None:
        value = dataset()
        said = say("description", {"title": "Toy walruses", "data": {"events": 80000}}, record=value.digest)
        with events_made(registry, "demo", 2):
            entry = registry.datasets.register("demo", value, [said])
        assert entry.title == "Toy walruses"
        record = register(registry, "demo/tau/toy:V1").record
        registry.activities.register("demo", training(value.digest, out=record))
        assert references(registry, "walruses") == ["demo/tau/toy@1"]
        assert [item.statement.body for item in registry.statements.list("local:toys").items] == [said.body]

    def test_datasets_are_listed_by_the_beginning_of_their_name(self, registry: Registry) -> None:
        for value in ("a1", "a2", "a3", "b1"):
            registry.datasets.register("demo", dataset(value))
        seen, cursor = [], None
        while True:
            page = registry.datasets.list("local:a", cursor=cursor, limit=2)
            seen += [entry.dataset.title for entry in page.items]
            if (cursor := page.cursor) is None:
                break
        assert sorted(seen) == ["local:a1", "local:a2", "local:a3"]
        assert len(registry.datasets.list().items) == 4

    def test_what_is_no_dataset_is_missing_or_refused(self, registry: Registry) -> None:
        record = register(registry, "demo/tau/toy:V1").record
        for text in ("local:none", NOBODY, record):
            with pytest.raises(MissingError):
                registry.datasets.get(text)
        with pytest.raises(InvalidError):
            registry.datasets.get("toys")
        with pytest.raises(InvalidError):
            Dataset()


class ActivityContract(Given):
    """Activities: written once, and answered with what is there."""

    def test_an_activity_is_found_by_digest_and_by_its_ids(self, registry: Registry) -> None:
        value = training(kind="training", ids=[{"scheme": "mlflow-run", "value": "abc"}])
        with events_made(registry, "demo", 2):
            entry = registry.activities.register("demo", value)
        assert registry.activities.get(entry.record) == registry.activities.get("mlflow-run:abc") == entry
        with pytest.raises(MissingError):
            registry.activities.get("mlflow-run:none")

    def test_one_with_the_same_ids_is_answered_with_what_is_there(self, registry: Registry) -> None:
        ids = [{"scheme": "mlflow-run", "value": "abc"}]
        first = registry.activities.register("demo", training(ids=ids))
        with untouched(registry):
            assert registry.activities.register("demo", training(ids=ids)).record == first.record

    def test_one_that_is_equal_but_for_its_times_is_answered_with_what_is_there(self, registry: Registry) -> None:
        record = register(registry, "demo/tau/toy:V1").record
        first = registry.activities.register("demo", training(out=record, started="2026-01-01T00:00:00Z"))
        with untouched(registry):
            later = training(out=record, started="2026-02-01T00:00:00Z", ended="2026-02-02T00:00:00Z")
            assert registry.activities.register("demo", later).record == first.record
        other = registry.activities.register("demo", training(out=record, seeds=[{"name": "n", "text": "1"}]))
        assert other.record != first.record

    def test_odd_parameters_are_kept_as_text_and_do_no_harm(self, registry: Registry) -> None:
        texts = {"a": "nan", "b": "Infinity", "c": "1e999", "d": "1_000", "e": "٣", "f": "adam", "g": "0.1", "h": ""}
        parameters = [{"name": name, "text": text} for name, text in texts.items()]
        metrics = [{"name": "loss", "value": "NaN"}, {"name": "auc", "value": 0.5}]
        record = register(registry, "demo/tau/toy:V1").record
        value = training(out=record, parameters=parameters, metrics=metrics)
        kept = registry.activities.register("demo", value).activity
        assert {p.name: p.text for p in kept.parameters or ()} == texts
        assert references(registry, "parameter.f = adam parameter.g < 0.2 metric.auc = 0.5") == ["demo/tau/toy@1"]
        assert references(registry, "parameter.a = nan") == ["demo/tau/toy@1"]

    def test_what_an_activity_names_must_be_here(self, registry: Registry) -> None:
        registry.namespaces.create("demo")
        with untouched(registry), pytest.raises(MissingError) as caught:
            registry.activities.register("demo", training(NOBODY))
        assert caught.value.code == "no-record"
        config = Activity(kind="training", status="unknown", inputs=(Part(blob=NOBODY, role="config"),))
        with untouched(registry), pytest.raises(MissingError) as caught:
            registry.activities.register("demo", config)
        assert caught.value.code == "no-bytes"

    def test_activities_are_listed_by_kind(self, registry: Registry) -> None:
        for kind in ("training", "conversion", "conversion"):
            value = training(kind=kind, ids=[{"scheme": "run", "value": f"{kind}{len(registry.activities.list())}"}])
            registry.activities.register("demo", value)
        assert len(registry.activities.list(kind="conversion")) == 2
        page = registry.activities.list(limit=2)
        assert len(page) == 2
        assert len(registry.activities.list(cursor=page.cursor, limit=2)) == 1


class TraceContract(Given):
    """Where a version comes from, and what came of it."""

    def test_a_version_of_which_no_training_is_known_says_so(self, registry: Registry) -> None:
        register(registry, "demo/tau/toy:V1")
        lineage = registry.versions.trace("demo/tau/toy:V1")
        assert shape(lineage) == [("version", "demo/tau/toy:V1"), ("unknown", "training unknown")]
        assert [edge.role for edge in lineage.edges] == ["made by"]

    def test_a_training_with_its_datasets_code_and_parent(self, registry: Registry) -> None:
        parent = register(registry, "demo/tau/toy:V1").record
        child = register(registry, "demo/tau/toy:V2", "two").record
        data = registry.datasets.register("demo", dataset()).record
        value = training(f"parent={parent}", data, out=child, kind="fine-tuning", code={"commit": "a" * 40})
        value = value.model_copy(
            update={
                "inputs": (
                    *(value.inputs or ()),
                    Part(selector=Selector(scheme="cms-dbs", value="/QCD*/X/Y"), role="train"),
                    Part(id=Identifier(scheme="mlflow-run", value="r1"), role="config"),
                )
            }
        )
        registry.activities.register("demo", value)
        lineage = registry.versions.trace("demo/tau/toy:V2")
        kinds = dict(shape(lineage)[2:])
        assert shape(lineage)[:2] == [("version", "demo/tau/toy:V2"), ("activity", "fine-tuning")]
        assert kinds["dataset"] == "local:toys"
        assert kinds["selector"] == "cms-dbs:/QCD*/X/Y"
        assert kinds["id"] == "mlflow-run:r1"
        assert "aaaaaaaaaa" in kinds["code"]
        assert {edge.role for edge in lineage.edges} == {"made by", "parent", "train", "config", "code"}
        down = registry.versions.trace("demo/tau/toy:V1", direction="down")
        assert [kind for kind, _ in shape(down)] == ["version", "activity", "version"]
        assert shape(registry.versions.trace("local:toys", direction="down"))[-1] == ("version", "demo/tau/toy:V2")

    def test_a_withdrawn_parent_is_drawn_as_such(self, registry: Registry) -> None:
        parent = register(registry, "demo/tau/toy:V1").record
        child = register(registry, "demo/tau/toy:V2", "two").record
        registry.activities.register("demo", training(f"parent={parent}", out=child))
        registry.statements.add("demo", [say("withdrawal", {"reason": "wrong"}, record=parent)])
        assert registry.versions.trace("demo/tau/toy:V2").node(parent).state == "withdrawn"

    def test_a_diamond_has_each_node_once_and_both_edges(self, registry: Registry) -> None:
        top, left, right, bottom = (
            register(registry, f"demo/tau/toy:{name}", name).record for name in ("top", "left", "right", "bottom")
        )
        for side in (left, right):
            registry.activities.register("demo", training(f"parent={top}", out=side))
        registry.activities.register("demo", training(f"parent={left}", f"parent={right}", out=bottom))
        for direction, start in (("up", "bottom"), ("down", "top")):
            lineage = registry.versions.trace(f"demo/tau/toy:{start}", direction=direction)
            ids = [node.id for node in lineage.nodes if node.kind != "unknown"]
            assert len(ids) == len(set(ids)) == 7
            assert max(Counter(edge.to for edge in lineage.edges).values()) == 2
            pairs = [(edge.frm, edge.to) for edge in lineage.edges if not edge.to.startswith("unknown:")]
            assert len(pairs) == len(set(pairs)) == 7

    def test_a_circle_ends(self, registry: Registry) -> None:
        one, two = (register(registry, f"demo/tau/toy:{name}", name).record for name in ("one", "two"))
        registry.activities.register("demo", training(f"parent={one}", out=two))
        registry.activities.register("demo", training(f"parent={two}", out=one))
        for direction in ("up", "down"):
            lineage = registry.versions.trace("demo/tau/toy:one", direction=direction)
            assert sorted(kind for kind, _ in shape(lineage)) == ["activity", "activity", "version", "version"]
            assert len(lineage.edges) == 4

    def test_an_unresolved_file_is_drawn_as_such(self, registry: Registry) -> None:
        register(registry, "demo/tau/toy:V1", unresolved(binary("x")))
        assert not registry.versions.trace("demo/tau/toy:V1").nodes[0].resolved

    def test_lineage_through_a_resolved_version_is_that_of_one_node(self, registry: Registry) -> None:
        old = register(registry, "demo/tau/toy:V1", unresolved(binary("x"))).record
        data = registry.datasets.register("demo", dataset()).record
        registry.activities.register("demo", training(data, out=old))
        new = register(registry, "demo/tau/toy:V1", {PATH: binary("x")})
        full = new.record
        child = register(registry, "demo/tau/toy:V2", "child").record
        registry.activities.register("demo", training(f"parent={full}", out=child))
        up = registry.versions.trace("demo/tau/toy:V2")
        assert [kind for kind, _ in shape(up)] == ["version", "activity", "version", "activity", "dataset"]
        down = registry.versions.trace("demo/tau/toy:V1", direction="down")
        assert [kind for kind, _ in shape(down)] == ["version", "activity", "version"]

    def test_a_run_that_is_known_by_its_id_alone_is_drawn_with_what_it_made(self, registry: Registry) -> None:
        old, new = (register(registry, f"demo/tau/toy:{name}", name).record for name in ("Run2", "Phase2"))
        run = Identifier(scheme="mlflow-run", value="e1f3")
        tuned = Activity(kind="fine-tuning", status="finished", inputs=(Part(id=run, role="parent"),))
        tuned = tuned.model_copy(update={"outputs": (Part(record=new, role="model"),)})
        registry.activities.register("demo", tuned)
        dead = registry.versions.trace("demo/tau/toy:Phase2")
        assert shape(dead)[-1] == ("id", "mlflow-run:e1f3")
        parent = Activity(kind="training", status="unknown", ids=(run,), outputs=(Part(record=old, role="model"),))
        record = registry.activities.register("demo", parent).record
        up = registry.versions.trace("demo/tau/toy:Phase2")
        titles = {node.id: node.title for node in up.nodes}
        assert [(titles[edge.frm], edge.role, titles[edge.to]) for edge in up.edges] == [
            ("demo/tau/toy:Phase2", "made by", "fine-tuning"),
            ("fine-tuning", "parent", "training"),
            ("training", "made", "demo/tau/toy:Run2"),
        ]
        for start in ("demo/tau/toy:Run2", record, "mlflow-run:e1f3"):
            down = registry.versions.trace(start, direction="down")
            assert shape(down)[-2:] == [("activity", "fine-tuning"), ("version", "demo/tau/toy:Phase2")]
            assert len({(edge.frm, edge.to) for edge in down.edges}) == len(down.edges)

    def test_a_dataset_that_is_named_by_its_id_leads_to_its_record_and_a_selector_does_not(
        self, registry: Registry
    ) -> None:
        made = register(registry, "demo/tau/toy:V1").record
        parts = (
            Part(id=Identifier(scheme="local", value="toys"), role="train"),
            Part(selector=Selector(scheme="local", value="more"), role="train"),
        )
        run = Activity(kind="training", status="finished", inputs=parts, outputs=(Part(record=made, role="model"),))
        registry.activities.register("demo", run)
        records = [registry.datasets.register("demo", dataset(value)).record for value in ("toys", "more")]
        up = registry.versions.trace("demo/tau/toy:V1")
        assert {(node.kind, node.id) for node in up.nodes[2:]} == {("dataset", records[0]), ("selector", "local:more")}
        down = registry.versions.trace("local:toys", direction="down")
        assert [kind for kind, _ in shape(down)] == ["dataset", "activity", "version"]
        assert [kind for kind, _ in shape(registry.versions.trace("local:more", direction="down"))] == ["dataset"]

    def test_a_walk_stops_at_its_depth_and_says_what_lies_beyond(self, registry: Registry) -> None:
        records = [register(registry, f"demo/tau/toy:V{number}", f"{number}").record for number in range(4)]
        for parent, child in pairwise(records):
            registry.activities.register("demo", training(f"parent={parent}", out=child))
        lineage = registry.versions.trace("demo/tau/toy:V3", depth=2)
        assert [kind for kind, _ in shape(lineage)] == ["version", "activity", "version"]
        assert lineage.cut == 1
        assert lineage.nodes[-1].hidden == 1

    def test_a_wide_walk_is_cut_and_counted(self, registry: Registry) -> None:
        data = registry.datasets.register("demo", dataset()).record
        for number in range(6):
            record = register(registry, f"demo/tau/toy:V{number}", f"{number}").record
            registry.activities.register("demo", training(data, out=record))
        lineage = registry.versions.trace(data, direction="down", limit=4)
        assert len(lineage.nodes) <= 4
        shown = sum(node.kind == "activity" for node in lineage.nodes)
        assert 0 < shown < 6
        assert lineage.nodes[0].hidden == 6 - shown
        assert lineage.cut >= 6 - shown

    @pytest.mark.parametrize("direction", ["sideways", "", "UP"])
    def test_a_direction_is_up_or_down(self, registry: Registry, direction: str) -> None:
        register(registry, "demo/tau/toy:V1")
        with pytest.raises(InvalidError):
            registry.versions.trace("demo/tau/toy:V1", direction=direction)
        with pytest.raises(MissingError):
            registry.versions.trace("demo/tau/none:V1")
