"""What the description says of operations whose handlers take the request as it is, so that FastAPI cannot see it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from herdbook.model.files import Content
from herdbook.wire import files, headers

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
NUMBER: Schema = {"type": "integer", "minimum": 0, "maximum": 10**18 - 1}
OCTETS = "application/octet-stream"
BINARY: Schema = {"type": "string", "format": "binary"}


def header(name: str, description: str, schema: Schema = TEXT, *, required: bool = False, **more: object) -> Schema:
    """Return a parameter that is a header."""
    return {
        "name": name,
        "in": "header",
        "required": required,
        "description": description,
        "schema": dict(schema),
        **more,
    }


def principal(*, required: bool) -> Schema:
    """Return the header that says who acts."""
    return header(
        headers.PRINCIPAL,
        "Who acts: `actor:` and 32 hexadecimal digits, with `;kind=service` for a program.",
        {"type": "string", "pattern": "^actor:[0-9a-f]{32}(;kind=(person|service|group))?$"},
        required=required,
        example="actor:0123456789abcdef0123456789abcdef",
    )


KEY = header(
    headers.IDEMPOTENCY_KEY,
    "A random text. The same request with the same key is done once, and answered alike.",
    {"type": "string", "pattern": "^[ -~]{1,200}$"},
)
NONE_MATCH = header("If-None-Match", "An `ETag` of before; when nothing changed, 304 is answered.")
_UPLOAD: Schema = {
    "name": "upload",
    "in": "path",
    "required": True,
    "description": "The id of an upload. It is random: who knows it may go on.",
    "schema": TEXT,
}
_OFFSET = {headers.OFFSET: {"description": "How many bytes are here and durable.", "schema": NUMBER}}
_WHOLE = {
    "ETag": {"description": "The digest of the whole file; it never changes.", "required": True, "schema": TEXT},
    headers.SHA256: {
        "description": "`sha-256=:BASE64:` of the whole file (RFC 9530).",
        "required": True,
        "schema": TEXT,
    },
    "Accept-Ranges": {"description": "`bytes`.", "required": True, "schema": TEXT},
}


@dataclass(frozen=True)
class Said:
    """What is to be said of one operation.

    Args:
        parameters: beside those of the address.
        answer: the type that is answered; ``None`` for nothing.
        media_type: of the answer.
        told: headers of the answer.
        body: the value that may be sent in JSON, or ``bytes``.
        statuses: errors beside those that all operations have.
    """

    parameters: tuple[Schema, ...] = ()
    answer: Any = None
    media_type: str = "application/json"
    told: Schema | None = None
    body: Any = None
    statuses: tuple[int, ...] = (401, 403)


_DOWN = (
    principal(required=False),
    header("Range", "`bytes=FIRST-LAST`: a part; several parts get the whole."),
    header("If-Range", "The `ETag` of which the part is wanted; the whole, when the file is another one."),
    header("If-Match", "The `ETag` that the file must have; else 412."),
    NONE_MATCH,
)
_WRITES = principal(required=True)
OPERATIONS: dict[str, Said] = {
    "files.put": Said(
        (_WRITES, header(headers.SHA256, "`sha-256=:BASE64:`: what the bytes must be, or they are not kept.")),
        Content,
        body=bytes,
        statuses=(401, 403, 411),
    ),
    "files.open": Said(_DOWN, bytes, OCTETS, _WHOLE, statuses=(403, 412, 416)),
    "files.blob": Said(_DOWN, bytes, OCTETS, _WHOLE, statuses=(403, 412, 416)),
    "uploads.begin": Said(
        (_WRITES, header(headers.LENGTH, "How many bytes it will have, where that is known.", NUMBER)),
        files.Upload,
        told=_OFFSET,
        body=files.Begin,
        statuses=(401, 403, 415),
    ),
    "uploads.standing": Said((_UPLOAD, _WRITES), files.Upload, told=_OFFSET),
    "uploads.append": Said(
        (_UPLOAD, _WRITES, header(headers.OFFSET, "Where the bytes of the body begin.", NUMBER, required=True)),
        files.Upload,
        told=_OFFSET,
        body=bytes,
    ),
    "uploads.abandon": Said((_UPLOAD, _WRITES)),
    "uploads.finish": Said((_UPLOAD, _WRITES, KEY), Content, body=files.Finish, statuses=(401, 403, 415)),
    "health": Said(answer=dict[str, str], statuses=()),
    "ready": Said(answer=dict[str, str | bool], statuses=()),
    "metrics": Said(answer=str, media_type="text/plain", statuses=()),
}


def describe(operation: Schema, said: Said, answer: Schema, body: Schema) -> None:
    """Complete what FastAPI says of an operation; ``answer`` and ``body`` are the schemas of what is JSON."""
    there = [each for each in operation.get("parameters", ()) if each["in"] == "query"]
    operation["parameters"] = [*there, *said.parameters]
    for status, response in operation["responses"].items():
        if said.answer is not None and status in {"200", "206"}:
            schema = BINARY if said.answer is bytes else answer
            response["content"] = {said.media_type: {"schema": schema}}
            response["headers"] = said.told or {}
    if said.body is bytes:
        operation["requestBody"] = {"required": True, "content": {OCTETS: {"schema": BINARY}}}
    elif said.body is not None:
        operation["requestBody"] = {"required": False, "content": {"application/json": {"schema": body}}}
