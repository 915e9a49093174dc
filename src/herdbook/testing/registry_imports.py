"""The contract of imports: a delivery is one batch, all or nothing; it is idempotent."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from itertools import permutations

import pytest

from herdbook.kernel.errors import ConflictError, InvalidError, MissingError
from herdbook.model.activities import Activity
from herdbook.model.files import File
from herdbook.model.imports import Delivery
from herdbook.model.journal import BatchOp, PointOp, RecordOp, StatementOp, VersionOp
from herdbook.model.statements import Evidence, Said, Subject
from herdbook.model.versions import Version
from herdbook.ports.registry import Registry
from herdbook.testing.registry_lineage import dataset, training
from herdbook.testing.registry_samples import (
    NOBODY,
    Given,
    binary,
    content_of,
    events_made,
    prepared,
    put,
    references,
    register,
    say,
    unresolved,
    untouched,
)

TOY = "demo/tau/toy"
COMMITTED = "2020-01-01T00:00:00Z"


def identity(record: str, value: str, **more: object) -> Said:
    """Return an identity statement of the scheme ``cms-fileinpath``, as of a commit's date."""
    body = {"id": {"scheme": "cms-fileinpath", "value": value}, "source": "Pkg", **more}
    evidence = {"/first": Evidence(how="extracted", where=f"tag:{more.get('first', '')}")}
    return say("identity", body, record=record).model_copy(update={"issued": COMMITTED, "evidence": evidence})


def source(tags: Iterable[str], **more: object) -> Said:
    """Return what is said of a source of that package, with its tags in order."""
    names = [{"id": {"scheme": "source", "value": name}} for name in ("pkg.git", "Pkg")]
    body = {"kind": "git", "name": "pkg.git", "package": "Pkg", "state": "s1", "tags": list(tags), **more}
    return Said.read({"type": "herdbook/source/1", "subject": names, "body": body, "issued": COMMITTED})


def delivery(registry: Registry, *texts: str, model: str = TOY) -> Delivery:
    """Return a delivery of versions, each with a label, an identity and an origin."""
    items, said = [], []
    for text in texts:
        item = prepared(registry, f"{model}:{text}", text)
        items.append(item)
        record = item.version.digest
        said.append(identity(record, f"Pkg/data/{text}.bin", path="model.bin", first="V00-01-00"))
        origin = {"source": "Pkg", "commit": content_of(binary(text)).git_sha1[9:], "message": f"Adds {text}"}
        said.append(say("origin", origin, record=record).model_copy(update={"issued": COMMITTED}))
    return Delivery(registrations=tuple(items), statements=tuple(said))


class ImportContract(Given):
    """What a delivery writes."""

    def test_a_delivery_is_one_event_with_a_batch_id(self, registry: Registry) -> None:
        given = delivery(registry, "one", "two")
        with events_made(registry, "demo", 2) as made:
            entry = registry.imports.record("demo", given)
        first, *ops = made[1].ops
        assert isinstance(first, BatchOp)
        assert (entry.batch, entry.first, entry.last) == (first.id, made[1].seq, made[1].seq)
        assert (entry.versions, entry.records, entry.statements, entry.labels) == (2, 2, 4, 2)
        assert (entry.principal, entry.withdrawn) == (registry.principal.id, False)
        kinds = [RecordOp, VersionOp, PointOp] * 2 + [StatementOp] * 4
        assert [type(op) for op in ops] == kinds, "records stand before what is said of them"
        assert registry.imports.get("demo", entry.batch[:8]) == entry
        assert registry.imports.list("demo") == [entry]
        assert references(registry, "source:Pkg") == [f"{TOY}@1", f"{TOY}@2"]
        commit = content_of(binary("one")).git_sha1[9:]
        for query in (f"commit = {commit[:10]}", commit, "id = Pkg/data/one.bin", "adds one"):
            assert references(registry, query) == [f"{TOY}@1"], query

    def test_the_same_delivery_again_writes_nothing_whoever_brings_it(
        self, registry: Registry, other: Registry
    ) -> None:
        given = delivery(registry, "one", "two")
        registry.imports.record("demo", given)
        moved = [
            said.model_copy(update={"issued": None, "evidence": {"": Evidence(how="asserted", where="elsewhere")}})
            for said in given.statements
        ]
        for each in (registry, other):
            delivery(each, "one", "two")  # puts the bytes
            for again in (given, given.model_copy(update={"statements": tuple(moved)})):
                with untouched(registry):
                    entry = each.imports.record("demo", again)
                assert (entry.batch, entry.versions) == ("", 0)

    def test_of_two_who_deliver_the_same_at_once_one_writes_it(self, registry: Registry, other: Registry) -> None:
        given = [delivery(each, "one", "two", "three") for each in (registry, other)]
        with ThreadPoolExecutor(2) as threads:
            works = [
                threads.submit(each.imports.record, "demo", what)
                for each, what in zip((registry, other), given, strict=True)
            ]
        entries = [work.result() for work in works]
        assert sorted(bool(entry.batch) for entry in entries) == [False, True]
        assert len(registry.imports.list("demo")) == 1
        assert references(registry, "source:Pkg") == [f"{TOY}@{number}" for number in (1, 2, 3)]

    def test_an_empty_delivery_begins_no_journal(self, registry: Registry) -> None:
        with untouched(registry):
            assert registry.imports.record("demo", Delivery()).batch == ""
        with pytest.raises(MissingError):
            registry.imports.list("demo")

    def test_only_what_is_new_of_a_second_delivery_is_written(self, registry: Registry) -> None:
        registry.imports.record("demo", delivery(registry, "one"))
        entry = registry.imports.record("demo", delivery(registry, "one", "two"))
        assert (entry.versions, entry.statements, entry.labels) == (1, 2, 1)
        assert [each.versions for each in registry.imports.list("demo")] == [1, 1]

    def test_what_is_said_may_name_any_record_of_the_delivery(self, registry: Registry) -> None:
        parent, child = prepared(registry, f"{TOY}:b", "parent"), prepared(registry, f"{TOY}:a", "child")
        data = dataset("toys")
        run = training(f"parent={parent.version.digest}", data.digest, out=child.version.digest, kind="fine-tuning")
        about = (say("note", {"text": "loose"}, record=data.digest), say("note", {"text": "x"}, record=run.digest))
        child = child.model_copy(update={"statements": (say("note", {"text": "n"}, record=parent.version.digest),)})
        given = Delivery(registrations=(child, parent), datasets=(data,), activities=(run,), statements=about)
        entry = registry.imports.record("demo", given)
        assert (entry.records, entry.statements) == (4, 3)
        assert [node.kind for node in registry.versions.trace(f"{TOY}:a").nodes][:2] == ["version", "activity"]
        with untouched(registry):
            assert registry.imports.record("demo", given).batch == ""

    def test_further_labels_lead_to_the_version(self, registry: Registry) -> None:
        given = delivery(registry, "one")
        record = given.registrations[0].version.digest
        labels = ((TOY, record, "base"), (TOY, record, "one"))
        entry = registry.imports.record("demo", given.model_copy(update={"labels": labels}))
        assert entry.labels == 2
        assert set(registry.versions.get(f"{TOY}:base").labels) == {"one", "base"}
        later = Delivery(labels=((TOY, record, "later"),))
        assert registry.imports.record("demo", later).labels == 1
        with untouched(registry):
            assert registry.imports.record("demo", later).batch == ""

    def test_a_profile_comes_with_a_delivery_and_again_changes_nothing(
        self, registry: Registry, other: Registry
    ) -> None:
        profile = Said(
            type="herdbook/profile/1", subject=(Subject(name=TOY),), body={"title": "Toy", "master": "source"}
        )
        given = delivery(registry, "one").model_copy(update={"statements": (profile,)})
        registry.imports.record("demo", given)
        found = registry.models.get(TOY).profile
        assert found is not None
        assert found.title == "Toy"
        delivery(other, "one")
        with untouched(registry):
            assert other.imports.record("demo", given).batch == ""

    def test_a_statement_that_supersedes_takes_the_place_of_the_last_import_s(
        self, registry: Registry, other: Registry
    ) -> None:
        registry.imports.record("demo", Delivery(statements=(source(["a"]),)))
        (old,) = registry.statements.list("source:pkg.git").items
        new = source(["a", "b"], state="s2").model_copy(update={"supersedes": (old.digest,)})
        other.imports.record("demo", Delivery(statements=(new,)))
        (now,) = registry.statements.list("source:Pkg").items
        assert now.statement.body["tags"] == ["a", "b"]
        same = new.model_copy(update={"supersedes": (now.digest,)})
        with untouched(registry):
            assert registry.imports.record("demo", Delivery(statements=(same,))).batch == ""

    def test_an_unresolved_version_is_delivered_and_resolved_by_a_later_delivery(self, registry: Registry) -> None:
        data = binary("late")
        absent = prepared(registry, f"{TOY}:V1", unresolved(data, path="model.bin"))
        old = registry.imports.record("demo", Delivery(registrations=(absent,)))
        full = prepared(registry, f"{TOY}:V1", {"model.bin": data})
        labels = ((TOY, full.version.digest, "V2"),)
        entry = registry.imports.record("demo", Delivery(registrations=(full,), labels=labels))
        assert (old.versions, entry.versions, entry.labels) == (1, 0, 1)
        found = registry.versions.get(f"{TOY}:V2")
        assert (found.ordinal, found.resolved_by) == (1, full.version.digest)
        registry.imports.undo("demo", entry.batch, reason="wrong")
        assert registry.versions.get(f"{TOY}:V1").version.resolved, "what bytes are is no opinion"


class RefusedImportContract(Given):
    """Deliveries that are refused leave nothing behind."""

    def _wrong(self, registry: Registry) -> dict[str, tuple[Delivery, type[Exception], str]]:
        good = delivery(registry, "new")
        item = good.registrations[0]
        clash = prepared(registry, f"{TOY}:taken", "other content")
        nobody = Version.of([File(path="model.bin", digest=NOBODY, size=1)])
        missing = item.model_copy(update={"version": nobody, "label": "none"})
        return {
            "label": (_and(good, registrations=(clash,)), ConflictError, "label-taken"),
            "case": (_and(good, labels=((TOY, item.version.digest, "TAKEN"),)), ConflictError, "label-taken"),
            "further": (_and(good, labels=((TOY, item.version.digest, "taken"),)), ConflictError, "label-taken"),
            "nowhere": (_and(good, labels=((TOY, NOBODY, "x"),)), MissingError, "no-subject"),
            "bytes": (_and(good, registrations=(missing,)), MissingError, "no-bytes"),
            "subject": (_and(good, statements=(say("note", {"t": 1}, record=NOBODY),)), MissingError, "no-subject"),
            "activity": (_and(good, activities=(training(NOBODY),)), MissingError, "no-record"),
            "kind": (
                _and(good, statements=(say("resolves", {"by": NOBODY}, record=item.version.digest),)),
                InvalidError,
                "reserved-kind",
            ),
            "elsewhere": (
                _and(good, registrations=(prepared(registry, "theirs/tau/toy:V1", "x"),)),
                InvalidError,
                "other-namespace",
            ),
        }

    @pytest.mark.parametrize(
        "what",
        ["label", "case", "further", "nowhere", "bytes", "subject", "activity", "kind", "elsewhere"],
    )
    def test_a_delivery_whose_last_item_is_wrong_writes_nothing(self, registry: Registry, what: str) -> None:
        register(registry, f"{TOY}:taken")
        given, error, code = self._wrong(registry)[what]
        with untouched(registry), pytest.raises(error) as caught:
            registry.imports.record("demo", given)
        assert getattr(caught.value, "code", "") == code
        assert registry.imports.list("demo") == []


def _and(given: Delivery, **more: tuple[object, ...]) -> Delivery:
    """Return a delivery with more at its end."""
    return given.model_copy(update={name: (*getattr(given, name), *values) for name, values in more.items()})


RUN = [{"scheme": "mlflow-run", "value": "r1"}]


class RunContract(Given):
    """A run that is told several times is one activity."""

    def _tellings(self, registry: Registry) -> list[Activity]:
        version, parent = (register(registry, f"{TOY}:{name}", name).record for name in ("child", "parent"))
        data = registry.datasets.register("demo", dataset()).record
        code = {"repository": "r", "commit": "a" * 40}
        bare = Activity.read({"kind": "training", "status": "unknown", "ids": RUN, "outputs": [_out(version)]})
        more = training(f"parent={parent}", data, kind="fine-tuning", ids=RUN, code=code)
        metrics = [{"name": "auc", "value": 0.9}]
        other = training(data, ids=[*RUN, {"scheme": "job", "value": "7"}], metrics=metrics, code={"repository": "r"})
        return [bare, more, other]

    def test_a_fuller_telling_resolves_the_poorer(self, registry: Registry) -> None:
        bare, more, _ = self._tellings(registry)
        old = registry.activities.register("demo", bare)
        with events_made(registry, "demo", 1) as made:
            new = registry.activities.register("demo", more)
        assert [type(op) for op in made[0].ops] == [RecordOp, StatementOp]
        assert (new.activity.kind, new.activity.status) == ("fine-tuning", "finished")
        assert new.activity.outputs == bare.outputs, "what only the poorer one knew is kept"
        (said,) = registry.statements.list(old.record, kind="resolves").items
        assert said.statement.body == {"by": new.record}
        assert registry.activities.get("mlflow-run:r1") == new
        assert registry.activities.get(old.record) == old
        assert [entry.record for entry in registry.activities.list().items] == [new.record]
        assert [entry.record for entry in registry.versions.dossier(f"{TOY}:child").made_by] == [new.record]
        assert registry.versions.dossier(f"{TOY}:parent").used_by == 1
        assert references(registry, "activity = fine-tuning dataset = toys") == [f"{TOY}@1"]
        assert references(registry, "activity = training") == []
        for told in (bare, more):
            with untouched(registry):
                assert registry.activities.register("demo", told) == new

    def test_in_whichever_order_a_run_is_told_the_same_is_known(self, registry: Registry) -> None:
        tellings = self._tellings(registry)
        found = set()
        for number, order in enumerate(permutations(tellings)):
            name = f"demo{number}"
            registry.namespaces.create(name)
            for each in order:
                last = registry.activities.register(name, each)
            told = sorted(last.activity.json_object().items())
            found.add(str([(name, sorted(map(str, v)) if isinstance(v, list) else v) for name, v in told]))
            for again in order:
                assert registry.activities.register(name, again).record == last.record
        assert len(found) == 1
        assert len(last.activity.ids or ()) == 2
        assert last.activity.metrics
        assert last.activity.code

    def test_both_tellings_are_one_node_of_a_trace(self, registry: Registry) -> None:
        bare, more, _ = self._tellings(registry)
        old = registry.activities.register("demo", bare).record
        registry.activities.register("demo", more)
        for start in (f"{TOY}:child", old, "mlflow-run:r1"):
            kinds = [node.kind for node in registry.versions.trace(start).nodes]
            assert kinds.count("activity") == 1
            assert {"dataset", "version"} <= set(kinds)

    def test_a_conversion_in_the_same_run_is_another_activity(self, registry: Registry) -> None:
        registry.activities.register("demo", training(ids=RUN))
        registry.activities.register("demo", training(ids=RUN, kind="conversion"))
        with pytest.raises(ConflictError):
            registry.activities.get("mlflow-run:r1")

    def test_evidence_about_a_telling_follows_it_into_the_united_record(self, registry: Registry) -> None:
        _, more, other = self._tellings(registry)
        registry.imports.record("demo", Delivery(activities=(more,)))
        said = Said.read(
            {
                "type": "herdbook/evidence/1",
                "subject": [{"record": other.digest}],
                "evidence": {
                    "/ids/1/value": {"how": "extracted", "where": "f.yaml#/job"},
                    "/metrics": {"how": "declared"},
                },
            }
        )
        given = Delivery(activities=(other,), statements=(said,))
        registry.imports.record("demo", given)
        whole = registry.activities.get("mlflow-run:r1")
        (entry,) = registry.statements.list(whole.record, kind="evidence").items
        places = [str(item) for item in whole.activity.ids or ()]
        assert set(entry.statement.evidence or {}) == {f"/ids/{places.index('job:7')}/value", "/metrics"}
        with untouched(registry):
            assert registry.imports.record("demo", given).batch == ""


def _out(record: str) -> dict[str, str]:
    return {"record": record, "role": "model"}


class FindContract(Given):
    """What bytes one need not bring again."""

    def test_contents_are_found_by_any_digest_by_who_may_name_them(self, registry: Registry, other: Registry) -> None:
        content = put(registry, b"mine")
        registry.namespaces.create("demo")
        assert registry.files.find("demo", content.digests) == dict.fromkeys(content.digests, content)
        assert registry.files.find("demo", [NOBODY, "git-sha1:" + "0" * 40]) == {}
        assert other.files.find("demo", content.digests) == {}
        register(registry, f"{TOY}:V1", {"model.bin": b"mine"})
        assert other.files.find("demo", [content.git_sha1]) == {content.git_sha1: content}
        assert other.files.find("theirs", [content.git_sha1]) == {}
        with pytest.raises(InvalidError):
            registry.files.find("demo", ["sha256:xyz"])

    def test_people_are_identified_once(self, registry: Registry, other: Registry) -> None:
        pairs = [("Ada", "ada@x.org"), ("A. L.", "ADA@x.org"), ("Bob", ""), ("Ada", "ada@y.org"), ("Bob", "")]
        found = registry.people.identify(pairs)
        ids = [person.id for person in found]
        assert ids[0] == ids[1]
        assert ids[2] == ids[4]
        assert len(set(ids)) == 3
        assert [person.name for person in found] == ["Ada", "Ada", "Bob", "Ada", "Bob"]
        assert other.people.identify(pairs) == found
        assert {person.id for person in registry.people.list()} >= set(ids)
        with pytest.raises(InvalidError):
            registry.people.identify([("", "")])
