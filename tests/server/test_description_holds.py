"""Schemathesis asks the server for all that its description allows, and for what it forbids, and holds it to it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from fastapi import FastAPI
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import events, from_schema
from tests.server.conftest import opened
from tests.server.filled import fill

from herdbook.ports.formats import Readers
from herdbook.server.app import make_app
from herdbook.server.bounds import Bounds
from herdbook.server.operation import Operation

FEW, MANY = 3, 150
"""Examples of each operation and kind of data, beside the systematic ones."""
TAKES_ALL = [
    *("service.get", "namespaces.list", "models.usage", "releases.list", "people.me", "people.list"),
    *("imports.list", "health", "ready", "metrics"),
]
"""What answers, or finds nothing, whatever names it is given; elsewhere a name must be more than its schema says."""
CONFIG: dict[str, Any] = {
    "continue-on-failure": True,
    "phases": {"stateful": {"enabled": False}},
    "checks": {
        "use_after_free": {"enabled": False},  # nothing is deleted
        "ensure_resource_availability": {"enabled": False},
        "positive_data_acceptance": {"enabled": False},
    },
    "operations": [  # only by chance: its systematic cases, in 4.32, take refused values for good ones
        {
            "include-operation-id": TAKES_ALL,
            "phases": {"fuzzing": {"checks": {"positive_data_acceptance": {"enabled": True}}}},
        }
    ],
}


def described(app: FastAPI, examples: int) -> Any:
    generation = {"max-examples": examples, "deterministic": True, "database": "none"}
    config = SchemathesisConfig.from_dict({**CONFIG, "generation": generation})
    loaded = schemathesis.openapi.from_dict(without_prefixes(app.openapi()), config=config)
    loaded.app = app
    return loaded


def without_prefixes(schema: Any) -> Any:
    """Return a schema whose pairs are lists: Schemathesis 4.32 fails at ``prefixItems`` in answers (its issue 3842)."""
    if isinstance(schema, list):
        return [without_prefixes(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {key: without_prefixes(value) for key, value in schema.items()}
    if isinstance(prefixes := kept.pop("prefixItems", None), list):
        kept["items"] = {"anyOf": prefixes}
    return kept


def failures(app: FastAPI, examples: int) -> tuple[dict[tuple[str, str, str], str], int]:
    """Return what does not hold, each once, and how many requests were made."""
    found: dict[tuple[str, str, str], str] = {}
    count = 0
    for event in from_schema(described(app, examples)).execute():
        assert not isinstance(event, events.FatalError), event
        if isinstance(event, events.NonFatalError):
            found[event.label, "error", str(event.value)] = ""
        if isinstance(event, events.ScenarioFinished):
            count += len(event.recorder.cases)
            for check in [check for each in event.recorder.checks.values() for check in each]:
                if check.failure_info is not None:
                    failure = check.failure_info.failure
                    key = (event.recorder.label, check.name, failure.title)
                    found.setdefault(key, f"{failure.message}\n{check.failure_info.code_sample}")
    return found, count


@pytest.mark.parametrize("examples", [FEW, pytest.param(MANY, marks=[pytest.mark.slow, pytest.mark.timeout(1800)])])
def test_what_the_description_says_holds(examples: int, empty: Path, lent: Readers, tmp_path: Path) -> None:
    serving = opened(Path(shutil.copytree(empty, tmp_path / "registry")), lent)
    try:
        fill(serving.registry())
        app = make_app(serving)
        app.state.operation = Operation(serving, Bounds(wait_s=0.01))
        found, count = failures(app, examples)
    finally:
        serving.close()
    assert not found, "\n\n".join(f"{key}: {text[:1500]}" for key, text in found.items())
    assert count > 1000
