"""Herdbook: bookkeeping for trained inference models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from herdbook.bootstrap.capturing import training
    from herdbook.bootstrap.open import open_registry as open  # noqa: A004 - herdbook.open() is its name
    from herdbook.ports.registry import Registry
    from herdbook.service import preprocessing

__version__ = "0.1.0"
__all__ = ["Registry", "__version__", "open", "preprocessing", "training"]

_WHERE = {
    "preprocessing": ("herdbook.service.preprocessing", ""),
    "open": ("herdbook.bootstrap.open", "open_registry"),
    "Registry": ("herdbook.ports.registry", "Registry"),
    "training": ("herdbook.bootstrap.capturing", "training"),
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever is asked for
    """Import what is asked for when it is asked for, so that ``import herdbook`` stays light."""
    if name not in _WHERE:
        raise AttributeError(f"module 'herdbook' has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415 - only then

    module, attribute = _WHERE[name]
    found = import_module(module)
    return getattr(found, attribute) if attribute else found
