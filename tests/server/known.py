"""All routes of the wire, by name."""

from __future__ import annotations

import importlib
import pkgutil
from typing import Any

from herdbook import wire
from herdbook.wire.routes import Route


def _routes() -> dict[str, Route[Any]]:
    modules = [importlib.import_module(f"herdbook.wire.{each.name}") for each in pkgutil.iter_modules(wire.__path__)]
    found = [value for module in modules for value in vars(module).values() if isinstance(value, Route)]
    assert len({route.name for route in found}) == len(found), "two routes have one name"
    return {route.name: route for route in found}


ROUTES = _routes()
