"""The locks: every package has hashes, none has an address, all that is asked for is in them, and they agree."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
EXTRAS = PROJECT["project"]["optional-dependencies"]
ALL = ROOT / "requirements.txt"
SERVER = ROOT / "deploy" / "requirements-server.txt"
BUILD = ROOT / "deploy" / "requirements-build.txt"
ASKED = {
    ALL: [
        *PROJECT["project"]["dependencies"],
        *(item for extra in EXTRAS.values() for item in extra),
        *PROJECT["dependency-groups"]["dev"],
        *PROJECT["build-system"]["requires"],
    ],
    SERVER: [
        *PROJECT["project"]["dependencies"],
        *(item for extra in ("server", "postgres", "s3", "imports") for item in EXTRAS[extra]),
    ],
    BUILD: PROJECT["build-system"]["requires"],
}
EACH = pytest.mark.parametrize("path", ASKED, ids=lambda path: path.name)


def _entries(path: Path) -> list[tuple[str, list[str]]]:
    """Return each locked requirement with its hashes: logical lines, joined where they end in a backslash."""
    joined = re.sub(r"\\\n\s*", " ", path.read_text("utf-8"))
    lines = [line.strip() for line in joined.splitlines() if line.strip() and not line.strip().startswith("#")]
    return [
        (line.partition(" --hash")[0].strip(), re.findall(r"--hash=sha256:([0-9a-f]{64})\b", line)) for line in lines
    ]


def _locked(path: Path) -> dict[str, str]:
    entries = [Requirement(line) for line, _ in _entries(path)]
    return {canonicalize_name(entry.name): str(entry.specifier).removeprefix("==") for entry in entries}


@EACH
def test_every_locked_package_is_pinned_and_has_hashes(path: Path) -> None:
    entries = _entries(path)
    assert len(entries) >= len({*ASKED[path]})
    for text, hashes in entries:
        requirement = Requirement(text)
        assert re.fullmatch(r"==[^,*]+", str(requirement.specifier)), text
        assert hashes, f"{text} has no hash"


@EACH
def test_the_lock_names_no_address_and_sets_no_option(path: Path) -> None:
    text = path.read_text("utf-8")
    assert "://" not in text
    assert " @ " not in text
    assert not re.findall(r"^-+\w.*", text, re.MULTILINE)


@pytest.mark.parametrize(("path", "text"), [(path, text) for path, asked in ASKED.items() for text in sorted({*asked})])
def test_what_the_project_asks_for_is_locked_at_a_version_that_fits(path: Path, text: str) -> None:
    asked = Requirement(text)
    version = _locked(path).get(canonicalize_name(asked.name))
    assert version is not None, f"{asked.name} is missing: run `make lock`"
    assert asked.specifier.contains(version, prereleases=True), f"{asked} is locked at {version}: run `make lock`"


@pytest.mark.parametrize("path", [SERVER, BUILD], ids=lambda path: path.name)
def test_what_runs_at_a_site_is_what_was_tested(path: Path) -> None:
    tested = _locked(ALL)
    assert {name: version for name, version in _locked(path).items() if tested.get(name) != version} == {}


def test_the_service_brings_no_tool_of_developers() -> None:
    assert not {"pytest", "mypy", "ruff", "hypothesis", "pip", "pgserver", "schemathesis", "numpy"} & {*_locked(SERVER)}
