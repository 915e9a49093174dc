"""Registering versions into one draft: places in models, labels, activities, statements; what is there is answered."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from herdbook.kernel.errors import ConflictError
from herdbook.model import pointers
from herdbook.model.datasets import Dataset
from herdbook.model.files import Content
from herdbook.model.registrations import Registration
from herdbook.model.rows import VersionRow
from herdbook.model.statements import Said, Statement, Subject
from herdbook.model.versions import Version
from herdbook.ports.catalogue import Writer
from herdbook.service import (
    arrivals,
    bodies,
    currency,
    journal,
    links,
    profiles,
    resolution,
    statements,
)
from herdbook.service.context import Context
from herdbook.service.entries import standing_of
from herdbook.service.runs import Runs

AT_ONCE = 1000
"""Statements that are made together."""

Outcome = Literal["registered", "labelled", "resolved", "extended", "unchanged"]


@dataclass
class Place:
    """Where a registration ends up in its model; ``record`` is the version's there."""

    ordinal: int
    record: str
    outcome: Outcome
    statements: list[str] = field(default_factory=list)
    activities: list[str] = field(default_factory=list)


class Registrar:
    """Registers versions of one namespace into one draft."""

    def __init__(self, context: Context, tx: Writer, namespace: str, contents: dict[str, Content]) -> None:
        self.context = context
        self.tx = tx
        self.draft = journal.draft_for(context, tx, namespace)
        self.runs = Runs(context, tx, self.draft)
        self._contents = contents
        self._profiles = profiles.Profiles(context, tx)
        self._ordinals: dict[str, int] = {}
        self._new_labels: dict[str, tuple[str, str]] = {}
        self._known_models: set[str] = set()
        self._here: dict[tuple[str, str], tuple[int, str]] = {}
        self._undone: dict[str, list[str]] = {}
        self._taken_back: list[Said] = []
        self._fresh: set[str] = set()

    def preload(
        self,
        items: Sequence[Registration],
        datasets: Iterable[Dataset] = (),
        labels: Sequence[tuple[str, str, str]] = (),
        profiled: Iterable[str] = (),
    ) -> None:
        """Look up at once what is here of versions, datasets, of (model, record, label), and of models."""
        datasets = [*datasets, *(dataset for item in items for dataset in item.datasets)]
        versions = {item.version.digest for item in items} | {record for _, record, _ in labels}
        self.draft.preload([*versions, *(dataset.digest for dataset in datasets)])
        self._preload_versions({digest for digest in versions if self.draft.knows(digest)})
        models = {item.model for item in items} | {model for model, _, _ in labels} | set(profiled)
        self._ordinals.update(self.tx.last_ordinals(models))
        self._known_models = set(self._ordinals)
        folded = {model.casefold(): model for model in models}
        for model in models:
            self._check_name(model, folded)

    def _preload_versions(self, known: set[str]) -> None:
        if not known:
            return
        rows = links.versions(self.tx, known)
        resolved_by = standing_of(self.tx, rows).resolved_by
        for row in rows:
            if (by := resolved_by.get(row.item)) in known:
                self._here.setdefault((row.model, by), (row.ordinal, row.record))
        self._here |= {(row.model, row.record): (row.ordinal, row.record) for row in rows}
        told = self.tx.statements({("record", row.record) for row in rows}, currency.WITHDRAWAL)
        told = [row for row in told if row.namespace == self.draft.namespace]
        ended = {row.digest for row in currency.current(self.tx, told)} if told else set()
        for withdrawal, value in bodies.load(self.tx, ended).items():
            for name in value.body.get("registrations", ()) if isinstance(value, Statement) else ():
                self._undone.setdefault(name, []).append(withdrawal)

    def _check_name(self, model: str, folded: dict[str, str]) -> None:
        parts = model.casefold().split("/")
        above = [folded.get("/".join(parts[:count])) for count in range(2, len(parts) + 1)]
        clashes = [name for name in above if name and name != model]
        if model not in self._ordinals:
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

    def issue(self, said: Iterable[Said], model: str = "") -> list[Statement]:
        """Return statements that come with a registration; a profile takes the place of the model's current one.

        Raises:
            InvalidError: for kinds that are not made by hand, or a profile of another model.
        """
        issued = []
        for item in said:
            if item.type == profiles.TYPE:
                issued.append(self._profiles.statement(model or str(item.subject[0].name), item))
            else:
                statements.refuse_reserved(item)
                issued += statements.issue(self.context, [item])
        return issued

    def place(self, item: Registration) -> Place:
        """Give a version its place and its label.

        Raises:
            ConflictError: when the label is there with other content.
        """
        digest = item.version.digest
        held = self._label_target(item.model, item.label)
        if held and held != digest:
            return self._held_by_other(item, held)
        ordinal, record = self._here.get((item.model, digest), (0, digest))
        if ordinal == 0:
            return self._new(item)
        taken_back = self._take_back_undo(item.model, ordinal, record)
        if held or item.label is None:
            return Place(ordinal, record, "extended" if taken_back else "unchanged")
        self._label(item.model, item.label, record)
        return Place(ordinal, record, "labelled")

    def _new(self, item: Registration) -> Place:
        digest = item.version.digest
        ordinal = self._ordinals.get(item.model, 0) + 1
        self._ordinals[item.model] = ordinal
        self._here[item.model, digest] = ordinal, digest
        self.draft.record(item.version)
        self.draft.version(item.model, ordinal, digest)
        self._fresh.update(file.digest for file in item.version.files if file.resolved)
        if item.label is not None:
            self._label(item.model, item.label, digest)
        return Place(ordinal, digest, "registered")

    def further_label(self, model: str, record: str, label: str) -> None:
        """Give a version that is here, or in the draft, one label more.

        Raises:
            MissingError: when it is no version of the model.
            ConflictError: when the label is there with other content.
        """
        _, there = self._here.get((model, record), (0, ""))
        if not there:
            raise statements.no_subject(record)
        held = self._label_target(model, label)
        if not held:
            self._label(model, label, there)
        elif held != there:
            raise _taken(model, label, self._differences(held, record) or [held])

    def _label_target(self, model: str, label: str | None) -> str:
        if label is None:
            return ""
        pointer = pointers.label_pointer(model, label)
        there, to = self._new_labels.get(pointer.casefold(), ("", ""))
        if not there and model in self._known_models:
            row = self.tx.pointer(pointer)
            there, to = (row.pointer, row.to) if row else ("", "")
        if to and there != pointer:
            raise ConflictError(
                f"the label {label!r} differs only in case from {pointers.split(there)[2]!r}",
                code="label-taken",
                hint="Labels are unique without case; write it as it is, or choose another.",
            )
        return to

    def _label(self, model: str, label: str, record: str) -> None:
        pointer = pointers.label_pointer(model, label)
        self.draft.point(pointer, to=record)
        self._new_labels[pointer.casefold()] = (pointer, record)
        self.draft.relabelled.add(record)

    def _held_by_other(self, item: Registration, held: str) -> Place:
        digest = item.version.digest
        if self._here.get((item.model, digest), (0, ""))[1] == held:  # it resolved what is there
            return Place(self._here[item.model, digest][0], held, "unchanged")
        row = next((row for row in self.tx.versions_with([held]) if row.model == item.model), None)
        old = bodies.version(self.tx, held) if row else None
        if row is None or old is None:
            raise self._conflict(item, held)
        by = standing_of(self.tx, [row]).resolved_by.get(row.item)
        same = resolution.resolves(old, item.version, self._contents) if by is None else False
        if same or (same is None and item.confirm):
            self._resolve(row, old, item.version, confirmed=same is None)
            return Place(row.ordinal, row.record, "resolved")
        if same is None:
            raise ConflictError(
                f"{item.model}:{item.label} is known by digests too weak to tell (adler32, or md5 without size)",
                code="confirm-weak",
                hint="They fit. When you know that these are the bytes, confirm it (--confirm).",
            )
        raise self._conflict(item, by or held)

    def _resolve(self, row: VersionRow, old: Version, new: Version, *, confirmed: bool) -> None:
        self.draft.record(new)
        said = resolution.statement(row.record, new, old, confirmed=confirmed)
        statements.make(self.context, self.tx, self.draft, [said])
        self.draft.touched.add(row.item)
        self._here[row.model, new.digest] = row.ordinal, row.record
        self._fresh.update(file.digest for file in new.files)

    def _conflict(self, item: Registration, held: str) -> ConflictError:
        return _taken(item.model, str(item.label), self._differences(held, item.version) or [held])

    def _differences(self, held: str, new: Version | str) -> list[str]:
        wanted = {held} | ({new} if isinstance(new, str) else set())
        known = bodies.versions(self.tx, wanted, self.draft.values)
        value = known.get(new) if isinstance(new, str) else new
        return differences(known[held], value) if held in known and value is not None else []

    def _take_back_undo(self, model: str, ordinal: int, record: str) -> bool:
        """A version that was undone and is registered again is withdrawn no more; say whether it was."""
        undone = self._undone.pop(f"{model}@{ordinal}", [])
        for withdrawal in undone:
            subject = (Subject(statement=withdrawal),)
            self._taken_back.append(
                Said(type=currency.WITHDRAWAL, subject=subject, body={"reason": "registered again"})
            )
            self.draft.relabelled.add(record)
        return bool(undone)

    def point_profiles(self, made: Iterable[Statement]) -> None:
        """Let the pointers of profiles lead to new ones."""
        for statement in made:
            if statement.kind == "profile" and (name := statement.subject[0].name):
                pointer = pointers.profile_pointer(name)
                row = self.tx.pointer(pointer)
                if row is None or row.to != statement.digest:
                    self.draft.point(pointer, frm=row.to if row else "", to=statement.digest)

    def arrive(self, sha256s: Iterable[str]) -> None:
        """Take contents for what unresolved versions may wait for; the principal brought them."""
        self._fresh.update(sha256s)

    def complete(self) -> None:
        """Take undoes back; bytes that came may be what unresolved versions of this principal and journal wait for."""
        for start in range(0, len(self._taken_back), AT_ONCE):
            self.draft.mark()
            statements.make(self.context, self.tx, self.draft, self._taken_back[start : start + AT_ONCE])
        self.draft.mark()
        contents = self.tx.contents(self._fresh)
        for said, record_, items in arrivals.completions(self.context, self.tx, self.draft, contents.values()):
            if record_ is not None:
                self.draft.record(record_)
            statements.make(self.context, self.tx, self.draft, [said])
            self.draft.touched |= items


def _taken(model: str, label: str, differs: list[str]) -> ConflictError:
    return ConflictError(
        f"the label {label!r} of {model} is there with other content: {'; '.join(differs)}",
        code="label-taken",
        hint="A label never moves. Register under a new label, or `herdbook undo` the mistaken registration first.",
        differs=differs,
    )


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
