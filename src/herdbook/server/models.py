"""The noun ``models`` over HTTP."""

from __future__ import annotations

from herdbook.model.models import ModelEntry
from herdbook.model.pages import DEFAULT_LIMIT, Page
from herdbook.model.statements import StatementEntry
from herdbook.ports.registry import Registry
from herdbook.server.calls import Calls
from herdbook.server.parameters import Cursor, Limit, Model, Prefix
from herdbook.wire import models as wire

router = Calls("models")


@router.answers(wire.GET)
def get(registry: Registry, name: Model) -> ModelEntry:
    """Return a model."""
    return registry.models.get(name)


@router.answers(wire.LIST)
def list_(
    registry: Registry, prefix: Prefix = "", cursor: Cursor = None, limit: Limit = DEFAULT_LIMIT
) -> Page[ModelEntry]:
    """Return models by name."""
    return registry.models.list(prefix, cursor=cursor, limit=limit)


@router.answers(wire.PROFILE)
def profile(registry: Registry, asked: wire.SetProfile) -> StatementEntry:
    """Say what a model is for, in place of what its profile said before. Creates the model's name."""
    return registry.models.profile(asked.name, asked.profile)


@router.answers(wire.USAGE)
def usage(registry: Registry, prefix: Prefix = "") -> dict[str, tuple[int, int]]:
    """Return, by model, bytes of its files that are here and of these the bytes that no other model shares."""
    return registry.models.usage(prefix)
