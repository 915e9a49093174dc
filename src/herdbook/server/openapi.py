"""The interface's description: FastAPI's of routes and parameters; bodies, answers and errors as they really are.

Answers are described as ``Route.dump`` writes them, requests as ``asking`` takes them. Every error is a problem.
"""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any, Literal

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import iter_route_contexts
from pydantic import TypeAdapter
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import core_schema

from herdbook.server import descriptions
from herdbook.server.calls import CallRoute
from herdbook.server.descriptions import OPERATIONS, Schema
from herdbook.server.examples import REQUESTS
from herdbook.wire import problems
from herdbook.wire.schemas import AsWritten

IN: Literal["validation"] = "validation"
OUT: Literal["serialization"] = "serialization"
REF = "#/components/schemas/{model}"
ABOUT = """A registry of trained inference models: where each comes from, what it needs, whether these are its bytes.

**Compatibility.** The major version stands in the path. Within `v1` routes, parameters, fields of answers, kinds of
statements and codes of errors are added, and none is changed or taken away. A client passes over fields of answers that
it does not know, and leaves out what it has nothing to say about; a server refuses parameters and fields that it does
not know, so that nothing that was asked is silently left undone.

**Who acts** is said in `Herdbook-Principal`; until there is access control that is a claim, and stands as such in the
journal. Who reads need not say.

**Errors** are problems (RFC 9457) with a stable `code`, a `detail` that says what is wrong, and a `hint` that says what
to do next.

**Absent fields** are left out, both ways; `null` is not written, and refused.
"""
TAGS = {
    "versions": "What was registered: files, labels, what is said, where it comes from.",
    "models": "Names with versions in an order.",
    "files": "Bytes in, verified bytes out.",
    "uploads": "Large files, piece by piece.",
    "statements": "What was learnt about something, by whom, with which evidence.",
    "pointers": "What is in use: labels, aliases, profiles.",
    "datasets": "Datasets.",
    "activities": "What turned inputs into outputs: trainings, conversions.",
    "identities": "What other systems call something.",
    "releases": "Releases of software, and which versions were in them.",
    "imports": "Batches of what other systems held.",
    "namespaces": "Namespaces.",
    "journal": "What happened, in order.",
    "people": "Names of actors: the erasable part.",
    "service": "What answers at this address.",
}
ALWAYS = (400, 404, 408, 409, 413, 421, 422, 500, 503)


def install(app: FastAPI) -> None:
    """Let an application describe itself so."""

    def openapi() -> Schema:
        if not app.openapi_schema:
            app.openapi_schema = describe(app)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # as FastAPI's documentation has it


class _Schemas(AsWritten):
    """As written, and as it may be written by a later server: a client passes over what it does not know."""

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        found = super().model_schema(schema)
        if self.mode == OUT:
            found.pop("additionalProperties", None)
        return found


def describe(app: FastAPI) -> Schema:
    """Return the description of an application."""
    routes = [context.original_route for context in iter_route_contexts(app.routes)]
    calls = [route for route in routes if isinstance(route, CallRoute)]
    described = get_openapi(title=app.title, version=app.version, description=ABOUT, routes=app.routes)
    found, definitions = _schemas(calls)
    operations = {each["operationId"]: each for item in described["paths"].values() for each in item.values()}
    for route in calls:
        _describe(route, operations[route.call.route.name], found)
    for name, said in OPERATIONS.items():
        if name in operations:
            descriptions.describe(operations[name], said, found.get((name, OUT), {}), found.get((name, IN), {}))
            _refuse_as_problems(operations[name], said.statuses)
    for operation in operations.values():
        operation["summary"] = operation["description"].partition("\n")[0].partition(". ")[0].rstrip(".")
        _refuse_as_problems(operation, ALWAYS)
    schemas = described.setdefault("components", {}).setdefault("schemas", {})
    for gone in ("HTTPValidationError", "ValidationError"):
        schemas.pop(gone, None)
    described["components"]["responses"] = {str(status): _problem(status) for status in _problems(operations)}
    described["components"]["schemas"] = dict(sorted({**schemas, **definitions}.items()))
    used = {tag for operation in operations.values() for tag in operation["tags"]}
    described["tags"] = [{"name": tag, "description": about} for tag, about in TAGS.items() if tag in used]
    return described


def _schemas(calls: list[CallRoute]) -> tuple[dict[tuple[str, str], Schema], Schema]:
    """Return the schemas of bodies and answers by (operation, mode), and what they refer to."""
    inputs: list[Any] = [("problem", OUT, TypeAdapter(problems.Problem))]
    shapes: list[tuple[str, Any, Any]]
    shapes = [(call.route.name, call.route.answer, call.shape) for call in (route.call for route in calls)]
    shapes += [(name, said.answer, said.body) for name, said in OPERATIONS.items()]
    for name, answer, body in shapes:
        if answer not in {None, bytes}:
            inputs.append((name, OUT, TypeAdapter(answer)))
        if body not in {None, bytes}:
            inputs.append((name, IN, TypeAdapter(body)))
    schemas, rest = TypeAdapter.json_schemas(inputs, by_alias=True, ref_template=REF, schema_generator=_Schemas)
    text = json.dumps([[[*key, schema] for key, schema in schemas.items()], rest["$defs"]])
    for (name, _), schema in schemas.items():
        found = schema.get("$ref", "").rpartition("/")[2]
        if found.startswith("herdbook__wire__"):  # the same name twice: the operation's says which
            text = text.replace(f'"{found}"', f'"{_title(name)}"').replace(f'/{found}"', f'/{_title(name)}"')
    found, definitions = json.loads(text.replace("``", "`"))
    return {(name, mode): schema for name, mode, schema in found}, definitions


def _title(name: str) -> str:
    """Return a name for the body of an operation: ``versions.record`` is ``VersionsRecord``."""
    return "".join(part.capitalize() for part in name.split("."))


def _describe(route: CallRoute, operation: Schema, schemas: dict[tuple[str, str], Schema]) -> None:
    call = route.call
    name, verb = call.route.name, call.route.verb
    schema = {"type": "string"} if call.media_type != "application/json" else schemas[name, OUT]
    done: Schema = {"description": "What was asked for.", "content": {call.media_type: {"schema": schema}}}
    operation["responses"] = {"200": done}
    parameters = [_parameter(each) for each in operation.get("parameters", ())]
    operation["parameters"] = parameters
    if not call.of_request:
        parameters.append(descriptions.principal(required=call.route.writes))
    if call.route.writes:
        parameters.append(descriptions.KEY)
        _refuse_as_problems(operation, (401, 403))
    if verb == "GET":
        parameters.append(descriptions.NONE_MATCH)
        done["headers"] = {
            "ETag": {"description": "Changes with what is said.", "required": True, "schema": descriptions.TEXT}
        }
        operation["responses"]["304"] = {"description": "What the client has is what there is."}
    if call.shape:
        content: Schema = {"schema": schemas[name, IN]}
        if name in REQUESTS:
            content["examples"] = {"example": {"value": REQUESTS[name]}}
        operation["requestBody"] = {"required": True, "content": {"application/json": content}}
        _refuse_as_problems(operation, (415,))


def _parameter(given: Schema) -> Schema:
    """Return a query parameter as it is read: it may be left out, and is never null."""
    schema = given["schema"]
    if "anyOf" in schema:
        schema |= next(choice for choice in schema.pop("anyOf") if choice["type"] != "null")
    examples = schema.pop("examples", [])
    kept = {name: value for name, value in schema.items() if name not in {"title", "description"}}
    if kept.get("type") == "integer":
        kept = {"format": "int64", "maximum": 10**18 - 1, **kept}
    return {**given, "schema": kept, **({"example": examples[0]} if examples else {})}


def _refuse_as_problems(operation: Schema, statuses: tuple[int, ...]) -> None:
    """Describe errors: what FastAPI says of 422 never comes."""
    given = operation["responses"]
    if "application/json" in given.get("422", {}).get("content", {}):
        del given["422"]
    for status in statuses:
        given.setdefault(str(status), {"$ref": f"#/components/responses/{status}"})


def _problems(operations: dict[str, Schema]) -> list[int]:
    """Return the statuses of all errors."""
    given = [responses for each in operations.values() for responses in each["responses"].items()]
    return sorted({int(status) for status, response in given if "$ref" in response})


def _problem(status: int) -> Schema:
    return {
        "description": HTTPStatus(status).phrase,
        "content": {problems.MEDIA_TYPE: {"schema": {"$ref": REF.format(model="Problem")}}},
    }
