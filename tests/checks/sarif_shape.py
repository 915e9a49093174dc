"""The part of SARIF 2.1.0 that we write, as a JSON Schema: closed, so that a slip in a name is seen.

After the OASIS standard "Static Analysis Results Interchange Format 2.1.0", sections 3.13 (log), 3.14 (run),
3.19 (tool component), 3.27 (result), 3.28 (location), 3.29 (physical location), 3.30 (region), 3.4 (artifact location),
3.49 (rule).
"""

from __future__ import annotations

from typing import Any

TEXT = {"type": "string", "minLength": 1}
URI = {"type": "string", "format": "uri"}
LEVEL = {"enum": ["none", "note", "warning", "error"]}


def closed(required: list[str], **properties: Any) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": False, "required": required, "properties": properties}


MESSAGE = closed(["text"], text=TEXT, markdown=TEXT)
ARTIFACT = closed(["uri"], uri={"type": "string", "format": "uri-reference", "minLength": 1}, uriBaseId=TEXT)
REGION = {
    **closed(
        [],
        startLine={"type": "integer", "minimum": 1},
        byteOffset={"type": "integer", "minimum": 0},
        byteLength={"type": "integer", "minimum": 0},
    ),
    "anyOf": [{"required": ["startLine"]}, {"required": ["byteOffset", "byteLength"]}],
}
LOCATION = closed(
    ["physicalLocation"],
    physicalLocation=closed(["artifactLocation"], artifactLocation=ARTIFACT, region=REGION),
    logicalLocations={"type": "array", "items": closed(["fullyQualifiedName"], fullyQualifiedName=TEXT)},
)
RULE = closed(
    ["id"],
    id=TEXT,
    shortDescription=MESSAGE,
    help=MESSAGE,
    helpUri=URI,
    defaultConfiguration=closed(["level"], level=LEVEL),
    properties=closed(["tags"], tags={"type": "array", "items": TEXT, "uniqueItems": True}),
)
RESULT = closed(
    ["ruleId", "ruleIndex", "level", "message", "locations", "partialFingerprints"],
    ruleId=TEXT,
    ruleIndex={"type": "integer", "minimum": 0},
    level=LEVEL,
    message=MESSAGE,
    locations={"type": "array", "items": LOCATION, "minItems": 1},
    partialFingerprints={"type": "object", "additionalProperties": TEXT, "minProperties": 1},
)
DRIVER = closed(["name"], name=TEXT, version=TEXT, rules={"type": "array", "items": RULE})
BASE = closed([], uri={"type": "string", "format": "uri", "pattern": "/$"}, description=MESSAGE)
RUN = closed(
    ["tool", "results"],
    tool=closed(["driver"], driver=DRIVER),
    columnKind={"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
    results={"type": "array", "items": RESULT},
    originalUriBaseIds={"type": "object", "additionalProperties": BASE},
)
LOG = closed(["version", "runs", "$schema"], version={"const": "2.1.0"}, runs={"type": "array", "items": RUN})
LOG["properties"]["$schema"] = URI
SCHEMA = {"$schema": "https://json-schema.org/draft/2020-12/schema", **LOG}
