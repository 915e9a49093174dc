"""The contract of states: deprecated, withdrawn, with a known issue; and from which journal that counts."""

from __future__ import annotations

import pytest

from herdbook.model.statements import Said, Subject
from herdbook.ports.registry import Registry
from herdbook.testing.registry_samples import DEPRECATION, WITHDRAWAL, Given, references, register, say

TOY = "demo/tau/toy"
KINDS = [("withdrawal", "withdrawn", {"reason": "wrong units"}), ("deprecation", "deprecated", {"reason": "old"})]


class StateContract(Given):
    """What a statement of state covers."""

    @pytest.mark.parametrize(("kind", "state", "body"), KINDS)
    def test_on_a_record_it_covers_that_version(
        self, registry: Registry, kind: str, state: str, body: dict[str, object]
    ) -> None:
        record = register(registry, f"{TOY}:V1").record
        register(registry, f"{TOY}:V2", "two")
        registry.statements.add("demo", [say(kind, body, record=record)])
        assert registry.versions.get(f"{TOY}:V1").state == state
        assert registry.versions.get(f"{TOY}:V2").state == "current"
        assert references(registry, f"state = {state}") == [f"{TOY}@1"]
        assert any(str(body["reason"]) in warning for warning in registry.versions.dossier(f"{TOY}:V1").warnings)

    @pytest.mark.parametrize(("kind", "state", "body"), KINDS)
    def test_on_a_name_it_covers_later_versions_too(
        self, registry: Registry, kind: str, state: str, body: dict[str, object]
    ) -> None:
        register(registry, f"{TOY}:V1")
        registry.statements.add("demo", [say(kind, body, name=TOY)])
        register(registry, f"{TOY}:V2", "two")
        assert {entry.state for entry in registry.versions.list(TOY).items} == {state}
        assert references(registry, f"state = {state}") == [f"{TOY}@1", f"{TOY}@2"]
        assert registry.models.get(TOY).state == state

    def test_on_a_name_with_labels_it_covers_these(self, registry: Registry) -> None:
        register(registry, f"{TOY}:V1")
        register(registry, f"{TOY}:V2", "two")
        subject = Subject(name=TOY, labels=("V1", "V3"))
        registry.statements.add("demo", [Said(type=WITHDRAWAL, subject=(subject,), body={"reason": "wrong units"})])
        register(registry, f"{TOY}:V3", "three")
        states = {entry.labels[0]: entry.state for entry in registry.versions.list(TOY).items}
        assert states == {"V1": "withdrawn", "V2": "current", "V3": "withdrawn"}
        assert references(registry, "state = withdrawn") == [f"{TOY}@1", f"{TOY}@3"]
        assert registry.models.get(TOY).state == "current"
        assert not registry.versions.dossier(f"{TOY}:V2").warnings

    def test_on_several_subjects_it_covers_each(self, registry: Registry) -> None:
        records = [register(registry, f"{TOY}:V{number}", f"{number}").record for number in (1, 2, 3)]
        subjects = tuple(Subject(record=record) for record in records[:2])
        registry.statements.add("demo", [Said(type=DEPRECATION, subject=subjects, body={"reason": "old"})])
        assert references(registry, "state = deprecated") == [f"{TOY}@1", f"{TOY}@2"]

    def test_a_withdrawal_weighs_more_than_a_deprecation(self, registry: Registry) -> None:
        record = register(registry, f"{TOY}:V1").record
        registry.statements.add("demo", [say("withdrawal", {"reason": "wrong"}, record=record)])
        registry.statements.add("demo", [say("deprecation", {"reason": "old"}, record=record)])
        assert registry.versions.get(f"{TOY}:V1").state == "withdrawn"

    def test_a_withdrawn_version_still_resolves_exactly(self, registry: Registry) -> None:
        record = register(registry, f"{TOY}:V1").record
        body = {"reason": "wrong", "replacement": f"{TOY}:V2"}
        registry.statements.add("demo", [say("withdrawal", body, record=record)])
        for text in (f"{TOY}:V1", f"{TOY}@1", record):
            assert registry.versions.get(text).withdrawn
        assert any(f"Use {TOY}:V2" in warning for warning in registry.versions.dossier(record).warnings)
        registry.files.open(f"{TOY}:V1", "model.bin").close()

    def test_taking_a_withdrawal_back_makes_the_version_current(self, registry: Registry) -> None:
        record = register(registry, f"{TOY}:V1").record
        said = registry.statements.add("demo", [say("withdrawal", {"reason": "wrong"}, record=record)])[0]
        registry.statements.add("demo", [say("withdrawal", {"reason": "right after all"}, statement=said.digest)])
        assert registry.versions.get(f"{TOY}:V1").state == "current"
        assert references(registry, "state = current") == [f"{TOY}@1"]

    @pytest.mark.parametrize("on", ["record", "name"])
    def test_from_another_namespace_it_is_shown_and_does_not_count(self, registry: Registry, on: str) -> None:
        record = register(registry, f"{TOY}:V1").record
        subject = {"record": record} if on == "record" else {"name": TOY}
        registry.statements.add("theirs", [say("withdrawal", {"reason": "we do not like it"}, **subject)])
        assert registry.versions.get(f"{TOY}:V1").state == "current"
        assert registry.models.get(TOY).state == "current"
        assert references(registry, "state = withdrawn") == []
        dossier = registry.versions.dossier(f"{TOY}:V1")
        assert [entry.namespace for entry in dossier.statements] == ["theirs"]
        assert any("theirs" in warning and "does not count" in warning for warning in dossier.warnings)

    def test_the_same_record_in_two_namespaces_is_withdrawn_in_one(self, registry: Registry) -> None:
        record = register(registry, f"{TOY}:V1").record
        register(registry, "theirs/tau/toy:V1")
        registry.statements.add("theirs", [say("withdrawal", {"reason": "wrong"}, record=record)])
        assert registry.versions.get("theirs/tau/toy:V1").withdrawn
        assert registry.versions.get(f"{TOY}:V1").state == "current"

    def test_a_known_issue_is_loud_and_found(self, registry: Registry) -> None:
        record = register(registry, f"{TOY}:V1").record
        register(registry, f"{TOY}:V2", "two")
        issue = {"title": "Biased above 1 TeV", "severity": "high", "workaround": "clip pt", "fixed_in": "V2"}
        registry.statements.add("demo", [say("known-issue", issue, record=record)])
        assert references(registry, "issue = yes") == [f"{TOY}@1"]
        assert references(registry, "clip") == [f"{TOY}@1"]
        assert any("Biased above 1 TeV" in warning for warning in registry.versions.dossier(f"{TOY}:V1").warnings)


class DossierContract(Given):
    """All that is said about a version, and what was said about its sisters."""

    def test_a_sister_with_the_same_files_at_other_paths_is_shown_as_such(self, registry: Registry) -> None:
        first = register(registry, "demo/tau/one:V1", {"a.bin": b"\0one", "b.bin": b"\0two"}).record
        register(registry, "demo/tau/two:V1", {"x/a.bin": b"\0one", "x/b.bin": b"\0two"})
        registry.statements.add("demo", [say("evaluation", {"metrics": [{"name": "auc", "value": 0.9}]}, record=first)])
        dossier = registry.versions.dossier("demo/tau/two:V1")
        assert dossier.same_content == ("demo/tau/one@1",)
        assert [entry.about for entry in dossier.statements] == ["sister"]
        assert dossier.said("evaluation") == []

    def test_a_version_that_differs_in_its_readme_alone_has_the_same_payload(self, registry: Registry) -> None:
        register(registry, "demo/tau/one:V1", {"a.bin": b"\0one", "README.md": b"# First\n"})
        register(registry, "demo/tau/two:V1", {"a.bin": b"\0one", "README.md": b"# Second\n"})
        dossier = registry.versions.dossier("demo/tau/two:V1")
        assert (dossier.same_content, dossier.same_payload) == ((), ("demo/tau/one@1",))

    def test_every_file_is_shown_with_its_digests(self, registry: Registry) -> None:
        register(registry, "demo/tau/one:V1", {"a.bin": b"\0one", "README.md": b"# A title\n"})
        files = {view.path: view for view in registry.versions.dossier("demo/tau/one:V1").files}
        assert set(files) == {"a.bin", "README.md"}
        for view in files.values():
            assert view.here
            assert view.content is not None
            assert view.content.sha256 == view.digest
        facts = files["README.md"].facts
        assert facts is not None
        assert facts.format == "readme"
