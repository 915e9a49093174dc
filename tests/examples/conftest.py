"""The toy, run as its README says: each script as a process of its own."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parents[2]


def run(script: str, *arguments: object, fails: bool = False) -> str:
    """Run a script of the toy; return what it printed, or what it said on stderr when it should fail."""
    command = [sys.executable, "-W", "error", ROOT / "examples/toy_taus" / script, *arguments]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode != 0) == fails, done.stderr
    return done.stderr if fails else done.stdout


@pytest.fixture(name="run")
def _run() -> Callable[..., str]:
    return run


@dataclass(frozen=True)
class Toy:
    """Samples of both periods, a model of the first, and one fine-tuned from it on the second."""

    data_a: Path
    data_b: Path
    first: Path
    second: Path


@pytest.fixture(scope="session")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Toy:
    folder = tmp_path_factory.mktemp("toy")
    made = Toy(folder / "a", folder / "b", folder / "v1", folder / "v2")
    run("generate.py", "--out", made.data_a, "--seed", 1, "--period", "A")
    run("generate.py", "--out", made.data_b, "--seed", 2, "--period", "B")
    run("train.py", "--data", made.data_a, "--out", made.first, "--seed", 7)
    run("train.py", "--data", made.data_b, "--out", made.second, "--seed", 8, "--init", made.first / "model.onnx")
    return made
