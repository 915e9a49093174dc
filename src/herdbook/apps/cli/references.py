"""Words that complete: references, models, namespaces of the registry; cheaply, and silent when that fails."""

from __future__ import annotations

import click
from click.shell_completion import CompletionItem

from herdbook.apps.cli.session import Session

LIMIT = 60
PATIENCE_S = 1.0
"""How long a person who pressed Tab waits for a server."""


def complete_reference(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return models that begin so and, behind a model's ``:`` or ``@``, its labels or aliases."""
    mark = next((mark for mark in ":@" if mark in incomplete), "")
    model, _, begun = incomplete.partition(mark) if mark else (incomplete, "", "")
    try:
        with context.ensure_object(Session).registry(read_only=True, within=PATIENCE_S) as registry:
            if not mark:
                return [CompletionItem(entry.name) for entry in registry.models.list(model, limit=LIMIT).items]
            kind = "label" if mark == ":" else "alias"
            found = [item.name for item in registry.pointers.list(model) if item.kind == kind and item.to]
    except Exception:  # noqa: BLE001 - a person who presses Tab wants no error
        return []
    return [CompletionItem(f"{model}{mark}{name}") for name in found if name.startswith(begun)][:LIMIT]


def complete_model(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return models that begin so."""
    return [] if {":", "@"} & set(incomplete) else complete_reference(context, parameter, incomplete)


def complete_namespace(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return namespaces that begin so."""
    try:
        with context.ensure_object(Session).registry(read_only=True, within=PATIENCE_S) as registry:
            names = [entry.namespace for entry in registry.namespaces.list()]
    except Exception:  # noqa: BLE001 - a person who presses Tab wants no error
        return []
    return [CompletionItem(name) for name in names if name.startswith(incomplete)]
