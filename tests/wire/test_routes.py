"""Routes: what is written is read as it was, every call has one, and each is answered."""

from __future__ import annotations

import base64
import inspect
from typing import Any, get_type_hints

from fastapi import FastAPI
from tests.server.asking import asked
from tests.server.filled import Calls, call, plain
from tests.server.known import ROUTES

from herdbook.kernel.errors import HerdbookError
from herdbook.ports.registry import Registry
from herdbook.service.serving import Serving
from herdbook.wire import files
from herdbook.wire.routes import PREFIX

BYTES_ARE_NO_JSON = {
    "files.open": ("GET", files.OPEN),
    "files.blob": ("GET", files.BLOB),
    "journal.lines": ("GET", f"{PREFIX}/journal/lines"),
}
MADE_OF_OTHERS = {
    "versions.register": {"files.put", "versions.record"},
    "files.put_many": {"files.put"},
}
NO_CALLS = {"service.get", "uploads.begin"}
"""Of the service itself, and the ways in which ``files.put`` brings large files."""


def answers(local: Registry, made: Calls) -> list[tuple[str, Any]]:
    """Return (name of a call, what it answered) for all that a filled registry can be asked."""
    found = [(name, value) for name, values in made.items() for value in values]
    for name, arguments in asked(local):
        try:
            found.append((name, call(local, name, arguments)))
        except HerdbookError:
            continue
    return found


def written(name: str, value: Any) -> Any:
    """Return an answer as a route takes it: bytes in base64, lists for sequences."""
    if name == "journal.bodies":
        return {digest: base64.b64encode(data).decode() for digest, data in value.items()}
    if name == "versions.facets":
        return {field: list(values) for field, values in value.items()}
    return list(value) if isinstance(value, tuple) else value


def test_every_answer_is_read_as_it_was_written(local: Registry, filled: tuple[Serving, Calls]) -> None:
    seen = set()
    for name, value in answers(local, filled[1]):
        if name in BYTES_ARE_NO_JSON:
            continue
        seen.add(name)
        data = ROUTES[name].dump(written(name, value))
        assert plain(ROUTES[name].load(data)) == plain(value), name
        assert b"null" not in data, name
    assert ROUTES.keys() - seen == NO_CALLS | {"files.put"}


def facade() -> set[str]:
    """Return the names of all calls of a registry."""
    found = set()
    for noun, protocol in get_type_hints(Registry).items():
        if noun not in {"url", "principal"}:
            methods = inspect.getmembers(protocol, inspect.isfunction)
            found |= {f"{noun}.{name}" for name, _ in methods if not name.startswith("_")}
    return found


def test_every_call_of_the_facade_has_a_route_and_no_route_is_of_no_call() -> None:
    assert facade() == (ROUTES.keys() - NO_CALLS) | BYTES_ARE_NO_JSON.keys() | MADE_OF_OTHERS.keys()
    assert all(ways <= ROUTES.keys() for ways in MADE_OF_OTHERS.values())


def test_every_route_is_answered_under_its_name(app: FastAPI) -> None:
    described = {
        operation["operationId"]: (verb.upper(), path)
        for path, item in app.openapi()["paths"].items()
        for verb, operation in item.items()
    }
    wanted = {name: (route.verb, route.path) for name, route in ROUTES.items()} | BYTES_ARE_NO_JSON
    assert {name: described.get(name) for name in wanted} == wanted
