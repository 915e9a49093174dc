"""Random registrations, labels, aliases, undoes and statements, against a perfect little model in dictionaries."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from tests.servers.postgres import Server, fresh

from herdbook.kernel import digests
from herdbook.kernel.errors import ConflictError, MissingError
from herdbook.model.principals import Principal
from herdbook.ports.formats import Readers
from herdbook.ports.registry import Registry
from herdbook.service.context import Context
from herdbook.service.registry import LocalRegistry
from herdbook.stores.disk.blobs import DiskBlobs
from herdbook.stores.sql.catalogue import SqlCatalogue
from herdbook.testing.registry_samples import PATH, binary, prepared, references, replayed, resolved, say

LONGER = settings.get_current_profile_name() == "long"
MODELS = ("demo/m/a", "demo/m/b", "other/m/a")
LABELS = ("V1", "v1", "V2", "Summer-18")
CONTENTS = ("one", "two", "three")
ALIASES = ("production", "next")
WORDS = ("walrus", "octopus")
RECORDS = {text: resolved({PATH: binary(text)}).digest for text in CONTENTS}

models = st.sampled_from(MODELS)
namespaces = st.sampled_from(("demo", "other"))
contents = st.sampled_from(CONTENTS)
ordinals = st.integers(1, 3)


@dataclass
class Placed:
    """A version as it should be."""

    content: str
    undone: bool = False


@dataclass
class Named:
    """A model as it should be. Labels by folded spelling; ``order`` counts moves, so that the newest is known."""

    versions: list[Placed] = field(default_factory=list)
    labels: dict[str, tuple[str, int, int]] = field(default_factory=dict)
    aliases: dict[str, int] = field(default_factory=dict)

    def find(self, content: str) -> int:
        return next((n for n, v in enumerate(self.versions, 1) if v.content == content), 0)

    def labelled(self, ordinal: int) -> set[str]:
        return {spelling for spelling, to, _ in self.labels.values() if to == ordinal}


class Machine(RuleBasedStateMachine):
    """Does the same to a registry and to the model, and compares."""

    def __init__(self, open_: Callable[[], tuple[LocalRegistry, Path]]) -> None:
        super().__init__()
        self.registry, self.folder = open_()
        self.real: Registry = self.registry
        self.named = {name: Named() for name in MODELS}
        self.withdrawn: dict[tuple[str, str], str] = {}
        self.notes: dict[tuple[str, str], set[str]] = {
            word_in: set() for word_in in ((n, w) for n in ("demo", "other") for w in WORDS)
        }
        self.moves = 0
        self.seqs: dict[str, int] = {}

    def teardown(self) -> None:
        self.registry.close()
        shutil.rmtree(self.folder)

    # -- what should be

    def state(self, model: str, ordinal: int) -> str:
        version = self.named[model].versions[ordinal - 1]
        namespace = model.partition("/")[0]
        gone = version.undone or (namespace, version.content) in self.withdrawn
        return "withdrawn" if gone else "current"

    def changed(self, namespace: str, *, really: bool) -> None:
        """Check that a write was one event when it changed something, and none when not."""
        before = self.seqs.get(namespace, 1)
        now = next((head.seq for head in self.real.namespaces.list() if head.namespace == namespace), 1)
        assert now - before == int(really)
        self.seqs[namespace] = now

    # -- what is done

    @rule(model=models, label=st.sampled_from((None, *LABELS)), content=contents)
    def register(self, model: str, label: str | None, content: str) -> None:
        named = self.named[model]
        item = prepared(self.real, f"{model}:{label}" if label else model, content)
        held = named.labels.get(label.casefold()) if label else None
        if held and (held[0] != label or named.versions[held[1] - 1].content != content):
            with pytest.raises(ConflictError):
                self.real.versions.record([item])
            self.changed(model.partition("/")[0], really=False)
            return
        answer = self.real.versions.record([item])[0]
        ordinal = named.find(content)
        back = bool(ordinal) and named.versions[ordinal - 1].undone
        if not ordinal:
            named.versions.append(Placed(content))
            ordinal, outcome = len(named.versions), "registered"
        elif held or label is None:
            outcome = "extended" if back else "unchanged"
        else:
            outcome = "labelled"
        named.versions[ordinal - 1].undone = False
        if label and not held:
            self.moves += 1
            named.labels[label.casefold()] = (label, ordinal, self.moves)
        assert (answer.ordinal, answer.outcome) == (ordinal, outcome)
        self.changed(model.partition("/")[0], really=outcome != "unchanged")

    @rule(model=models, ordinal=ordinals, label=st.sampled_from(LABELS))
    def label(self, model: str, ordinal: int, label: str) -> None:
        named = self.named[model]
        if ordinal > len(named.versions):
            with pytest.raises(MissingError):
                self.real.pointers.label(f"{model}@{ordinal}", label)
            return
        held = named.labels.get(label.casefold())
        if held and held[:2] != (label, ordinal):
            with pytest.raises(ConflictError):
                self.real.pointers.label(f"{model}@{ordinal}", label)
        else:
            self.real.pointers.label(f"{model}@{ordinal}", label)
            if not held:
                self.moves += 1
                named.labels[label.casefold()] = (label, ordinal, self.moves)
                named.versions[ordinal - 1].undone = False
        self.changed(model.partition("/")[0], really=not held)

    @rule(model=models, alias=st.sampled_from(ALIASES), ordinal=ordinals, expected=st.sampled_from((None, 0, 1, 2)))
    def alias(self, model: str, alias: str, ordinal: int, expected: int | None) -> None:
        named = self.named[model]
        now = named.aliases.get(alias, 0)
        if ordinal > len(named.versions) or (expected or 0) > len(named.versions):
            return
        told = None if expected is None else f"{model}@{expected}" if expected else "-"
        right = expected is None or expected == now
        if right:
            self.real.pointers.alias(model, alias, f"{model}@{ordinal}", expected=told)
            named.aliases[alias] = ordinal
        else:
            with pytest.raises(ConflictError):
                self.real.pointers.alias(model, alias, f"{model}@{ordinal}", expected=told)
        self.changed(model.partition("/")[0], really=right and now != ordinal)

    @rule(model=models, alias=st.sampled_from(ALIASES))
    def clear(self, model: str, alias: str) -> None:
        named = self.named[model]
        if alias in named.aliases:
            self.real.pointers.clear(model, alias)
            del named.aliases[alias]
            self.changed(model.partition("/")[0], really=True)
        else:
            with pytest.raises(MissingError):
                self.real.pointers.clear(model, alias)
            self.changed(model.partition("/")[0], really=False)

    @rule(model=models, ordinal=ordinals)
    def undo(self, model: str, ordinal: int) -> None:
        named = self.named[model]
        if ordinal > len(named.versions):
            return
        labels = named.labelled(ordinal)
        if self.state(model, ordinal) == "withdrawn" and not labels:
            with pytest.raises(ConflictError):
                self.real.versions.undo(f"{model}@{ordinal}", reason="a slip")
            self.changed(model.partition("/")[0], really=False)
            return
        self.real.versions.undo(f"{model}@{ordinal}", reason="a slip")
        named.versions[ordinal - 1].undone = True
        for label in labels:
            del named.labels[label.casefold()]
        self.changed(model.partition("/")[0], really=True)

    @rule(model=models, label=st.sampled_from(LABELS))
    def undo_label(self, model: str, label: str) -> None:
        named = self.named[model]
        held = named.labels.get(label.casefold())
        if held is None:
            with pytest.raises(MissingError):
                self.real.versions.undo(f"{model}:{label}", reason="a slip")
            return
        labels = named.labelled(held[1])
        self.real.versions.undo(f"{model}:{label}", reason="a slip")
        del named.labels[label.casefold()]
        if len(labels) == 1:
            named.versions[held[1] - 1].undone = True
        self.changed(model.partition("/")[0], really=True)

    def known(self, content: str) -> bool:
        return any(named.find(content) for named in self.named.values())

    @rule(namespace=namespaces, content=contents)
    def withdraw(self, namespace: str, content: str) -> None:
        if not self.known(content):
            return
        said = say("withdrawal", {"reason": "wrong"}, record=RECORDS[content])
        made = self.real.statements.add(namespace, [said])[0]
        new = (namespace, content) not in self.withdrawn
        self.withdrawn[namespace, content] = made.digest
        self.changed(namespace, really=new)

    @precondition(lambda self: self.withdrawn)
    @rule(data=st.data())
    def take_back(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(sorted(self.withdrawn)))
        said = say("withdrawal", {"reason": "right"}, statement=self.withdrawn.pop(key))
        self.real.statements.add(key[0], [said])
        self.changed(key[0], really=True)

    @rule(namespace=namespaces, content=contents, word=st.sampled_from(WORDS))
    def note(self, namespace: str, content: str, word: str) -> None:
        if not self.known(content):
            return
        self.real.statements.add(namespace, [say("note", {"text": word}, record=RECORDS[content])])
        new = content not in self.notes[namespace, word]
        self.notes[namespace, word].add(content)
        self.changed(namespace, really=new)

    # -- what must hold

    @invariant()
    def every_version_is_as_it_should_be(self) -> None:
        for model, named in self.named.items():
            if not named.versions:
                with pytest.raises(MissingError):
                    self.real.versions.get(model)
                continue
            entries = self.real.versions.list(model).items
            assert [entry.ordinal for entry in entries] == list(range(len(named.versions), 0, -1))
            for entry in entries:
                assert entry.record == RECORDS[named.versions[entry.ordinal - 1].content]
                assert set(entry.labels) == named.labelled(entry.ordinal)
                assert set(entry.aliases) == {alias for alias, to in named.aliases.items() if to == entry.ordinal}
                assert entry.state == self.state(model, entry.ordinal)

    @invariant()
    def a_bare_name_is_the_newest_label_that_is_not_withdrawn(self) -> None:
        for model, named in self.named.items():
            if not named.versions:
                continue
            good = [n for n in range(len(named.versions), 0, -1) if self.state(model, n) == "current"]
            labelled = sorted((move, to) for _, to, move in named.labels.values() if to in good)
            wanted = labelled[-1][1] if labelled else (good or [len(named.versions)])[0]
            assert self.real.versions.get(model).ordinal == wanted

    @invariant()
    def search_finds_what_it_should(self) -> None:
        everything = [(m, n) for m, named in self.named.items() for n in range(1, len(named.versions) + 1)]
        wanted = {f"state = {state}": {(m, n) for m, n in everything if self.state(m, n) == state}
                  for state in ("current", "withdrawn")}  # fmt: skip
        for alias in ALIASES:
            wanted[f"alias = {alias}"] = {(m, to) for m in MODELS if (to := self.named[m].aliases.get(alias))}
        for label in ("v1", "summer-18"):
            wanted[f"label = {label}"] = {
                (m, self.named[m].labels[label][1]) for m in MODELS if label in self.named[m].labels
            }
        for word in WORDS:
            told = self.notes["demo", word] | self.notes["other", word]
            wanted[word] = {(m, n) for m, n in everything if self.named[m].versions[n - 1].content in told}
        for query, found in wanted.items():
            assert references(self.real, query) == sorted(f"{m}@{n}" for m, n in found), query

    @invariant()
    def the_state_is_that_of_the_events(self) -> None:
        for head in self.real.namespaces.list():
            assert self.real.journal.state_digest(head.namespace) == replayed(self.real, head.namespace).digest()


def test_a_registry_is_as_a_perfect_little_model_of_it_says(empty: Path, tmp_path: Path, lent: Readers) -> None:
    count = 0

    def open_() -> tuple[LocalRegistry, Path]:
        nonlocal count
        count += 1
        folder = Path(shutil.copytree(empty, tmp_path / str(count)))
        return _registry(folder, SqlCatalogue.open(folder / "catalogue.sqlite"), lent), folder

    _run(open_, 300 if LONGER else 12)


def test_so_it_is_on_postgresql(postgres_server: Server, tmp_path: Path, lent: Readers) -> None:
    with ExitStack() as databases:
        count = 0

        def open_() -> tuple[LocalRegistry, Path]:
            nonlocal count
            count += 1
            folder = tmp_path / str(count)
            folder.mkdir()
            catalogue = SqlCatalogue.connect(databases.enter_context(fresh(postgres_server)))
            databases.callback(catalogue.close)
            return _registry(folder, catalogue, lent), folder

        _run(open_, 100 if LONGER else 4)


def _registry(folder: Path, catalogue: SqlCatalogue, lent: Readers) -> LocalRegistry:
    who = Principal(id=digests.new_id("actor"))
    return LocalRegistry(Context(str(folder), catalogue, DiskBlobs(folder / "blobs"), who, lambda: lent))


def _run(open_: Callable[[], tuple[LocalRegistry, Path]], examples: int) -> None:
    run_state_machine_as_test(
        lambda: Machine(open_),  # type: ignore[arg-type]  # whatever makes a machine will do
        settings=settings(
            max_examples=examples,
            stateful_step_count=60 if LONGER else 30,
            suppress_health_check=list(HealthCheck),
        ),
    )
