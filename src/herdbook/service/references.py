"""References: from what a person wrote to the version it means."""

from __future__ import annotations

import difflib

from herdbook.kernel.errors import ConflictError, InvalidError, MissingError
from herdbook.kernel.names import Reference, namespace_of
from herdbook.model import pointers
from herdbook.model.query import Hash, Order
from herdbook.model.rows import VersionRow
from herdbook.model.statements import Statement
from herdbook.model.versions import Entry
from herdbook.ports.catalogue import Reader
from herdbook.service import bodies, currency
from herdbook.service.entries import entries, standing_of


def resolve(tx: Reader, text: str, as_of: int | None = None) -> Entry:
    """Return the entry that a reference means.

    Raises:
        MissingError: when there is none, with what is near.
        ConflictError: when a digest prefix fits several versions.
    """
    row, chosen = find(tx, Reference.parse(text), as_of)
    return entries(tx, [row], chosen)[0]


def find(tx: Reader, reference: Reference, as_of: int | None = None) -> tuple[VersionRow, str | None]:
    """Return the row that a reference means, and, for what was chosen or followed, a sentence that says so."""
    if not reference.model:
        return _one(_like(tx, reference.digest), str(reference), as_of), None
    model, note = follow(tx, reference.model)
    if reference.ordinal:
        row = tx.version(model, reference.ordinal)
        row = row if row is None or as_of is None or row.seq <= as_of else None
        return row or _missing_version(tx, reference), note
    if reference.digest:
        return _one(_like(tx, reference.digest, model), str(reference), as_of), note
    if reference.label or reference.alias:
        pointer = (
            pointers.label_pointer(model, reference.label)
            if reference.label
            else pointers.alias_pointer(model, reference.alias)
        )
        return _pointed(tx, model, pointer, as_of) or _missing_version(tx, reference), note
    row, said = _bare(tx, model, as_of)
    return row, f"{note} {said}" if note else said


def follow(tx: Reader, name: str) -> tuple[str, str | None]:
    """Return the exact name of a model that is here, following where it moved, and a warning when it did.

    Raises:
        MissingError: when there is no such model, with names that are near.
    """
    seen: list[str] = []
    while True:
        row = tx.model(name)
        exact = row.name if row else name
        home = row.namespace if row else namespace_of(exact)
        told = [m for m in tx.statements([("name", exact)], "herdbook/moved/1") if m.namespace.lower() == home.lower()]
        moved = currency.current(tx, told)
        target = next((v for v in bodies.load(tx, (m.digest for m in moved[-1:])).values()), None)
        if isinstance(target, Statement) and exact not in seen:
            seen.append(exact)
            name = str(target.body["to"])
            continue
        if row is None:
            raise MissingError(f"there is no model {name!r} here", code="no-model", hint=_near(tx, name))
        return exact, f"{seen[0]} moved to {exact}; write that." if seen else None


def _near(tx: Reader, name: str) -> str:
    head = name.partition("/")[0]
    names = [row.name for row in tx.models(head + "/", limit=500)] or [row.name for row in tx.models("", limit=500)]
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.4)
    if near:
        return "Did you mean " + " or ".join(near) + "?"
    return "`herdbook list` shows what is here." if names else "The registry is empty; `herdbook register` fills it."


def _like(tx: Reader, digest: str, model: str = "") -> list[VersionRow]:
    """Return versions whose record begins so; else those that were resolved by a record that begins so."""
    prefix = digest.removeprefix("sha256:")
    rows = tx.versions_like(prefix, model, limit=20)
    if rows:
        return rows
    found = tx.search(Hash(prefix, algorithm="sha256", scope="record"), Order.OLDEST, "", 20)
    rows = list(tx.items(item for item, _ in found).values())
    return [row for row in rows if model in {"", row.model}]


def _pointed(tx: Reader, model: str, pointer: str, as_of: int | None) -> VersionRow | None:
    if as_of is None:
        row = tx.pointer(pointer)
        target = row.to if row else ""
    else:
        moves = [move for move in tx.moves(pointer) if move.seq <= as_of]
        target = moves[-1].to if moves else ""
    if not target:
        return None
    return next((row for row in tx.versions_with([target]) if row.model == model), None)


def _bare(tx: Reader, model: str, as_of: int | None) -> tuple[VersionRow, str]:
    labels = [p for p in tx.pointers([model]).get(model, []) if p.pointer.startswith("label:")]
    for pointer in labels:
        row = _pointed(tx, model, pointer.pointer, as_of) if pointer.to or as_of is not None else None
        if row is not None and standing_of(tx, [row]).states.get(row.item) != "withdrawn":
            label = pointers.split(pointer.pointer)[2]
            return row, f"{model} was taken for {model}:{label}, its newest label that is not withdrawn."
    after, highest = 0, None
    while rows := tx.versions(model, after=after, limit=100, newest_first=True):
        after = rows[-1].ordinal
        there = [row for row in rows if as_of is None or row.seq <= as_of]
        states = standing_of(tx, there).states
        highest = highest or next(iter(there), None)
        fit = next((row for row in there if states.get(row.item) != "withdrawn"), None)
        if fit is not None:
            return fit, f"{model} was taken for {model}@{fit.ordinal}, its highest ordinal that is not withdrawn."
    if highest is not None:
        return highest, f"{model} was taken for {model}@{highest.ordinal}, its highest ordinal."
    raise MissingError(
        f"{model!r} has no versions", code="no-version", hint=f"`herdbook register {model}:LABEL PATH` adds one."
    )


def _one(rows: list[VersionRow], text: str, as_of: int | None) -> VersionRow:
    rows = [row for row in rows if as_of is None or row.seq <= as_of]
    if not rows:
        raise MissingError(
            f"no version has a digest that begins like {text!r}",
            code="no-version",
            hint="`herdbook search` finds files by sha256, md5, adler32 and git blob id as well.",
        )
    if len({row.record for row in rows}) > 1 or len(rows) > 1:
        raise ConflictError(
            f"{text!r} fits {len(rows)} versions",
            code="ambiguous",
            hint="Write one of: "
            + ", ".join(f"{row.model}@{row.ordinal} ({row.record[7:23]})" for row in rows[:5])
            + ".",
        )
    return rows[0]


def _missing_version(tx: Reader, reference: Reference) -> VersionRow:
    row = tx.model(reference.model)
    model = row.name if row else reference.model
    found = [pointers.split(p.pointer) for p in tx.pointers([model]).get(model, []) if p.to]
    kind = "alias" if reference.alias else "label"
    names = [name for what, _, name in found if what == kind]
    wanted = reference.alias or reference.label
    near = difflib.get_close_matches(wanted, names, n=3, cutoff=0.3) or names[:5]
    hint = f"Its {kind}es are: " if kind == "alias" else "Its labels are: "
    raise MissingError(
        f"there is no version {str(reference)!r} here",
        code="no-version",
        hint=hint + ", ".join(near) + "." if near else f"`herdbook list {reference.model}` shows its versions.",
    )


def registration_target(text: str) -> tuple[str, str | None]:
    """Return model and label of a reference under which something is registered.

    Raises:
        InvalidError: when it is not ``MODEL`` or ``MODEL:LABEL``.
    """
    reference = Reference.parse(text)
    if not reference.model or reference.ordinal or reference.digest or reference.alias:
        raise InvalidError(
            f"nothing is registered under {text!r}",
            code="bad-reference",
            hint="Write MODEL:LABEL, or MODEL alone for a version without a label; ordinals are given by the registry.",
        )
    return reference.model, reference.label or None
