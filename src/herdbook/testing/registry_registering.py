"""The contract of registering: idempotent, one event, all or nothing."""

from __future__ import annotations

import pytest

from herdbook.kernel.errors import ConflictError, InvalidError, MissingError
from herdbook.model.activities import Activity, Part
from herdbook.model.datasets import Dataset
from herdbook.model.identifiers import Identifier
from herdbook.model.journal import PointOp, RecordOp, StatementOp, VersionOp
from herdbook.model.registrations import Registration
from herdbook.ports.registry import Registry
from herdbook.testing.registry_samples import (
    NOBODY,
    PATH,
    Given,
    binary,
    content_of,
    events_made,
    prepared,
    put,
    references,
    register,
    resolved,
    say,
    untouched,
)


class RegisteringContract(Given):
    """What registering does, and what it refuses."""

    def test_a_first_registration_begins_the_journal_and_is_one_event(self, registry: Registry) -> None:
        with events_made(registry, "demo", 2) as made:
            answer = register(registry, "demo/tau/toy:V1")
        genesis, event = made
        assert [op.op for op in genesis.ops] == ["genesis"]
        assert [op.op for op in event.ops] == ["record", "version", "point"]
        assert (answer.outcome, answer.ordinal, answer.label, answer.seq) == ("registered", 1, "V1", 2)
        assert answer.event == event.digest
        assert answer.journal == genesis.digest

    def test_the_same_content_and_label_again_is_answered_with_what_is_there(self, registry: Registry) -> None:
        first = register(registry, "demo/tau/toy:V1")
        with untouched(registry), events_made(registry, "demo", 0):
            again = register(registry, "demo/tau/toy:V1")
        assert again.outcome == "unchanged"
        assert (again.ordinal, again.record, again.label) == (first.ordinal, first.record, "V1")
        assert again.event is None

    def test_the_same_label_with_other_content_is_a_conflict_that_says_what_differs(self, registry: Registry) -> None:
        register(registry, "demo/tau/toy:V1", {"a": binary("a"), "b": binary("b")})
        item = prepared(registry, "demo/tau/toy:V1", {"a": binary("A"), "c": binary("c")})
        with untouched(registry), pytest.raises(ConflictError) as caught:
            registry.versions.record([item])
        assert caught.value.code == "label-taken"
        for told in ("'V1'", "a has sha256:", "b is missing", "c is not in"):
            assert told in caught.value.message
        assert "new label" in caught.value.hint
        assert len(caught.value.details["differs"]) == 3  # type: ignore[arg-type]  # a list, as details have it

    def test_the_same_content_with_a_new_label_is_a_second_label(self, registry: Registry) -> None:
        first = register(registry, "demo/tau/toy:V1")
        with events_made(registry, "demo", 1) as made:
            second = register(registry, "demo/tau/toy:V2")
        assert [op.op for op in made[0].ops] == ["point"]
        assert (second.outcome, second.ordinal, second.record) == ("labelled", 1, first.record)
        entry = registry.versions.get("demo/tau/toy@1")
        assert set(entry.labels) == {"V1", "V2"}
        assert registry.versions.get("demo/tau/toy:V2").record == registry.versions.get("demo/tau/toy:V1").record

    def test_without_a_label_a_version_has_its_ordinal(self, registry: Registry) -> None:
        answer = register(registry, "demo/tau/toy")
        assert (answer.label, answer.reference) == (None, "demo/tau/toy@1")
        with untouched(registry):
            assert register(registry, "demo/tau/toy").outcome == "unchanged"
        assert register(registry, "demo/tau/toy:V1").outcome == "labelled"
        with untouched(registry):
            assert register(registry, "demo/tau/toy").outcome == "unchanged"

    @pytest.mark.parametrize("content", ["one", "two"])
    def test_a_label_that_differs_in_case_only_is_refused(self, registry: Registry, content: str) -> None:
        register(registry, "demo/tau/toy:Summer-v1")
        item = prepared(registry, "demo/tau/toy:summer-V1", content)
        with untouched(registry), pytest.raises(ConflictError) as caught:
            registry.versions.record([item])
        assert caught.value.code == "label-taken"
        assert "Summer-v1" in str(caught.value)

    @pytest.mark.parametrize("content", ["one", "two"])
    def test_labels_of_one_call_that_differ_in_case_only_are_refused(self, registry: Registry, content: str) -> None:
        items = [prepared(registry, "demo/tau/toy:V1"), prepared(registry, "demo/tau/toy:v1", content)]
        with untouched(registry), pytest.raises(ConflictError) as caught:
            registry.versions.record(items)
        assert caught.value.code == "label-taken"

    def test_the_same_content_in_two_models_is_a_version_of_each(self, registry: Registry) -> None:
        one = register(registry, "demo/tau/toy:V1")
        two = register(registry, "demo/jet/toy:V1")
        assert (one.ordinal, two.ordinal) == (1, 1)
        assert one.record == two.record
        assert two.outcome == "registered"
        assert references(registry, f"digest = {one.record}") == ["demo/jet/toy@1", "demo/tau/toy@1"]

    def test_several_registrations_are_one_event_in_their_order(self, registry: Registry) -> None:
        items = [prepared(registry, f"demo/tau/toy:V{number}", f"{number}") for number in range(5)]
        items.append(prepared(registry, "demo/jet/toy:V0", "0"))
        with events_made(registry, "demo", 2) as made:
            answers = registry.versions.record(items)
        assert [answer.ordinal for answer in answers] == [1, 2, 3, 4, 5, 1]
        placed = [op for op in made[1].ops if isinstance(op, VersionOp)]
        assert [(op.model, op.ordinal) for op in placed] == [(a.model, a.ordinal) for a in answers]
        assert {answer.event for answer in answers} == {made[1].digest}

    def test_the_same_registration_twice_in_one_call_is_one_version(self, registry: Registry) -> None:
        item = prepared(registry, "demo/tau/toy:V1")
        answers = registry.versions.record([item, item, item.model_copy(update={"label": "V2"})])
        assert [answer.outcome for answer in answers] == ["registered", "unchanged", "labelled"]
        assert {answer.ordinal for answer in answers} == {1}

    def test_registrations_of_two_namespaces_are_one_event_each_or_none(self, registry: Registry) -> None:
        good = prepared(registry, "alpha/tau/toy:V1")
        register(registry, "beta/tau/toy:V1", "other")
        bad = prepared(registry, "beta/tau/toy:V1")
        with untouched(registry), pytest.raises(ConflictError):
            registry.versions.record([good, bad])
        with events_made(registry, "alpha", 2), events_made(registry, "beta", 1):
            registry.versions.record([good, bad.model_copy(update={"label": "V2"})])

    def test_no_registrations_are_no_event(self, registry: Registry) -> None:
        with untouched(registry):
            assert list(registry.versions.record([])) == []
            assert list(registry.versions.record([], batch=True)) == []

    @pytest.mark.parametrize(
        ("first", "second"), [("demo/tau", "demo/tau/toy"), ("demo/tau/toy", "demo/tau"), ("demo/tau", "demo/TAU")]
    )
    def test_a_model_never_lies_below_another_nor_equals_it_without_case(
        self, registry: Registry, first: str, second: str
    ) -> None:
        both = [prepared(registry, first), prepared(registry, second, "two")]
        with untouched(registry), pytest.raises(ConflictError) as caught:
            registry.versions.record(both)
        assert caught.value.code == "name-clash"
        registry.versions.record(both[:1])
        with untouched(registry), pytest.raises(ConflictError) as caught:
            registry.versions.record(both[1:])
        assert caught.value.code == "name-clash"
        assert first in str(caught.value)

    def test_a_namespace_that_differs_in_case_only_is_refused(self, registry: Registry) -> None:
        register(registry, "demo/tau/toy:V1")
        item = prepared(registry, "Demo/jet/toy:V1")
        with untouched(registry), pytest.raises(ConflictError) as caught:
            registry.versions.record([item])
        assert caught.value.code == "name-clash"

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("model", "toy"),
            ("model", "demo/tau.toy"),
            ("model", "demo//toy"),
            ("model", "demo/a/b/c/d/e/f"),
            ("model", "hep/tau/toy"),
            ("model", "demo/" + "x" * 96),
            ("label", "12"),
            ("label", "a b"),
            ("label", ""),
            ("label", "x" * 129),
            ("label", "a:b"),
        ],
    )
    def test_a_bad_name_or_label_is_refused_before_anything_is_written(
        self, registry: Registry, field: str, value: str
    ) -> None:
        told = {"model": "demo/tau/toy", "version": resolved({PATH: b"x"}).json_object(), field: value}
        with untouched(registry), pytest.raises(InvalidError):
            registry.versions.record([Registration.read(told)])

    def test_bytes_that_nobody_brought_cannot_be_named(self, registry: Registry) -> None:
        item = prepared(registry, "demo/tau/toy:V1", resolved({PATH: binary("never put")}))
        with untouched(registry), pytest.raises(MissingError) as caught:
            registry.versions.record([item])
        assert caught.value.code == "no-bytes"
        assert "files.put" in caught.value.hint

    def test_naming_bytes_that_another_brought_is_refused_with_no_hint_that_they_are_here(
        self, registry: Registry, other: Registry
    ) -> None:
        register(other, "theirs/tau/secret:V1", "registered elsewhere")
        put(other, binary("put by another"))
        said = []
        for text in ("registered elsewhere", "put by another", "never put"):
            version = resolved({PATH: binary(text)})
            with untouched(registry), pytest.raises(MissingError) as caught:
                register(registry, "demo/tau/toy:V1", version)
            said.append(str(caught.value).replace(version.files[0].digest, "…"))
            assert caught.value.code == "no-bytes"
        assert len(set(said)) == 1

    def test_bytes_that_the_namespace_has_may_be_named_again(self, registry: Registry, other: Registry) -> None:
        register(registry, "demo/tau/toy:V1")
        item = Registration(model="demo/tau/toy", label="V2", version=resolved({PATH: binary("one")}))
        assert other.versions.record([item])[0].outcome == "labelled"

    def test_a_size_that_is_not_the_contents_is_refused(self, registry: Registry) -> None:
        content = put(registry, binary("one"))
        told = {"files": [{"path": PATH, "digest": content.sha256, "size": content.size + 1}]}
        item = Registration.read({"model": "demo/tau/toy", "version": told})
        with untouched(registry), pytest.raises(InvalidError) as caught:
            registry.versions.record([item])
        assert caught.value.code == "wrong-size"

    def test_bytes_that_nobody_holds_are_named_as_absent(self, registry: Registry) -> None:
        version = resolved({PATH: binary("far away")})
        answer = register(registry, "demo/tau/toy:V1", version, absent=[version.files[0].digest])
        assert answer.outcome == "registered"
        assert references(registry, f"file = {version.files[0].digest}") == ["demo/tau/toy@1"]
        with pytest.raises(MissingError) as caught:
            registry.files.open("demo/tau/toy:V1", PATH).close()
        assert caught.value.code == "no-bytes"
        assert [check.status for check in registry.files.verify("demo/tau/toy:V1")] == ["missing"]
        assert any("not kept here" in warning for warning in registry.versions.dossier("demo/tau/toy:V1").warnings)

    def test_what_is_said_with_a_version_is_in_its_event(self, registry: Registry) -> None:
        dataset = Dataset(id=Identifier(scheme="local", value="toys"))
        version = resolved({PATH: binary("one")})
        activity = Activity(
            kind="training",
            status="finished",
            inputs=(Part(record=dataset.digest, role="train"),),
            outputs=(Part(record=version.digest, role="model"),),
        )
        said = say("description", {"title": "A toy", "licence": "CC-BY-4.0"}, record=version.digest)
        item = prepared(registry, "demo/tau/toy:V1", datasets=[dataset], activities=[activity], statements=[said])
        with events_made(registry, "demo", 2) as made:
            answer = registry.versions.record([item])[0]
        told = {op.digest for op in made[1].ops if isinstance(op, RecordOp | StatementOp)}
        assert told == {version.digest, dataset.digest, activity.digest, *answer.statements}
        assert answer.activities == (activity.digest,)
        with untouched(registry):
            again = registry.versions.record([item])[0]
        assert (again.outcome, again.statements, again.activities) == (
            "unchanged",
            answer.statements,
            answer.activities,
        )

    def test_something_new_said_with_what_is_there_extends_it(self, registry: Registry) -> None:
        first = register(registry, "demo/tau/toy:V1")
        note = say("note", {"text": "a walrus"}, record=first.record)
        with events_made(registry, "demo", 1):
            again = register(registry, "demo/tau/toy:V1", statements=[note])
        assert (again.outcome, again.ordinal) == ("extended", 1)
        assert references(registry, "walrus") == ["demo/tau/toy@1"]

    def test_an_operation_names_only_what_was_told_before(self, registry: Registry) -> None:
        version = resolved({PATH: binary("one")})
        said = [say("profile", {"title": "T"}, name="demo/tau/toy"), say("note", {"text": "n"}, record=version.digest)]
        register(registry, "demo/tau/toy:V1", statements=said)
        register(registry, "demo/tau/toy:V2", "two")
        told: set[str] = set()
        for entry in registry.journal.events("demo").items:
            for op in entry.event.ops:
                if isinstance(op, RecordOp | StatementOp):
                    assert op.digest not in told, "an event tells twice what the journal knows"
                    told.add(op.digest)
                elif isinstance(op, VersionOp):
                    assert op.record in told
                elif isinstance(op, PointOp):
                    assert op.to in told

    @pytest.mark.parametrize("kind", ["record", "statement"])
    def test_a_statement_that_comes_along_about_what_is_not_here_is_refused(
        self, registry: Registry, kind: str
    ) -> None:
        item = prepared(registry, "demo/tau/toy:V1", statements=[say("note", {"text": "?"}, **{kind: NOBODY})])
        with untouched(registry), pytest.raises(MissingError) as caught:
            registry.versions.record([item])
        assert caught.value.code == "no-subject"

    def test_an_activity_that_names_what_is_not_here_is_refused(self, registry: Registry) -> None:
        activity = Activity(kind="training", status="unknown", inputs=(Part(record=NOBODY, role="train"),))
        item = prepared(registry, "demo/tau/toy:V1", activities=[activity])
        with untouched(registry), pytest.raises(MissingError) as caught:
            registry.versions.record([item])
        assert caught.value.code == "no-record"

    def test_a_blob_or_manifest_that_was_not_brought_is_refused(self, registry: Registry) -> None:
        activity = Activity(kind="training", status="unknown", inputs=(Part(blob=NOBODY, role="config"),))
        for more in ({"activities": [activity]}, {"datasets": [Dataset(manifest=NOBODY)]}):
            item = prepared(registry, "demo/tau/toy:V1", **more)
            with untouched(registry), pytest.raises(MissingError) as caught:
                registry.versions.record([item])
            assert caught.value.code == "no-bytes"

    def test_a_registration_does_not_resolve_by_hand_what_another_registered(
        self, registry: Registry, other: Registry
    ) -> None:
        version = resolved({PATH: binary("one")})
        theirs = prepared(other, "demo/tau/theirs:V1", resolved({PATH: binary("theirs")}), absent=[])
        put(other, binary("theirs"))
        held = other.versions.record([theirs])[0].record
        for said in (
            say("resolves", {"by": version.digest}, record=held),
            say("ext-schema", {"entity": "model", "version": "1.0", "blob": content_of(b"x").sha256}, namespace="demo"),
            say("profile", {"title": "Mine now"}, name="demo/tau/theirs"),
        ):
            item = prepared(registry, "demo/tau/toy:V1", statements=[said])
            with untouched(registry), pytest.raises(InvalidError) as caught:
                registry.versions.record([item])
            assert caught.value.code in {"reserved-kind", "other-model"}
