"""What an event means for the tables: worked out here alone, when it is written and when it is replayed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from herdbook.model.activities import Activity, Part
from herdbook.model.base import Json
from herdbook.model.datasets import Dataset
from herdbook.model.journal import PointOp, PurgeOp, RecordOp, StatementOp, UnpurgeOp, VersionOp
from herdbook.model.rows import EdgeRow, FileRow, Projection
from herdbook.model.statements import Statement
from herdbook.model.versions import Version
from herdbook.service.bodies import Body


def project(ops: Sequence[object], bodies: Mapping[str, Body | Json]) -> Projection:
    """Return what operations mean; a body that is absent, or of a newer Herdbook, is known by name only."""
    out = Projection()
    for op in ops:
        match op:
            case RecordOp() | StatementOp():
                out.known.append((op.op, op.digest))
                _project_body(op.digest, bodies.get(op.digest), out)
            case VersionOp():
                out.versions.append((op.model, op.ordinal, op.record))
            case PointOp():
                out.moves.append((op.pointer, op.from_ or "", op.to or "", op.reason or ""))
            case PurgeOp() | UnpurgeOp():
                out.purges.append((op.digest, op.op == "purge"))
            case _:
                pass
    return out


def _project_body(digest: str, body: Body | Json | None, out: Projection) -> None:
    match body:
        case Version():
            out.files.extend(FileRow(digest, file.path, file.digest, file.size) for file in body.files)
        case Dataset():
            scheme, value = (body.id.scheme, body.id.value) if body.id else ("", "")
            out.datasets.append((digest, scheme, value, body.manifest or ""))
        case Activity():
            out.activities.append((digest, body.kind, body.status, body.sameness))
            out.edges.extend(_edges(digest, body))
        case Statement():
            out.statements.append((digest, body.type, body.issuer, body.sameness))
            out.subjects.extend((digest, *subject.key) for subject in body.subject)
            out.supersedes.extend((digest, old) for old in body.supersedes or ())
            if body.type == "herdbook/ext-schema/1":
                out.edges.append(EdgeRow(digest, "in", "blob", str(body.body["blob"]), "schema"))
            if body.type == "herdbook/resolves/1" and body.subject[0].record:
                out.edges.append(EdgeRow(digest, "resolves", "record", str(body.body["by"]), "by"))
            if body.type == "herdbook/resolves/1" and body.subject[0].file:
                # The bytes of one file, while others of its version are awaited: nothing else holds them yet.
                out.edges.append(EdgeRow(digest, "holds", "blob", str(body.body["by"]), "resolves"))
        case _:
            pass


def _edges(digest: str, activity: Activity) -> list[EdgeRow]:
    rows = [_edge(digest, "in", part) for part in activity.inputs or ()]
    rows += [_edge(digest, "out", part) for part in activity.outputs or ()]
    told = {row.target for row in rows if row.target_kind == "blob"}
    rows += [EdgeRow(digest, "in", "blob", blob, "evidence") for blob in activity.blobs() if blob not in told]
    rows += [EdgeRow(digest, "self", "id", str(item), "id") for item in activity.ids or ()]
    return rows


def _edge(digest: str, direction: str, part: Part) -> EdgeRow:
    if part.record:
        return EdgeRow(digest, direction, "record", part.record, part.role, part.file or "")
    if part.file:
        return EdgeRow(digest, direction, "file", part.file, part.role, part.file)
    if part.blob:
        return EdgeRow(digest, direction, "blob", part.blob, part.role)
    if part.id:
        return EdgeRow(digest, direction, "id", str(part.id), part.role)
    assert part.selector is not None
    return EdgeRow(digest, direction, "selector", f"{part.selector.scheme}:{part.selector.value}", part.role)
