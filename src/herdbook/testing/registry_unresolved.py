"""The contract of files whose bytes nobody holds yet, and of bytes that arrive later."""

from __future__ import annotations

import pytest

from herdbook.kernel.errors import ConflictError, MissingError
from herdbook.model.files import File
from herdbook.model.journal import RecordOp, StatementOp
from herdbook.model.versions import Version
from herdbook.ports.registry import Registry
from herdbook.testing.registry_samples import (
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
    unresolved,
    untouched,
)

TOY = "demo/tau/toy"
DATA = binary("late")
FULL = resolved({PATH: DATA})
RESOLVING = [("git_sha1", False), ("git_sha1", True), ("md5", True)]
PROPOSING = [("md5", False), ("adler32", True), ("adler32", False)]


def _two_files() -> Version:
    """Return a version of two files, both by git's id."""
    return Version.of(
        File(path=path, digest=content_of(binary(text)).git_sha1) for path, text in (("a", "first"), ("b", "second"))
    )


class UnresolvedContract(Given):
    """A version whose files are known by a weaker digest."""

    @pytest.mark.parametrize(("by", "sized"), RESOLVING + PROPOSING)
    def test_it_can_be_registered_found_and_linked_but_not_read(self, registry: Registry, by: str, sized: bool) -> None:
        version = unresolved(DATA, by, sized=sized)
        answer = register(registry, f"{TOY}:V1", version)
        assert answer.outcome == "registered"
        assert references(registry, "resolved = no") == [f"{TOY}@1"]
        assert references(registry, f"file = {version.files[0].digest}") == [f"{TOY}@1"]
        assert [check.status for check in registry.files.verify(f"{TOY}:V1")] == ["unresolved"]
        with pytest.raises(MissingError) as caught:
            registry.files.open(f"{TOY}:V1", PATH).close()
        assert caught.value.code == "unresolved"
        assert "supply" in caught.value.hint

    @pytest.mark.parametrize(("by", "sized"), RESOLVING)
    def test_registering_the_bytes_under_its_label_resolves_it(self, registry: Registry, by: str, sized: bool) -> None:
        old = register(registry, f"{TOY}:V1", unresolved(DATA, by, sized=sized))
        with events_made(registry, "demo", 1) as made:
            new = register(registry, f"{TOY}:V1", {PATH: DATA})
        assert [type(op) for op in made[0].ops] == [RecordOp, StatementOp]
        assert (new.outcome, new.ordinal, new.label) == ("resolved", 1, "V1")
        self._assert_one_node(registry, old.record)
        with untouched(registry):
            assert register(registry, f"{TOY}:V1", {PATH: DATA}).outcome == "unchanged"

    @pytest.mark.parametrize(("by", "sized"), RESOLVING)
    def test_bytes_that_are_supplied_resolve_it(self, registry: Registry, by: str, sized: bool) -> None:
        old = register(registry, f"{TOY}:V1", unresolved(DATA, by, sized=sized))
        content = put(registry, DATA)
        with events_made(registry, "demo", 1) as made:
            (done,) = registry.files.supply([content.sha256])
        assert [type(op) for op in made[0].ops] == [RecordOp, StatementOp]
        assert (done.outcome, done.model, done.ordinal) == ("resolved", TOY, 1)
        self._assert_one_node(registry, old.record)
        with untouched(registry):
            assert list(registry.files.supply([content.sha256])) == []

    def test_bytes_that_come_with_another_registration_resolve_it(self, registry: Registry) -> None:
        old = register(registry, f"{TOY}:V1", unresolved(DATA))
        with events_made(registry, "demo", 1):
            register(registry, "demo/jet/other:V1", {PATH: DATA, "more": binary("more")})
        self._assert_one_node(registry, old.record)

    def _assert_one_node(self, registry: Registry, old: str) -> None:
        """Old and new digest lead to the one version, whose ordinal and label stayed and which yields its bytes."""
        for text in (f"{TOY}:V1", f"{TOY}@1", old, f"{TOY}@{FULL.digest}", FULL.digest):
            entry = registry.versions.get(text)
            assert (entry.model, entry.ordinal, entry.labels) == (TOY, 1, ("V1",))
            assert (entry.record, entry.resolved_by, entry.version) == (old, FULL.digest, FULL)
        with registry.files.open(f"{TOY}:V1", PATH) as stream:
            assert stream.read() == DATA
        assert [check.status for check in registry.files.verify(f"{TOY}:V1")] == ["ok"]
        assert references(registry, f"name = {TOY} resolved = yes") == [f"{TOY}@1"]
        assert references(registry, f"name = {TOY} file = {content_of(DATA).sha256}") == [f"{TOY}@1"]
        for digest in (old, FULL.digest):
            assert references(registry, f"name = {TOY} digest = {digest}") == [f"{TOY}@1"]

    def test_md5_without_a_size_warns_in_the_evidence_when_it_has_one(self, registry: Registry) -> None:
        old = register(registry, f"{TOY}:V1", unresolved(DATA, "md5", sized=True))
        register(registry, f"{TOY}:V1", {PATH: DATA})
        (entry,) = registry.statements.list(old.record, kind="resolves").items
        assert entry.statement.body == {"by": FULL.digest}
        assert "md5" in str(entry.statement.evidence)

    @pytest.mark.parametrize(("by", "sized"), PROPOSING)
    def test_a_digest_that_is_too_weak_only_proposes(self, registry: Registry, by: str, sized: bool) -> None:
        register(registry, f"{TOY}:V1", unresolved(DATA, by, sized=sized))
        content = put(registry, DATA)
        with untouched(registry):
            assert list(registry.files.supply([content.sha256])) == []
        register(registry, "demo/jet/other:V1", {PATH: DATA})
        assert registry.versions.get(f"{TOY}:V1").resolved_by is None

    @pytest.mark.parametrize(("by", "sized"), PROPOSING)
    def test_a_person_who_knows_better_confirms_a_weak_digest(self, registry: Registry, by: str, sized: bool) -> None:
        old = register(registry, f"{TOY}:V1", unresolved(DATA, by, sized=sized))
        item = prepared(registry, f"{TOY}:V1", {PATH: DATA})
        with untouched(registry), pytest.raises(ConflictError) as caught:
            registry.versions.record([item])
        assert caught.value.code == "confirm-weak"
        wrong = prepared(registry, f"{TOY}:V1", {PATH: binary("else")}, confirm=True)
        with untouched(registry), pytest.raises(ConflictError) as caught:
            registry.versions.record([wrong])
        assert caught.value.code == "label-taken"
        registry.versions.record([item.model_copy(update={"confirm": True})])
        self._assert_one_node(registry, old.record)
        (entry,) = registry.statements.list(old.record, kind="resolves").items
        assert "asserted" in str(entry.statement.evidence)

    def test_a_size_that_differs_resolves_nothing(self, registry: Registry) -> None:
        content = content_of(DATA)
        version = Version.of([File(path=PATH, digest=content.git_sha1, size=content.size + 1)])
        register(registry, f"{TOY}:V1", version)
        put(registry, DATA)
        with untouched(registry):
            assert list(registry.files.supply([content.sha256])) == []

    def test_files_that_arrive_one_by_one_are_readable_one_by_one(self, registry: Registry) -> None:
        register(registry, f"{TOY}:V1", _two_files())
        first, second = put(registry, binary("first")), put(registry, binary("second"))
        with events_made(registry, "demo", 1):
            assert list(registry.files.supply([first.sha256])) == []
        with registry.files.open(f"{TOY}:V1", "a") as stream:
            assert stream.read() == binary("first")
        with pytest.raises(MissingError):
            registry.files.open(f"{TOY}:V1", "b").close()
        assert references(registry, "resolved = no") == [f"{TOY}@1"]
        with events_made(registry, "demo", 1):
            (done,) = registry.files.supply([second.sha256])
        assert done.outcome == "resolved"
        entry = registry.versions.get(f"{TOY}:V1")
        assert entry.version == resolved({"a": binary("first"), "b": binary("second")})

    def test_what_was_said_of_the_old_record_is_said_of_the_new(self, registry: Registry) -> None:
        old = register(registry, f"{TOY}:V1", unresolved(DATA)).record
        registry.statements.add("demo", [say("note", {"text": "a walrus"}, record=old)])
        register(registry, f"{TOY}:V1", {PATH: DATA})
        registry.statements.add("demo", [say("note", {"text": "an octopus"}, record=FULL.digest)])
        texts = {entry.statement.body.get("text") for entry in registry.versions.dossier(f"{TOY}:V1").statements}
        assert texts >= {"a walrus", "an octopus"}
        assert references(registry, "walrus octopus") == [f"{TOY}@1"]

    @pytest.mark.parametrize("which", ["old", "new"])
    def test_a_withdrawal_of_either_record_withdraws_it(self, registry: Registry, which: str) -> None:
        old = register(registry, f"{TOY}:V1", unresolved(DATA)).record
        register(registry, f"{TOY}:V1", {PATH: DATA})
        record = old if which == "old" else FULL.digest
        registry.statements.add("demo", [say("withdrawal", {"reason": "wrong"}, record=record)])
        assert registry.versions.get(f"{TOY}:V1").withdrawn
        assert references(registry, "state = withdrawn") == [f"{TOY}@1"]

    def test_a_new_label_for_the_bytes_of_a_resolved_version_is_a_second_label(self, registry: Registry) -> None:
        old = register(registry, f"{TOY}:V1", unresolved(DATA)).record
        register(registry, f"{TOY}:V1", {PATH: DATA})
        answer = register(registry, f"{TOY}:V2", {PATH: DATA})
        assert (answer.outcome, answer.ordinal) == ("labelled", 1)
        assert registry.versions.get(f"{TOY}:V2").record == old
        with untouched(registry):
            assert register(registry, f"{TOY}:V2", {PATH: DATA}).outcome == "unchanged"
            assert register(registry, TOY, {PATH: DATA}).ordinal == 1

    def test_a_further_label_and_undo_work_on_what_was_resolved(self, registry: Registry) -> None:
        register(registry, f"{TOY}:V1", unresolved(DATA))
        register(registry, f"{TOY}:V1", {PATH: DATA})
        registry.pointers.label(f"{TOY}:V1", "Summer18")
        registry.pointers.alias(TOY, "production", "Summer18")
        assert registry.versions.get(f"{TOY}@production").version == FULL
        registry.versions.undo(f"{TOY}@1", reason="wrong")
        assert registry.versions.get(f"{TOY}@1").withdrawn
        assert register(registry, f"{TOY}:V1", {PATH: DATA}).ordinal == 1
        assert registry.versions.get(f"{TOY}:V1").state == "current"

    def test_what_another_registered_is_not_resolved_by_my_bytes(self, registry: Registry, other: Registry) -> None:
        register(other, f"{TOY}:V1", unresolved(DATA))
        content = put(registry, DATA)
        with untouched(registry):
            assert list(registry.files.supply([content.sha256])) == []
        register(registry, "demo/jet/other:V1", {PATH: DATA})
        assert other.versions.get(f"{TOY}:V1").resolved_by is None

    def test_bytes_that_another_brought_cannot_be_supplied(self, registry: Registry, other: Registry) -> None:
        register(registry, f"{TOY}:V1", unresolved(DATA))
        content = put(other, DATA)
        with untouched(registry):
            assert list(registry.files.supply([content.sha256])) == []
        assert registry.versions.get(f"{TOY}:V1").resolved_by is None

    @pytest.mark.parametrize("whole", [True, False])
    def test_a_resolution_counts_in_its_own_namespace_only(
        self, registry: Registry, other: Registry, *, whole: bool
    ) -> None:
        """Whoever finds other bytes for a weak digest must not slip them under somebody else's version."""
        version = unresolved(DATA, "adler32") if whole else _two_files()
        register(registry, f"{TOY}:V1", version)
        register(other, "theirs/tau/toy:V1", version)
        if whole:
            register(other, "theirs/tau/toy:V1", {PATH: DATA}, confirm=True)
            assert other.versions.get("theirs/tau/toy:V1").version == FULL
        else:
            other.files.supply([put(other, binary("first")).sha256])
            other.files.open("theirs/tau/toy:V1", "a").close()
        mine = registry.versions.get(f"{TOY}:V1")
        assert (mine.version, mine.resolved_by) == (version, None)
        with pytest.raises(MissingError):
            registry.files.open(f"{TOY}:V1", version.files[0].path).close()
        assert not any(view.here for view in registry.versions.dossier(f"{TOY}:V1").files)
        assert references(registry, "resolved = yes") == (["theirs/tau/toy@1"] if whole else [])
        late = content_of(DATA if whole else binary("first")).sha256
        assert references(registry, f"file = {late}") == ["theirs/tau/toy@1"]

    def test_a_resolution_tells_nothing_twice(self, registry: Registry) -> None:
        register(registry, "demo/jet/full:V1", {PATH: DATA})
        register(registry, f"{TOY}:V1", unresolved(DATA))
        content = put(registry, DATA)
        registry.files.supply([content.sha256])
        told = [
            op.digest
            for entry in registry.journal.events("demo").items
            for op in entry.event.ops
            if isinstance(op, RecordOp | StatementOp)
        ]
        assert len(told) == len(set(told))
        assert registry.versions.get(f"{TOY}:V1").version == FULL
        assert registry.versions.get("demo/jet/full:V1").resolved_by is None

    def test_resolution_is_one_node_in_a_trace(self, registry: Registry) -> None:
        old = register(registry, f"{TOY}:V1", unresolved(DATA)).record
        register(registry, f"{TOY}:V1", {PATH: DATA})
        for start in (f"{TOY}:V1", old, FULL.digest):
            lineage = registry.versions.trace(start)
            assert [node.kind for node in lineage.nodes] == ["version", "unknown"]
            assert lineage.nodes[0].resolved
