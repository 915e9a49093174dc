"""Queries: a small language of filters and words. docs/reference/query.md documents it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Order(StrEnum):
    """In which order results come; ties cannot occur."""

    NEWEST = "newest"
    OLDEST = "oldest"
    NAME = "name"


class Compare(StrEnum):
    """How a field is compared."""

    LESS = "<"
    LESS_EQUAL = "<="
    GREATER = ">"
    GREATER_EQUAL = ">="


@dataclass(frozen=True, slots=True)
class All:
    """Every version."""


@dataclass(frozen=True, slots=True)
class Word:
    """A word somewhere in the text that is known of the version."""

    word: str


@dataclass(frozen=True, slots=True)
class WordPrefix:
    """A word that begins so."""

    prefix: str


@dataclass(frozen=True, slots=True)
class Is:
    """A field has one of these values, compared without case."""

    field: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Begins:
    """A field has a value that begins so."""

    field: str
    prefix: str


@dataclass(frozen=True, slots=True)
class Has:
    """A field has any value."""

    field: str


@dataclass(frozen=True, slots=True)
class Number:
    """A field has a number that compares so."""

    field: str
    compare: Compare
    value: float


@dataclass(frozen=True, slots=True)
class Text:
    """A field has a text that compares so, by code points of the folded text: times, labels."""

    field: str
    compare: Compare
    value: str


@dataclass(frozen=True, slots=True)
class Hash:
    """The record, or one of the files, has a digest that begins so. ``algorithm`` is empty when any may."""

    prefix: str
    algorithm: str = ""


@dataclass(frozen=True, slots=True)
class Not:
    """The contrary."""

    of: Expression


@dataclass(frozen=True, slots=True)
class And:
    """All of them."""

    of: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """Any of them."""

    of: tuple[Expression, ...]


Expression = All | Word | WordPrefix | Is | Begins | Has | Number | Text | Hash | Not | And | Or
