"""A Keras architecture as JSON, as `model.to_json()` writes it; the weights stand in another file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from herdbook.model.facts import Safety
from herdbook.plugins.formats import keras_config
from herdbook.plugins.formats.contents import Content
from herdbook.plugins.formats.keras_facts import ModelFacts

if TYPE_CHECKING:
    from herdbook.ports.formats import Listing


def fits(content: Any, path: str) -> bool:  # noqa: ANN401 - any JSON
    """Say whether it names a class and the layers of a model."""
    del path
    return keras_config.fits(content)


def read(content: Any, path: str, listing: Listing) -> Content:  # noqa: ANN401 - any JSON
    """Read the facts.

    Raises:
        CorruptError: when it describes no model.
    """
    del path, listing
    facts = ModelFacts(content, 3 if isinstance(content.get("module"), str) else 2)
    metadata = {key: content[key] for key in ("keras_version", "backend") if isinstance(content.get(key), str)}
    values = {**facts.values(), "metadata": metadata}
    where = {"/layers": "config.layers", "/inputs": "config.input_layers", "/outputs": "config.output_layers"}
    return Content("keras-json", values, Safety.GUARDED, where, tuple(facts.findings))
