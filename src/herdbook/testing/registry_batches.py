"""The contract of registering thousands at once."""

from __future__ import annotations

import pytest

from herdbook.kernel.errors import ConflictError
from herdbook.model.journal import BatchOp, PointOp, RecordOp, VersionOp
from herdbook.ports.registry import Registry
from herdbook.testing.registry_samples import Given, events_made, prepared, references, untouched


class BatchContract(Given):
    """What a batch is: one event, or as many as it needs, under one id."""

    MANY = 5000
    """How many tiny models a batch of the contract has; all share one file."""

    def test_thousands_of_tiny_models_are_one_event(self, registry: Registry) -> None:
        one = prepared(registry, "demo/bins/m:V1")
        names = [f"demo/bins/m{number:05}" for number in range(self.MANY)]
        items = [one.model_copy(update={"model": name}) for name in names]
        with events_made(registry, "demo", 2) as made:
            answers = registry.versions.record(items, batch=True)
        first, *ops = made[1].ops
        assert isinstance(first, BatchOp)
        assert (first.part, first.of) == (1, 1)
        placed = [op for op in ops if isinstance(op, VersionOp)]
        assert [op.model for op in placed] == names
        assert [type(op) for op in ops[:5]] == [RecordOp, VersionOp, PointOp, VersionOp, PointOp]
        assert sum(isinstance(op, RecordOp) for op in ops) == 1
        assert {answer.event for answer in answers} == {made[1].digest}
        assert registry.versions.get(f"{names[-1]}:V1").ordinal == 1
        assert registry.versions.search("label = V1", limit=1, total=True).total == self.MANY

    def test_a_batch_again_is_no_event(self, registry: Registry) -> None:
        items = [prepared(registry, f"demo/bins/m{number}:V1", f"{number}") for number in range(3)]
        registry.versions.record(items, batch=True)
        with untouched(registry):
            answers = registry.versions.record(items, batch=True)
        assert {answer.outcome for answer in answers} == {"unchanged"}

    def test_one_bad_line_of_a_batch_registers_nothing(self, registry: Registry) -> None:
        registry.versions.record([prepared(registry, "demo/bins/m1:V1", "taken")])
        items = [prepared(registry, f"demo/bins/m{number}:V1", f"{number}") for number in range(3)]
        with untouched(registry), pytest.raises(ConflictError):
            registry.versions.record(items, batch=True)

    @pytest.mark.slow
    def test_a_batch_beyond_one_event_is_cut_into_parts_with_one_id(self, registry: Registry) -> None:
        one = prepared(registry, "demo/bins/m:V1")
        names = [f"demo/bins/m{number:05}" for number in range(30_000)]
        with events_made(registry, "demo", 3) as made:
            registry.versions.record([one.model_copy(update={"model": name}) for name in names], batch=True)
        heads = [event.ops[0] for event in made[1:]]
        assert all(isinstance(head, BatchOp) for head in heads)
        assert [(head.part, head.of) for head in heads if isinstance(head, BatchOp)] == [(1, 2), (2, 2)]
        assert len({head.id for head in heads if isinstance(head, BatchOp)}) == 1
        placed = [op.model for event in made for op in event.ops if isinstance(op, VersionOp)]
        assert placed == names
        assert references(registry, f"name = {names[-1]}") == [f"{names[-1]}@1"]
