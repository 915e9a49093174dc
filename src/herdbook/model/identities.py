"""What foreign identities led to, from which tag on, until before which."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from herdbook.model.base import Digest, Int, Sha256, Text, Value


class IdentityEntry(Value):
    """What a foreign identity led to: a file of a version, from tag ``first`` on, until before ``last``."""

    id: Text
    reference: Text
    record: Sha256
    path: Text | None = None
    digest: Digest | None = None
    size: Annotated[Int, Field(ge=0)] | None = None
    source: Text | None = None
    first: Text | None = None
    last: Text | None = None
    tags: tuple[Text, ...] = ()
    """The tags of the range, where the order of the source's tags is known."""
    statement: Sha256
    where: Text | None = None
    """The evidence."""
