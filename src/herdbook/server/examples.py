"""What a body may look like, by operation: stands in the interface's description, and is tested to be accepted."""

from __future__ import annotations

from typing import Any

MODEL = "demo/tau/toy"
SHA256 = "sha256:" + "5f" * 32
RECORD = "sha256:" + "a1" * 32
SIZE = 13

REQUESTS: dict[str, dict[str, Any]] = {
    "namespaces.create": {"name": "demo"},
    "namespaces.schema": {
        "name": "demo",
        "entity": "version",
        "version": "1",
        "schema_": {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object",
            "properties": {"$v": {"const": "1"}, "era": {"type": "string"}},
            "required": ["$v"],
        },
    },
    "models.profile": {"name": MODEL, "profile": {"title": "Toy tau identification", "step": "reconstruction"}},
    "versions.record": {
        "registrations": [
            {
                "model": MODEL,
                "label": "v1",
                "version": {"files": [{"path": "weights.txt", "digest": SHA256, "size": SIZE}]},
                "absent": [SHA256],
            }
        ]
    },
    "versions.undo": {"reference": f"{MODEL}:v1", "reason": "the wrong file"},
    "files.verify": {"reference": f"{MODEL}:v1"},
    "files.supply": {"sha256s": [SHA256]},
    "files.find": {"namespace": "demo", "digests": ["md5:9e107d9d372bb6826bd81d3542a419d6"]},
    "statements.add": {
        "namespace": "demo",
        "statements": [
            {"type": "herdbook/note/1", "subject": [{"name": MODEL}], "body": {"text": "For the autumn campaign."}}
        ],
    },
    "statements.about": {"records": [RECORD]},
    "pointers.label": {"reference": f"{MODEL}:v1", "label": "2026-autumn"},
    "pointers.alias": {"model": MODEL, "alias": "production", "to": f"{MODEL}:v1", "expected": "-"},
    "pointers.clear": {"model": MODEL, "alias": "production", "reason": "retired"},
    "datasets.register": {
        "namespace": "demo",
        "dataset": {"id": {"scheme": "local", "value": "toys"}},
    },
    "activities.register": {
        "namespace": "demo",
        "activity": {
            "kind": "training",
            "status": "finished",
            "inputs": [{"id": {"scheme": "local", "value": "toys"}, "role": "train"}],
            "outputs": [{"record": RECORD, "role": "model"}],
        },
    },
    "imports.record": {
        "namespace": "demo",
        "delivery": {"datasets": [{"id": {"scheme": "local", "value": "more-toys"}}]},
    },
    "imports.undo": {"namespace": "demo", "batch": "0123456789ab", "reason": "a wrong rule"},
    "journal.bodies": {"digests": [RECORD]},
    "people.name": {"id": "actor:" + "0123456789abcdef" * 2, "name": "Ada"},
    "people.identify": {"people": [["Ada", "ada@example.org"]]},
    "uploads.begin": {"size": 4_000_000_000},
}
