"""The noun ``pointers``: labels, aliases, profiles. Moves are compare-and-set and kept."""

from __future__ import annotations

from collections.abc import Sequence

from herdbook.kernel.errors import ConflictError, InvalidError, MissingError
from herdbook.kernel.names import Reference, namespace_of
from herdbook.model import pointers
from herdbook.model.pointers import Move, PointerEntry
from herdbook.model.rows import PointerRow
from herdbook.model.statements import Said, Statement, Subject
from herdbook.model.versions import Entry
from herdbook.ports.catalogue import Reader, Writer
from herdbook.service import bodies, facts, journal, quarantine, references, registrations, statements, touched
from herdbook.service.context import Context
from herdbook.service.entries import entries


class Pointers:
    """Pointers, as the façade gives them."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def list(self, model: str) -> list[PointerEntry]:
        """Return the pointers of a model, newest move first."""
        with self._context.catalogue.read() as tx:
            exact, _ = references.follow(tx, model)
            return [_entry(tx, row) for row in tx.pointers([exact]).get(exact, [])]

    def label(self, reference: str, label: str) -> PointerEntry:
        """Give a version a further label."""
        from herdbook.model.registrations import Registration  # noqa: PLC0415 - one registration does it

        with self._context.catalogue.read() as tx:
            entry = references.resolve(tx, reference)
            original = bodies.version(tx, entry.record)
        absent = tuple(file.digest for file in original.files if file.resolved)
        item = Registration(model=entry.model, label=label, version=original, absent=absent)
        registrations.record(self._context, [item])
        with self._context.catalogue.read() as tx:
            row = tx.pointer(pointers.label_pointer(entry.model, label))
            assert row is not None
            return _entry(tx, row)

    def alias(self, model: str, alias: str, to: str, *, expected: str | None = None, reason: str = "") -> PointerEntry:
        """Move an alias to a version."""
        return self._move(model, alias, to, expected, reason)

    def clear(self, model: str, alias: str, *, expected: str | None = None, reason: str = "") -> PointerEntry:
        """Remove an alias."""
        return self._move(model, alias, "", expected, reason)

    def _move(self, model: str, alias: str, to: str, expected: str | None, reason: str) -> PointerEntry:
        read = self._read_ahead(model, to)
        with self._context.catalogue.write() as tx:
            facts.put(self._context, tx, read)
            exact, _ = references.follow(tx, model)
            pointer = pointers.alias_pointer(exact, alias)
            row = tx.pointer(pointer)
            now = row.to if row else ""
            if not to and not now:
                raise MissingError(f"{exact} has no alias {alias!r}", code="no-alias", hint="Nothing to remove.")
            entry = _target(tx, exact, to) if to else None
            target = entry.record if entry else ""
            _compare(tx, exact, pointer, now, expected)
            if target != now:
                if entry:
                    quarantine.check_version(tx, self._context.blobs, entry)
                draft = journal.draft_for(self._context, tx, namespace_of(exact))
                why = self._reason(tx, draft, exact, reason)
                draft.point(pointer, frm=now, to=target, reason=why)
                draft.touched |= touched.items_of(tx, {now, target} - {""})
                draft.commit()
            moved = tx.pointer(pointer)
            assert moved is not None
            return _entry(tx, moved)

    def _read_ahead(self, model: str, to: str) -> facts.Read:
        """Read files of the target that have no facts yet: what nobody looked at is not known to be safe."""
        if not to:
            return facts.Read()
        with self._context.catalogue.read() as tx:
            version = _target(tx, references.follow(tx, model)[0], to).version
        return facts.read_ahead(self._context, [version])

    def _reason(self, tx: Writer, draft: journal.Draft, model: str, reason: str) -> str:
        if not reason:
            return ""
        said = Said(type="herdbook/note/1", subject=(Subject(name=model),), body={"text": reason})
        return statements.make(self._context, tx, draft, [said])[0].digest

    def history(self, pointer: str) -> Sequence[Move]:
        """Return the moves of ``MODEL@alias`` or ``MODEL:label``, oldest first."""
        reference = Reference.parse(pointer)
        if not reference.alias and not reference.label:
            raise InvalidError(
                f"{pointer!r} is neither an alias nor a label", code="bad-reference", hint="Write MODEL@ALIAS."
            )
        with self._context.catalogue.read() as tx:
            exact, _ = references.follow(tx, reference.model)
            name = (
                pointers.alias_pointer(exact, reference.alias)
                if reference.alias
                else pointers.label_pointer(exact, reference.label)
            )
            rows = tx.moves(name)
            if not rows:
                raise MissingError(
                    f"{pointer!r} never was a pointer here", code="no-pointer", hint="See `herdbook show`."
                )
            notes = bodies.load(tx, (row.reason for row in rows if row.reason))
            people = tx.people({row.principal for row in rows})
        return [
            Move(
                pointer=row.pointer,
                seq=row.seq,
                time=row.time,
                principal=row.principal,
                by=people[row.principal].name if row.principal in people else None,
                frm=row.frm or None,
                to=row.to or None,
                reason=_words(notes.get(row.reason)),
            )
            for row in rows
        ]


def _words(note: object) -> str | None:
    if isinstance(note, Statement):
        return str(note.body.get("text") or note.body.get("reason") or "") or None
    return None


def _target(tx: Reader, model: str, text: str) -> Entry:
    entry = references.resolve(tx, text if "/" in text or text.startswith("sha256:") else f"{model}:{text}")
    if entry.model != model:
        raise InvalidError(
            f"{entry.reference} is not a version of {model}",
            code="other-model",
            hint="An alias leads to its own model.",
        )
    return entry


def _compare(tx: Reader, model: str, pointer: str, now: str, expected: str | None) -> None:
    if expected is None:
        return
    wanted = "" if expected == "-" else _target(tx, model, expected).record
    if wanted != now:
        row = next((row for row in tx.versions_with([now]) if row.model == model), None) if now else None
        where = f"{row.model}@{row.ordinal}" if row else "nowhere"
        raise ConflictError(
            f"{pointers.split(pointer)[2]!r} leads to {where}, not to {expected!r}",
            code="moved-meanwhile",
            hint="Somebody moved it. Look at `herdbook alias history`, then decide again.",
        )


def _entry(tx: Reader, row: PointerRow) -> PointerEntry:
    kind, model, name = pointers.split(row.pointer)
    version = next((v for v in tx.versions_with([row.to]) if v.model == model), None) if row.to else None
    return PointerEntry.read(
        {
            "pointer": row.pointer,
            "kind": kind,
            "model": model,
            "name": name,
            "to": row.to or None,
            "reference": entries(tx, [version])[0].reference if version else None,
            "seq": row.seq,
        }
    )
