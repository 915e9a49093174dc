"""Registering: one event for each namespace, idempotent, with everything that is said with a version."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from herdbook.kernel.errors import ConflictError, MissingError
from herdbook.kernel.names import namespace_of
from herdbook.model import pointers
from herdbook.model.activities import Activity
from herdbook.model.files import Content
from herdbook.model.registrations import Registration
from herdbook.model.rows import EventRow, VersionRow
from herdbook.model.statements import Said, Statement, Subject
from herdbook.model.versions import Registered, Version
from herdbook.ports.catalogue import Writer
from herdbook.service import (
    arrivals,
    bodies,
    currency,
    entitlement,
    extensions,
    facts,
    journal,
    links,
    profiles,
    resolution,
    statements,
    touched,
)
from herdbook.service.context import Context
from herdbook.service.entries import standing_of
from herdbook.service.journal import Draft

Outcome = Literal["registered", "labelled", "resolved", "extended", "unchanged"]


@dataclass
class _Place:
    """Where a registration ends up in its model."""

    ordinal: int
    outcome: Outcome
    statements: list[str] = field(default_factory=list)
    activities: list[str] = field(default_factory=list)


def record(context: Context, registrations: Sequence[Registration], *, batch: bool = False) -> list[Registered]:
    """Register; see ``ports.registry.Versions.record``."""
    read = facts.read_ahead(context, [item.version for item in registrations])
    answers: dict[int, Registered] = {}
    with context.catalogue.write() as tx:
        tx.put_facts(read.facts)
        if read.unread:  # asked again when there are other readers
            tx.put_unread(read.unread, context.readers.versions)
        for namespace, indices in _by_namespace(registrations).items():
            items = [registrations[index] for index in indices]
            contents = entitlement.registrations(context, tx, namespace, items)
            work = _Registrar(context, tx, namespace, contents)
            answers.update(work.run(list(zip(indices, items, strict=True)), batch=batch))
    return [answers[index] for index in range(len(registrations))]


def _by_namespace(registrations: Sequence[Registration]) -> dict[str, list[int]]:
    groups: dict[str, list[int]] = {}
    for index, item in enumerate(registrations):
        groups.setdefault(namespace_of(item.model), []).append(index)
    return groups


class _Registrar:
    """Registers versions of one namespace into one event."""

    def __init__(self, context: Context, tx: Writer, namespace: str, contents: dict[str, Content]) -> None:
        self.context = context
        self.tx = tx
        self.contents = contents
        self.draft = journal.draft_for(context, tx, namespace)
        self.ordinals: dict[str, int] = {}
        self.new_labels: dict[str, tuple[str, str]] = {}
        self.known_models: set[str] = set()
        self.same_statements: dict[str, list[str]] = {}
        self.same_activities: dict[str, list[str]] = {}
        self.new_versions: dict[tuple[str, str], int] = {}
        self.fresh: set[str] = set()

    def run(self, items: list[tuple[int, Registration]], *, batch: bool) -> dict[int, Registered]:
        profiles_ = profiles.Profiles(self.context, self.tx)
        issued = {index: self._issue(item, profiles_) for index, item in items}
        self._preload([item for _, item in items], issued.values())
        places: dict[int, _Place] = {}
        for index, item in items:
            self.draft.mark()
            places[index] = self._register(item, issued[index])
        self._complete()
        rows = self.draft.commit(batch=batch)
        return {index: self._answer(item, places[index], rows) for index, item in items}

    def _issue(self, item: Registration, profiles_: profiles.Profiles) -> list[Statement]:
        """Return the statements that come with a registration; a profile takes the place of the current one."""
        issued = []
        for said in item.statements:
            if said.type == profiles.TYPE:
                issued.append(profiles_.statement(item.model, said))
            else:
                statements.refuse_reserved(said)
                issued += statements.issue(self.context, [said])
        return issued

    def _answer(self, item: Registration, place: _Place, rows: list[EventRow]) -> Registered:
        new = rows[-1].digest if len(rows) == 1 and place.outcome != "unchanged" else None
        return Registered(
            model=item.model,
            ordinal=place.ordinal,
            record=item.version.digest,
            label=item.label,
            outcome=place.outcome,
            journal=self.draft.head.journal,
            seq=self.draft.head.seq,
            event=new,
            statements=tuple(place.statements),
            activities=tuple(place.activities),
        )

    def _preload(self, items: list[Registration], issued: Iterable[list[Statement]]) -> None:
        candidates = [item.version.digest for item in items]
        candidates += [value.digest for item in items for value in (*item.datasets, *item.activities)]
        self.draft.preload(candidates)
        self.same_statements = self.tx.same_statement([value.sameness for values in issued for value in values])
        self.same_activities = self.tx.same_activity([value.sameness for item in items for value in item.activities])
        models = {item.model for item in items}
        self.ordinals.update(self.tx.last_ordinals(models))
        self.known_models = set(self.ordinals)
        folded = {model.casefold(): model for model in models}
        for model in models:
            self._check_name(model, folded)

    def _check_name(self, model: str, folded: dict[str, str]) -> None:
        parts = model.casefold().split("/")
        above = [folded.get("/".join(parts[:count])) for count in range(2, len(parts) + 1)]
        clashes = [name for name in above if name and name != model]
        if model not in self.ordinals:
            clashes += self.tx.clashes(model)
        if clashes:
            same = clashes[0].casefold() == model.casefold()
            raise ConflictError(
                f"the model {model!r} cannot stand beside {clashes[0]!r}",
                code="name-clash",
                hint=f"Write {clashes[0]!r}."
                if same
                else "No model's name is a path prefix of another's; choose another.",
            )

    def _register(self, item: Registration, issued: list[Statement]) -> _Place:
        before = len(self.draft.ops)
        place = self._place(item)
        for dataset in item.datasets:
            self.draft.record(dataset)
        for activity in item.activities:
            place.activities.append(self._activity(activity))
        statements.check_subjects(self.tx, self.draft, item.statements)
        made = statements.add(self.context, self.tx, self.draft, issued, self.same_statements)
        place.statements.extend(statement.digest for statement in made)
        self._point_profiles(made)
        if place.outcome == "unchanged" and len(self.draft.ops) > before:
            place.outcome = "extended"
            self.draft.touched |= {row.item for row in links.versions(self.tx, [item.version.digest])}
        return place

    def _place(self, item: Registration) -> _Place:
        digest = item.version.digest
        held = self._label_target(item)
        if held and held != digest:
            return self._held_by_other(item, held)
        ordinal, digest = self._here(item.model, digest)
        if ordinal == 0:
            ordinal = self.ordinals.get(item.model, 0) + 1
            self.ordinals[item.model] = ordinal
            self.new_versions[item.model, digest] = ordinal
            self.draft.record(item.version)
            self.draft.version(item.model, ordinal, digest)
            self.fresh.update(file.digest for file in item.version.files if file.resolved)
            self._label(item, digest)
            return _Place(ordinal, "registered")
        if not held:
            self._take_back_undo(item.model, ordinal, digest)
        if held or item.label is None:
            return _Place(ordinal, "unchanged")
        self._label(item, digest)
        return _Place(ordinal, "labelled")

    def _label_target(self, item: Registration) -> str:
        if item.label is None:
            return ""
        pointer = pointers.label_pointer(item.model, item.label)
        there, to = self.new_labels.get(pointer.casefold(), ("", ""))
        if not there and item.model in self.known_models:
            row = self.tx.pointer(pointer)
            there, to = (row.pointer, row.to) if row else ("", "")
        if to and there != pointer:
            raise ConflictError(
                f"the label {item.label!r} differs only in case from {pointers.split(there)[2]!r}",
                code="label-taken",
                hint="Labels are unique without case; write it as it is, or choose another.",
            )
        return to

    def _label(self, item: Registration, digest: str) -> None:
        if item.label is not None:
            pointer = pointers.label_pointer(item.model, item.label)
            self.draft.point(pointer, to=digest)
            self.new_labels[pointer.casefold()] = (pointer, digest)
            if digest not in self.draft.values:
                self.draft.touched |= touched.items_of(self.tx, [digest])

    def _here(self, model: str, digest: str) -> tuple[int, str]:
        """Return ordinal and record of the version that a record is, or that it resolved; ordinal 0 for none."""
        if (model, digest) in self.new_versions:
            return self.new_versions[model, digest], digest
        if not self.draft.knows(digest):
            return 0, digest
        rows = [row for row in links.versions(self.tx, [digest]) if row.model == model]
        by = standing_of(self.tx, rows).resolved_by
        rows = [row for row in rows if digest in {row.record, by.get(row.item)}]
        rows.sort(key=lambda row: row.record != digest)
        return (rows[0].ordinal, rows[0].record) if rows else (0, digest)

    def _held_by_other(self, item: Registration, held: str) -> _Place:
        row = next((row for row in self.tx.versions_with([held]) if row.model == item.model), None)
        old = bodies.version(self.tx, held) if row else None
        if row is None or old is None:
            raise self._conflict(item, None, held)
        by = standing_of(self.tx, [row]).resolved_by.get(row.item)
        if by == item.version.digest:
            return _Place(row.ordinal, "unchanged")
        same = resolution.resolves(old, item.version, self.contents) if by is None else False
        if same or (same is None and item.confirm):
            self._resolve(row, old, item.version, confirmed=same is None)
            return _Place(row.ordinal, "resolved")
        if same is None:
            raise ConflictError(
                f"{item.model}:{item.label} is known by digests too weak to tell (adler32, or md5 without size)",
                code="confirm-weak",
                hint="They fit. When you know that these are the bytes, confirm it (--confirm).",
            )
        raise self._conflict(item, bodies.version(self.tx, by) if by else old, held)

    def _resolve(self, row: VersionRow, old: Version, new: Version, *, confirmed: bool) -> None:
        self.draft.record(new)
        said = resolution.statement(row.record, new, old, confirmed=confirmed)
        statements.make(self.context, self.tx, self.draft, [said])
        self.draft.touched.add(row.item)
        self.fresh.update(file.digest for file in new.files)

    def _conflict(self, item: Registration, old: Version | None, held: str) -> ConflictError:
        differs = differences(old, item.version) if old else []
        return ConflictError(
            f"the label {item.label!r} of {item.model} is there with other content: {'; '.join(differs) or held}",
            code="label-taken",
            hint="A label never moves. Register under a new label, or `herdbook undo` the mistaken registration first.",
            differs=differs,
        )

    def _activity(self, activity: Activity) -> str:
        same = self.same_activities.get(activity.sameness, [])
        return add_activity(self.context, self.tx, self.draft, activity, same)

    def _point_profiles(self, made: Iterable[Statement]) -> None:
        for statement in made:
            if statement.kind == "profile" and (name := statement.subject[0].name):
                pointer = pointers.profile_pointer(name)
                row = self.tx.pointer(pointer)
                if row is None or row.to != statement.digest:
                    self.draft.point(pointer, frm=row.to if row else "", to=statement.digest)

    def _take_back_undo(self, model: str, ordinal: int, digest: str) -> None:
        """A version that was undone and is registered again is withdrawn no more."""
        rows = currency.current(self.tx, self.tx.statements([("record", digest)], currency.WITHDRAWAL))
        for withdrawal, value in bodies.load(self.tx, (row.digest for row in rows)).items():
            body = value.body if isinstance(value, Statement) else {}
            if f"{model}@{ordinal}" in body.get("registrations", ()):
                said = Said(
                    type=currency.WITHDRAWAL,
                    subject=(Subject(statement=withdrawal),),
                    body={"reason": "registered again"},
                )
                statements.make(self.context, self.tx, self.draft, [said])
                self.draft.touched |= touched.items_of(self.tx, [digest])

    def _complete(self) -> None:
        """Bytes that came with this event may be what unresolved versions of this principal and journal wait for."""
        contents = self.tx.contents(self.fresh)
        for said, record_, items in arrivals.completions(self.context, self.tx, self.draft, contents.values()):
            if record_ is not None:
                self.draft.record(record_)
            statements.make(self.context, self.tx, self.draft, [said])
            self.draft.touched |= items


def add_activity(
    context: Context, tx: Writer, draft: Draft, activity: Activity, same: Sequence[str] | None = None
) -> str:
    """Add an activity to a draft; one with the same ids, or the same but for its times, is answered with what is there.

    ``same`` are digests of such, where they were looked up already.

    Raises:
        MissingError: when it names a record that is not here.
    """
    if same is None:
        same = tx.same_activity([activity.sameness]).get(activity.sameness, [])
    draft.preload(same)
    for digest in [*same, draft.done.get(activity.sameness, "")]:
        if draft.knows(digest):
            return digest
    extensions.check(tx, context.blobs, "activity", activity.ext)
    records = [part.record for part in (*(activity.inputs or ()), *(activity.outputs or ())) if part.record]
    unknown = {digest for digest in records if not draft.knows(digest)}
    unknown -= set(tx.known(unknown))
    if unknown:
        raise MissingError(
            f"the activity names {min(unknown)}, which is not here",
            code="no-record",
            hint="Register the dataset or version first, or send it along.",
        )
    draft.done[activity.sameness] = activity.digest
    if draft.record(activity):
        draft.touched |= touched.by(tx, activity, draft.values)
    return activity.digest


def differences(old: Version, new: Version) -> list[str]:
    """Return in words how the files of two versions differ, five at most."""
    before = {file.path: file for file in old.files}
    after = {file.path: file for file in new.files}
    said = [f"{path} is not in what is registered" for path in after.keys() - before.keys()]
    said += [f"{path} is missing" for path in before.keys() - after.keys()]
    said += [
        f"{path} has {after[path].digest[:19]}…, registered is {before[path].digest[:19]}…"
        for path in after.keys() & before.keys()
        if after[path].digest != before[path].digest
    ]
    said.sort()
    return [*said[:5], f"and {len(said) - 5} more"] if len(said) > 5 else said
