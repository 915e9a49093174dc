"""The contract of undoing an import: as a whole, and without touching what others added."""

from __future__ import annotations

import pytest

from herdbook.kernel.errors import ConflictError, MissingError
from herdbook.model.files import File
from herdbook.model.imports import Delivery
from herdbook.model.journal import BatchOp
from herdbook.model.models import Profile
from herdbook.model.registrations import Registration
from herdbook.model.statements import Said, Subject
from herdbook.model.versions import Version
from herdbook.ports.registry import Registry
from herdbook.testing.registry_imports import TOY, delivery, identity, source
from herdbook.testing.registry_lineage import dataset, training
from herdbook.testing.registry_samples import (
    Given,
    events_made,
    prepared,
    references,
    register,
    say,
    untouched,
)


class BatchUndoContract(Given):
    """A wrong batch is withdrawn as a whole."""

    def test_what_a_batch_brought_is_withdrawn_in_one_event(self, registry: Registry) -> None:
        batch = registry.imports.record("demo", delivery(registry, "one", "two")).batch
        with events_made(registry, "demo", 1):
            undone = registry.imports.undo("demo", batch, reason="the wrong rules")
        assert (undone.batch, undone.withdrawn) == (batch, True)
        assert registry.imports.get("demo", batch) == undone
        assert registry.imports.list("demo") == [undone]
        for ordinal in (1, 2):
            entry = registry.versions.get(f"{TOY}@{ordinal}")
            assert (entry.withdrawn, entry.labels) == (True, ())
            assert any(
                "the wrong rules" in warning for warning in registry.versions.dossier(f"{TOY}@{ordinal}").warnings
            )
        assert references(registry, "state = withdrawn") == [f"{TOY}@1", f"{TOY}@2"]
        assert references(registry, "source:Pkg") == []
        assert registry.identities.find("cms-fileinpath:Pkg/data/one.bin") == []
        assert registry.pointers.history(f"{TOY}:one")[-1].reason == "the wrong rules"

    def test_a_batch_is_undone_once(self, registry: Registry) -> None:
        batch = registry.imports.record("demo", delivery(registry, "one")).batch
        registry.imports.undo("demo", batch, reason="wrong")
        with untouched(registry), pytest.raises(ConflictError) as caught:
            registry.imports.undo("demo", batch, reason="wrong")
        assert caught.value.code == "undone-already"
        for wrong in ("f" * 32, ""):
            with untouched(registry), pytest.raises(MissingError) as missing:
                registry.imports.undo("demo", wrong, reason="wrong")
            assert missing.value.code == "no-batch"

    @pytest.mark.parametrize("times", [1, 2])
    def test_after_an_undo_the_same_delivery_counts_again(self, registry: Registry, times: int) -> None:
        given = delivery(registry, "one", "two")
        labels = ((TOY, given.registrations[0].version.digest, "further"),)
        profile = Said(type="herdbook/profile/1", subject=(Subject(name=TOY),), body={"title": "Toy"})
        given = given.model_copy(update={"labels": labels, "statements": (*given.statements, profile, source(["a"]))})
        batches = [registry.imports.record("demo", given).batch]
        before = _look(registry)
        for _ in range(times):
            registry.imports.undo("demo", batches[-1], reason="wrong")
            assert registry.models.get(TOY).profile is None
            batches.append(registry.imports.record("demo", given).batch)
            assert _look(registry) == before
            with untouched(registry):
                assert registry.imports.record("demo", given).batch == ""
        listed = registry.imports.list("demo")
        assert [entry.batch for entry in listed] == batches[::-1]
        assert [entry.withdrawn for entry in listed] == [False] + [True] * times

    def test_one_version_of_an_undone_batch_comes_back_alone(self, registry: Registry) -> None:
        batch = registry.imports.record("demo", delivery(registry, "one", "two")).batch
        registry.imports.undo("demo", batch, reason="wrong")
        assert register(registry, f"{TOY}:one", "one").ordinal == 1
        assert registry.versions.get(f"{TOY}@1").state == "current"
        assert registry.versions.get(f"{TOY}@2").withdrawn

    def test_what_others_added_stays(self, registry: Registry, other: Registry) -> None:
        registry.models.profile(TOY, Profile(title="Old"))
        profile = Said(type="herdbook/profile/1", subject=(Subject(name=TOY),), body={"title": "New"})
        given = delivery(registry, "one", "two", "three")
        records = [item.version.digest for item in given.registrations]
        batch = registry.imports.record(
            "demo", given.model_copy(update={"statements": (*given.statements, profile)})
        ).batch
        other.pointers.label(f"{TOY}:one", "Summer18")
        other.pointers.alias(TOY, "production", "two")
        register(other, "demo/jet/same:V1", "three")
        register(other, f"{TOY}:later", "later")
        other.statements.add("demo", [say("note", {"text": "a walrus"}, record=records[0])])
        issue = other.statements.add("demo", [say("known-issue", {"title": "It drifts"}, name=TOY)])[0]
        registry.versions.undo(f"{TOY}:two", reason="already")
        register(registry, f"{TOY}:two", "in its place")
        registry.imports.undo("demo", batch, reason="wrong")
        entry = registry.versions.get(f"{TOY}:Summer18")
        assert (entry.ordinal, entry.labels, entry.withdrawn) == (1, ("Summer18",), True)
        assert registry.versions.get(f"{TOY}@production").record == records[1]
        assert registry.versions.get(f"{TOY}:two").state == "current"
        assert registry.versions.get("demo/jet/same:V1").state == "current"
        assert registry.versions.get(f"{TOY}:later").state == "current"
        assert registry.statements.get(issue.digest).current
        assert references(registry, "walrus") == [f"{TOY}@1"]
        assert registry.models.get(TOY).profile == Profile(title="Old")
        assert references(registry, "title = old name = demo/tau/*") == [f"{TOY}@{number}" for number in range(1, 6)]

    def test_a_profile_that_somebody_set_since_stays(self, registry: Registry, other: Registry) -> None:
        profile = Said(type="herdbook/profile/1", subject=(Subject(name=TOY),), body={"title": "New"})
        given = delivery(registry, "one").model_copy(update={"statements": (profile,)})
        batch = registry.imports.record("demo", given).batch
        mine = other.models.profile(TOY, Profile(title="Mine"))
        registry.imports.undo("demo", batch, reason="wrong")
        assert registry.models.get(TOY).profile_digest == mine.digest

    def test_what_a_batch_took_the_place_of_is_said_anew(self, registry: Registry, other: Registry) -> None:
        other.imports.record("demo", Delivery(statements=(source(["a"]),)))
        (old,) = registry.statements.list("source:Pkg").items
        batches = []
        for state, tags in (("s2", ["a", "b"]), ("s3", ["a", "b", "c"])):
            (now,) = registry.statements.list("source:Pkg").items
            new = source(tags, state=state).model_copy(update={"supersedes": (now.digest,)})
            batches.append(registry.imports.record("demo", Delivery(statements=(new,))).batch)
        registry.imports.undo("demo", batches[0], reason="not in use")
        (now,) = registry.statements.list("source:Pkg").items
        assert now.statement.body["tags"] == ["a", "b", "c"], "what came later stays"
        registry.imports.undo("demo", batches[1], reason="wrong")
        (now,) = registry.statements.list("source:Pkg").items
        assert now.statement.body == old.statement.body, "and not what the undone batch before it had said"

    def test_a_batch_that_is_undone_leaves_what_the_one_before_said(self, registry: Registry, other: Registry) -> None:
        other.imports.record("demo", Delivery(statements=(source(["a"]),)))
        (old,) = registry.statements.list("source:Pkg").items
        new = source(["a", "b"]).model_copy(update={"supersedes": (old.digest,)})
        for _ in range(2):
            batch = registry.imports.record("demo", Delivery(statements=(new,))).batch
            (now,) = registry.statements.list("source:Pkg").items
            assert now.statement.body["tags"] == ["a", "b"]
            registry.imports.undo("demo", batch, reason="wrong")
            (now,) = registry.statements.list("source:Pkg").items
            assert (now.statement.body, now.statement.evidence) == (old.statement.body, old.statement.evidence)
            new = new.model_copy(update={"supersedes": (now.digest,)})

    def test_a_second_batch_takes_only_its_own_with_it(self, registry: Registry) -> None:
        first = registry.imports.record("demo", delivery(registry, "one"))
        second = registry.imports.record("demo", delivery(registry, "one", "two"))
        registry.imports.undo("demo", second.batch, reason="wrong")
        assert registry.versions.get(f"{TOY}:one").state == "current"
        assert len(registry.identities.find("cms-fileinpath:Pkg/data/one.bin")) == 1
        assert registry.versions.get(f"{TOY}@2").withdrawn
        assert [entry.withdrawn for entry in registry.imports.list("demo")] == [True, False]
        again = registry.imports.record("demo", delivery(registry, "one", "two"))
        assert (again.versions, again.labels, again.statements) == (0, 1, second.statements + 1)
        registry.imports.undo("demo", first.batch, reason="that one too")
        assert references(registry, "state = current") == [f"{TOY}@2"]

    def test_a_withdrawal_that_a_batch_brought_does_not_hide_its_undo(self, registry: Registry) -> None:
        given = delivery(registry, "one")
        record = given.registrations[0].version.digest
        said = (*given.statements, say("withdrawal", {"reason": "replaced"}, record=record))
        batch = registry.imports.record("demo", given.model_copy(update={"statements": said})).batch
        registry.imports.undo("demo", batch, reason="wrong")
        assert registry.versions.get(f"{TOY}@1").withdrawn

    def test_registrations_in_a_batch_are_undone_too(self, registry: Registry) -> None:
        registry.versions.record([prepared(registry, f"{TOY}:{text}", text) for text in "abc"], batch=True)
        (entry,) = registry.imports.list("demo")
        assert entry.versions == 3
        registry.imports.undo("demo", entry.batch, reason="wrong")
        assert references(registry, "state = withdrawn") == [f"{TOY}@1", f"{TOY}@2", f"{TOY}@3"]

    @pytest.mark.slow
    def test_a_batch_beyond_one_event_is_undone_in_parts(self, registry: Registry) -> None:
        items = []
        for number in range(26_000):
            version = Version.of([File(path="m", digest=f"git-sha1:{number:040x}")])
            items.append(Registration(model=f"demo/bins/m{number % 100}", label=f"v{number}", version=version))
        given = Delivery(registrations=tuple(items))
        batch = registry.imports.record("demo", given)
        assert (batch.versions, batch.records, batch.last - batch.first) == (26_000, 26_000, 1)
        with events_made(registry, "demo", 2) as made:
            undone = registry.imports.undo("demo", batch.batch[:12], reason="wrong")
        heads = [op for event in made for op in event.ops if isinstance(op, BatchOp)]
        assert len(heads) == 2
        assert registry.imports.list("demo") == [undone], "an undo is no batch to be undone"
        with pytest.raises(MissingError):
            registry.imports.get("demo", heads[0].id)
        assert registry.versions.search("state = withdrawn", limit=1, total=True).total == 10_000
        assert registry.imports.record("demo", given).labels == 26_000

    def test_records_stay_known(self, registry: Registry) -> None:
        data = dataset("kept")
        run = training(data.digest, ids=[{"scheme": "mlflow-run", "value": "r"}])
        batch = registry.imports.record("demo", Delivery(datasets=(data,), activities=(run,))).batch
        registry.imports.undo("demo", batch, reason="wrong")
        assert registry.datasets.get("local:kept").record == data.digest
        assert registry.activities.get("mlflow-run:r").record == run.digest

    def test_statements_about_the_same_by_another_stay(self, registry: Registry, other: Registry) -> None:
        record = register(registry, f"{TOY}:V1").record
        registry.statements.add("demo", [identity(record, "Pkg/a")])
        batch = other.imports.record("demo", Delivery(statements=(identity(record, "Pkg/b"),))).batch
        registry.imports.undo("demo", batch, reason="wrong")
        assert [item.id for item in registry.identities.of(f"{TOY}:V1")] == ["cms-fileinpath:Pkg/a"]


def _look(registry: Registry) -> object:
    """Return what a person sees, without what tells how it came about."""
    entries = [registry.versions.get(f"{TOY}@{number}") for number in (1, 2)]
    return (
        [(entry.state, sorted(entry.labels), entry.record) for entry in entries],
        [registry.versions.dossier(entry.reference).said("identity") for entry in entries],
        [registry.versions.dossier(entry.reference).said("origin") for entry in entries],
        [item.model_copy(update={"statement": "sha256:" + "0" * 64}) for item in registry.identities.of(f"{TOY}@1")],
        registry.models.get(TOY).profile,
        references(registry, "source:Pkg state = current"),
        len(registry.statements.list("source:Pkg").items),
    )
