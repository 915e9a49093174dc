"""Entries: versions where they stand, with the state that statements give them. Reads for many versions at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from herdbook.model import pointers
from herdbook.model.files import Content
from herdbook.model.rows import StatementRow, VersionRow
from herdbook.model.statements import Statement
from herdbook.model.versions import Entry, Version
from herdbook.ports.catalogue import Reader
from herdbook.service import bodies, currency

State = Literal["current", "deprecated", "withdrawn"]
_STATE_TYPES = {"herdbook/withdrawal/1": "withdrawn", "herdbook/deprecation/1": "deprecated"}
_RESOLVES = "herdbook/resolves/1"


@dataclass
class Standing:
    """What statements say of some versions, by item: their states, and which record resolves theirs."""

    states: dict[int, State] = field(default_factory=dict)
    resolved_by: dict[int, str] = field(default_factory=dict)


def entries(
    tx: Reader,
    rows: Sequence[VersionRow],
    chosen: str | None = None,
    known: Mapping[str, bodies.Value] | None = None,
) -> list[Entry]:
    """Return the entries of rows, in their order; ``known`` bodies are not read again."""
    standing = standing_of(tx, rows)
    wanted = {row.record for row in rows} | set(standing.resolved_by.values())
    versions = bodies.versions(tx, wanted, known)
    named = _pointers_to(tx, rows)
    return [
        Entry.model_construct(  # of checked parts
            model=row.model,
            ordinal=row.ordinal,
            record=row.record,
            version=_in_force(tx, row, standing, versions),
            labels=tuple(named.get(("label", row.model, row.record), ())),
            aliases=tuple(named.get(("alias", row.model, row.record), ())),
            state=standing.states.get(row.item, "current"),
            resolved_by=standing.resolved_by.get(row.item),
            registered=row.time,
            seq=row.seq,
            chosen=chosen,
        )
        for row in rows
    ]


def _in_force(tx: Reader, row: VersionRow, standing: Standing, versions: dict[str, Version]) -> Version:
    digest = standing.resolved_by.get(row.item, row.record)
    return versions.get(digest) or bodies.version(tx, digest)


def _pointers_to(tx: Reader, rows: Sequence[VersionRow]) -> dict[tuple[str, str, str], list[str]]:
    found: dict[tuple[str, str, str], list[tuple[int, str]]] = defaultdict(list)
    for pointer in tx.pointers_to({row.record for row in rows}):
        kind, model, name = pointers.split(pointer.pointer)
        found[kind, model, pointer.to].append((pointer.seq, name))
    return {
        key: [name for _, name in sorted(names, key=lambda item: (-item[0], item[1]))] for key, names in found.items()
    }


def standing_of(tx: Reader, rows: Iterable[VersionRow]) -> Standing:
    """Return states and resolutions of versions."""
    rows = list(rows)
    subjects = {("record", row.record) for row in rows} | {("name", row.model) for row in rows}
    told = [row for row in tx.statements(subjects) if row.type in _STATE_TYPES or row.type == _RESOLVES]
    standing = Standing()
    if not told:
        return standing
    told = currency.current(tx, told)
    values = {d: v for d, v in bodies.load(tx, (row.digest for row in told)).items() if isinstance(v, Statement)}
    # Bytes resolve a version in its own journal only.
    by_place = {
        (item.namespace, item.subject): str(values[item.digest].body["by"])
        for item in told
        if item.type == _RESOLVES and item.subject_kind == "record" and item.digest in values
    }
    places = {row.item: (row.namespace, row.record) for row in rows}
    standing.resolved_by = {item: by_place[place] for item, place in places.items() if place in by_place}
    if by := {("record", record) for record in standing.resolved_by.values()}:
        more = currency.current(tx, [row for row in tx.statements(by) if row.type in _STATE_TYPES])
        told += more
        values |= {d: v for d, v in bodies.load(tx, (m.digest for m in more)).items() if isinstance(v, Statement)}
    about: dict[tuple[str, str], list[tuple[StatementRow, Statement]]] = defaultdict(list)
    for item in told:
        if item.type in _STATE_TYPES and item.digest in values:
            about[item.subject_kind, item.subject].append((item, values[item.digest]))
    for row in rows:
        records = {row.record, standing.resolved_by.get(row.item, row.record)}
        for key in [*(("record", record) for record in records), ("name", row.model)]:
            for item, value in about.get(key, ()):
                if _covers(tx, item, value, row, records):
                    _worsen(standing, row.item, _STATE_TYPES[item.type])
    return standing


def _covers(tx: Reader, row: StatementRow, value: Statement, version: VersionRow, records: set[str]) -> bool:
    """Say whether a statement of state covers a version; it counts only from the journal in which the model lives."""
    if row.namespace != version.namespace:
        return False
    registrations = value.body.get("registrations")
    if registrations is not None and f"{version.model}@{version.ordinal}" not in registrations:
        return False
    for subject in value.subject:
        if subject.record in records:
            return True
        if subject.name == version.model:
            return subject.labels is None or any(_label_leads(tx, version, label) for label in subject.labels)
    return False


def _label_leads(tx: Reader, version: VersionRow, label: str) -> bool:
    pointer = tx.pointer(pointers.label_pointer(version.model, label))
    return pointer is not None and pointer.to == version.record


def _worsen(standing: Standing, item: int, state: str) -> None:
    if state == "withdrawn":
        standing.states[item] = "withdrawn"
    else:
        standing.states.setdefault(item, "deprecated")


def known_files(tx: Reader, version: Version, namespace: str) -> dict[str, Content]:
    """Return contents that earlier statements in a namespace's journal tied to files of an unresolved version."""
    subjects = {("file", file.digest) for file in version.files if not file.resolved}
    told = [row for row in tx.statements(subjects, _RESOLVES) if row.namespace == namespace] if subjects else []
    if not told:
        return {}
    rows = currency.current(tx, told)
    values = bodies.load(tx, (row.digest for row in rows))
    by = {row.subject: str(v.body["by"]) for row in rows if isinstance(v := values.get(row.digest), Statement)}
    contents = tx.contents(by.values())
    return {old: contents[new] for old, new in by.items() if new in contents}
