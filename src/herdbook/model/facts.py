"""Facts: what a reader found in a file's bytes. Derived, cached by file sha256, reader and reader version."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from herdbook.model.base import Json, Text, Value


class Safety(StrEnum):
    """Whether loading a file can run code: data only; may name code or needs an unsafe parser; a pickle."""

    SAFE = "safe"
    GUARDED = "guarded"
    UNSAFE = "unsafe"


class Severity(StrEnum):
    """How much a finding matters."""

    NOTE = "note"
    WARNING = "warning"
    ERROR = "error"


class Finding(Value):
    """Something worth a look: which rule, what it says, where in the facts, and of which file, where that is open."""

    rule: Text
    severity: Severity
    message: Text
    where: Text = ""
    path: Text = ""


class Probe(Value):
    """What a cheap look at name and first bytes tells; ``unknown`` says what only reading would tell."""

    format: Text
    unknown: tuple[Text, ...] = ()


class Facts(Value):
    """What a reader found in one file.

    ``values`` uses the vocabulary of docs/reference/facts.md (``inputs``, ``outputs``, ``parameters``, ``opsets`` …);
    ``where`` maps a JSON pointer into ``values`` to the place in the file it was found.
    """

    reader: Text
    reader_version: Text
    format: Text
    safety: Safety = Safety.SAFE
    values: Json = Field(default_factory=dict)
    where: dict[Text, Text] = Field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
