"""What must be there: bodies that events name, and blobs that bodies name.

Reads JSON and no values, so that what a newer Herdbook wrote needs the same; docs/reference/bundle.md has the rules.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from herdbook.kernel import canonical, digests
from herdbook.kernel.errors import CorruptError, HerdbookError
from herdbook.model.base import Json
from herdbook.model.journal import PointOp, RecordOp, StatementOp, VersionOp

_KEYS = ("blob", "diff", "history", "manifest")


def bodies_of(ops: Iterable[object]) -> Iterator[str]:
    """Yield digests of the bodies that operations name; one may come twice."""
    for op in ops:
        match op:
            case RecordOp() | StatementOp():
                yield op.digest
            case VersionOp():
                yield op.record
            case PointOp():
                yield from (digest for digest in (op.to, op.reason) if digest)
            case _:
                pass


def read_body(digest: str, data: bytes) -> Json:
    """Return the JSON object of a body whose bytes are its digest's, and canonical.

    Raises:
        CorruptError: when they are not.
    """
    if digests.of(data) != digest:
        raise CorruptError(f"the body {digest} has other bytes than its digest says", code="body-corrupt")
    try:
        value = canonical.loads(data)
        good = isinstance(value, dict) and bool(value.get("schema")) and canonical.dumps(value) == data
    except HerdbookError as error:
        raise CorruptError(f"the body {digest} is not canonical: {error.message}", code="body-not-canonical") from error
    if not good:
        raise CorruptError(f"the body {digest} is not canonical JSON with a schema", code="body-not-canonical")
    return dict(value)


def blobs_of(body: Json) -> dict[str, int | None]:
    """Return the blobs that a body names, with their size in bytes where it says that."""
    found: dict[str, int | None] = {}
    for part in _parts(body):
        found.update((str(part[key]), None) for key in _KEYS if digests.is_sha256(str(part.get(key, ""))))
    for file in _dicts(body.get("files")):
        size = file.get("size")
        if digests.is_sha256(str(file.get("digest", ""))):
            found[str(file["digest"])] = size if isinstance(size, int) else None
    return found


def _parts(body: Json) -> Iterator[Json]:
    yield body
    for key in ("inputs", "outputs"):
        yield from _dicts(body.get(key))
    for key in ("environment", "code"):
        yield from _dicts([body.get(key)])
    if body.get("type") == "herdbook/ext-schema/1":
        yield from _dicts([body.get("body")])
    if body.get("type") == "herdbook/resolves/1" and any("file" in subject for subject in _dicts(body.get("subject"))):
        yield from ({"blob": told["by"]} for told in _dicts([body.get("body")]) if "by" in told)


def _dicts(value: Any) -> Iterator[Json]:  # noqa: ANN401 - JSON of whatever shape
    for item in value if isinstance(value, list) else ():
        if isinstance(item, dict):
            yield item


def actors_of(body: Json) -> Iterator[str]:
    """Yield the actors that a body names: who issued it, and who took part."""
    named = [body.get("issuer"), *(body.get("agents") or ())]
    return (actor for actor in named if isinstance(actor, str) and actor.startswith("actor:"))
