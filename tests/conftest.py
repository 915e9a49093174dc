"""What every test shares: isolation from the user's own registry, the data pack, tools, and bounds for Hypothesis."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # tests are no package that is installed
from tests.servers.postgres import blank_url, pg_folder, postgres_server, postgres_url

ROOT = Path(__file__).resolve().parent.parent
__all__ = ["blank_url", "pg_folder", "postgres_server", "postgres_url"]  # one server for all tests of a session
NeedTool = Callable[[str], str]

settings.register_profile(
    "ci",
    derandomize=True,
    deadline=None,
    max_examples=100,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("long", deadline=None, max_examples=3000, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("long" if os.environ.get("HERDBOOK_LONG") == "1" else "ci")


@pytest.fixture(autouse=True)
def _own_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Point everything that Herdbook or a child process looks up for the user into a folder of this test alone."""
    home = tmp_path_factory.mktemp("home")
    for name in ("COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR"):  # what CI's own terminal says
        monkeypatch.delenv(name, raising=False)
    for name in [name for name in os.environ if name.startswith(("HERDBOOK_", "XDG_"))]:
        if name not in {"HERDBOOK_DATA", "HERDBOOK_LONG"}:  # these speak to the tests, not to the program
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(home))
    for name, folder in {
        "XDG_DATA_HOME": ".local/share",
        "XDG_STATE_HOME": ".local/state",
        "XDG_CONFIG_HOME": ".config",
        "XDG_CACHE_HOME": ".cache",
    }.items():
        monkeypatch.setenv(name, str(home / folder))
    yield
    shutil.rmtree(home, ignore_errors=True)  # caches of models are large, and CI's disk is not


@pytest.fixture(scope="session")
def datapack() -> Path:
    """Return the folder of the data pack; skip where there is none."""
    given = os.environ.get("HERDBOOK_DATA")
    folder = Path(given) if given else ROOT.parent / "shared" / "data"
    if not (folder / "expected").is_dir():
        pytest.skip("the data pack is not here: set HERDBOOK_DATA to its folder, or put it at ../shared/data")
    return folder


@pytest.fixture(scope="session")
def need_tool() -> NeedTool:
    """Return a function that gives a tool's path; without the tool a newcomer's test is skipped, and CI's fails."""

    def find(name: str) -> str:
        found = shutil.which(name)
        if found is not None:
            return found
        reason = f"this test needs {name}, which is not installed; .ci/run shows how it is"
        if os.environ.get("CI", "").lower() in {"1", "true"}:
            pytest.fail(reason)
        pytest.skip(reason)

    return find
