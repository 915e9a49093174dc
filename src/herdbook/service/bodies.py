"""Bodies: canonical bytes, read back into values; what a newer Herdbook wrote is kept and shown as unknown."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from herdbook.kernel import canonical, digests
from herdbook.kernel.errors import CorruptError, InvalidError
from herdbook.model.activities import Activity
from herdbook.model.base import Json
from herdbook.model.datasets import Dataset
from herdbook.model.files import File
from herdbook.model.statements import Statement
from herdbook.model.versions import Version
from herdbook.ports.catalogue import JournalReader

Body = Version | Dataset | Activity | Statement
Value = Body | Json
SCHEMAS: dict[str, type[Body]] = {
    "herdbook/version/1": Version,
    "herdbook/dataset/1": Dataset,
    "herdbook/activity/1": Activity,
    "herdbook/statement/1": Statement,
}


def parse(data: bytes) -> Value:
    """Return the value of a body, or its JSON object when this Herdbook does not know all of it."""
    return of(canonical.loads(data))


def of(value: Any) -> Value:  # noqa: ANN401 - JSON of whatever shape
    """Return the value of a body's JSON, or its JSON object when this Herdbook does not know all of it."""
    shape = SCHEMAS.get(value.get("schema", "")) if isinstance(value, dict) else None
    if shape is None:
        return value if isinstance(value, dict) else {}
    try:
        return shape.read(value)
    except InvalidError:
        return dict(value)


def load(reader: JournalReader, named: Iterable[str], known: Mapping[str, Value] | None = None) -> dict[str, Value]:
    """Return parsed bodies of those that are here; ``known`` ones are taken from there.

    Raises:
        CorruptError: when a body does not have the bytes of its digest.
    """
    wanted = set(named)
    have = {digest: known[digest] for digest in wanted if digest in known} if known else {}
    found = reader.bodies(wanted - have.keys())
    return {**have, **{digest: parse(_sound(digest, data)) for digest, data in found.items()}}


def _sound(digest: str, data: bytes) -> bytes:
    if digests.of(data) != digest:
        raise CorruptError(
            f"the body of {digest} does not have the bytes of its digest",
            code="body-corrupt",
            hint="Run `herdbook doctor`; a backup or another copy of the journal has the right ones.",
        )
    return data


def versions(
    reader: JournalReader, named: Iterable[str], known: Mapping[str, Value] | None = None
) -> dict[str, Version]:
    """Return version records, whose bytes are held against their digests instead of being checked field by field.

    They were checked when they were registered, or imported.

    Raises:
        CorruptError: when a body does not have the bytes of its digest.
    """
    wanted = set(named)
    found = {digest: body for digest in wanted if known and isinstance(body := known.get(digest), Version)}
    for digest, data in reader.bodies(wanted - found.keys()).items():
        told = json.loads(_sound(digest, data))
        if told.get("schema") == "herdbook/version/1":
            found[digest] = Version.model_construct(files=tuple(File.model_construct(**f) for f in told["files"]))
    return found


def version(reader: JournalReader, digest: str) -> Version:
    """Return the version record with this digest.

    Raises:
        CorruptError: when its body is not here, or is no version.
    """
    body = versions(reader, [digest]).get(digest)
    if body is None:
        raise CorruptError(
            f"the body of version {digest} is not in the catalogue",
            code="body-missing",
            hint="Run `herdbook doctor`; a backup or another copy of the journal has it.",
        )
    return body
