"""The contract of a catalogue. A back-end's author writes a subclass with one fixture, and pytest does the rest.

class TestMyCatalogue(CatalogueContract):
    @pytest.fixture
    def catalogue(self, tmp_path): ...  # an empty one, closed when the test has ended
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from herdbook.kernel import digests
from herdbook.kernel.errors import ConflictError
from herdbook.model.journal import State, VersionOp
from herdbook.model.rows import Head, PointerRow, Projection
from herdbook.testing.catalogue_sayings import SayingContract
from herdbook.testing.events import ACTOR, HOME, TIME, begin, event, named, placed, tell

if TYPE_CHECKING:
    from herdbook.ports.catalogue import Catalogue

TAU = "cms/tau/deeptau"
TAG = "cms/btv/particlenet"


class CatalogueContract(SayingContract):
    """What every catalogue does. Subclass it, and give the fixture ``catalogue``."""

    @pytest.fixture
    def catalogue(self) -> Catalogue:
        raise NotImplementedError

    # -- transactions

    def test_an_empty_catalogue_answers_and_has_an_id(self, catalogue: Catalogue) -> None:
        assert digests.check_id(catalogue.registry, "registry")
        with catalogue.read() as tx:
            assert (tx.heads(), tx.head("cms"), tx.events("cms"), tx.models()) == ([], None, [], [])
            assert tx.versions(TAU) == []
            assert list(tx.state_lines("cms")) == []

    def test_after_an_exception_nothing_was_written(self, catalogue: Catalogue) -> None:
        def spoil() -> None:
            with catalogue.write() as tx:
                tx.put_bodies({named("a"): b"a"})
                tell(tx, "cms", placed((TAU, 1, "a"), labels=True))
                assert tx.version(TAU, 1), "a writer sees what it wrote"
                raise KeyError

        with pytest.raises(KeyError):
            spoil()
        with catalogue.read() as tx:
            assert tx.heads() == []
            assert tx.bodies([named("a")]) == {}
            assert tx.model(TAU) is None
            assert tx.pointer(f"label:{TAU}:V1") is None

    def test_a_look_stays_as_it_was_while_others_write(self, catalogue: Catalogue) -> None:
        with catalogue.read() as before:
            with catalogue.write() as tx:
                begin(tx, "cms")
            assert before.heads() == []
            with catalogue.read() as after:
                assert [head.namespace for head in after.heads()] == ["cms"]
        with catalogue.read() as again:
            assert again.head("cms")

    def test_a_look_that_ended_while_lines_were_read_leaves_no_old_look_behind(self, catalogue: Catalogue) -> None:
        with catalogue.write() as tx:
            tell(tx, "cms", placed(*((TAU, ordinal, f"{ordinal}") for ordinal in range(1, 50))))
        with catalogue.read() as look:
            lines = look.state_lines("cms")
            next(lines)
        with catalogue.write() as tx:
            tell(tx, "cms", placed((TAU, 50, "50")))
        with catalogue.read() as look:
            assert look.last_ordinals([TAU]) == {TAU: 50}

    # -- journals

    def test_a_journal_begins_and_goes_on(self, catalogue: Catalogue) -> None:
        with catalogue.write() as tx:
            first = begin(tx, "CMS")
            assert first == Head("CMS", named("CMS 1"), HOME, 1, named("CMS 1"), TIME)
            tx.append(first, event("CMS", 2, time="2026-11-20T09:00:01Z"), Projection())
            begin(tx, "atlas")
        with catalogue.read() as look:
            assert look.head("cms") == replace(first, seq=2, head=named("CMS 2"), time="2026-11-20T09:00:01Z")
            assert [head.namespace for head in look.heads()] == ["CMS", "atlas"]
            assert [row.seq for row in look.events("cms")] == [1, 2]
            assert [row.seq for row in look.events("cms", after=1, limit=5)] == [2]
            assert [row.seq for row in look.events("cms", limit=1)] == [1]
            assert look.event(named("CMS 2")) == event("CMS", 2, time="2026-11-20T09:00:01Z")
            assert look.event(named("CMS 3")) is None

    @pytest.mark.parametrize("change", [{"seq": 2}, {"head": named("other")}, {"journal": named("other")}, {"seq": 0}])
    def test_an_event_that_does_not_follow_is_refused(self, catalogue: Catalogue, change: dict[str, object]) -> None:
        with catalogue.write() as tx:
            stands = begin(tx, "cms")
            wrong = replace(stands, **change)  # type: ignore[arg-type]  # which fields is the parameter's business
            with pytest.raises(ConflictError) as caught:
                tx.append(wrong, event("cms", wrong.seq + 1), placed((TAU, 1, "a")))
            assert caught.value.code == "head-moved"
            with pytest.raises(ConflictError):
                tx.append(stands, event("cms", stands.seq + 2), Projection())
            with pytest.raises(ConflictError):
                begin(tx, "CMS")
        with catalogue.read() as look:
            assert look.head("cms") == stands
            assert look.model(TAU) is None

    def test_bodies_stay_as_they_came_first_until_they_are_dropped(self, catalogue: Catalogue) -> None:
        with catalogue.write() as tx:
            tx.put_bodies({named("a"): b"a", named("b"): b"b"})
            tx.put_bodies({named("a"): b"other", named("c"): b"c"})
            tell(tx, "cms", Projection(known=[("record", named("d"))]))  # told without its body
            assert tx.bodies([named(text) for text in "abcd"]) == {named(text): text.encode() for text in "abc"}
        with catalogue.write() as tx:
            tx.drop_bodies([named("a"), named("never")])
            tx.put_bodies({named("d"): b"d"})
        with catalogue.read() as look:
            assert look.bodies([named(text) for text in "abcd"]) == {named(text): text.encode() for text in "bcd"}
            assert look.known([named("d")]) == {named("d"): [("cms", 2)]}

    def test_what_is_known_names_each_journal_and_its_first_telling(self, catalogue: Catalogue) -> None:
        with catalogue.write() as tx:
            for namespace in ("cms", "cms", "atlas"):
                tell(tx, namespace, Projection(known=[("record", named("a")), ("statement", named(namespace))]))
            assert tx.known([named("a"), named("cms"), named("b")]) == {
                named("a"): [("atlas", 2), ("cms", 2)],
                named("cms"): [("cms", 2)],
            }

    def test_a_purge_holds_for_its_namespace_until_it_is_allowed_again(self, catalogue: Catalogue) -> None:
        both = [named("a"), named("b")]
        with catalogue.write() as tx:
            tell(tx, "cms", Projection(purges=[(named("a"), True), (named("b"), True), (named("b"), False)]))
            begin(tx, "atlas")
            assert tx.purged("cms", both) == {named("a")}
            assert tx.purged("atlas", both) == set()
            tell(tx, "cms", Projection(purges=[(named("a"), False)]))
            assert tx.purged("CMS", both) == set()

    def test_more_digests_than_one_statement_takes_are_all_found(self, catalogue: Catalogue) -> None:
        many = {named(f"{number}"): b"%d" % number for number in range(1234)}
        with catalogue.write() as tx:
            tx.put_bodies(many)
            tell(tx, "cms", Projection(known=[("record", digest) for digest in many]))
        with catalogue.read() as look:
            assert look.bodies(iter(many)) == many
            assert look.known(iter(many)).keys() == many.keys()

    def test_the_state_is_what_the_journal_said(self, catalogue: Catalogue) -> None:
        versions = [(TAU, ordinal, f"tau {ordinal}") for ordinal in range(1, 12)]
        versions += [(TAG, 1, "tag"), (TAG + "-b", 1, "tag b"), (TAG + "2", 1, "tag 2")]
        with catalogue.write() as tx:
            tell(tx, "cms", placed(*versions, labels=True))
            tell(tx, "cms", Projection(moves=[(f"label:{TAU}:V3", named("tau 3"), "", "")]))
            tell(tx, "cms", Projection(purges=[(named("tau 3"), True)], known=[("statement", named("said"))]))
            tell(tx, "atlas", placed(("atlas/x", 1, "tau 1"), labels=True))
        state = State()
        state.apply(
            2, [VersionOp(model=model, ordinal=ordinal, record=named(text)) for model, ordinal, text in versions]
        )
        expected = {*state.lines(), f"statement {named('said')}", f"purge {named('tau 3')}"}
        expected |= {f"record {named(text)}" for _, _, text in versions}
        expected |= {f"point label:{model}:V{ordinal} {named(text)} 2" for model, ordinal, text in versions}
        expected -= {f"point label:{TAU}:V3 {named('tau 3')} 2"}
        expected |= {f"point label:{TAU}:V3 - 3"}
        with catalogue.read() as look:
            assert list(look.state_lines("cms")) == sorted(expected)

    # -- models and versions

    def test_models_are_listed_by_name_with_their_counts(self, catalogue: Catalogue) -> None:
        names = [TAG, TAG + "-b", TAU, "cms/Zed"]
        with catalogue.write() as tx:
            tell(tx, "cms", placed(*((name, ordinal, f"{name} {ordinal}") for name in names for ordinal in (1, 2))))
            tell(tx, "cms", placed((TAU, 3, "third")))
            tell(
                tx, "cms", Projection(known=[("statement", named("p"))], moves=[(f"profile:{TAU}", "", named("p"), "")])
            )
            tell(tx, "cms", Projection(moves=[("profile:cms/only/said", "", named("p"), "")]))
        with catalogue.read() as look:
            rows = {row.name: row for row in look.models()}
            assert list(rows) == sorted([*names, "cms/only/said"])
            assert (rows[TAU].versions, rows[TAU].namespace, rows[TAU].profile) == (3, "cms", named("p"))
            assert (rows[TAG].versions, rows[TAG].profile) == (2, "")
            assert rows["cms/only/said"].versions == 0
            assert [row.name for row in look.models("cms/btv/", limit=1)] == [TAG]
            assert [row.name for row in look.models("cms/btv/", after=TAG)] == [TAG + "-b"]
            assert look.models("CMS/") == []
            assert look.model("CMS/Tau/DeepTau") == rows[TAU]

    def test_names_that_would_clash_are_found(self, catalogue: Catalogue) -> None:
        with catalogue.write() as tx:
            tell(tx, "cms", placed((TAU, 1, "a"), ("cms/tau/a", 1, "b"), ("cms/tau-x/a", 1, "c"), ("cms/tau0", 1, "d")))
            assert tx.clashes(TAU) == []
            assert tx.clashes("cms/Tau/deeptau") == [TAU]
            assert tx.clashes("CMS/TAU") == ["cms/tau/a", TAU]
            assert tx.clashes(TAU + "/v2/X") == [TAU]
            assert tx.clashes("cms/tau/deep") == []

    def test_a_name_that_differs_by_case_only_is_refused_and_the_block_is_lost(self, catalogue: Catalogue) -> None:
        def clash() -> None:
            with catalogue.write() as tx:
                tell(tx, "cms", placed((TAU, 1, "a")))
                with pytest.raises(ConflictError) as caught:
                    tell(tx, "cms", placed(("cms/tau/DeepTau", 1, "b")))
                assert caught.value.code == "name-clash"

        with pytest.raises(ConflictError):
            clash()
        with catalogue.read() as look:
            assert look.heads() == []

    def test_versions_are_found_by_every_way(self, catalogue: Catalogue) -> None:
        with catalogue.write() as tx:
            items = tell(tx, "cms", placed(*((TAU, ordinal, f"tau {ordinal}") for ordinal in range(1, 6))))
            items += tell(tx, "cms", placed((TAG, 1, "tau 2"), (TAU, 9, "tau 9")))
        assert items == sorted(set(items))
        with catalogue.read() as look:
            third = look.version(TAU.upper(), 3)
            assert third
            assert (third.item, third.namespace, third.model, third.record) == (items[2], "cms", TAU, named("tau 3"))
            assert (third.seq, third.time) == (2, TIME)
            assert look.version(TAU, 6) is None
            assert [row.ordinal for row in look.versions(TAU)] == [1, 2, 3, 4, 5, 9]
            assert [row.ordinal for row in look.versions(TAU, after=2, limit=2)] == [3, 4]
            assert [row.ordinal for row in look.versions(TAU, newest_first=True, limit=2)] == [9, 5]
            assert [row.ordinal for row in look.versions(TAU, newest_first=True, after=5, limit=9)] == [4, 3, 2, 1]
            assert [row.item for row in look.versions_with([named("tau 2"), named("no")])] == [items[1], items[5]]
            assert look.items([items[2], 10**6]) == {items[2]: third}
            assert look.last_ordinals([TAU, TAG, "cms/no/model"]) == {TAU: 9, TAG: 1}

    def test_a_version_is_found_by_the_beginning_of_its_digest(self, catalogue: Catalogue) -> None:
        with catalogue.write() as tx:
            items = tell(tx, "cms", placed((TAU, 1, "a"), (TAG, 1, "a"), (TAU, 2, "b")))
        digits = named("a").removeprefix("sha256:")
        with catalogue.read() as look:
            for length in (12, 13, 64):
                assert [row.item for row in look.versions_like(digits[:length])] == items[:2]
            assert [row.item for row in look.versions_like(digits[:12], TAG)] == items[1:2]
            assert [row.item for row in look.versions_like(digits[:12], limit=1)] == items[:1]
            assert len(look.versions_like("")) == 3
            assert look.versions_like("f" * 64) == look.versions_like("xyz") == []

    # -- pointers

    def test_pointers_move_and_every_move_is_kept(self, catalogue: Catalogue) -> None:
        alias, a, b, why = f"alias:{TAU}@production", named("a"), named("b"), named("why")
        with catalogue.write() as tx:
            tell(tx, "cms", placed((TAU, 1, "a"), (TAU, 2, "b"), labels=True))
            tell(tx, "cms", Projection(moves=[(alias, "", a, "")]))
            tell(tx, "cms", Projection(moves=[(alias, a, b, why), (f"label:{TAU}:V1", a, "", "")]))
        with catalogue.read() as look:
            assert look.pointer(alias) == PointerRow(alias, "cms", TAU, b, 4)
            assert look.pointer(f"label:{TAU.upper()}:v2") == PointerRow(f"label:{TAU}:V2", "cms", TAU, b, 2)
            assert look.pointer(f"label:{TAU}:V1") == PointerRow(f"label:{TAU}:V1", "cms", TAU, "", 4)
            assert look.pointer(f"label:{TAU}:V3") is None
            assert [(row.seq, row.frm, row.to, row.reason) for row in look.moves(alias)] == [
                (3, "", a, ""),
                (4, a, b, why),
            ]
            assert [(row.time, row.principal) for row in look.moves(alias)] == [(TIME, ACTOR)] * 2
            assert [row.pointer for row in look.pointers_to([b])] == [alias, f"label:{TAU}:V2"]
            assert look.pointers_to([named("why")]) == []

    def test_pointers_of_models_come_newest_move_first_within_an_event_too(self, catalogue: Catalogue) -> None:
        with catalogue.write() as tx:
            tell(tx, "cms", placed((TAU, 1, "a"), (TAU, 2, "b"), (TAG, 1, "c"), (TAU, 3, "d"), labels=True))
            tell(tx, "cms", Projection(moves=[(f"alias:{TAU}@x", "", named("a"), "")]))
            found = tx.pointers([TAU, TAG, "cms/no/model"])
        assert [row.pointer for row in found[TAU]] == [f"alias:{TAU}@x", *(f"label:{TAU}:V{n}" for n in (3, 2, 1))]
        assert [row.to for row in found[TAG]] == [named("c")]
        assert found.get("cms/no/model", []) == []

    def test_a_label_that_was_cleared_can_be_set_in_other_case(self, catalogue: Catalogue) -> None:
        lower, upper = f"label:{TAU}:rc", f"label:{TAU}:RC"
        with catalogue.write() as tx:
            tell(tx, "cms", placed((TAU, 1, "a")))
            tell(tx, "cms", Projection(moves=[(lower, "", named("a"), ""), (lower, named("a"), "", "")]))
            tell(tx, "cms", Projection(moves=[(upper, "", named("a"), "")]))
        with catalogue.read() as look:
            assert look.pointer(lower) == look.pointer(upper) == PointerRow(upper, "cms", TAU, named("a"), 4)
            assert [row.pointer for row in look.moves(upper)] == [lower, lower, upper]
            lines = [line for line in look.state_lines("cms") if line.startswith("point")]
            assert lines == [f"point {upper} {named('a')} 4", f"point {lower} - 3"]
