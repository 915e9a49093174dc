"""Registering: one event for each namespace, idempotent, with everything that is said with a version."""

from __future__ import annotations

from collections.abc import Sequence

from herdbook.kernel.names import namespace_of
from herdbook.model.files import Content
from herdbook.model.registrations import Registration
from herdbook.model.rows import EventRow
from herdbook.model.statements import Statement
from herdbook.model.versions import Registered
from herdbook.ports.catalogue import Writer
from herdbook.service import entitlement, facts, sameness, statements
from herdbook.service.context import Context
from herdbook.service.registrar import Place, Registrar


def record(context: Context, registrations: Sequence[Registration], *, batch: bool = False) -> list[Registered]:
    """Register; see ``ports.registry.Versions.record``."""
    read = facts.read_ahead(context, [item.version for item in registrations])
    answers: dict[int, Registered] = {}
    with context.catalogue.write() as tx:
        facts.put(context, tx, read)
        for namespace, indices in _by_namespace(registrations).items():
            items = [registrations[index] for index in indices]
            contents = entitlement.registrations(context, tx, namespace, items)
            done = _register(context, tx, namespace, items, contents, batch=batch)
            answers.update(zip(indices, done, strict=True))
    return [answers[index] for index in range(len(registrations))]


def _by_namespace(registrations: Sequence[Registration]) -> dict[str, list[int]]:
    groups: dict[str, list[int]] = {}
    for index, item in enumerate(registrations):
        groups.setdefault(namespace_of(item.model), []).append(index)
    return groups


def _register(
    context: Context,
    tx: Writer,
    namespace: str,
    items: Sequence[Registration],
    contents: dict[str, Content],
    *,
    batch: bool,
) -> list[Registered]:
    work = Registrar(context, tx, namespace, contents)
    issued = [work.issue(item.statements, item.model) for item in items]
    work.preload(items)
    work.runs.preload(activity for item in items for activity in item.activities)
    same = sameness.of_issuer(tx, work.draft, [statement for each in issued for statement in each])
    places = []
    for item, said in zip(items, issued, strict=True):
        work.draft.mark()
        places.append(_one(work, item, said, same))
    work.complete()
    rows = work.draft.commit(batch=batch)
    return [_answer(work, item, place, rows) for item, place in zip(items, places, strict=True)]


def _one(work: Registrar, item: Registration, issued: list[Statement], same: dict[str, Statement]) -> Place:
    before = len(work.draft.ops)
    place = work.place(item)
    for dataset in item.datasets:
        work.draft.record(dataset)
    place.activities.extend(work.runs.add(activity) for activity in item.activities)
    statements.check_subjects(work.tx, work.draft, item.statements)
    made = statements.add(work.context, work.tx, work.draft, issued, same)
    place.statements.extend(statement.digest for statement in made)
    work.point_profiles(made)
    if place.outcome == "unchanged" and len(work.draft.ops) > before:
        place.outcome = "extended"
        work.draft.relabelled.add(item.version.digest)
    return place


def _answer(work: Registrar, item: Registration, place: Place, rows: list[EventRow]) -> Registered:
    new = rows[-1].digest if len(rows) == 1 and place.outcome != "unchanged" else None
    return Registered(
        model=item.model,
        ordinal=place.ordinal,
        record=item.version.digest,
        label=item.label,
        outcome=place.outcome,
        journal=work.draft.head.journal,
        seq=work.draft.head.seq,
        event=new,
        statements=tuple(place.statements),
        activities=tuple(place.activities),
    )
