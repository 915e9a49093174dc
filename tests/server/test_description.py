"""The description is true: each answer has the schema it is said to have, each example fits, nothing is left silent."""

from __future__ import annotations

import json
from typing import Any

import pytest
from fastapi import FastAPI
from jsonschema import Draft202012Validator
from starlette.testclient import TestClient
from tests.server.asking import asked
from tests.server.known import ROUTES
from tests.server.test_same_answers import ask

from herdbook.ports.registry import Registry
from herdbook.server.calls import Calls
from herdbook.server.examples import REQUESTS
from herdbook.wire import headers
from herdbook.wire.problems import MEDIA_TYPE, STATUS

Json = dict[str, Any]


@pytest.fixture(scope="session")
def described(app: FastAPI) -> Json:
    return app.openapi()


def operations(described: Json) -> dict[str, Json]:
    return {each["operationId"]: each for item in described["paths"].values() for each in item.values()}


def resolved(described: Json, said: Json) -> Json:
    """Return a response that may be described elsewhere."""
    return described["components"]["responses"][said["$ref"].rpartition("/")[2]] if "$ref" in said else said


def closed(schema: Any) -> Any:
    """Return a schema in which objects have only the properties that are described."""
    if isinstance(schema, list):
        return [closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    found = {key: closed(value) for key, value in schema.items()}
    if "properties" in found:
        found["additionalProperties"] = False
    return found


def test_every_field_of_every_answer_is_described_and_every_promised_one_is_there(
    described: Json, client: TestClient, local: Registry
) -> None:
    by_name, count = operations(described), 0
    parts = closed(described["components"])
    for name, arguments in asked(local):
        response = ask(client, name, arguments)
        said = by_name[name]["responses"][str(response.status_code)]
        content = resolved(described, said)["content"][response.headers["content-type"].partition(";")[0]]
        if name == "journal.lines" and response.status_code == 200:
            continue
        validator = Draft202012Validator({**closed(content["schema"]), "components": parts})
        assert not [error.message for error in validator.iter_errors(response.json())], (name, arguments)
        count += 1
    assert count > 100


def test_every_parameter_and_operation_is_explained(described: Json) -> None:
    for name, operation in operations(described).items():
        assert operation["summary"], name
        assert operation["description"], name
        for parameter in operation.get("parameters", ()):
            assert parameter["description"], (name, parameter["name"])
            assert "null" not in json.dumps(parameter), (name, parameter["name"])


def test_every_tag_is_explained(described: Json) -> None:
    used = {tag for operation in operations(described).values() for tag in operation["tags"]}
    assert used == {tag["name"] for tag in described["tags"] if tag["description"]}


def test_writes_name_who_writes_and_may_have_a_key(described: Json) -> None:
    for name, route in ROUTES.items():
        if name in {"files.put", "uploads.begin"}:  # what has its digest is idempotent by itself
            continue
        given = {each["name"]: each["required"] for each in operations(described)[name]["parameters"]}
        assert given.get(headers.PRINCIPAL, False) is route.writes, name
        assert (headers.IDEMPOTENCY_KEY in given) is route.writes, name


def test_every_error_is_a_problem(described: Json) -> None:
    for name, operation in operations(described).items():
        for status, said in operation["responses"].items():
            if int(status) >= 400:
                assert list(resolved(described, said)["content"]) == [MEDIA_TYPE], name
        always = {str(status) for kind, status in STATUS.items() if kind != "denied"}
        assert always <= operation["responses"].keys(), name


def test_every_body_has_an_example_that_fits() -> None:
    shapes = {call.route.name: call.shape for call in calls() if call.shape}
    assert shapes.keys() <= REQUESTS.keys()
    for name, shape in shapes.items():
        value = shape.read(REQUESTS[name])
        assert shape.read(json.loads(value.model_dump_json(by_alias=True, exclude_unset=True))) == value


def calls() -> list[Any]:
    """Return all calls that the routers of nouns have."""
    from herdbook.server import app

    routers = [value.router for value in vars(app).values() if isinstance(getattr(value, "router", None), Calls)]
    return [route.call for router in routers for route in router.routes]


def test_examples_of_bodies_are_taken(client: TestClient) -> None:
    shown = {headers.PRINCIPAL: "actor:" + "0123456789abcdef" * 2}
    for name in ("namespaces.create", "models.profile", "datasets.register", "people.name", "people.identify"):
        response = client.post(ROUTES[name].path, json=REQUESTS[name], headers=shown)
        assert response.status_code == 200, (name, response.text)
        assert ROUTES[name].load(response.content), name


def test_names_of_schemas_are_words(described: Json) -> None:
    assert not [name for name in described["components"]["schemas"] if "__" in name]
    text = json.dumps(described)
    assert "``" not in text
    assert all(f"#/components/schemas/{name}" in text for name in described["components"]["schemas"])
