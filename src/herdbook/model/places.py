"""Places of the outside world where bytes or code lie, and whether they are still there: a state with a date."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from herdbook.model.base import Bool, Int, Sha256, Text, Time, Value
from herdbook.model.identifiers import NonEmpty

State = Literal["unknown", "exists", "gone"]
"""``unknown`` also stands for "could not be asked"; nothing is ever taken for granted from how a name is written."""


class Standing(Value):
    """What a place answered when it was asked; ``detail`` says why, where that is not plain.

    ``files``, ``size_bytes`` and ``events`` are what it says of the whole; ``closed`` whether nothing can be added.
    ``checked`` says how far the look went: names alone, sizes, or checksums that were read or given by the place.
    """

    state: State
    detail: Text = ""
    closed: Bool | None = None
    files: Annotated[Int, Field(ge=0)] | None = None
    size_bytes: Annotated[Int, Field(ge=0)] | None = None
    events: Annotated[Int, Field(ge=0)] | None = None
    checked: Literal["name", "size", "checksum"] = "name"


class Sending(Value):
    """A file on its way to a place: how it is called there, what it is, and where its bytes are.

    ``source`` is a path of this machine; ``at`` the URI under which the place has the bytes already. One of the two.
    """

    name: NonEmpty
    size: Annotated[Int, Field(ge=0)]
    adler32: Annotated[Text, Field(pattern="^[0-9a-f]{8}$")]
    md5: Annotated[Text, Field(pattern="^[0-9a-f]{32}$")] | None = None
    source: NonEmpty | None = None
    at: NonEmpty | None = None


class Location(Value):
    """The body of ``herdbook/location/1``: where a record, a file or an activity's code can be had.

    ``uri`` begins with the scheme of a place: ``rucio:SCOPE:NAME``, ``file://HOST/PATH``, ``https://…``,
    ``root://…``, ``git+https://…@COMMIT``. ``asked`` is when the state was found out; a later statement of the same
    issuer supersedes this one. ``lacking`` names files of the record that are no longer there, the first hundred.
    """

    uri: NonEmpty
    state: State = "unknown"
    asked: Time | None = None
    detail: NonEmpty | None = None
    closed: Bool | None = None
    files: Annotated[Int, Field(ge=0)] | None = None
    size_bytes: Annotated[Int, Field(ge=0)] | None = None
    checked: Literal["name", "size", "checksum"] | None = None
    lacking: tuple[NonEmpty, ...] | None = None


class Resolved(Value):
    """A dataset whose files are known now.

    ``record`` holds the manifest, ``old`` is the record of the name alone; ``new`` says whether this manifest was not
    known before. ``events`` only where the place counts them for every file.
    """

    record: Sha256
    old: Sha256
    manifest: Sha256
    new: Bool
    location: Location
    files: Int
    size_bytes: Int | None = None
    events: Int | None = None


class Rechecked(Value):
    """What a place says now of a dataset: ``before`` is what was known; ``said`` the statement, if one was made."""

    record: Sha256
    title: Text
    before: Text
    location: Location
    missing: Int = 0
    changed: Int = 0
    lost: Int = 0
    added: Int = 0
    said: Sha256 | None = None


class Sent(Value):
    """What lies in a place now: its URI, and the statement that says so."""

    reference: Text
    record: Sha256
    location: Location
    statement: Sha256
    files: Int
    size_bytes: Int


class Tried(Value):
    """A copy that was looked at: ``problem`` says why it was passed over; without one the bytes came from it."""

    path: Text
    uri: Text
    problem: Text | None = None
