"""Preprocessing as one neutral value, whatever file it stood in: the inputs of a contract, as far as they prepare."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from herdbook.model.base import Value
from herdbook.model.contracts import Feature, Sequence
from herdbook.model.identifiers import NonEmpty


class PreparedInput(Value):
    """An input and its features, in order."""

    name: NonEmpty
    features: Annotated[tuple[Feature, ...], Field(min_length=1)]
    sequence: Sequence | None = None


class PreprocessingSpec(Value):
    """What is done to numbers before they enter a model. ``outputs`` are names or labels that the file has."""

    inputs: tuple[PreparedInput, ...]
    outputs: tuple[NonEmpty, ...] | None = None
