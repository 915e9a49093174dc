"""Pointers: aliases that may move, and the history of what was in use."""

from __future__ import annotations

from collections.abc import Sequence

import click

from herdbook.apps.cli import people
from herdbook.apps.cli.commands import Command, Group
from herdbook.apps.cli.output import Drawing
from herdbook.apps.cli.references import complete_model, complete_reference
from herdbook.apps.cli.session import Session, pass_session
from herdbook.kernel.errors import InvalidError
from herdbook.kernel.names import Reference
from herdbook.model.pointers import Move, PointerEntry
from herdbook.ports.registry import Registry

_EXPECT = "Only if it leads there now: a reference, or - for nowhere."


def _alias(text: str) -> Reference:
    found = Reference.parse(text)
    if not found.alias:
        raise InvalidError(f"{text!r} is no alias", code="bad-alias", hint="Write MODEL@ALIAS.")
    return found


def _within(model: str, text: str) -> str:
    """Return a reference; ``:LABEL`` and ``@3`` are those of the model."""
    return model + text if text[:1] in {":", "@"} else text


def _moves(session: Session, registry: Registry, model: str, moves: Sequence[Move], *, called: bool) -> None:
    text = session.output.mode == "text"
    names = people.names(registry) if text else {}
    labels = _labels(registry.pointers.list(model)) if text else {}

    def view(found: list[Move]) -> Drawing:
        from herdbook.apps.cli.views import listings

        return listings.moves(found, names, labels, called=called)

    session.output.many(moves, view, brief=lambda move: move.to or "-", empty="Nothing moved yet.")


def _labels(pointers: Sequence[PointerEntry]) -> dict[str, str]:
    """Return what versions of a model are called, by digest."""
    return {item.to: item.name for item in reversed(pointers) if item.kind == "label" and item.to}


@click.command(cls=Command)
@click.argument("reference", shell_complete=complete_reference)
@pass_session
def history(session: Session, /, *, reference: str) -> None:
    """Show who moved what is in use, when and why.

    REFERENCE is an alias (MODEL@ALIAS), a label (MODEL:LABEL), another version (MODEL@3: all that leads there now), or
    a MODEL: all its labels and aliases.
    """
    with session.registry(read_only=True) as registry:
        model, pointers = _pointers(registry, reference)
        moves = [move for pointer in pointers for move in registry.pointers.history(pointer)]
        moves.sort(key=lambda move: move.seq)
        _moves(session, registry, model, moves, called=True)


def _pointers(registry: Registry, text: str) -> tuple[str, list[str]]:
    """Return the model and the pointers that a reference means."""
    reference = Reference.parse(text)
    if reference.alias or reference.label:
        return reference.model, [text]
    if str(reference) == reference.model:
        model, record = registry.models.get(reference.model).name, None
    else:
        entry = registry.versions.get(text)
        model, record = entry.model, entry.record
    return model, [
        f"{model}{'@' if item.kind == 'alias' else ':'}{item.name}"
        for item in registry.pointers.list(model)
        if item.kind in {"alias", "label"} and (record is None or item.to == record)
    ]


@click.group(cls=Group)
def alias() -> None:
    """What is in use: names that may move."""


@alias.command(name="set")
@click.argument("alias", metavar="MODEL@ALIAS", shell_complete=complete_reference)
@click.argument("to", metavar="TO", shell_complete=complete_reference)
@click.option("--expect", metavar="REF", help=_EXPECT)
@click.option("--reason", default="", metavar="WORDS", help="Why it moves.")
@pass_session
def set_(session: Session, /, *, alias: str, to: str, expect: str | None, reason: str) -> None:
    """Let an alias lead to a version.

    TO is a reference; :LABEL and @3 are those of the same model.
    """
    name = _alias(alias)
    if expect is not None and expect != "-":
        expect = _within(name.model, expect)
    with session.registry() as registry:
        entry = registry.pointers.alias(name.model, name.alias, _within(name.model, to), expected=expect, reason=reason)
    session.output.one(entry, lambda: f"{name} leads to {entry.reference or entry.to}", brief=entry.to or "")


@alias.command(name="remove")
@click.argument("alias", metavar="MODEL@ALIAS", shell_complete=complete_reference)
@click.option("--expect", metavar="REF", help=_EXPECT)
@click.option("--reason", default="", metavar="WORDS", help="Why it goes.")
@pass_session
def remove(session: Session, /, *, alias: str, expect: str | None, reason: str) -> None:
    """Remove an alias; its history stays."""
    name = _alias(alias)
    if expect is not None and expect != "-":
        expect = _within(name.model, expect)
    with session.registry() as registry:
        entry = registry.pointers.clear(name.model, name.alias, expected=expect, reason=reason)
    session.output.one(entry, lambda: f"{name} is removed", brief=str(name))


@alias.command(name="list")
@click.argument("model", shell_complete=complete_model)
@click.option("--every", is_flag=True, help="Labels too, and aliases that were removed.")
@pass_session
def list_(session: Session, /, *, model: str, every: bool) -> None:
    """List the aliases of a model."""
    with session.registry(read_only=True) as registry:
        found = [item for item in registry.pointers.list(model) if every or (item.kind == "alias" and item.to)]

    def view(entries: list[PointerEntry]) -> Drawing:
        from herdbook.apps.cli.views import listings

        return listings.pointers(entries)

    session.output.many(found, view, brief=lambda entry: entry.name, empty=f"{model} has no alias.")


@alias.command(name="history")
@click.argument("alias", metavar="MODEL@ALIAS", shell_complete=complete_reference)
@pass_session
def history_(session: Session, /, *, alias: str) -> None:
    """Show who moved an alias, when, from where to where and why."""
    name = _alias(alias)
    with session.registry(read_only=True) as registry:
        _moves(session, registry, name.model, registry.pointers.history(str(name)), called=False)
