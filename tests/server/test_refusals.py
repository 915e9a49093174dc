"""What is asked wrongly is refused with a problem that says so: never a 500, never silently something else."""

from __future__ import annotations

import contextlib
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from httpx2 import Response
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient
from tests.server.filled import MODEL

from herdbook.kernel.errors import InvalidError
from herdbook.server import asking
from herdbook.server.app import make_app
from herdbook.server.options import Options
from herdbook.service.serving import Serving
from herdbook.wire import headers, namespaces, statements
from herdbook.wire.problems import MEDIA_TYPE, Problem
from herdbook.wire.routes import PREFIX

ACTOR = {headers.PRINCIPAL: "actor:" + "0" * 32}


def refused(response: Response, status: int, code: str) -> Problem:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == MEDIA_TYPE
    problem = Problem.model_validate_json(response.content)
    assert (problem.code, problem.status, problem.type) == (code, status, f"urn:herdbook:error:{code}"), problem
    assert problem.detail
    assert "Traceback" not in response.text
    return problem


@pytest.mark.parametrize(
    ("query", "code", "said"),
    [
        ("limt=3", "unknown-parameter", "Did you mean limit?"),
        ("zzzz=3", "unknown-parameter", "It takes cursor, limit, prefix."),
        ("limit=three", "bad-parameter", "'limit' is 'three', not an integer"),
        ("limit=1.0", "bad-parameter", "not an integer"),
        ("limit=%EF%BC%93", "bad-parameter", "not an integer"),
        ("limit=+3", "bad-parameter", "not an integer"),
        ("limit=1e3", "bad-parameter", "not an integer"),
        ("limit=" + "9" * 5000, "bad-parameter", "not an integer"),
        ("limit=", "bad-parameter", "not an integer"),
        ("limit=1&limit=2", "bad-parameter", "is given twice"),
        ("prefix=%FF", "bad-parameter", "not UTF-8"),
        ("prefix=%ED%A0%80", "bad-parameter", "not UTF-8"),
        ("%FF=1", "bad-parameter", "not UTF-8"),
        ("limit=0", "bad-limit", "1 to 1000"),
    ],
)
def test_a_parameter_that_is_no_good_is_named(client: TestClient, query: str, code: str, said: str) -> None:
    problem = refused(client.get(f"{PREFIX}/models?{query}"), 422, code)
    assert said in f"{problem.detail} {problem.hint}"


def test_choices_flags_and_bounds_are_told(client: TestClient) -> None:
    hints = {
        "versions/search?order=newst": "Write one of newest, oldest, name.",
        "versions/search?total=yes": "Write true or false.",
        "versions/facets?fields=format&limit=0": "Write 1 to 1000.",
        "versions/facets": "Add fields=… to the address.",
        "version": "Add reference=… to the address.",
        "journal?namespace=demo&after=-1": "Write 0 or more.",
    }
    for address, hint in hints.items():
        assert refused(client.get(f"{PREFIX}/{address}"), 422, "bad-parameter").hint == hint


def test_what_is_escaped_is_read_as_it_was_meant(client: TestClient) -> None:
    assert client.get(f"{PREFIX}/version?reference=demo%2Ftau%2Ftoy%3Av1").status_code == 200
    assert client.get(f"{PREFIX}/version?&reference={MODEL}:v1&").status_code == 200
    assert client.get(f"{PREFIX}/versions/search?query=tau+AND+files%20%3D%202").json()["items"]


DEEP = b'{"namespace":"demo","statements":' + b"[" * 500 + b"]" * 500 + b"}"
BODIES = {
    "empty": (b"", "not-json"),
    "cut": (b'{"name": "demo"', "not-json"),
    "two": (b'{"name": "demo"}{}', "not-json"),
    "bytes": (b"\xff\xfe", "not-utf8"),
    "latin-1": (b'{"name": "caf\xe9"}', "not-utf8"),
    "bom": (b'\xef\xbb\xbf{"name": "demo"}', "not-json"),
    "nan": (b'{"name": NaN}', "not-finite"),
    "infinity": (b'{"name": [1e999]}', "not-finite"),
    "digits": (b'{"name": ' + b"9" * 5000 + b"}", "bad-number"),
    "twice": (b'{"name": "a", "name": "b"}', "key-twice"),
    "surrogate": (b'{"name": "\\ud800"}', "lone-surrogate"),
    "surrogate key": (b'{"\\udfff": 1}', "lone-surrogate"),
    "null": (b'{"name": null}', "null"),
    "deep": (DEEP, "too-deep"),
    "deeper": (b"[" * 10**5, "too-deep"),
    "list": (b"[]", "bad-field"),
    "number": (b'{"name": 7}', "bad-field"),
    "field": (b'{"name": "demo", "nmae": "x"}', "bad-field"),
    "missing": (b"{}", "bad-field"),
}


@pytest.mark.parametrize("name", BODIES)
def test_a_body_that_is_not_beyond_doubt_is_refused(client: TestClient, name: str) -> None:
    data, code = BODIES[name]
    shown = {"content-type": "application/json", **ACTOR}
    refused(client.post(namespaces.CREATE.path, content=data, headers=shown), 422, code)


def test_a_deep_schema_and_a_deep_statement_are_refused(client: TestClient) -> None:
    body: Any = {}
    for _ in range(200):
        body = {"a": body}
    said = {"type": "herdbook/note/1", "subject": [{"name": MODEL}], "body": body}
    asked = {"namespace": "demo", "statements": [said]}
    refused(client.post(statements.ADD.path, json=asked, headers=ACTOR), 422, "too-deep")
    schema = {"name": "demo", "entity": "version", "version": "9.0", "schema_": body}
    refused(client.post(namespaces.SCHEMA.path, json=schema, headers=ACTOR), 422, "too-deep")


def test_a_body_must_be_json_plain_and_not_too_large(serving: Serving, client: TestClient) -> None:
    path, data = namespaces.CREATE.path, b'{"name": "demo"}'
    refused(client.post(path, content=data, headers=ACTOR), 415, "bad-media-type")
    refused(client.post(path, data={"name": "demo"}, headers=ACTOR), 415, "bad-media-type")
    packed = {"content-type": "application/json", "content-encoding": "gzip", **ACTOR}
    refused(client.post(path, content=data, headers=packed), 415, "bad-media-type")
    charset = {"content-type": "Application/JSON; charset=utf-8", **ACTOR}
    assert client.post(path, content=data, headers=charset).status_code == 200
    with TestClient(make_app(serving, Options(max_json_bytes=100))) as small:
        refused(small.post(path, json={"name": "x" * 100}, headers=ACTOR), 413, "too-large")
        assert small.post(path, json={"name": "demo"}, headers=ACTOR).status_code == 200


def test_who_writes_is_to_be_named_and_who_only_asks_is_not(client: TestClient) -> None:
    path = namespaces.CREATE.path
    response = client.post(path, json={"name": "demo"})
    assert headers.PRINCIPAL in refused(response, 401, "no-principal").hint
    assert response.headers["www-authenticate"]
    for odd in ("", "actor:1", "actor:" + "0" * 32 + ";kind=king", "Ada"):
        response = client.post(path, json={"name": "demo"}, headers={headers.PRINCIPAL: odd})
        assert refused(response, 422, response.json()["code"]).code in {"bad-principal", "bad-id"}
        assert client.get(f"{PREFIX}/people/me", headers={headers.PRINCIPAL: odd}).status_code == 422
    assert client.post(statements.ABOUT.path, json={"records": []}).status_code == 200
    service = {headers.PRINCIPAL: f"{ACTOR[headers.PRINCIPAL]};kind=service"}
    assert client.get(f"{PREFIX}/people/me", headers=service).json()["id"] == ACTOR[headers.PRINCIPAL]


def test_a_server_that_only_reads_says_so(serving: Serving) -> None:
    with TestClient(make_app(serving, Options(read_only=True))) as reader:
        response = reader.post(namespaces.CREATE.path, json={"name": "demo"}, headers=ACTOR)
        refused(response, 403, "read-only")
        assert reader.get(PREFIX).json()["read_only"] is True
        assert reader.get(f"{PREFIX}/models").status_code == 200


def test_what_is_not_there_and_what_is_not_taken_are_problems_too(client: TestClient) -> None:
    assert refused(client.get(f"{PREFIX}/modles"), 404, "no-route").hint == f"Did you mean {PREFIX}/models?"
    refused(client.get("/"), 404, "no-route")
    refused(client.get(f"{PREFIX}/models/"), 404, "no-route")
    for path, methods in {"/models": "GET, HEAD", "/namespaces": "GET, HEAD, POST", "/version/undo": "POST"}.items():
        response = client.put(f"{PREFIX}{path}")
        refused(response, 405, "bad-method")
        assert response.headers["allow"] == methods


@pytest.fixture
def failing(serving: Serving) -> Iterator[TestClient]:
    """Return a client of a server that has a defect."""
    app = make_app(serving)

    @app.get("/defect")
    def defect() -> None:
        raise ZeroDivisionError("a secret place")

    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


def test_a_defect_is_told_without_its_inside_and_logged_with_it(
    failing: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR, "herdbook.server"):
        response = failing.get("/defect")
    problem = refused(response, 500, "internal")
    assert problem.kind == "unavailable"
    assert "secret" not in response.text
    assert any(record.exc_info for record in caplog.records)


PARAMETERS = {"text": asking.Parameter(str), "count": asking.Parameter(int, 0, 9), "list": asking.Parameter(list[str])}


@given(st.binary(max_size=60) | st.text("text=&%+count0129lis\u20ac", max_size=40).map(str.encode))
def test_any_query_string_is_read_or_refused(raw: bytes) -> None:
    with contextlib.suppress(InvalidError):
        assert asking.query(raw, PARAMETERS).keys() <= PARAMETERS.keys()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda item: st.lists(item) | st.dictionaries(st.text(), item),
)


@given(st.binary(max_size=80) | JSON.map(lambda value: json.dumps(value).encode()))
def test_any_body_is_read_or_refused(data: bytes) -> None:
    with contextlib.suppress(InvalidError):
        assert asking.asked(data, statements.Add).namespace


def test_the_application_tells_nothing_else_of_itself(app: FastAPI, client: TestClient) -> None:
    for path in ("/docs", "/redoc", "/openapi.json"):
        refused(client.get(path), 404, "no-route")
    assert client.get(f"{PREFIX}/openapi.json").json() == app.openapi()
