"""A realistic population: models of several experiments, with datasets, trainings, metrics and descriptions."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator

from herdbook.model.activities import Activity, Metric, Parameter, Part
from herdbook.model.datasets import Dataset
from herdbook.model.files import File
from herdbook.model.identifiers import Identifier
from herdbook.model.registrations import Registration
from herdbook.model.statements import Said, Subject
from herdbook.model.versions import Version

EXPERIMENTS = ("cms", "atlas", "lhcb", "alice", "belle2")
GROUPS = ("tau", "btv", "egm", "jme", "muo", "trk", "hlt", "l1t", "sim", "dqm")
TOPICS = (
    "particlenet", "deeptau", "deepjet", "transformer", "regression", "pileup", "vertexing", "tracking", "anomaly",
    "calorimeter", "photon", "electron", "muon", "energy", "topology", "cluster", "shower", "trigger", "monitor", "id",
)  # fmt: skip
STEPS = ("reconstruction", "trigger", "simulation", "analysis", "monitoring", "generation")
PER_MODEL = 20
"""Versions that a model has on average."""


def words(rng: random.Random, count: int) -> str:
    """Return words whose frequencies fall like Zipf's law: ``w1`` in most texts, ``w50000`` in hardly any."""
    return " ".join(f"w{min(50_000, int(rng.paretovariate(0.7)))}" for _ in range(count))


def registrations(count: int, seed: int = 1) -> Iterator[Registration]:
    """Yield ``count`` registrations, each with a version of two files whose bytes nobody holds."""
    rng = random.Random(seed)
    for number in range(count):
        yield _one(rng, number)


def name(number: int) -> str:
    """Return the model's name of the version with this number."""
    model = number // PER_MODEL
    experiment = EXPERIMENTS[model % len(EXPERIMENTS)]
    group = GROUPS[model // 7 % len(GROUPS)]
    return f"{experiment}/{group}/{TOPICS[model // 3 % len(TOPICS)]}-{model}"


def label(number: int) -> str:
    """Return its label."""
    return f"v{number % PER_MODEL}.{number // PER_MODEL % 10}"


def _one(rng: random.Random, number: int) -> Registration:
    digests = ["sha256:" + hashlib.sha256(f"{number}/{index}".encode()).hexdigest() for index in range(2)]
    files = [
        File(path="model.onnx", digest=digests[0], size=rng.randrange(10_000, 50_000_000)),
        File(path="README.md", digest=digests[1], size=rng.randrange(100, 10_000)),
    ]
    version = Version.of(files)
    dataset = Dataset(id=Identifier(scheme="cms-dbs", value=f"/Process{number % 977}/Run{number % 13}/MINIAODSIM"))
    activity = Activity(
        kind="training",
        status="finished",
        inputs=(Part(record=dataset.digest, role="train"),),
        outputs=(Part(record=version.digest, role="model"),),
        parameters=(Parameter(name="learning_rate", text=f"{rng.choice((0.1, 0.01, 0.001))}"),),
        metrics=(Metric(name="auc", value=round(rng.uniform(0.7, 0.99), 4), stat=0.002),),
    )
    body = {
        "title": f"Model {number}",
        "summary": words(rng, 25),
        "licence": rng.choice(("Apache-2.0", "MIT", "CC0-1.0")),
    }
    said = [Said(type="herdbook/description/1", subject=(Subject(record=version.digest),), body=body)]
    if number % PER_MODEL == 0:
        profile = {"step": STEPS[number // PER_MODEL % len(STEPS)], "task": "classification"}
        said.append(Said(type="herdbook/profile/1", subject=(Subject(name=name(number)),), body=profile))
    return Registration(
        model=name(number),
        label=label(number),
        version=version,
        datasets=(dataset,),
        activities=(activity,),
        statements=tuple(said),
        absent=tuple(digests),
    )
