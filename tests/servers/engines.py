"""The environment with Snakemake, HTCondor's bindings and REANA's schema; ``tools/engines.sh`` makes it."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.servers.places import away

VENV = Path(__file__).resolve().parents[2] / ".cache" / "engines"


@pytest.fixture(scope="session")
def engines_venv() -> Path:
    """Give the environment's folder."""
    if not (VENV / ".ready").exists():
        away("the engines' environment is not here: `make .cache/engines/.ready` gets it")
    return VENV
