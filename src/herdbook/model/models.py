"""A model is a name, in a namespace, with versions in an order; its profile says what it is for."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from herdbook.model.base import Int, Json, Sha256, Text, Value
from herdbook.model.identifiers import NonEmpty


class Step(StrEnum):
    """The processing step in which a model runs: the vocabulary by which people look for one."""

    GENERATION = "generation"
    SIMULATION = "simulation"
    DIGITISATION = "digitisation"
    TRIGGER = "trigger"
    RECONSTRUCTION = "reconstruction"
    CALIBRATION = "calibration"
    DERIVATION = "derivation"
    ANALYSIS = "analysis"
    MONITORING = "monitoring"
    CONTROL = "control"
    OPERATIONS = "operations"
    OTHER = "other"


class Profile(Value):
    """What a model is for; the current one is where the pointer ``profile:MODEL`` leads."""

    title: NonEmpty | None = None
    summary: NonEmpty | None = None
    step: Step | None = None
    task: NonEmpty | None = None
    object: NonEmpty | None = None
    domain: NonEmpty | None = None
    keywords: tuple[NonEmpty, ...] | None = None
    maintainers: tuple[NonEmpty, ...] | None = None
    links: tuple[Json, ...] | None = None
    lifecycle: Literal["development", "production", "retired"] | None = None
    master: Literal["registry", "source"] | None = None
    ext: Json | None = None


class ModelEntry(Value):
    """A model as listings give it."""

    name: Text
    versions: Annotated[Int, Field(ge=0)]
    profile: Profile | None = None
    profile_digest: Sha256 | None = None
    newest: Text | None = None
    state: Literal["current", "deprecated", "withdrawn", "moved"] = "current"
    moved_to: Text | None = None

    def __repr__(self) -> str:
        return f"<model {self.name}, {self.versions} version{'' if self.versions == 1 else 's'}>"
