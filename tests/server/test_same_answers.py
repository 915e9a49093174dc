"""Over HTTP one gets what one gets without: the same values, pages, cursors, and the same errors."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from httpx2 import Response
from starlette.testclient import TestClient
from tests.server.asking import asked
from tests.server.filled import call, plain
from tests.server.known import ROUTES

from herdbook.kernel.errors import HerdbookError
from herdbook.ports.registry import Registry
from herdbook.wire.problems import MEDIA_TYPE, STATUS, Problem
from herdbook.wire.routes import PREFIX


def ask(client: TestClient, name: str, arguments: dict[str, Any]) -> Response:
    if name == "journal.lines":
        return client.get(f"{PREFIX}/journal/lines?{urlencode(arguments)}")
    route = ROUTES[name]
    if route.verb == "POST":
        return client.post(route.path, json=arguments)
    written = {key: str(value).lower() if isinstance(value, bool) else value for key, value in arguments.items()}
    return client.get(f"{route.path}?{urlencode(written, doseq=True)}")


def told(name: str, response: Response) -> Any:
    if name == "journal.lines":
        return plain(response.content.splitlines())
    return plain(ROUTES[name].load(response.content))


def outcome(registry: Registry, name: str, arguments: dict[str, Any]) -> Any:
    try:
        return plain(call(registry, name, arguments))
    except HerdbookError as error:
        return error


def test_every_call_that_only_asks_answers_alike_over_http(client: TestClient, local: Registry) -> None:
    refused = 0
    for name, arguments in asked(local):
        expected = outcome(local, name, arguments)
        response = ask(client, name, arguments)
        where = f"{name} {arguments}: {response.text[:300]}"
        if isinstance(expected, HerdbookError):
            refused += 1
            assert response.headers["content-type"] == MEDIA_TYPE, where
            assert response.status_code == STATUS[expected.kind], where
            error = Problem.model_validate_json(response.content).error()
            assert (type(error), error.code, error.message, error.hint) == (
                type(expected),
                expected.code,
                expected.message,
                expected.hint,
            ), where
            assert plain(error.details) == plain(expected.details)
        else:
            assert response.status_code == 200, where
            assert told(name, response) == expected, where
    assert refused > 20


def test_a_walk_by_cursors_sees_what_one_large_page_holds(client: TestClient, local: Registry) -> None:
    whole = local.versions.search("", limit=1000).items
    seen, cursor = [], None
    while True:
        arguments = {"limit": 2, **({"cursor": cursor} if cursor else {})}
        page = ROUTES["versions.search"].load(ask(client, "versions.search", arguments).content)
        seen += page.items
        if (cursor := page.cursor) is None:
            break
    assert tuple(seen) == whole
    assert len(whole) > 8
