"""The contract of journals and of files: what happened, what state that is, and bytes that are what they were."""

from __future__ import annotations

import io
from itertools import pairwise

import pytest

from herdbook.kernel import digests
from herdbook.kernel.errors import InvalidError, MissingError
from herdbook.model.activities import Activity
from herdbook.model.datasets import Dataset
from herdbook.model.identifiers import Identifier
from herdbook.model.journal import EventEntry, Genesis, VersionOp
from herdbook.model.models import Profile
from herdbook.model.versions import Version
from herdbook.ports.registry import Registry
from herdbook.testing.registry_lineage import dataset, training
from herdbook.testing.registry_samples import (
    NOBODY,
    PATH,
    Given,
    binary,
    content_of,
    events_made,
    put,
    register,
    replayed,
    say,
    unresolved,
    untouched,
)

TOY = "demo/tau/toy"


class JournalContract(Given):
    """Events, their chain, and the state they give."""

    def _live(self, registry: Registry) -> int:
        """Do one of each kind of write; return how many events that makes after the genesis."""
        first = register(registry, f"{TOY}:V1", statements=[say("profile", {"title": "T"}, name=TOY)])
        second = register(registry, f"{TOY}:V2", unresolved(binary("late")))
        data = registry.datasets.register("demo", dataset())
        registry.activities.register("demo", training(data.record, out=first.record))
        registry.models.profile(TOY, Profile(title="U"))
        noted = registry.statements.add("demo", [say("note", {"text": "n"}, record=first.record)])[0]
        registry.statements.add("demo", [say("withdrawal", {"reason": "r"}, statement=noted.digest)])
        registry.pointers.label(f"{TOY}:V1", "Summer18")
        registry.pointers.alias(TOY, "production", "V1", reason="better")
        registry.pointers.clear(TOY, "production")
        registry.versions.undo(f"{TOY}:V1", reason="wrong")
        put(registry, binary("late"))
        assert registry.files.supply([content_of(binary("late")).sha256])[0].ordinal == second.ordinal
        registry.namespaces.schema("demo", "model", "1.0", {"type": "object"})
        register(registry, f"{TOY}:V1", "one")
        return 14

    def test_every_write_is_one_event_with_its_principal(self, registry: Registry) -> None:
        registry.namespaces.create("demo")
        with events_made(registry, "demo", 14):
            assert self._live(registry) == 14

    def test_the_events_are_a_chain(self, registry: Registry) -> None:
        self._live(registry)
        entries = registry.journal.events("demo", limit=100).items
        genesis = entries[0].event
        assert isinstance(genesis.ops[0], Genesis)
        assert (genesis.seq, genesis.journal, genesis.prev) == (1, None, None)
        for before, entry in pairwise(entries):
            assert entry.event.seq == before.event.seq + 1
            assert entry.event.prev == before.digest == before.event.digest
            assert entry.event.journal == entries[0].digest
            assert entry.event.time >= before.event.time
        checkpoint = registry.journal.checkpoint("demo")
        assert (checkpoint.journal, checkpoint.seq) == (entries[0].digest, entries[-1].event.seq)
        assert checkpoint.head == entries[-1].digest
        assert str(checkpoint) == f"{checkpoint.journal}:{checkpoint.seq}:{checkpoint.head}"

    def test_the_state_digest_is_that_of_the_events_replayed(self, registry: Registry) -> None:
        registry.namespaces.create("demo")
        assert registry.journal.state_digest("demo") == digests.of(b"")
        self._live(registry)
        assert registry.journal.state_digest("demo") == replayed(registry, "demo").digest()

    def test_every_body_that_an_event_names_is_here_under_its_digest(self, registry: Registry) -> None:
        self._live(registry)
        entries = registry.journal.events("demo", limit=100).items
        named = [op.digest for entry in entries for op in entry.event.ops if op.op in {"record", "statement"}]
        bodies = registry.journal.bodies(named)
        assert set(bodies) == set(named)
        assert all(digests.of(body) == digest for digest, body in bodies.items())
        assert registry.journal.bodies([NOBODY]) == {}

    def test_events_are_read_page_by_page(self, registry: Registry) -> None:
        self._live(registry)
        whole = registry.journal.events("demo", limit=100)
        assert whole.cursor is None
        assert whole.total == len(whole.items)
        seen: list[EventEntry] = []
        after = 0
        while True:
            page = registry.journal.events("demo", after=after, limit=4)
            seen += page.items
            if page.cursor is None:
                break
            after = int(page.cursor)
        assert seen == list(whole.items)

    def test_lines_are_the_events_byte_for_byte(self, registry: Registry) -> None:
        self._live(registry)
        entries = registry.journal.events("demo", limit=100).items
        lines = list(registry.journal.lines("demo"))
        assert [digests.of(line) for line in lines] == [entry.digest for entry in entries]
        assert lines == [entry.event.canonical for entry in entries]
        assert list(registry.journal.lines("demo", after=3, limit=2)) == lines[3:5]
        assert list(registry.journal.lines("demo", after=len(lines))) == []
        with pytest.raises(InvalidError):
            registry.journal.lines("demo", limit=0)

    def test_a_namespace_that_is_not_here_is_missing(self, registry: Registry) -> None:
        registry.namespaces.create("demo")
        calls = registry.journal
        for ask in (calls.events, calls.lines, calls.checkpoint, calls.state_digest):
            with pytest.raises(MissingError) as caught:
                ask("nowhere")
            assert "demo" in caught.value.hint

    def test_ordinals_count_up_in_each_model(self, registry: Registry) -> None:
        for number in range(4):
            register(registry, f"demo/m/{'ab'[number % 2]}", f"{number}")
        placed = [
            (op.model, op.ordinal)
            for entry in registry.journal.events("demo").items
            for op in entry.event.ops
            if isinstance(op, VersionOp)
        ]
        assert placed == [("demo/m/a", 1), ("demo/m/b", 1), ("demo/m/a", 2), ("demo/m/b", 2)]

    def test_a_journal_is_the_namespaces_own(self, registry: Registry) -> None:
        register(registry, "alpha/m/a:V1")
        with events_made(registry, "alpha", 0):
            register(registry, "beta/m/a:V1", "two")
        assert {head.namespace for head in registry.namespaces.list()} == {"alpha", "beta"}


class FileContract(Given):
    """Bytes in, and the same bytes out."""

    @pytest.mark.parametrize("data", [b"", b"\0", binary("x") * 100_000])
    def test_bytes_come_out_as_they_went_in(self, registry: Registry, data: bytes) -> None:
        with untouched(registry):
            assert put(registry, data) == content_of(data)
        register(registry, f"{TOY}:V1", {PATH: data})
        with registry.files.open(f"{TOY}:V1", PATH) as stream:
            assert stream.read() == data
            stream.seek(0)
            assert stream.read(1) == data[:1]
        assert [check.status for check in registry.files.verify(f"{TOY}:V1")] == ["ok"]

    def test_several_are_put_at_once(self, registry: Registry) -> None:
        data = [binary("a"), binary("b"), binary("a")]
        assert registry.files.put_many([io.BytesIO(item) for item in data]) == [content_of(item) for item in data]
        assert registry.files.put_many([]) == []

    def test_a_file_that_the_version_has_not_is_answered_with_those_it_has(self, registry: Registry) -> None:
        register(registry, f"{TOY}:V1")
        with pytest.raises(MissingError) as caught:
            registry.files.open(f"{TOY}:V1", "other.bin").close()
        assert PATH in caught.value.hint
        with pytest.raises(MissingError):
            registry.files.open(f"{TOY}:V2", PATH).close()

    def test_every_blob_that_a_namespace_names_can_be_had_and_no_other(self, registry: Registry) -> None:
        manifest, config, model, late = (binary(text) for text in ("manifest", "config", "model", "late"))
        for data in (manifest, config):
            put(registry, data)
        made = register(registry, f"{TOY}:V1", {PATH: model})
        data_set = Dataset(id=Identifier(scheme="local", value="x"), manifest=content_of(manifest).sha256)
        registry.datasets.register("demo", data_set)
        told = {"kind": "training", "status": "finished", "outputs": [{"record": made.record, "role": "model"}]}
        inputs = [{"blob": content_of(config).sha256, "role": "config"}]
        registry.activities.register("demo", Activity.read({**told, "inputs": inputs}))
        files = [*unresolved(late, path="a").files, *unresolved(binary("never"), path="b").files]
        register(registry, f"{TOY}:V2", Version.of(files))
        put(registry, late)
        registry.files.supply([content_of(late).sha256])
        for data in (manifest, config, model, late):
            with registry.files.blob("demo", content_of(data).sha256) as stream:
                assert stream.read() == data
        register(registry, "other/m/a:V1", "elsewhere")
        put(registry, binary("nobody's"))
        for text in ("elsewhere", "nobody's", "never"):
            with pytest.raises(MissingError):
                registry.files.blob("demo", content_of(binary(text)).sha256).close()
        with pytest.raises(MissingError):
            registry.files.blob("nowhere", content_of(model).sha256).close()
        for word in ("sha256:xyz", "md5:" + "0" * 32):
            with pytest.raises(InvalidError):
                registry.files.blob("demo", word).close()

    def test_supplying_nothing_or_what_is_not_here_does_nothing(self, registry: Registry) -> None:
        register(registry, f"{TOY}:V1", unresolved(binary("late")))
        with untouched(registry):
            assert list(registry.files.supply([])) == []
            assert list(registry.files.supply([content_of(binary("late")).sha256])) == []

    def test_what_is_no_digest_is_refused(self, registry: Registry) -> None:
        register(registry, f"{TOY}:V1")
        for text in ("sha256:xyz", "md5:" + "0" * 32, ""):
            with untouched(registry), pytest.raises(InvalidError):
                registry.files.supply([text])
