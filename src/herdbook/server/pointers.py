"""The noun ``pointers`` over HTTP."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query

from herdbook.model.pointers import Move, PointerEntry
from herdbook.ports.registry import Registry
from herdbook.server.calls import Calls
from herdbook.server.parameters import Model
from herdbook.wire import pointers as wire

router = Calls("pointers")


@router.answers(wire.LIST)
def list_(registry: Registry, model: Model) -> list[PointerEntry]:
    """Return the pointers of a model."""
    return registry.pointers.list(model)


@router.answers(wire.HISTORY)
def history(
    registry: Registry,
    pointer: Annotated[str, Query(description="`MODEL@alias` or `MODEL:label`.", examples=["demo/tau/toy@production"])],
) -> list[Move]:
    """Return who moved a pointer when, from where to where and why."""
    return list(registry.pointers.history(pointer))


@router.answers(wire.LABEL)
def label(registry: Registry, asked: wire.Label) -> PointerEntry:
    """Give a version a further label."""
    return registry.pointers.label(asked.reference, asked.label)


@router.answers(wire.ALIAS)
def alias(registry: Registry, asked: wire.Alias) -> PointerEntry:
    """Move an alias to a version; with `expected` (a reference, or `-` for none) only from there."""
    return registry.pointers.alias(asked.model, asked.alias, asked.to, expected=asked.expected, reason=asked.reason)


@router.answers(wire.CLEAR)
def clear(registry: Registry, asked: wire.Clear) -> PointerEntry:
    """Remove an alias; its history stays."""
    return registry.pointers.clear(asked.model, asked.alias, expected=asked.expected, reason=asked.reason)
