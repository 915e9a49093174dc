"""Registries in which small, real trainings are on record."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # tests are no package that is installed
from tests.retrain.trainings import MODEL, Training, tiny, trained

from herdbook.bootstrap import engines, places
from herdbook.bootstrap.open import open_registry
from herdbook.capture import figures
from herdbook.ports.places import Places
from herdbook.ports.registry import Registry
from herdbook.service.retraining import planning, preparing, recording, running
from herdbook.service.retraining.recording import Recorded


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Registry]:
    """Return an empty registry with the namespace ``demo``."""
    monkeypatch.setenv("HERDBOOK_REGISTRY", str(tmp_path / "registry"))
    with open_registry(str(tmp_path / "registry")) as found:
        found.namespaces.create("demo")
        yield found


@pytest.fixture
def open_places() -> Iterator[Places]:
    """Return what asks places."""
    with places.opened() as found:
        yield found


@pytest.fixture(scope="session")
def tiny_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a Python with one small distribution: a job holds every file of an environment against its record."""
    return tiny(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def training(registry: Registry, tmp_path: Path) -> Training:
    """Return a training that is on record with everything; its working copy is gone."""
    made = trained(registry, tmp_path / "author")
    made.forget()
    return made


class Retrain(Protocol):
    """Trains a reference again on this machine, and returns what is said of it."""

    def __call__(self, reference: str = ..., *, into: Path | None = None, **edits: Any) -> Recorded: ...


@pytest.fixture
def retrain(registry: Registry, open_places: Places, tmp_path: Path, tiny_python: Path) -> Retrain:
    """Return what trains again, in a folder of its own each time."""
    numbers = itertools.count()

    def run(reference: str = f"{MODEL}:v1", *, into: Path | None = None, **edits: Any) -> Recorded:
        edits.setdefault("python", str(tiny_python))
        work = planning.make(registry, reference, open_places, planning.Edits(**edits))
        assert work.plan.runnable, work.plan.lacking()
        means = running.Means(engines.engine("local"), engines.runner, read_metrics=figures.metrics)
        target = recording.Target(recording.default_target(work))
        with preparing.folder(into or tmp_path / f"job-{next(numbers)}", keep=True) as folder:
            return running.run(registry, work, means, folder, target=target)

    return run
