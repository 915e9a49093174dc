"""The command on a registry whose catalogue is in PostgreSQL: made, filled, examined, collected, and told when away."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # tests are no package that is installed
from tests.cli.conftest import run_here


def test_a_registry_is_made_where_its_file_says_and_does_what_others_do(
    blank_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "registry"
    folder.mkdir()
    (folder / "registry.toml").write_text(f'catalogue = "{blank_url}"\n', "utf-8")
    monkeypatch.setenv("HERDBOOK_REGISTRY", str(folder))
    run_here("init", str(folder))
    run_here("init", str(folder))
    (tmp_path / "model.bin").write_bytes(b"bytes")
    run_here("register", "demo/tau/toy:V1", str(tmp_path / "model.bin"), "-q")
    assert "demo/tau/toy" in run_here("list", "--json").out
    assert run_here("doctor").out.startswith("sound")
    assert "up to date already" in run_here("doctor", "--migrate").err
    assert run_here("gc", "--apply", "--yes", "--json").json["candidates"] == []
    assert sorted(path.name for path in folder.iterdir()) == ["blobs", "registry.toml"]


@pytest.mark.parametrize(
    ("catalogue", "status", "code"),
    [
        ("postgresql://127.0.0.1:1/none", 6, "database-unavailable"),
        ("mysql://localhost/x", 2, "bad-settings"),
        ("postgresql://localhost/x?password=s3cret", 2, "bad-settings"),
        ("postgresql://me:s3cret@localhost/x", 2, "bad-settings"),
    ],
)
def test_a_catalogue_that_cannot_be_says_so_and_tells_no_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, catalogue: str, status: int, code: str
) -> None:
    (tmp_path / "registry.toml").write_text(f'catalogue = "{catalogue}"\n', "utf-8")
    monkeypatch.setenv("HERDBOOK_REGISTRY", str(tmp_path))
    said = run_here("list", "--json", status=status)
    assert said.problem["code"] == code
    assert "s3cret" not in said.err
