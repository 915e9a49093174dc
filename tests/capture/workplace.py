"""A working folder with a plain training in a git repository, and the command as a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERDBOOK = (sys.executable, "-c", "from herdbook.apps.cli.main import run; run()")
TRAIN = """
import argparse, json, random, sys
import numpy as np

words = argparse.ArgumentParser()
words.add_argument("--learning-rate", type=float, default=0.1)
words.add_argument("--seed", type=int, default=7)
given = words.parse_args()
random.seed(given.seed)
np.random.seed(given.seed)
with np.load("data/train.npz") as data:
    x, y = data["x"], data["y"]
settings = json.load(open("settings.json"))
w = np.random.normal(size=x.shape[1])
for step in range(settings["steps"]):
    w -= given.learning_rate * x.T @ (1 / (1 + np.exp(-x @ w)) - y) / len(y)
with open("model.txt", "w") as out:
    out.write(" ".join(f"{v:.17g}" for v in w))
with open("metrics.json", "w") as out:
    json.dump({"train": {"accuracy": float(((x @ w > 0) == y).mean())}}, out)
print("trained", *sys.argv[1:])
"""
DATA = """
import numpy as np
random = np.random.default_rng(1)
x = random.normal(size=(200, 3))
np.savez("data/train.npz", x=x, y=(x[:, 0] > 0).astype(float))
"""


@dataclass(frozen=True)
class Said:
    """What a run of the command said."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def lines(self) -> list[Any]:
        return [json.loads(line) for line in self.out.splitlines()]


@dataclass(frozen=True)
class Workplace:
    """The folder; `herdbook` runs the command in it, as a process of its own, without a terminal."""

    folder: Path

    def herdbook(
        self, *words: str, status: int | None = 0, stdin: str | None = None, env: dict[str, str] | None = None
    ) -> Said:
        done = subprocess.run(
            [*HERDBOOK, *words],
            cwd=self.folder,
            env=self.environment(env),
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert status is None or done.returncode == status, f"{words}\n{done.returncode}\n{done.stdout}\n{done.stderr}"
        return Said(done.returncode, done.stdout, done.stderr)

    def environment(self, more: dict[str, str] | None = None) -> dict[str, str]:
        """Return the variables of a person at the prompt: `python` is the tests' own."""
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        return {**os.environ, "PATH": path, "PYTHONHASHSEED": "0", **(more or {})}

    def git(self, *words: str) -> str:
        identity = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org")
        done = subprocess.run(["git", *identity, *words], cwd=self.folder, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
        return path

    def run_json(self, run: str = "last") -> Any:
        """Return all that the spool knows of a run."""
        return self.herdbook("spool", "show", run, "--json").json

    def train(self, *words: str, options: tuple[str, ...] = (), **more: Any) -> Said:
        """Run the training under capture, with the model's output and metrics named."""
        given = ("--output", "model.txt", "--metrics", "metrics.json", *options)
        return self.herdbook("run", *given, "--", "python", "train.py", *words, **more)


def make(folder: Path) -> Workplace:
    """Return a workplace with a committed training, its data ignored by git, and a configuration."""
    place = Workplace(folder)
    folder.mkdir(parents=True)
    place.write("train.py", TRAIN)
    place.write("settings.json", '{"steps": 20}')
    place.write(".gitignore", "data/\nmodel.txt\nmetrics.json\nregistry/\nplaces/\n")
    (folder / "data").mkdir()
    subprocess.run([sys.executable, "-c", DATA], cwd=folder, check=True)
    place.git("init", "-q", "-b", "main")
    place.git("add", ".")
    place.git("commit", "-qm", "A training")
    return place
