"""What the façade is asked about the filled registry, call by call; some of it is refused."""

from __future__ import annotations

from typing import Any

from tests.server.filled import MODEL

from herdbook.model.query import Order
from herdbook.ports.registry import Registry
from herdbook.testing.registry_identities import PATH
from herdbook.testing.registry_samples import binary, content_of

Arguments = dict[str, Any]

QUERIES = ("tau", "TAU AND files = 2", 'title = "Toy"*', "size > ", "nofield = 1", "label = v*", "☂", "a\0b", "(" * 300)
PAGES: list[Arguments] = [{}, {"limit": 2}, {"limit": 2, "cursor": "bad cursor"}, {"limit": 0}, {"limit": 9999}]
JOURNAL: list[Arguments] = [
    {"namespace": "demo"},
    {"namespace": "demo", "after": 3, "limit": 2},
    {"namespace": "none"},
]
LATER = "demo/jet/absent@1"
FOREIGN = f"cms-fileinpath:{PATH}"
NOBODY = "sha256:" + "0" * 64


def asked(registry: Registry) -> list[tuple[str, Arguments]]:
    """Return calls that only ask, by name, with their arguments."""
    calls = [*_models(), *_versions(registry), *_imports(registry), *_said(registry), *_journal(registry)]
    return [(name, arguments) for name, several in calls for arguments in several]


def _each(name: str, *values: object) -> list[Arguments]:
    return [{name: value} for value in values]


def _models() -> list[tuple[str, list[Arguments]]]:
    return [
        ("namespaces.list", [{}]),
        ("models.get", _each("name", MODEL, "demo/tau/toi", "Not A Name")),
        ("models.list", [*PAGES, *_each("prefix", "demo/jet", "%_")]),
        ("models.usage", [{}, {"prefix": "demo"}]),
        ("pointers.list", _each("model", MODEL, "no/model")),
        ("pointers.history", _each("pointer", f"{MODEL}@production", f"{MODEL}:v1", "odd")),
        ("people.me", [{}]),
        ("people.list", [{}]),
    ]


def _versions(registry: Registry) -> list[tuple[str, list[Arguments]]]:
    record = registry.versions.get(f"{MODEL}:v1").record
    good = [f"{MODEL}:v1", f"{MODEL}@3", f"{MODEL}@production", MODEL, f"{MODEL}@{record}", f"{MODEL}@{record[:20]}"]
    gone = [f"{MODEL}:none", f"{MODEL}@99", f"{MODEL}@none", f"{MODEL}:v8"]
    odd = ["", "x", "a b", f"{MODEL}:v1\0", "café/x", f"{MODEL}:%2F", f"{MODEL}:a+b&c=d", "☂" * 200]
    return [
        ("versions.get", _each("reference", *good, *gone, *odd)),
        ("versions.get", [{"reference": f"{MODEL}:v1", "as_of": each} for each in (1, 3, 10**6, 0, -1)]),
        ("versions.list", [{"model": MODEL, **page} for page in PAGES] + [{"model": "no/model"}]),
        ("versions.search", [*PAGES, *({"order": order, "total": True} for order in Order)]),
        ("versions.search", _each("query", *QUERIES)),
        ("versions.facets", [{"query": "", "fields": ["format", "label"]}, {"query": "", "fields": ["nofield"]}]),
        ("versions.dossier", _each("reference", f"{MODEL}:v1", f"{MODEL}:new", LATER, f"{MODEL}:none")),
        ("versions.trace", _each("reference", f"{MODEL}:v1", "no/thing")),
        ("versions.trace", [{"reference": f"{MODEL}:v1", "direction": each} for each in ("down", "sideways")]),
        ("versions.impact", [{"reference": f"{MODEL}:v1", "limit": each} for each in (1, 0)]),
        ("files.verify", _each("reference", f"{MODEL}:v1", LATER, "no/model")),
        ("files.find", [{"namespace": "demo", "digests": [*content_of(binary("one")).digests]}]),
    ]


def _imports(registry: Registry) -> list[tuple[str, list[Arguments]]]:
    batch = registry.imports.list("demo")[0].batch
    return [
        ("identities.find", [{"identifier": FOREIGN}, {"identifier": FOREIGN, "tag": "V9"}, {"identifier": "x"}]),
        ("identities.of", _each("reference", f"{MODEL}:new", "no/model")),
        ("releases.get", _each("name", "CMSSW_14_0_X", "CMSSW_14_0")),
        ("releases.versions", [{"name": "CMSSW_14_0_X"}, {"name": "CMSSW_14_0_X", "package": "Other"}]),
        ("releases.of", [{"reference": f"{MODEL}:new"}]),
        ("releases.list", [{}, {"prefix": "CMSSW_14_1"}]),
        ("imports.list", _each("namespace", "demo", "none")),
        ("imports.get", [{"namespace": "demo", "batch": each} for each in (batch, batch[:6], "zz")]),
    ]


def _said(registry: Registry) -> list[tuple[str, list[Arguments]]]:
    record = registry.versions.get(f"{MODEL}:v1").record
    said = registry.statements.list(MODEL).items[0].digest
    subjects = (f"{MODEL}:v1", MODEL, record, "demo", "cms-release-cycle:CMSSW_14_0_X", "nothing/here", "")
    return [
        ("datasets.list", [*PAGES, {"prefix": "local:t"}]),
        ("datasets.get", _each("reference", "local:toys", "local:none")),
        ("activities.list", [*PAGES, {"kind": "training"}]),
        ("activities.get", _each("reference", "wandb:toys/1", "sha256:00")),
        ("statements.list", _each("subject", *subjects)),
        ("statements.list", [{"subject": MODEL, "every": True, "kind": "profile"}]),
        ("statements.list", [{"subject": MODEL, **page} for page in PAGES]),
        ("statements.about", _each("records", [record], [])),
        ("statements.get", _each("digest", said, said[:19], NOBODY)),
    ]


def _journal(registry: Registry) -> list[tuple[str, list[Arguments]]]:
    record = registry.versions.get(f"{MODEL}:v1").record
    return [
        ("journal.events", JOURNAL),
        ("journal.lines", JOURNAL),
        ("journal.checkpoint", _each("namespace", "demo", "none")),
        ("journal.state_digest", _each("namespace", "demo", "none")),
        ("journal.bodies", _each("digests", [record], [NOBODY], [])),
    ]
