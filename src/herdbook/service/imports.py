"""The noun ``imports``: a delivery becomes one batch; a batch is listed, and undone as a whole."""

from __future__ import annotations

from collections.abc import Sequence

from herdbook.kernel.errors import InvalidError
from herdbook.kernel.names import namespace_of
from herdbook.model.activities import Activity
from herdbook.model.imports import Delivery, ImportEntry
from herdbook.model.rows import EventRow
from herdbook.model.statements import Said
from herdbook.ports.catalogue import Writer
from herdbook.service import batch_undo, entitlement, facts, import_batches, journal, profiles, sameness, statements
from herdbook.service.context import Context
from herdbook.service.registrar import Registrar
from herdbook.service.runs import Runs
from herdbook.service.uniting import moved


class Imports:
    """Imports, as the façade gives them."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def record(self, namespace: str, delivery: Delivery) -> ImportEntry:
        """Write a delivery as one batch; without anything new, ``batch`` is empty and nothing is written."""
        _check_names(namespace, delivery)
        if delivery == Delivery():
            return ImportEntry(namespace=namespace)
        read = facts.read_ahead(self._context, [item.version for item in delivery.registrations])
        with self._context.catalogue.write() as tx:
            facts.put(self._context, tx, read)
            rows = _deliver(self._context, tx, namespace, delivery)
        return import_batches.entry(namespace, rows) if rows else ImportEntry(namespace=namespace)

    def get(self, namespace: str, batch: str) -> ImportEntry:
        """Return a batch by id."""
        with self._context.catalogue.read() as tx:
            rows = import_batches.find(tx, namespace, batch)
            return import_batches.entry(rows[0].namespace, rows, undone=batch_undo.undone(tx, rows))

    def list(self, namespace: str) -> list[ImportEntry]:
        """Return the batches of a namespace, newest first."""
        with self._context.catalogue.read() as tx:
            head = journal.head_of(tx, namespace)
            return [
                found.model_copy(update={"withdrawn": batch_undo.was_undone(tx, head.namespace, event)})
                for found, event in import_batches.every(tx, head.namespace)
            ]

    def undo(self, namespace: str, batch: str, *, reason: str) -> ImportEntry:
        """Withdraw all that a batch brought and clear its labels."""
        with self._context.catalogue.write() as tx:
            rows = import_batches.find(tx, namespace, batch)
            batch_undo.undo(self._context, tx, rows, reason)
            return import_batches.entry(rows[0].namespace, rows, undone=True)


def _check_names(namespace: str, delivery: Delivery) -> None:
    """Check that all models lie in the namespace whose journal is written.

    Raises:
        InvalidError: when one does not.
    """
    models = {item.model for item in delivery.registrations} | {model for model, _, _ in delivery.labels}
    models |= _profiled(delivery)
    others = sorted(model for model in models if namespace_of(model) != namespace)
    if others:
        raise InvalidError(
            f"{others[0]!r} is not a model of the namespace {namespace!r}",
            code="other-namespace",
            hint="Deliver to one namespace at a time.",
        )


def _profiled(delivery: Delivery) -> set[str]:
    said = [item for item in delivery.statements if item.type == profiles.TYPE]
    return {subject.name for item in said for subject in item.subject if subject.name}


def _deliver(context: Context, tx: Writer, namespace: str, delivery: Delivery) -> list[EventRow]:
    """Write a delivery: first all records, so that whatever is said may name them, then statements, then labels."""
    items = delivery.registrations
    contents = entitlement.registrations(context, tx, namespace, items, (*delivery.datasets, *delivery.activities))
    work = Registrar(context, tx, namespace, contents)
    draft = work.draft
    work.preload(items, delivery.datasets, delivery.labels, _profiled(delivery))
    draft.preload([version.digest for version in delivery.records])
    for item in items:
        draft.mark()
        work.place(item)
    for version in delivery.records:
        draft.mark()
        draft.record(version)
    for dataset in [*(dataset for item in items for dataset in item.datasets), *delivery.datasets]:
        draft.mark()
        draft.record(dataset)
    activities = [*(activity for item in items for activity in item.activities), *delivery.activities]
    work.runs.preload(activities)
    for activity in activities:
        draft.mark()
        work.runs.add(activity)
    _say(work, delivery, activities)
    for model, record, label in delivery.labels:
        draft.mark()
        work.further_label(model, record, label)
    work.arrive(entitlement.among(context, tx, namespace, delivery.arrived)[0])
    work.complete()
    return draft.commit(batch=True)


def _say(work: Registrar, delivery: Delivery, activities: Sequence[Activity]) -> None:
    told = {activity.digest: activity for activity in activities}
    about = _About(work.runs, told)
    said = [(about.kept(one), item.model) for item in delivery.registrations for one in item.statements]
    said += [(about.kept(one), "") for one in delivery.statements]
    statements.check_subjects(work.tx, work.draft, [one for one, _ in said])
    issued = [work.issue([one], model)[0] for one, model in said]
    same = sameness.of_anybody(work.tx, work.draft, issued)
    for statement in issued:
        work.draft.mark()
        made = statements.add(work.context, work.tx, work.draft, [statement], same)
        work.point_profiles(made)


class _About:
    """Lets what is said about an activity be about the record that stands for it."""

    def __init__(self, runs: Runs, told: dict[str, Activity]) -> None:
        self._runs = runs
        self._told = told
        self._other = {digest: kept for digest, kept in runs.answers.items() if digest != kept}

    def kept(self, said: Said) -> Said:
        """Return what to say; evidence that points into the activity follows where it went."""
        named = [str(subject.record) for subject in said.subject if subject.record in self._other]
        if not named:
            return said
        subjects = tuple(
            subject.model_copy(update={"record": self._other[subject.record]})
            if subject.record in self._other
            else subject
            for subject in said.subject
        )
        update: dict[str, object] = {"subject": subjects}
        whole = self._runs.kept.get(named[0])
        if whole is not None and said.evidence is not None and said.type == "herdbook/evidence/1":
            told = self._told[named[0]]
            update["evidence"] = {moved(pointer, told, whole): item for pointer, item in said.evidence.items()}
        return said.model_copy(update=update)
