"""The peer: MLflow's own store class, in process, on SQLite. Runs in an environment of its own; prints one JSON object.

Usage: mlflow_peer.py register FOLDER FILES…  |  mlflow_peer.py catalogue FOLDER VERSIONS ROUNDS
       mlflow_peer.py fill DATABASE VERSIONS  |  mlflow_peer.py client PORT VERSIONS ROUNDS
"""

from __future__ import annotations

import gc
import json
import os
import random
import shutil
import sys
import time
from pathlib import Path
from typing import Any

os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
TOPICS = ("particlenet", "deeptau", "deepjet", "transformer", "regression", "pileup", "vertexing", "tracking")


def store(database: str) -> Any:  # noqa: ANN401 - MLflow ships no types that mypy reads here
    """Open the store."""
    from mlflow.store.model_registry.sqlalchemy_store import SqlAlchemyStore

    return SqlAlchemyStore(database)


def sqlite(folder: Path) -> str:
    """Return the URI of the database in a folder."""
    return f"sqlite:///{folder}/mlflow.db"


def register(folder: Path, files: list[Path]) -> dict[str, Any]:
    """Register one version for each file: copy the artefact, then create the version."""
    peer = store(sqlite(folder))
    model = f"model-{os.getpid()}"
    peer.create_registered_model(model)
    times = []
    for number, file in enumerate(files):
        begun = time.perf_counter()
        target = folder / "artifacts" / model / str(number)
        target.mkdir(parents=True)
        shutil.copyfile(file, target / file.name)
        peer.create_model_version(model, str(target))
        times.append(time.perf_counter() - begun)
    return {"seconds": times}


def fill(database: str, count: int) -> None:
    """Fill the tables in bulk, as many versions would have left them: 20 versions a model, three tags each."""
    from mlflow.store.model_registry.dbmodels import models
    from sqlalchemy import create_engine, insert

    rng = random.Random(1)
    engine = create_engine(database)
    topics = TOPICS
    steps = ("reconstruction", "trigger", "simulation", "analysis", "monitoring", "generation")
    with engine.begin() as connection:
        for start in range(0, count, 20_000):
            numbers = range(start, min(count, start + 20_000))
            name = {number: f"cms.tau.{topics[number // 20 % 8]}-{number // 20}" for number in numbers}
            now = 1_700_000_000_000
            connection.execute(
                insert(models.SqlRegisteredModel),
                [{"name": n, "creation_time": now, "last_updated_time": now} for n in sorted(set(name.values()))],
            )
            connection.execute(
                insert(models.SqlModelVersion),
                [
                    {
                        "name": name[number], "version": number % 20 + 1, "creation_time": now + number,
                        "last_updated_time": now + number, "description": f"Model {number}", "source": "s3://b/k",
                        "storage_location": "s3://b/k", "current_stage": "None", "status": "READY", "run_id": "",
                    }
                    for number in numbers
                ],
            )  # fmt: skip
            tags = [
                {"name": name[n], "version": n % 20 + 1, "key": key, "value": value}
                for n in numbers
                for key, value in (
                    ("step", steps[n // 160 % 6]),
                    ("licence", rng.choice(("MIT", "Apache-2.0", "CC0-1.0"))),
                    ("auc", str(round(rng.uniform(0.7, 0.99), 4))),
                )
            ]
            connection.execute(insert(models.SqlModelVersionTag), tags)


def _fill(database: str, count: int) -> dict[str, Any]:
    store(database)
    fill(database, count)
    return {}


def catalogue(folder: Path, count: int, rounds: int) -> dict[str, Any]:
    """Time look-ups, and searches by a tag and a word of the name, 50 results."""
    peer = store(sqlite(folder))
    fill(sqlite(folder), count)
    rng = random.Random(2)
    gets, searches = [], []
    numbers = [rng.randrange(count) for _ in range(rounds)]
    names = [f"cms.tau.{TOPICS[number // 20 % 8]}-{number // 20}" for number in numbers]
    queries = [
        f"name LIKE '%{rng.choice(TOPICS)}%' AND tags.step = 'reconstruction'" for _ in range(max(5, rounds // 20))
    ]
    for passed in range(2):  # as on our side: a warm pass, then the heap frozen, then the pass that counts
        gc.collect()
        gc.freeze()
        for number, name in zip(numbers, names, strict=True):
            begun = time.perf_counter()
            version = peer.get_model_version(name, number % 20 + 1)
            if passed:
                gets.append(time.perf_counter() - begun)
            assert version.description == f"Model {number}"
        for query in queries:
            begun = time.perf_counter()
            found = peer.search_model_versions(query, max_results=50)
            if passed:
                searches.append(time.perf_counter() - begun)
            assert 0 < len(found) <= 50
    return {"get": gets, "search": searches}


def client(port: int, count: int, rounds: int) -> dict[str, Any]:
    """Time look-ups by MLflow's own client."""
    from mlflow import MlflowClient

    rng = random.Random(2)
    asked = MlflowClient(f"http://127.0.0.1:{port}")
    times = []
    for _ in range(rounds):
        number = rng.randrange(count)
        begun = time.perf_counter()
        asked.get_model_version(f"cms.tau.{TOPICS[number // 20 % 8]}-{number // 20}", str(number % 20 + 1))
        times.append(time.perf_counter() - begun)
    return {"get": times}


def main() -> None:
    """Do what the command line says."""
    what, folder = sys.argv[1], Path(sys.argv[2])
    if what in {"fill", "client"}:
        numbers = [int(word) for word in sys.argv[3:]]
        result = client(int(sys.argv[2]), *numbers) if what == "client" else _fill(sys.argv[2], *numbers)
        print(json.dumps(result))
        return
    if what == "register":
        result = register(folder, [Path(name) for name in sys.argv[3:]])
    elif what == "init":
        store(sqlite(folder))
        result = {}
    else:
        result = catalogue(folder, int(sys.argv[3]), int(sys.argv[4]))
    print(json.dumps(result))


if __name__ == "__main__":
    main()
