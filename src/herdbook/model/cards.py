"""Hand-written sections of a model card or a datasheet; all else in it is generated from what is known."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from herdbook.model.base import Text, Value
from herdbook.model.identifiers import NonEmpty

SectionName = Annotated[Text, Field(pattern="^[a-z][a-z0-9-]{0,63}$")]


class Card(Value):
    """The body of ``herdbook/card/1`` about a version, a dataset or a model's name: Markdown by section's name."""

    kind: Literal["model-card", "datasheet"]
    sections: dict[SectionName, NonEmpty]
