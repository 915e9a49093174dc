"""Ten thousand descendants: a trace is cut, counted, and costs less than they grow."""

from __future__ import annotations

import pytest
from tests.counting import calls
from tests.registry.opened import Open

from herdbook.kernel.errors import InvalidError
from herdbook.model.activities import Activity, Part
from herdbook.model.files import File
from herdbook.model.journal import MAX_OPS
from herdbook.model.registrations import Registration
from herdbook.model.versions import Version
from herdbook.ports.registry import Registry
from herdbook.service.journal import Draft
from herdbook.testing.registry_samples import register, untouched

MANY = 10_000


def test_ten_thousand_descendants_are_cut_and_counted(registry: Registry) -> None:
    parent = register(registry, "demo/tau/toy:V1").record

    def trace() -> None:
        registry.versions.trace("demo/tau/toy:V1", direction="down")

    _descend(registry, parent, range(MANY // 5))
    fewer = calls(trace)
    _descend(registry, parent, range(MANY // 5, MANY))
    assert calls(trace) < 3 * fewer  # both show as many; of what is hidden the digests are looked at
    lineage = registry.versions.trace("demo/tau/toy:V1", direction="down")
    assert 900 < len(lineage.nodes) <= 1000
    shown = sum(node.kind == "activity" for node in lineage.nodes)
    assert lineage.nodes[0].hidden == MANY - shown
    assert MANY - shown <= lineage.cut <= MANY
    assert registry.versions.dossier("demo/tau/toy:V1").used_by == MANY


def _descend(registry: Registry, parent: str, numbers: range) -> None:
    items = []
    for number in numbers:
        version = Version.of([File(path="m", digest=f"git-sha1:{number:040x}")])
        inputs, outputs = (Part(record=parent, role="parent"),), (Part(record=version.digest, role="model"),)
        activity = Activity(kind="fine-tuning", status="finished", inputs=inputs, outputs=outputs)
        items.append(Registration(model=f"demo/bins/m{number:05}", version=version, activities=(activity,)))
    registry.versions.record(items, batch=True)


def test_a_batch_is_cut_between_registrations_only(open_as: Open) -> None:
    context = open_as()._context
    with context.catalogue.write() as tx:
        draft = Draft(context, tx, "demo")
        draft.ops, draft.marks = [None] * (MAX_OPS + 10), [*range(0, MAX_OPS + 10, 3)]
        groups = draft._groups()
    assert sum(map(len, groups)) == MAX_OPS + 10
    assert len(groups) == 3
    assert all(len(group) % 3 == 0 for group in groups[:-1])
    assert all(len(group) <= MAX_OPS // 2 for group in groups)


@pytest.mark.slow
def test_without_a_batch_too_many_operations_are_refused(registry: Registry) -> None:
    version = Version.of([File(path="m", digest="git-sha1:" + "0" * 40)])
    count = MAX_OPS + 1
    items = [Registration(model=f"demo/bins/m{number}", version=version) for number in range(count)]
    with untouched(registry), pytest.raises(InvalidError) as caught:
        registry.versions.record(items)
    assert caught.value.code == "event-too-large"
