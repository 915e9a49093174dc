"""A registry that holds something of everything, and what was answered while it was filled."""

from __future__ import annotations

import base64
from typing import Any

from pydantic import BaseModel

from herdbook.model.activities import Activity
from herdbook.model.datasets import Dataset
from herdbook.model.identifiers import Identifier
from herdbook.model.imports import Delivery
from herdbook.model.models import Profile
from herdbook.model.principals import Person
from herdbook.ports.registry import Registry
from herdbook.testing.registry_identities import filled
from herdbook.testing.registry_samples import binary, content_of, prepared, put, register, say, unresolved

MODEL = "demo/tau/toy"
README = b"# A toy\n\nTells tau leptons from jets; caf\xc3\xa9, \xf0\x9f\x90\x84.\n"
SCHEMA = {"type": "object", "properties": {"$v": {"const": "1.0"}, "era": {"type": "string"}}, "required": ["$v"]}
TRAINING = {
    "kind": "training",
    "status": "finished",
    "ids": [{"scheme": "wandb", "value": "toys/1"}],
    "metrics": [{"name": "auc", "value": 0.91, "stat": 1e-07}],
    "parameters": [{"name": "lr", "text": "1e-3"}],
}

Calls = dict[str, list[Any]]


def fill(registry: Registry) -> Calls:
    """Write something of everything; return what was answered, by the names of the calls."""
    made: Calls = {}
    made["namespaces.create"] = [registry.namespaces.create("demo"), registry.namespaces.create("demo")]
    made["namespaces.schema"] = [registry.namespaces.schema("demo", "version", "1.0", SCHEMA)]
    bytes_by_path = {"model.bin": binary("one"), "README.md": README}
    made["versions.record"] = [
        registry.versions.record([prepared(registry, f"{MODEL}:v1", bytes_by_path)]),
        registry.versions.record([prepared(registry, f"{MODEL}:v{i}", f"n{i}") for i in range(2, 9)], batch=True),
        registry.versions.record([prepared(registry, "demo/jet/absent:later", unresolved(binary("later")))]),
    ]
    first = registry.versions.get(f"{MODEL}:v1")
    dataset = Dataset(id=Identifier.parse("local:toys"))
    made["datasets.register"] = [registry.datasets.register("demo", dataset)]
    parts = {
        "inputs": [{"record": dataset.digest, "role": "train"}],
        "outputs": [{"record": first.record, "role": "model"}],
    }
    made["activities.register"] = [registry.activities.register("demo", Activity.read({**TRAINING, **parts}))]
    profile = Profile(title="Toy ☂", step="reconstruction", keywords=("tau", "b-tagging"))
    made["models.profile"] = [registry.models.profile(MODEL, profile)]
    made["statements.add"] = [
        registry.statements.add("demo", [say("note", {"text": "Autumn."}, record=first.record)]),
        registry.statements.add("demo", [say("deprecation", {"reason": "old"}, record=first.record)]),
    ]
    made["pointers.label"] = [registry.pointers.label(f"{MODEL}:v1", "2018v2p5")]
    made["pointers.alias"] = [
        registry.pointers.alias(MODEL, "production", f"{MODEL}:v2", reason="better"),
        registry.pointers.alias(MODEL, "retired", f"{MODEL}:v1", expected="-"),
    ]
    made["pointers.clear"] = [registry.pointers.clear(MODEL, "retired")]
    filled(registry)
    batch = registry.imports.record("demo", Delivery(datasets=(Dataset(id=Identifier.parse("local:more")),)))
    made["imports.record"] = [batch, registry.imports.record("demo", Delivery())]
    made["imports.undo"] = [registry.imports.undo("demo", batch.batch, reason="a wrong rule")]
    made["versions.undo"] = [registry.versions.undo(f"{MODEL}:v8", reason="mistaken")]
    put(registry, binary("later"))
    made["files.supply"] = [registry.files.supply([content_of(binary("later")).sha256])]
    made["people.name"] = [registry.people.name(Person(id=registry.principal.id, name="Ada", email="ada@example.org"))]
    made["people.identify"] = [registry.people.identify([("Bob", "bob@example.org"), ("Só", "")])]
    register(registry, "other/model", "else")
    return made


def call(registry: Registry, name: str, arguments: dict[str, Any]) -> Any:
    """Call the façade."""
    noun, _, method = name.partition(".")
    return getattr(getattr(registry, noun), method)(**arguments)


def plain(value: Any) -> Any:
    """Return an answer so that equal ones compare equal, however they came: lists for sequences, base64 for bytes."""
    if isinstance(value, BaseModel):
        return value
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value
