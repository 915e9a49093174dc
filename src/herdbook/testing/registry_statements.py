"""The contract of statements: who says what, what supersedes, what withdraws, and what counts."""

from __future__ import annotations

import pytest

from herdbook.kernel.errors import ConflictError, DeniedError, InvalidError, MissingError
from herdbook.model.statements import Evidence, Said, Subject
from herdbook.ports.registry import Registry
from herdbook.testing.registry_samples import NOBODY, Given, events_made, references, register, say, untouched

TOY = "demo/tau/toy"


class StatementContract(Given):
    """What is said: kept, listed, found."""

    def test_a_statement_says_who_and_when_and_where_it_stands(self, registry: Registry) -> None:
        record = register(registry, f"{TOY}:V1").record
        with events_made(registry, "demo", 1) as made:
            (entry,) = registry.statements.add("demo", [say("note", {"text": "a walrus"}, record=record)])
        assert [op.op for op in made[0].ops] == ["statement"]
        assert (entry.namespace, entry.seq, entry.current) == ("demo", made[0].seq, True)
        assert entry.statement.issuer == registry.principal.id
        assert entry.digest == entry.statement.digest
        assert registry.statements.get(entry.digest) == entry
        assert references(registry, "walrus") == [f"{TOY}@1"]

    def test_several_statements_are_one_event(self, registry: Registry) -> None:
        record = register(registry, f"{TOY}:V1").record
        with events_made(registry, "demo", 1):
            made = registry.statements.add("demo", [say("note", {"text": text}, record=record) for text in "abc"])
        assert [entry.statement.body["text"] for entry in made] == ["a", "b", "c"]
        assert len({entry.seq for entry in made}) == 1

    @pytest.mark.parametrize("issued", [None, "2020-01-01T00:00:00Z"])
    def test_what_is_said_again_but_for_its_time_is_answered_with_what_is_there(
        self, registry: Registry, issued: str | None
    ) -> None:
        said = say("note", {"text": "a walrus"}, name=TOY)
        first = registry.statements.add("demo", [said])[0]
        with untouched(registry):
            again = registry.statements.add("demo", [said.model_copy(update={"issued": issued})])[0]
        assert again.digest == first.digest

    def test_what_is_said_twice_in_one_call_is_said_once(self, registry: Registry) -> None:
        said = say("note", {"text": "a walrus"}, name=TOY)
        made = registry.statements.add("demo", [said, said.model_copy(update={"issued": "2020-01-01T00:00:00Z"})])
        assert made[0].digest == made[1].digest
        assert len(registry.statements.list(TOY).items) == 1

    def test_what_was_said_about_many_records_is_had_at_once_with_what_counts_no_more(self, registry: Registry) -> None:
        one, two = (register(registry, f"{TOY}:{label}", label).record for label in ("V1", "V2"))
        (old,) = registry.statements.add("demo", [say("note", {"text": "a walrus"}, record=one)])
        better = say("note", {"text": "a seal"}, record=one).model_copy(update={"supersedes": (old.digest,)})
        (new,) = registry.statements.add("demo", [better])
        told = registry.statements.about([one, two, NOBODY])
        assert [(each.digest, each.current) for each in told[one]] == [(old.digest, False), (new.digest, True)]
        assert (told[two], told[NOBODY]) == ([], [])

    def test_two_people_may_say_the_same(self, registry: Registry, other: Registry) -> None:
        said = say("note", {"text": "a walrus"}, name=TOY)
        first, second = registry.statements.add("demo", [said])[0], other.statements.add("demo", [said])[0]
        assert first.digest != second.digest
        assert {entry.statement.issuer for entry in registry.statements.list(TOY).items} == {
            registry.principal.id,
            other.principal.id,
        }

    def test_an_importer_gives_the_time_of_the_source(self, registry: Registry) -> None:
        said = say("note", {"text": "old"}, name=TOY).model_copy(update={"issued": "2019-05-01T12:00:00.5Z"})
        assert registry.statements.add("demo", [said])[0].statement.issued == "2019-05-01T12:00:00.5Z"

    def test_evidence_and_what_is_known_to_be_unknown_are_kept(self, registry: Registry) -> None:
        said = Said(
            type="herdbook/description/1",
            subject=(Subject(name=TOY),),
            body={"licence": "MIT"},
            unknown=("/contact",),
            evidence={"/licence": Evidence(how="extracted", where="README.md#L12", rule="spdx-line")},
        )
        kept = registry.statements.get(registry.statements.add("demo", [said])[0].digest).statement
        assert (kept.unknown, kept.evidence) == (said.unknown, said.evidence)

    @pytest.mark.parametrize(
        "subject",
        [
            {"file": "md5:" + "0" * 32},
            {"name": "demo/not/yet"},
            {"namespace": "demo"},
            {"id": {"scheme": "doi", "value": "10.1/x"}},
        ],
    )
    def test_names_files_and_foreign_ids_may_be_spoken_of_before_they_are_here(
        self, registry: Registry, subject: dict[str, object]
    ) -> None:
        entry = registry.statements.add("demo", [say("note", {"text": "soon"}, **subject)])[0]
        (value,) = subject.values()
        text = f"{value['scheme']}:{value['value']}" if isinstance(value, dict) else str(value)
        if "name" not in subject:
            assert [item.digest for item in registry.statements.list(text).items] == [entry.digest]

    @pytest.mark.parametrize("kind", ["record", "statement", "event"])
    def test_a_statement_about_what_is_not_here_is_refused(self, registry: Registry, kind: str) -> None:
        register(registry, f"{TOY}:V1")
        with untouched(registry), pytest.raises(MissingError) as caught:
            registry.statements.add("demo", [say("note", {"text": "?"}, **{kind: NOBODY})])
        assert caught.value.code == "no-subject"

    def test_a_statement_about_an_event_is_about_a_batch(self, registry: Registry) -> None:
        event = register(registry, f"{TOY}:V1").event
        assert event is not None
        entry = registry.statements.add("demo", [say("note", {"text": "the import of May"}, event=event)])[0]
        assert [item.digest for item in registry.statements.list(event).items] == [entry.digest]

    @pytest.mark.parametrize(
        ("type_", "body", "code"),
        [
            ("herdbook/horoscope/1", {}, "unknown-kind"),
            ("herdbook/note/2", {}, "unknown-kind"),
            ("herdbook/resolves/1", {"by": NOBODY}, "reserved-kind"),
            ("herdbook/profile/1", {"title": "T"}, "reserved-kind"),
            ("herdbook/ext-schema/1", {"entity": "model", "version": "1.0", "blob": NOBODY}, "reserved-kind"),
            ("herdbook/description/1", {"colour": "red"}, "bad-field"),
            ("herdbook/withdrawal/1", {}, "bad-field"),
            ("herdbook/known-issue/1", {"title": ""}, "bad-field"),
            ("herdbook/description/1", {"licence": "Apache 2"}, "bad-licence"),
            ("herdbook/description/1", {"licence": "Appache-2.0"}, "unknown-licence"),
            ("herdbook/evaluation/1", {"metrics": []}, "bad-field"),
            ("herdbook/evaluation/1", {"metrics": [{"name": "auc", "value": "high"}]}, "bad-number"),
            ("herdbook/moved/1", {"to": "nowhere"}, "bad-name"),
        ],
    )
    def test_what_does_not_fit_its_kind_is_refused(
        self, registry: Registry, type_: str, body: dict[str, object], code: str
    ) -> None:
        register(registry, f"{TOY}:V1")
        with untouched(registry), pytest.raises(InvalidError) as caught:
            registry.statements.add("demo", [Said(type=type_, subject=(Subject(name=TOY),), body=body)])
        assert caught.value.code == code

    @pytest.mark.parametrize(
        "licence", ["MIT", "Apache-2.0 WITH LLVM-exception", "(MIT OR CC-BY-4.0) AND BSD-3-Clause", "LicenseRef-CMS"]
    )
    def test_licences_are_spdx_expressions(self, registry: Registry, licence: str) -> None:
        record = register(registry, f"{TOY}:V1").record
        registry.statements.add("demo", [say("description", {"licence": licence}, record=record)])
        assert references(registry, f'licence = "{licence}"') == [f"{TOY}@1"]

    def test_a_kind_of_another_namespace_is_any_object(self, registry: Registry) -> None:
        record = register(registry, f"{TOY}:V1").record
        said = Said(
            type="demo/shift-report/1", subject=(Subject(record=record),), body={"text": "a calm walrus", "n": 3}
        )
        registry.statements.add("demo", [said])
        assert references(registry, "walrus") == [f"{TOY}@1"]

    def test_metrics_are_kept_exactly_and_found_by_value(self, registry: Registry) -> None:
        record = register(registry, f"{TOY}:V1").record
        metrics = [
            {"name": "auc", "value": 0.9130000000000001, "stat": 0.002, "split": "test"},
            {"name": "loss", "value": "NaN"},
            {"name": "chi2", "value": "-Infinity"},
        ]
        registry.statements.add("demo", [say("evaluation", {"metrics": metrics}, record=record)])
        assert registry.versions.dossier(f"{TOY}:V1").said("evaluation") == [{"metrics": metrics}]
        assert references(registry, "metric.auc > 0.9") == [f"{TOY}@1"]
        assert references(registry, "metric.auc > 0.95 OR metric.loss > 0 OR metric.chi2 < 0") == []

    def test_a_foreign_identity_leads_to_all_that_bear_it(self, registry: Registry) -> None:
        said = {"id": {"scheme": "cms-fileinpath", "value": "RecoTauTag/data/x.pb"}, "first": "V00-05"}
        for name in ("demo/tau/one", "demo/tau/two"):
            record = register(registry, f"{name}:V1", name).record
            registry.statements.add("demo", [say("identity", said, record=record)])
        assert references(registry, "id = RecoTauTag/data/x.pb") == ["demo/tau/one@1", "demo/tau/two@1"]

    def test_statements_are_listed_by_kind_page_by_page(self, registry: Registry) -> None:
        registry.statements.add("demo", [say("note", {"text": f"n{number}"}, name=TOY) for number in range(5)])
        registry.statements.add("demo", [say("known-issue", {"title": "It drifts"}, name=TOY)])
        register(registry, f"{TOY}:V1")
        seen, cursor = [], None
        while True:
            page = registry.statements.list(TOY, kind="note", cursor=cursor, limit=2)
            seen += [entry.digest for entry in page.items]
            if (cursor := page.cursor) is None:
                break
        assert len(seen) == len(set(seen)) == 5

    def test_a_statement_that_is_not_here_is_missing(self, registry: Registry) -> None:
        record = register(registry, f"{TOY}:V1").record
        for digest in (NOBODY, record):
            with pytest.raises(MissingError):
                registry.statements.get(digest)
        with pytest.raises(InvalidError):
            registry.statements.get("sha256:xyz")


class SupersedingContract(Given):
    """What takes the place of what was said."""

    def _described(self, registry: Registry, title: str, **more: object) -> str:
        record = registry.versions.get(f"{TOY}:V1").record
        said = say("description", {"title": title}, record=record).model_copy(update=more)
        return registry.statements.add("demo", [said])[0].digest

    def test_the_newer_statement_takes_the_place_of_the_older(self, registry: Registry) -> None:
        register(registry, f"{TOY}:V1")
        old = self._described(registry, "walrus")
        new = self._described(registry, "octopus", supersedes=(old,))
        assert registry.statements.get(old).superseded_by == (new,)
        assert not registry.statements.get(old).current
        assert [entry.digest for entry in registry.statements.list(f"{TOY}:V1").items] == [new]
        assert {entry.digest for entry in registry.statements.list(f"{TOY}:V1", every=True).items} == {old, new}
        assert registry.versions.dossier(f"{TOY}:V1").said("description") == [{"title": "octopus"}]
        assert (references(registry, "walrus"), references(registry, "octopus")) == ([], [f"{TOY}@1"])

    def test_what_was_superseded_may_be_said_again(self, registry: Registry) -> None:
        register(registry, f"{TOY}:V1")
        old = self._described(registry, "walrus")
        new = self._described(registry, "octopus", supersedes=(old,))
        again = self._described(registry, "walrus", supersedes=(new,))
        assert again != old
        assert registry.statements.get(again).current

    def test_the_namespace_may_supersede_what_another_said_in_it(self, registry: Registry, other: Registry) -> None:
        register(registry, f"{TOY}:V1")
        old = self._described(registry, "walrus")
        new = self._described(other, "octopus", supersedes=(old,))
        assert registry.statements.get(old).superseded_by == (new,)

    def test_nobody_else_may_from_another_namespace(self, registry: Registry, other: Registry) -> None:
        register(registry, f"{TOY}:V1")
        old = self._described(registry, "walrus")
        record = registry.versions.get(f"{TOY}:V1").record
        said = say("description", {"title": "octopus"}, record=record).model_copy(update={"supersedes": (old,)})
        with untouched(registry), pytest.raises(DeniedError) as caught:
            other.statements.add("theirs", [said])
        assert caught.value.code == "not-yours"

    def test_only_the_same_kind_supersedes(self, registry: Registry) -> None:
        register(registry, f"{TOY}:V1")
        old = self._described(registry, "walrus")
        said = say("note", {"text": "x"}, name=TOY).model_copy(update={"supersedes": (old,)})
        with untouched(registry), pytest.raises(ConflictError):
            registry.statements.add("demo", [said])
        with untouched(registry), pytest.raises(MissingError):
            self._described(registry, "x", supersedes=(NOBODY,))

    def test_a_withdrawn_statement_is_current_no_more_until_that_is_withdrawn(self, registry: Registry) -> None:
        register(registry, f"{TOY}:V1")
        old = self._described(registry, "walrus")
        gone = registry.statements.add("demo", [say("withdrawal", {"reason": "a slip"}, statement=old)])[0].digest
        assert registry.statements.get(old).withdrawn_by == (gone,)
        assert references(registry, "walrus") == []
        registry.statements.add("demo", [say("withdrawal", {"reason": "no slip"}, statement=gone)])
        assert registry.statements.get(old).current
        assert references(registry, "walrus") == [f"{TOY}@1"]

    def test_another_namespace_cannot_withdraw_a_statement(self, registry: Registry, other: Registry) -> None:
        register(registry, f"{TOY}:V1")
        old = self._described(registry, "walrus")
        other.statements.add("theirs", [say("withdrawal", {"reason": "I say so"}, statement=old)])
        assert registry.statements.get(old).current
        registry.statements.add("mine", [say("withdrawal", {"reason": "I said it"}, statement=old)])
        assert not registry.statements.get(old).current
