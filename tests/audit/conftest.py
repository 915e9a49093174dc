"""Trainings that are on record with all that a level needs, and the command."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # tests are no package that is installed
from tests.retrain.conftest import Retrain, open_places, registry, retrain, tiny_python
from tests.retrain.trainings import MODEL, Training, say, trained

from herdbook.capture import environment
from herdbook.model.statements import Said, Subject
from herdbook.ports.registry import Registry

__all__ = ["Retrain", "open_places", "registry", "retrain", "tiny_python"]


@pytest.fixture(scope="session")
def lock(tiny_python: Path) -> bytes:
    """Return what a capture lists of the environment that holds ``tiny``."""
    listed = environment.read(tiny_python, tiny_python.parent, {}).lock
    assert listed is not None
    return listed


@pytest.fixture
def training(registry: Registry, tmp_path: Path, lock: bytes) -> Training:
    """Return a training that is on record with everything that R2 asks for; its working copy is gone."""
    made = pinned(registry, tmp_path / "author", lock)
    made.forget()
    return made


def pinned(registry: Registry, folder: Path, lock: bytes, **changed: Any) -> Training:
    """Train, and tell all of it: with a lock, and why there is no split."""
    made = trained(registry, folder, **changed)
    told = {**made.told["environment"], "kind": "installed", "blob": made.put(lock)}
    made.told = {**made.told, "environment": told, "ended": "2026-11-20T09:02:00Z"}
    made.tell()
    waive(registry, {"T5": "it learns all points by heart, and is never tested"})
    return made


def waive(registry: Registry, waivers: dict[str, str], namespace: str = "demo") -> None:
    """Say of the model what does not apply."""
    body = {"version": "1", "waivers": waivers}
    registry.statements.add(namespace, [Said(type="herdbook/checklist/1", subject=(Subject(name=MODEL),), body=body)])


def tolerate(made: Training, absolute: float, namespace: str = "demo") -> None:
    """Declare how far the loss may lie from the original's."""
    assert made.version is not None
    if namespace == "demo":
        say(made, "tolerance", {"metrics": [{"name": "loss", "absolute": absolute}]}, made.version.digest)
        return
    made.registry.namespaces.create(namespace)
    body = {"metrics": [{"name": "loss", "absolute": absolute}]}
    said = Said(type="herdbook/tolerance/1", subject=(Subject(record=made.version.digest),), body=body)
    made.registry.statements.add(namespace, [said])
