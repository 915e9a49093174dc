"""XGBoost's model as JSON: interface, objective, trees."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from herdbook.plugins.formats.xgboost_values import is_model, read_model

if TYPE_CHECKING:
    from herdbook.plugins.formats.contents import Content
    from herdbook.ports.formats import Listing

FORMATS = ("xgboost-json",)


def fits(content: Any, path: str) -> bool:  # noqa: ANN401, ARG001 - any JSON; the port's signature
    """Say whether this is a model; a saved configuration is none."""
    return is_model(content)


def read(content: Any, path: str, listing: Listing) -> Content:  # noqa: ANN401, ARG001 - the same
    """Read the facts.

    Raises:
        CorruptError: when the structure is not what XGBoost's schema says.
    """
    return read_model(content, "xgboost-json")
