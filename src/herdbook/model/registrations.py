"""What a client sends to register: everything that one event is to hold, in one value."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from herdbook.model.activities import Activity
from herdbook.model.base import Bool, Sha256, Text, Value
from herdbook.model.datasets import Dataset
from herdbook.model.statements import Said
from herdbook.model.versions import Label, ModelName, Version


class Registration(Value):
    """A version with its label, and what is said with it.

    Bytes of files with a sha256 were put before (``files.put``), which is what entitles to name them; ``absent`` lists
    those whose bytes nobody brings. Activities and statements name records by digest, known before it is sent.
    ``confirm`` says that a person knows these to be the bytes of a version that weak digests alone name.
    """

    model: ModelName
    label: Label | None = None
    version: Version
    datasets: tuple[Dataset, ...] = ()
    activities: tuple[Activity, ...] = ()
    statements: tuple[Said, ...] = ()
    absent: tuple[Sha256, ...] = ()
    confirm: Bool = False


class FileCheck(Value):
    """What verifying one file showed."""

    path: Text
    digest: Text
    status: Literal["ok", "missing", "corrupt", "unresolved"]
    message: Text = ""


class Intake(Value):
    """A file that a folder yields, or one that it leaves out and why."""

    path: Text
    size: Annotated[int, Field(ge=0)]
    source: Text
    left_out: Text | None = None
    link: Text | None = None
