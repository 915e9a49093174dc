"""Import: from the facts of one file to its preprocessing; the file itself is never opened."""

from __future__ import annotations

from collections.abc import Callable

from herdbook.kernel.errors import InvalidError
from herdbook.model.base import Json
from herdbook.model.facts import Facts
from herdbook.model.preprocessing import Imported
from herdbook.service.preprocessing import lwtnn, tables, weaver

_READERS: dict[str, Callable[[Json], Imported]] = {
    "weaver-preprocess": weaver.read,
    "weaver-data-config": weaver.read_config,
    "lwtnn-json": lwtnn.read,
    "lwtnn-graph-json": lwtnn.read,
    "tmva-xml": tables.read_tmva,
    "tmva-xml-gz": tables.read_tmva,
    "scaler": tables.read_scaler,
    "normalisation-dict": tables.read_normalisation,
}
FORMATS = (*_READERS, "onnx (gnn_config)")
"""What a preprocessing is read from: formats of docs/reference/facts.md."""


def prepares(facts: Facts | None) -> bool:
    """Say whether facts are those of a file that prepares inputs."""
    return facts is not None and (facts.format in _READERS or "gnn_config" in facts.values)


def read(facts: Facts) -> Imported:
    """Return the preprocessing that a file's facts tell, and findings about what it cannot hold.

    Raises:
        InvalidError: when they are the facts of something else, or name no feature.
    """
    if "gnn_config" in facts.values:
        return lwtnn.read_salt(facts.values)
    reader = _READERS.get(facts.format)
    if reader is None:
        raise InvalidError(
            f"a file of the format {facts.format} prepares no inputs",
            code="preprocessing-none",
            hint=f"It is read from {', '.join(FORMATS)}.",
        )
    return reader(facts.values)
