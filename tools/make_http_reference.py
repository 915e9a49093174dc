"""Write docs/reference/http.md: the conventions of the HTTP interface, and every operation as the server describes it.

Run ``python tools/make_http_reference.py`` after changing a route; a test compares what is committed.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from herdbook.bootstrap.open import init_registry, open_serving
from herdbook.server.app import make_app
from herdbook.wire.routes import PREFIX

TARGET = Path(__file__).resolve().parent.parent / "docs" / "reference" / "http.md"
ABOUT = """# HTTP

`herdbook serve` answers what `herdbook.open()` answers: one operation for each call of [Python](python.md), with the
same arguments, values, orders, cursors and [errors](errors.md). `herdbook.open("http://…")` speaks it for you; this
page is for other programs. The server describes itself in OpenAPI 3.1 at `/api/v1/openapi.json`. This page is made by
`tools/make_http_reference.py`.

```text
$ curl 'http://127.0.0.1:8765/api/v1/version?reference=demo/tau/toy:v1'
{"model":"demo/tau/toy","ordinal":1,"record":"sha256:…","version":{…},"labels":["v1"],…}
```

## Requests

- **Paths are fixed, and what you name is a parameter.** References, identifiers and paths hold `/`, `:`, `@` and
  more; in a query string they arrive as they were sent, whatever stands between. Escape them as UTF-8, `%XX`; `+` is
  a space.
- **What is not known is refused.** A parameter or a field that this server does not know, one that stands twice, a
  number that is none: 422, with the name of it and what is near. Nothing that you asked for is silently left undone.
  Flags are `true` or `false`.
- **Bodies are JSON** in UTF-8, `Content-Type: application/json`, at most 64 MiB unless the server is set otherwise,
  nested at most 100 deep; a key stands once, and there is no `NaN`. `null` is refused: leave an absent field out.
  Bytes of files go as they are.
- **`Herdbook-Principal: actor:32 hex digits`** says who acts, with `;kind=service` for a program. Whoever writes must
  say (401 `no-principal`); who reads need not. There is no access control yet: it is a claim, and stands in the
  journal as one.
- **`Idempotency-Key`**, a random text of at most 200 characters, on what writes: the same request with the same key
  is done once, within 24 hours, and answered alike. Another request with that key is 422 `key-reused`; while the
  first is at work, 409 `in-progress`.

## Answers

- JSON as the OpenAPI description has it. Absent fields are left out; a list or a text that is empty is there.
- Lists come in an explicit order. A page has `items` and, where there is more, `cursor`: give it back as it is, with
  the same other parameters. A cursor stays good while things are added. `limit` is 1 to 1000.
- `ETag` on every GET: sent back in `If-None-Match` it is answered with 304 and no body when nothing changed. HEAD
  gives the same headers.
- gzip, for answers above 1 KiB, where `Accept-Encoding` has it; never for bytes of files.
- `X-Request-Id` stands in the server's log; give your own, or take the one that is made.

## Errors

RFC 9457, `application/problem+json`. `type` is `urn:herdbook:error:` and the code. Decide by `code`, show `detail`
and `hint`; `kind` is one of the six of [errors](errors.md), `details` is for programs, `request` is the request's id.

```text
$ curl 'http://127.0.0.1:8765/api/v1/models?limt=3'
{"type": "urn:herdbook:error:unknown-parameter", "title": "invalid", "status": 422,
 "detail": "there is no parameter 'limt' here", "code": "unknown-parameter", "kind": "invalid",
 "hint": "Did you mean limit?", "request": "…", "details": {"parameter": "limt"}}
```

| kind | status |
|---|---|
| `invalid` | 422, or more exactly 400, 405, 411, 412, 413, 415, 416 |
| `missing` | 404 |
| `conflict` | 409 |
| `denied` | 403, or 401 where nobody is named, 421 where the server is asked by another name |
| `unavailable` | 503, or 408 for who sends too slowly; 500 for a defect of the server, `internal` |
| `corrupt` | 500 |

## What stays

The major version is in the path. Within `v1`

- parameters, fields of answers, operations, kinds of statements and codes of errors are added; none is taken away or
  changes its meaning;
- a parameter or a field of a request that is new can be left out, and then all is as before;
- order of lists, cursors that were handed out, and canonical bytes stay as they are.

So pass over fields that you do not know, take a code that you do not know for its kind, and ask `GET /api/v1` for the
server's version before you send what only a newer one takes: an older one refuses it, and says which.

What is not promised: texts of `detail` and `hint`, and the order of keys.

## Operations

Parameters in **bold** are needed. Paths stand below `/api/v1` but for the last three of `service`. Names are those of
the calls in [Python](python.md); values are described under their names in `openapi.json` and in
[records](records.md).

"""


def page() -> str:
    """Return the page."""
    with tempfile.TemporaryDirectory() as folder:
        serving = open_serving(init_registry(f"{folder}/registry"))
        try:
            described = make_app(serving).openapi()
        finally:
            serving.close()
    parts = [
        f"### {tag['name']}\n\n{tag['description']}\n\n" + "\n".join(_table(described, tag["name"]))
        for tag in described["tags"]
    ]
    return ABOUT + "\n\n".join(parts) + "\n"


def _table(described: dict[str, Any], tag: str) -> Iterator[str]:
    yield "| operation | request | parameters, body | answer | does |"
    yield "|---|---|---|---|---|"
    for path, item in described["paths"].items():
        for verb, operation in item.items():
            if tag in operation["tags"]:
                request = f"`{verb.upper()} {path.removeprefix(PREFIX) or path}`"
                cells = [f"`{operation['operationId']}`", request, _asked(operation), _answered(operation)]
                yield f"| {' | '.join(cells)} | {operation['summary']} |"


def _asked(operation: dict[str, Any]) -> str:
    given = [each for each in operation.get("parameters", ()) if each["in"] == "query"]
    words = [f"**`{each['name']}`**" if each["required"] else f"`{each['name']}`" for each in given]
    for media, content in operation.get("requestBody", {}).get("content", {}).items():
        words.append(_called(content["schema"], media))
    return ", ".join(words)


def _answered(operation: dict[str, Any]) -> str:
    done = operation["responses"].get("200", {})
    return ", ".join(_called(content["schema"], media) for media, content in done.get("content", {}).items())


def _called(schema: dict[str, Any], media: str) -> str:
    """Return what a reader of the description calls it."""
    if media != "application/json":
        return {"application/octet-stream": "bytes", "application/jsonl": "lines"}.get(media, "text")
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2].removesuffix("-Input").removesuffix("-Output")
        return f"page of `{name[5:-1]}`" if name.startswith("Page_") else f"`{name}`"
    if schema.get("type") == "array" and "items" in schema:
        return f"list of {_called(schema['items'], media)}"
    if isinstance(inner := schema.get("additionalProperties"), dict):
        return f"by name: {_called(inner, media)}"
    return {"string": "text", "array": "values"}.get(schema.get("type", ""), "values")


def main() -> None:
    """Write the page."""
    TARGET.write_text(page(), "utf-8")
    print(f"{TARGET.name} written", file=sys.stderr)


if __name__ == "__main__":
    main()
