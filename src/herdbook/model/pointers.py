"""Pointers: label, alias, current profile. Moves are kept: who, when, why, from, to. A label never moves."""

from __future__ import annotations

from typing import Literal

from herdbook.kernel import names
from herdbook.model.base import Int, Sha256, Text, Time, Value


def label_pointer(model: str, label: str) -> str:
    """Return the pointer of a label."""
    return f"label:{names.check_model(model)}:{names.check_label(label)}"


def alias_pointer(model: str, alias: str) -> str:
    """Return the pointer of an alias."""
    return f"alias:{names.check_model(model)}@{names.check_alias(alias)}"


def profile_pointer(model: str) -> str:
    """Return the pointer of a model's profile."""
    return f"profile:{names.check_model(model)}"


def split(pointer: str) -> tuple[str, str, str]:
    """Return kind, model and name of a pointer; a profile's name is empty."""
    kind, _, rest = pointer.partition(":")
    model, _, name = rest.partition(":" if kind == "label" else "@")
    return kind, model, name


class PointerEntry(Value):
    """A pointer where it leads; ``to`` is absent once it was cleared."""

    pointer: Text
    kind: Literal["label", "alias", "profile"]
    model: Text
    name: Text
    to: Sha256 | None = None
    reference: Text | None = None
    seq: Int


class Move(Value):
    """One move of a pointer."""

    pointer: Text
    seq: Int
    time: Time
    principal: Text
    by: Text | None = None
    frm: Sha256 | None = None
    to: Sha256 | None = None
    reason: Text | None = None
