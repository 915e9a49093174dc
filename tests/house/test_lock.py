"""The lock: every package has hashes, none has an address, and all that pyproject.toml asks for is in it."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
LOCK = (ROOT / "requirements.txt").read_text("utf-8")
ASKED = [
    *PROJECT["project"]["dependencies"],
    *(item for extra in PROJECT["project"]["optional-dependencies"].values() for item in extra),
    *PROJECT["dependency-groups"]["dev"],
    *PROJECT["build-system"]["requires"],
]


def _entries() -> list[tuple[str, list[str]]]:
    """Return each locked requirement with its hashes: logical lines, joined where they end in a backslash."""
    joined = re.sub(r"\\\n\s*", " ", LOCK)
    lines = [line.strip() for line in joined.splitlines() if line.strip() and not line.strip().startswith("#")]
    return [
        (line.partition(" --hash")[0].strip(), re.findall(r"--hash=sha256:([0-9a-f]{64})\b", line)) for line in lines
    ]


def test_every_locked_package_is_pinned_and_has_hashes() -> None:
    entries = _entries()
    assert len(entries) > 20
    for text, hashes in entries:
        requirement = Requirement(text)
        assert re.fullmatch(r"==[^,*]+", str(requirement.specifier)), text
        assert hashes, f"{text} has no hash"


def test_the_lock_names_no_address_and_sets_no_option() -> None:
    assert "://" not in LOCK
    assert " @ " not in LOCK
    assert not re.findall(r"^-+\w.*", LOCK, re.MULTILINE)


@pytest.mark.parametrize("text", sorted(set(ASKED)))
def test_what_the_project_asks_for_is_locked_at_a_version_that_fits(text: str) -> None:
    asked = Requirement(text)
    locked = {}
    for line, _ in _entries():
        entry = Requirement(line)
        locked[canonicalize_name(entry.name)] = str(entry.specifier).removeprefix("==")
    version = locked.get(canonicalize_name(asked.name))
    assert version is not None, f"{asked.name} is missing: run `make lock`"
    assert asked.specifier.contains(version, prereleases=True), f"{asked} is locked at {version}: run `make lock`"
