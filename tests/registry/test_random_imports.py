"""Random deliveries, undoes and what persons do in between, against a perfect little model; the doctor looks last."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from herdbook.kernel import digests
from herdbook.kernel.errors import ConflictError
from herdbook.model.principals import Principal
from herdbook.ports.formats import Readers
from herdbook.service.admin import LocalAdmin
from herdbook.service.context import Context
from herdbook.service.registry import LocalRegistry
from herdbook.stores.disk.blobs import DiskBlobs
from herdbook.stores.sql.catalogue import SqlCatalogue
from herdbook.testing.registry_imports import TOY, delivery
from herdbook.testing.registry_samples import references, register, replayed

CONTENTS = ("one", "two", "three")
PERSON = -1
contents = st.sampled_from(CONTENTS)


@dataclass
class Model:
    """What should be: by content where it stands, which batch told it, and who set its labels."""

    order: list[str] = field(default_factory=list)
    undone: set[str] = field(default_factory=set)
    told: dict[str, int] = field(default_factory=dict)
    labels: dict[str, tuple[str, int]] = field(default_factory=dict)
    made: dict[int, set[str]] = field(default_factory=dict)
    """By batch, what it registered, or registered again after an undo."""
    gone: set[int] = field(default_factory=set)

    def deliver(self, wanted: list[str], batch: int) -> bool:
        """Take in a delivery; say whether anything was new."""
        new = False
        self.made[batch] = set()
        for content in wanted:
            if content not in self.order or content in self.undone:
                self.made[batch].add(content)
            new |= self.register(content, batch) | (content not in self.told)
            self.told.setdefault(content, batch)
        return new

    def register(self, content: str, by: int) -> bool:
        """Register content under a label of its own."""
        new = content not in self.order or content in self.undone or content not in self.labels
        if content not in self.order:
            self.order.append(content)
        self.undone.discard(content)
        self.labels.setdefault(content, (content, by))
        return new

    def undo(self, batch: int) -> None:
        self.gone.add(batch)
        self.undone |= self.made[batch]
        self.told = {content: by for content, by in self.told.items() if by != batch}
        self.labels = {label: (to, by) for label, (to, by) in self.labels.items() if by != batch}


class Machine(RuleBasedStateMachine):
    """Does the same to a registry and to the model, and compares."""

    def __init__(self, open_: Callable[[], tuple[list[LocalRegistry], Path]]) -> None:
        super().__init__()
        self.people, self.folder = open_()
        self.registry = self.people[0]
        self.registry.namespaces.create("demo")
        self.model = Model()
        self.batches: list[str] = []

    def teardown(self) -> None:
        report = LocalAdmin(self.registry._context, str(self.folder)).doctor()
        assert report.sound, report.findings
        for person in self.people:
            person.close()
        shutil.rmtree(self.folder)

    @rule(wanted=st.lists(contents, min_size=1, max_size=3, unique=True), who=st.integers(0, 1))
    def deliver(self, wanted: list[str], who: int) -> None:
        new = self.model.deliver(wanted, len(self.batches))
        entry = self.people[who].imports.record("demo", delivery(self.people[who], *wanted))
        assert bool(entry.batch) == new
        if new:
            self.batches.append(entry.batch)
        else:
            del self.model.made[len(self.batches)]

    @precondition(lambda self: self.batches)
    @rule(data=st.data(), who=st.integers(0, 1))
    def undo(self, data: st.DataObject, who: int) -> None:
        number = data.draw(st.integers(0, len(self.batches) - 1))
        if number in self.model.gone:
            with pytest.raises(ConflictError):
                self.people[who].imports.undo("demo", self.batches[number], reason="wrong")
            return
        self.people[who].imports.undo("demo", self.batches[number], reason="wrong")
        self.model.undo(number)

    @rule(content=contents, who=st.integers(0, 1))
    def register(self, content: str, who: int) -> None:
        register(self.people[who], f"{TOY}:{content}", content)
        self.model.register(content, PERSON)

    @precondition(lambda self: self.model.order)
    @rule(data=st.data())
    def label(self, data: st.DataObject) -> None:
        ordinal = data.draw(st.integers(1, len(self.model.order)))
        content = self.model.order[ordinal - 1]
        self.registry.pointers.label(f"{TOY}@{ordinal}", f"by-hand-{content}")
        self.model.labels.setdefault(f"by-hand-{content}", (content, PERSON))
        self.model.undone.discard(content)

    @invariant()
    def versions_are_as_they_should_be(self) -> None:
        for ordinal, content in enumerate(self.model.order, 1):
            entry = self.registry.versions.get(f"{TOY}@{ordinal}")
            assert entry.withdrawn == (content in self.model.undone)
            assert set(entry.labels) == {label for label, (to, _) in self.model.labels.items() if to == content}

    @invariant()
    def what_is_found_is_what_is_said(self) -> None:
        for content in CONTENTS:
            found = self.registry.identities.find(f"cms-fileinpath:Pkg/data/{content}.bin")
            assert len(found) == int(content in self.model.told)
        places = {content: f"{TOY}@{ordinal}" for ordinal, content in enumerate(self.model.order, 1)}
        assert references(self.registry, "source:Pkg") == sorted(places[content] for content in self.model.told)
        good = [place for content, place in places.items() if content not in self.model.undone]
        assert references(self.registry, "state = current") == sorted(good)

    @invariant()
    def batches_are_listed(self) -> None:
        listed = self.registry.imports.list("demo")
        wanted = [(batch, number in self.model.gone) for number, batch in enumerate(self.batches)]
        assert [(entry.batch, entry.withdrawn) for entry in listed] == wanted[::-1]
        assert self.registry.journal.state_digest("demo") == replayed(self.registry, "demo").digest()


def test_imports_and_undoes_are_as_a_perfect_little_model_of_them_says(
    empty: Path, tmp_path: Path, lent: Readers
) -> None:
    count = 0

    def open_() -> tuple[list[LocalRegistry], Path]:
        nonlocal count
        count += 1
        folder = Path(shutil.copytree(empty, tmp_path / str(count)))

        def one() -> LocalRegistry:
            catalogue, blobs = SqlCatalogue.open(folder / "catalogue.sqlite"), DiskBlobs(folder / "blobs")
            return LocalRegistry(
                Context(str(folder), catalogue, blobs, Principal(id=digests.new_id("actor")), lambda: lent)
            )

        return [one(), one()], folder

    longer = settings.get_current_profile_name() == "long"
    run_state_machine_as_test(
        lambda: Machine(open_),  # type: ignore[arg-type]  # whatever makes a machine will do
        settings=settings(
            max_examples=20 if longer else 8,
            stateful_step_count=30 if longer else 16,
            suppress_health_check=list(HealthCheck),
        ),
    )
