"""The contract of labels, aliases and undo."""

from __future__ import annotations

import pytest

from herdbook.kernel.errors import ConflictError, InvalidError, MissingError
from herdbook.model.journal import PointOp, StatementOp
from herdbook.ports.registry import Registry
from herdbook.testing.registry_samples import Given, events_made, prepared, references, register, say, untouched

TOY = "demo/tau/toy"


class LabelContract(Given):
    """Labels: several may name one version, and none ever moves."""

    def test_a_further_label_names_the_same_version(self, registry: Registry) -> None:
        first = register(registry, f"{TOY}:V1")
        with events_made(registry, "demo", 1) as made:
            pointer = registry.pointers.label(f"{TOY}:V1", "Summer18")
        assert [op.op for op in made[0].ops] == ["point"]
        assert (pointer.to, pointer.kind, pointer.name) == (first.record, "label", "Summer18")
        assert pointer.reference == f"{TOY}:Summer18"
        assert references(registry, "label = summer18") == [f"{TOY}@1"]

    def test_a_label_again_writes_nothing(self, registry: Registry) -> None:
        register(registry, f"{TOY}:V1")
        with untouched(registry):
            registry.pointers.label(f"{TOY}@1", "V1")

    @pytest.mark.parametrize("label", ["V2", "v2"])
    def test_a_label_never_moves(self, registry: Registry, label: str) -> None:
        register(registry, f"{TOY}:V1")
        register(registry, f"{TOY}:V2", "two")
        with untouched(registry), pytest.raises(ConflictError) as caught:
            registry.pointers.label(f"{TOY}:V1", label)
        assert caught.value.code == "label-taken"

    def test_a_bad_label_is_refused(self, registry: Registry) -> None:
        register(registry, f"{TOY}:V1")
        with untouched(registry), pytest.raises(InvalidError):
            registry.pointers.label(f"{TOY}:V1", "77")

    def test_the_same_label_in_two_models_is_two_labels(self, registry: Registry) -> None:
        register(registry, f"{TOY}:V1")
        register(registry, "demo/jet/toy:V1", "two")
        assert references(registry, "label = V1") == ["demo/jet/toy@1", f"{TOY}@1"]


class AliasContract(Given):
    """Aliases: moved by compare-and-set, and every move is kept."""

    def test_every_move_is_kept_with_who_when_why_from_and_to(self, registry: Registry) -> None:
        records = [register(registry, f"{TOY}:V{number}", f"{number}").record for number in (1, 2)]
        with events_made(registry, "demo", 3):
            registry.pointers.alias(TOY, "production", "V1", reason="first of the year")
            registry.pointers.alias(TOY, "production", f"{TOY}:V2", reason="better at high pt")
            registry.pointers.clear(TOY, "production", reason="shutdown")
        moves = registry.pointers.history(f"{TOY}@production")
        assert [(move.frm, move.to) for move in moves] == [(None, records[0]), tuple(records), (records[1], None)]
        assert [move.reason for move in moves] == ["first of the year", "better at high pt", "shutdown"]
        assert {move.principal for move in moves} == {registry.principal.id}
        assert [move.seq for move in moves] == sorted({move.seq for move in moves})
        assert [move.time for move in moves] == sorted(move.time for move in moves)

    def test_what_was_expected_is_compared_before_it_is_set(self, registry: Registry) -> None:
        register(registry, f"{TOY}:V1")
        register(registry, f"{TOY}:V2", "two")
        registry.pointers.alias(TOY, "production", "V1", expected="-")
        for expected in ("-", "V2"):
            with untouched(registry), pytest.raises(ConflictError) as caught:
                registry.pointers.alias(TOY, "production", "V2", expected=expected)
            assert caught.value.code == "moved-meanwhile"
            assert f"{TOY}@1" in caught.value.message
        with untouched(registry), pytest.raises(ConflictError):
            registry.pointers.clear(TOY, "production", expected="V2")
        assert registry.pointers.alias(TOY, "production", "V2", expected="V1").reference == f"{TOY}:V2"
        assert registry.pointers.clear(TOY, "production", expected=f"{TOY}@2").to is None

    def test_an_alias_that_leads_there_already_is_no_event(self, registry: Registry) -> None:
        register(registry, f"{TOY}:V1")
        registry.pointers.alias(TOY, "production", "V1")
        with untouched(registry):
            registry.pointers.alias(TOY, "production", "V1", reason="again")

    @pytest.mark.parametrize("alias", ["latest", "Production", "7", "", "a b", "x" * 129])
    def test_a_bad_alias_is_refused(self, registry: Registry, alias: str) -> None:
        register(registry, f"{TOY}:V1")
        with untouched(registry), pytest.raises(InvalidError):
            registry.pointers.alias(TOY, alias, "V1")

    def test_an_alias_leads_to_its_own_model_only(self, registry: Registry) -> None:
        register(registry, f"{TOY}:V1")
        register(registry, "demo/jet/toy:V1", "two")
        with untouched(registry), pytest.raises(InvalidError) as caught:
            registry.pointers.alias(TOY, "production", "demo/jet/toy:V1")
        assert caught.value.code == "other-model"

    def test_an_alias_of_nothing_or_to_nothing_is_refused(self, registry: Registry) -> None:
        register(registry, f"{TOY}:V1")
        with untouched(registry):
            with pytest.raises(MissingError):
                registry.pointers.alias("demo/tau/none", "production", "V1")
            with pytest.raises(MissingError):
                registry.pointers.alias(TOY, "production", "V2")
            with pytest.raises(MissingError):
                registry.pointers.clear(TOY, "production")
            with pytest.raises(MissingError):
                registry.pointers.history(f"{TOY}@production")
            with pytest.raises(InvalidError):
                registry.pointers.history(TOY)

    def test_search_follows_an_alias(self, registry: Registry) -> None:
        register(registry, f"{TOY}:V1")
        register(registry, f"{TOY}:V2", "two")
        registry.pointers.alias(TOY, "production", "V1")
        registry.pointers.alias(TOY, "production", "V2")
        assert references(registry, "alias = production") == [f"{TOY}@2"]
        registry.pointers.clear(TOY, "production")
        assert references(registry, "alias = production") == []

    def test_pointers_of_a_model_are_listed_newest_first(self, registry: Registry) -> None:
        register(registry, f"{TOY}:V1")
        registry.pointers.alias(TOY, "production", "V1")
        listed = registry.pointers.list(TOY)
        assert [(pointer.kind, pointer.name) for pointer in listed] == [("alias", "production"), ("label", "V1")]
        assert [pointer.pointer for pointer in listed] == [f"alias:{TOY}@production", f"label:{TOY}:V1"]

    def test_two_who_move_an_alias_from_the_same_place_do_not_both_win(
        self, registry: Registry, other: Registry
    ) -> None:
        register(registry, f"{TOY}:V1")
        register(registry, f"{TOY}:V2", "two")
        registry.pointers.alias(TOY, "production", "V1")
        registry.pointers.alias(TOY, "production", "V2", expected="V1")
        with pytest.raises(ConflictError):
            other.pointers.clear(TOY, "production", expected="V1")
        assert other.versions.get(f"{TOY}@production").ordinal == 2


class UndoContract(Given):
    """Undo: a mistaken registration is withdrawn, its labels are free once more, and nothing is deleted."""

    def test_undo_withdraws_the_version_and_clears_all_its_labels_in_one_event(self, registry: Registry) -> None:
        first = register(registry, f"{TOY}:V1")
        registry.pointers.label(f"{TOY}:V1", "Summer18")
        with events_made(registry, "demo", 1) as made:
            answer = registry.versions.undo(f"{TOY}@1", reason="the wrong folder")
        kinds = [type(op) for op in made[0].ops]
        assert kinds == [StatementOp, PointOp, PointOp]
        assert all(op.to is None and op.from_ == first.record for op in made[0].ops if isinstance(op, PointOp))
        assert answer.event == made[0].digest
        entry = registry.versions.get(f"{TOY}@1")
        assert (entry.withdrawn, entry.labels) == (True, ())
        assert references(registry, "label = V1") == []
        assert references(registry, "state = withdrawn") == [f"{TOY}@1"]
        assert any("the wrong folder" in warning for warning in registry.versions.dossier(f"{TOY}@1").warnings)
        assert registry.pointers.history(f"{TOY}:V1")[-1].reason == "the wrong folder"

    @pytest.mark.parametrize("label", ["Summer18", "summer18"])
    def test_undo_of_one_of_several_labels_clears_that_one_and_leaves_the_version(
        self, registry: Registry, label: str
    ) -> None:
        register(registry, f"{TOY}:V1")
        registry.pointers.label(f"{TOY}:V1", "Summer18")
        with events_made(registry, "demo", 1):
            registry.versions.undo(f"{TOY}:{label}", reason="not of summer")
        entry = registry.versions.get(f"{TOY}:V1")
        assert (entry.labels, entry.state) == (("V1",), "current")
        assert references(registry, "label = summer18") == []
        assert registry.pointers.history(f"{TOY}:Summer18")[-1].reason == "not of summer"
        assert register(registry, f"{TOY}:Summer18", "two").ordinal == 2

    def test_after_undo_the_label_may_be_set_with_other_content(self, registry: Registry) -> None:
        register(registry, f"{TOY}:V1")
        registry.versions.undo(f"{TOY}:V1", reason="wrong")
        answer = register(registry, f"{TOY}:V1", "two")
        assert (answer.outcome, answer.ordinal) == ("registered", 2)
        assert not registry.versions.get(f"{TOY}:V1").withdrawn
        assert registry.versions.get(f"{TOY}@1").withdrawn

    @pytest.mark.parametrize("label", [":V1", ":V2", ""])
    def test_registering_the_same_content_again_takes_the_undo_back(self, registry: Registry, label: str) -> None:
        register(registry, f"{TOY}:V1")
        registry.versions.undo(f"{TOY}:V1", reason="wrong")
        with events_made(registry, "demo", 1):
            answer = register(registry, TOY + label)
        assert answer.ordinal == 1
        entry = registry.versions.get(f"{TOY}@1")
        assert entry.state == "current"
        assert entry.labels == ((label[1:],) if label else ())
        assert references(registry, "state = current") == [f"{TOY}@1"]
        with untouched(registry):
            register(registry, TOY + label)

    def test_the_same_content_registered_elsewhere_is_not_withdrawn(self, registry: Registry) -> None:
        register(registry, f"{TOY}:V1")
        register(registry, "demo/jet/toy:V1")
        registry.versions.undo(f"{TOY}:V1", reason="wrong model")
        register(registry, "demo/jet/later:V1")
        assert registry.versions.get(f"{TOY}@1").withdrawn
        for model in ("demo/jet/toy", "demo/jet/later"):
            assert registry.versions.get(f"{model}:V1").state == "current"
            assert not registry.versions.dossier(f"{model}:V1").warnings
        assert references(registry, "says = withdrawal") == [f"{TOY}@1"]

    def test_what_was_undone_is_not_undone_twice(self, registry: Registry) -> None:
        register(registry, f"{TOY}:V1")
        registry.versions.undo(f"{TOY}:V1", reason="wrong")
        with untouched(registry), pytest.raises(ConflictError) as caught:
            registry.versions.undo(f"{TOY}@1", reason="wrong")
        assert caught.value.code == "withdrawn"

    def test_undo_does_not_choose(self, registry: Registry) -> None:
        register(registry, f"{TOY}:V1")
        with untouched(registry), pytest.raises(InvalidError) as caught:
            registry.versions.undo(TOY, reason="wrong")
        assert f"{TOY}:V1" in caught.value.hint
        with untouched(registry), pytest.raises(MissingError):
            registry.versions.undo(f"{TOY}:V9", reason="wrong")

    def test_an_undo_can_itself_be_withdrawn(self, registry: Registry) -> None:
        register(registry, f"{TOY}:V1")
        undone = registry.versions.undo(f"{TOY}:V1", reason="wrong")
        registry.statements.add("demo", [say("withdrawal", {"reason": "right"}, statement=undone.statements[0])])
        assert registry.versions.get(f"{TOY}@1").state == "current"

    def test_undo_and_register_again_and_again(self, registry: Registry) -> None:
        item = prepared(registry, f"{TOY}:V1")
        for _ in range(3):
            registry.versions.record([item])
            assert registry.versions.get(f"{TOY}:V1").state == "current"
            registry.versions.undo(f"{TOY}:V1", reason="wrong")
            assert registry.versions.get(f"{TOY}@1").withdrawn
