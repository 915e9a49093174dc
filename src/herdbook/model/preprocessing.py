"""Preprocessing as one neutral value, whatever file it stood in: the inputs of a contract, as far as they prepare."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from herdbook.model.base import Sha256, Value
from herdbook.model.contracts import Feature, Sequence
from herdbook.model.facts import Finding
from herdbook.model.identifiers import NonEmpty


class PreparedInput(Value):
    """An input and its features, in order."""

    name: NonEmpty
    features: Annotated[tuple[Feature, ...], Field(min_length=1)]
    sequence: Sequence | None = None


class PreparedOutput(Value):
    """What a file that prepares inputs says of an output: its name, its labels; weaver and plain lwtnn name none."""

    name: NonEmpty | None = None
    labels: tuple[NonEmpty, ...] = ()


class PreprocessingSpec(Value):
    """What is done to numbers before they enter a model."""

    inputs: Annotated[tuple[PreparedInput, ...], Field(min_length=1)]
    outputs: tuple[PreparedOutput, ...] | None = None


class Imported(Value):
    """A preprocessing that was read from facts, and what these say that it cannot hold."""

    spec: PreprocessingSpec
    findings: tuple[Finding, ...] = ()


class Preparation(Value):
    """A preprocessing where it stands: in a file (``path``), or in the contract of a version (``contract``)."""

    of: NonEmpty
    path: NonEmpty | None = None
    contract: Sha256 | None = None
    format: NonEmpty | None = None
    spec: PreprocessingSpec
    findings: tuple[Finding, ...] = ()


class Exported(Value):
    """A file that another program reads, and JSON pointers into the spec of what that file has no place for."""

    text: NonEmpty
    left_out: tuple[NonEmpty, ...] = ()
    file: NonEmpty | None = None
