"""Extensions: ``ext.<namespace>`` objects, checked by JSON Schemas that namespaces register, or that are shipped."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import resources
from typing import Any

from herdbook.kernel import canonical
from herdbook.kernel.errors import CorruptError, InvalidError, MissingError
from herdbook.model.base import Json
from herdbook.model.statements import Statement
from herdbook.ports.blobs import BlobStore
from herdbook.ports.catalogue import Reader
from herdbook.service import bodies, currency

MAX_BYTES = 64 * 1024
MAX_DEPTH = 8
MAX_INDEXED = 20
MAX_PATTERN = 200
SHIPPED = frozenset({"hep"})
ENTITY_OF_TYPE = {
    "herdbook/profile/1": "model",
    "herdbook/description/1": "version",
    "herdbook/evaluation/1": "evaluation",
    "herdbook/contract/1": "contract",
}
_FORBIDDEN = ("$dynamicRef", "$dynamicAnchor", "$recursiveRef")


def check_schema(schema: Mapping[str, object]) -> bytes:
    """Return the canonical bytes of a schema that may be registered.

    Raises:
        InvalidError: when it is no JSON Schema 2020-12, refers outside itself, or has a pattern of over 200 characters.
    """
    from jsonschema import Draft202012Validator, SchemaError  # noqa: PLC0415 - a fifth of a start-up, rarely needed

    data = canonical.dumps(dict(schema))
    try:
        Draft202012Validator.check_schema(dict(schema))
    except SchemaError as error:
        raise InvalidError(f"this is no JSON Schema 2020-12: {error.message}", code="bad-schema") from error
    indexed = 0
    for key, value in _walk(schema):
        if key in _FORBIDDEN or (key == "$ref" and not str(value).startswith("#")):
            raise InvalidError(
                f"the schema refers to {value!r}",
                code="bad-schema",
                hint="Only $ref into the schema itself is allowed.",
            )
        if key in {"pattern", "patternProperties"} and any(len(p) > MAX_PATTERN for p in _patterns(value)):
            raise InvalidError("a pattern is longer than 200 characters", code="bad-schema", hint="Shorten it.")
        indexed += key == "x-index" and value is True
    if indexed > MAX_INDEXED:
        raise InvalidError(f"{indexed} fields are indexed; {MAX_INDEXED} are allowed", code="bad-schema")
    return data


def _patterns(value: object) -> list[str]:
    return list(value) if isinstance(value, dict) else [str(value)]


def _walk(value: object) -> Iterator[tuple[str, object]]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield str(key), item
            yield from _walk(item)
    elif isinstance(value, list):
        for item in value:
            yield from _walk(item)


def check(tx: Reader, blobs: BlobStore, entity: str, ext: Json | None) -> None:
    """Check the extensions of a value. Those of a namespace that registered no schema for the entity are kept as told.

    Raises:
        InvalidError: saying where an extension does not fit its schema, or which versions of the schema there are.
    """
    for namespace, value in (ext or {}).items():
        where = f"/ext/{namespace}"
        if not isinstance(value, dict) or not re.fullmatch(r"[0-9]+\.[0-9]+", str(value.get("$v", ""))):
            raise InvalidError(f"{where} needs the version of its schema", code="bad-ext", hint='Add "$v": "1.0".')
        if len(canonical.dumps(value)) > MAX_BYTES or _depth(value) > MAX_DEPTH:
            raise InvalidError(f"{where} is too large", code="bad-ext", hint="64 kB and a depth of 8 are allowed.")
        schema = find(tx, blobs, namespace, entity, str(value["$v"]))
        if schema is not None:
            _validate(schema, value, where)
        elif namespace in SHIPPED or (there := versions(tx, namespace, entity)):
            known = "1.0" if namespace in SHIPPED else ", ".join(there)
            raise InvalidError(
                f"there is no schema {value['$v']} of {where} for a {entity}",
                code="bad-ext",
                hint=f"There is: {known}.",
            )


def versions(tx: Reader, namespace: str, entity: str) -> list[str]:
    """Return the versions of a namespace's schema for an entity."""
    rows = currency.current(tx, tx.statements([("namespace", namespace)], "herdbook/ext-schema/1"))
    told = bodies.load(tx, (row.digest for row in rows)).values()
    found = {
        str(item.body["version"]) for item in told if isinstance(item, Statement) and item.body["entity"] == entity
    }
    return sorted(found)


def _depth(value: object) -> int:
    if isinstance(value, dict):
        return 1 + max((_depth(item) for item in value.values()), default=0)
    if isinstance(value, list):
        return 1 + max((_depth(item) for item in value), default=0)
    return 0


def _validate(schema: Json, value: Json, where: str) -> None:
    from jsonschema import Draft202012Validator  # noqa: PLC0415 - see check_schema
    from referencing import Registry  # noqa: PLC0415 - see check_schema

    registry: Registry[Any] = Registry()  # empty: nothing is fetched
    error = next(iter(Draft202012Validator(schema, registry=registry).iter_errors(value)), None)
    if error is not None:
        place = "/".join([where, *(str(part) for part in error.absolute_path)])
        raise InvalidError(f"{place} does not fit its schema: {error.message}", code="bad-ext", where=place)


class Schemas:
    """Schemas of one look at the catalogue, each looked up once; one whose bytes are not here counts as none."""

    def __init__(self, tx: Reader, blobs: BlobStore) -> None:
        self._tx = tx
        self._blobs = blobs
        self._found: dict[tuple[str, str, str], Json | None] = {}

    def find(self, namespace: str, entity: str, version: str) -> Json | None:
        """Return a schema, ``None`` when there is none."""
        key = (namespace, entity, version)
        if key not in self._found:
            try:
                self._found[key] = find(self._tx, self._blobs, *key)
            except (MissingError, CorruptError):
                self._found[key] = None
        return self._found[key]


def find(tx: Reader, blobs: BlobStore, namespace: str, entity: str, version: str) -> Json | None:
    """Return the schema of an extension, shipped or registered; ``None`` when there is none."""
    if namespace in SHIPPED:
        return shipped(namespace, entity, version)
    rows = currency.current(tx, tx.statements([("namespace", namespace)], "herdbook/ext-schema/1"))
    for statement in bodies.load(tx, (row.digest for row in rows)).values():
        if (
            isinstance(statement, Statement)
            and statement.body["entity"] == entity
            and statement.body["version"] == version
        ):
            with blobs.open(str(statement.body["blob"])).stream() as stream:
                schema = json.loads(stream.read())
            return dict(schema)
    return None


@cache
def shipped(namespace: str, entity: str, version: str) -> Json | None:
    """Return a schema that comes with Herdbook."""
    folder = resources.files("herdbook.model").joinpath("ext", namespace, entity, f"{version}.json")
    return dict(json.loads(folder.read_bytes())) if folder.is_file() else None


def indexed(schema: Json | None, value: Json) -> Iterator[tuple[str, object]]:
    """Yield (field, value) for what search may filter by: properties marked ``x-index``, texts and numbers."""
    for name, rule in (schema or {}).get("properties", {}).items():
        if isinstance(rule, dict) and rule.get("x-index") is True and name in value:
            items = value[name] if isinstance(value[name], list) else [value[name]]
            yield from ((name, item) for item in items if isinstance(item, (str, int, float)))
