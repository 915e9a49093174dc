"""The contract of references: what a person may write to mean a version, and what is said when it means none."""

from __future__ import annotations

import pytest

from herdbook.kernel.errors import ConflictError, InvalidError, MissingError
from herdbook.ports.registry import Registry
from herdbook.testing.registry_samples import NOBODY, WITHDRAWAL, Given, register, say, untouched


class ReferenceContract(Given):
    """What references lead to."""

    @pytest.mark.parametrize("write", ["demo/tau/toy:V1", "demo/tau/toy@1", "demo/tau/toy@{record}", "{record}"])
    def test_a_version_is_found_by_each_kind_of_reference(self, registry: Registry, write: str) -> None:
        record = register(registry, "demo/tau/toy:V1").record
        register(registry, "demo/tau/toy:V2", "two")
        entry = registry.versions.get(write.format(record=record))
        assert (entry.model, entry.ordinal, entry.labels, entry.record) == ("demo/tau/toy", 1, ("V1",), record)
        assert entry.chosen is None

    def test_an_alias_leads_to_its_version(self, registry: Registry) -> None:
        register(registry, "demo/tau/toy:V1")
        registry.pointers.alias("demo/tau/toy", "production", "V1")
        assert registry.versions.get("demo/tau/toy@production").aliases == ("production",)

    def test_twelve_hex_digits_of_a_digest_serve(self, registry: Registry) -> None:
        record = register(registry, "demo/tau/toy:V1").record
        for text in (record[:19], record[7:19], record[7:], f"demo/tau/toy@{record[:30]}"):
            assert registry.versions.get(text).record == record
        with pytest.raises(InvalidError):
            registry.versions.get(record[:18])

    def test_a_digest_that_is_several_versions_is_a_conflict_that_lists_them(self, registry: Registry) -> None:
        record = register(registry, "demo/tau/toy:V1").record
        register(registry, "demo/jet/toy:V1")
        with pytest.raises(ConflictError) as caught:
            registry.versions.get(record)
        assert caught.value.code == "ambiguous"
        assert "demo/jet/toy@1" in caught.value.hint
        assert "demo/tau/toy@1" in caught.value.hint
        assert registry.versions.get(f"demo/jet/toy@{record[:19]}").model == "demo/jet/toy"

    def test_case_does_not_matter_when_a_name_or_label_is_read(self, registry: Registry) -> None:
        register(registry, "demo/tau/Toy:Summer18")
        assert registry.versions.get("demo/TAU/toy:summer18").reference == "demo/tau/Toy:Summer18"

    def test_a_bare_name_is_the_newest_label_that_is_not_withdrawn_and_says_so(self, registry: Registry) -> None:
        register(registry, "demo/tau/toy:V1")
        register(registry, "demo/tau/toy:V2", "two")
        register(registry, "demo/tau/toy", "three")
        entry = registry.versions.get("demo/tau/toy")
        assert entry.labels == ("V2",)
        assert "demo/tau/toy:V2" in str(entry.chosen)
        said = say("withdrawal", {"reason": "wrong"}, record=entry.record)
        registry.statements.add("demo", [said])
        assert registry.versions.get("demo/tau/toy").labels == ("V1",)
        assert registry.versions.get("demo/tau/toy:V2").withdrawn

    def test_a_bare_name_without_labels_is_the_highest_ordinal(self, registry: Registry) -> None:
        register(registry, "demo/tau/toy")
        register(registry, "demo/tau/toy", "two")
        entry = registry.versions.get("demo/tau/toy")
        assert entry.ordinal == 2
        assert "demo/tau/toy@2" in str(entry.chosen)

    @pytest.mark.parametrize(
        ("text", "near"),
        [
            ("demo/tau/tyo:V1", "demo/tau/toy"),
            ("demo/tau/toy:V10", "V1"),
            ("demo/tau/toy@7", "V1"),
            ("demo/tau/toy@prod", "production"),
            ("demo/tau/toy@sha256:" + "0" * 12, "search"),
            (NOBODY, "search"),
        ],
    )
    def test_what_is_not_here_is_answered_with_what_is_near(self, registry: Registry, text: str, near: str) -> None:
        register(registry, "demo/tau/toy:V1")
        registry.pointers.alias("demo/tau/toy", "production", "V1")
        with pytest.raises(MissingError) as caught:
            registry.versions.get(text)
        assert near in caught.value.hint

    @pytest.mark.parametrize(
        "text",
        ["", "toy", "demo/tau/toy:", "demo/tau/toy@", "demo/tau/toy:V1@2", "demo/tau/toy@0", "demo/tau/toy@-1",
         "demo/tau/toy@sha256:12", "demo/tau/toy@Prod", "demo/tau/toy@latest", "demo/../toy", "demo/tau/toy:a b"],
    )  # fmt: skip
    def test_what_is_no_reference_is_refused(self, registry: Registry, text: str) -> None:
        with pytest.raises(InvalidError) as caught:
            registry.versions.get(text)
        assert caught.value.hint

    def test_an_empty_registry_says_what_fills_it(self, registry: Registry) -> None:
        with pytest.raises(MissingError) as caught:
            registry.versions.get("demo/tau/toy:V1")
        assert "register" in caught.value.hint


class MovedContract(Given):
    """Where a model that moved is found."""

    def _move(self, registry: Registry, name: str, to: str, namespace: str = "demo") -> None:
        registry.statements.add(namespace, [say("moved", {"to": to}, name=name)])

    def test_a_moved_model_is_followed_with_a_warning(self, registry: Registry) -> None:
        register(registry, "demo/tau/new:V1", "two")
        register(registry, "demo/tau/old:V1")
        self._move(registry, "demo/tau/old", "demo/tau/new")
        entry = registry.versions.get("demo/tau/old:V1")
        assert entry.model == "demo/tau/new"
        assert "demo/tau/old moved to demo/tau/new" in str(entry.chosen)
        assert registry.models.get("demo/tau/old").name == "demo/tau/new"
        listed = {model.name: model for model in registry.models.list("demo/").items}
        assert (listed["demo/tau/old"].state, listed["demo/tau/old"].moved_to) == ("moved", "demo/tau/new")

    def test_a_chain_of_moves_is_followed_to_its_end(self, registry: Registry) -> None:
        register(registry, "demo/tau/third:V1")
        self._move(registry, "demo/tau/first", "demo/tau/second")
        self._move(registry, "demo/tau/second", "demo/tau/third")
        assert registry.versions.get("demo/tau/first:V1").model == "demo/tau/third"

    def test_a_circle_of_moves_ends(self, registry: Registry) -> None:
        register(registry, "demo/tau/one:V1")
        register(registry, "demo/tau/two:V1")
        self._move(registry, "demo/tau/one", "demo/tau/two")
        self._move(registry, "demo/tau/two", "demo/tau/one")
        assert registry.versions.get("demo/tau/one:V1").model in {"demo/tau/one", "demo/tau/two"}

    def test_another_namespace_cannot_lead_a_model_away(self, registry: Registry) -> None:
        register(registry, "demo/tau/toy:V1")
        register(registry, "rogue/tau/toy:V1", "two")
        self._move(registry, "demo/tau/toy", "rogue/tau/toy", namespace="rogue")
        entry = registry.versions.get("demo/tau/toy:V1")
        assert entry.model == "demo/tau/toy"
        assert registry.models.get("demo/tau/toy").state == "current"

    def test_a_withdrawn_move_no_longer_counts(self, registry: Registry) -> None:
        register(registry, "demo/tau/old:V1")
        register(registry, "demo/tau/new:V1", "two")
        moved = registry.statements.add("demo", [say("moved", {"to": "demo/tau/new"}, name="demo/tau/old")])
        registry.statements.add("demo", [say("withdrawal", {"reason": "a slip"}, statement=moved[0].digest)])
        assert registry.versions.get("demo/tau/old:V1").model == "demo/tau/old"


class AsOfContract(Given):
    """What references meant at a sequence of the journal."""

    def test_a_label_or_ordinal_of_later_is_not_there_yet(self, registry: Registry) -> None:
        first = register(registry, "demo/tau/toy:V1")
        second = register(registry, "demo/tau/toy:V2", "two")
        for text in ("demo/tau/toy:V2", "demo/tau/toy@2", second.record):
            assert registry.versions.get(text, as_of=second.seq).record == second.record
            with pytest.raises(MissingError):
                registry.versions.get(text, as_of=first.seq)
        assert registry.versions.get("demo/tau/toy", as_of=first.seq).labels == ("V1",)
        assert registry.versions.get("demo/tau/TOY:v1", as_of=first.seq).record == first.record

    def test_an_alias_is_where_it_was(self, registry: Registry) -> None:
        register(registry, "demo/tau/toy:V1")
        register(registry, "demo/tau/toy:V2", "two")
        moves = [registry.pointers.alias("demo/tau/toy", "production", to).seq for to in ("V1", "V2", "V1")]
        moves.append(registry.pointers.clear("demo/tau/toy", "production").seq)
        for seq, ordinal in zip(moves[:3], (1, 2, 1), strict=True):
            assert registry.versions.get("demo/tau/toy@production", as_of=seq).ordinal == ordinal
        for seq in (moves[0] - 1, moves[3]):
            with pytest.raises(MissingError):
                registry.versions.get("demo/tau/toy@production", as_of=seq)

    def test_a_label_that_was_undone_is_still_where_it_was(self, registry: Registry) -> None:
        first = register(registry, "demo/tau/toy:V1")
        undone = registry.versions.undo("demo/tau/toy:V1", reason="wrong file")
        second = register(registry, "demo/tau/toy:V1", "two")
        assert registry.versions.get("demo/tau/toy:V1", as_of=first.seq).record == first.record
        assert registry.versions.get("demo/tau/toy:V1", as_of=second.seq).record == second.record
        with pytest.raises(MissingError):
            registry.versions.get("demo/tau/toy:V1", as_of=undone.seq)

    def test_asking_of_the_past_writes_nothing(self, registry: Registry) -> None:
        register(registry, "demo/tau/toy:V1")
        with untouched(registry):
            registry.versions.get("demo/tau/toy:V1", as_of=10**6)
            assert WITHDRAWAL not in str(registry.versions.get("demo/tau/toy@1", as_of=2))
