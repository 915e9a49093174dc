"""The page about backing up a service is played: PostgreSQL is restored to a named point, with files in an S3 store."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.house import test_docs as pages

if TYPE_CHECKING:
    from tests.deploy.cluster import Cluster
    from tests.servers.places import S3Place

PAGE = pages.ROOT / "docs" / "how-to" / "back-up-a-service.md"
HERDBOOK = [sys.executable, "-c", "from herdbook.apps.cli.main import run; run()"]
REGISTRY = """\
catalogue = "{database}"

[[blobs]]
name = "s3"
url = "s3://{bucket}/{prefix}"
endpoint = "{endpoint}"
region = "us-east-1"
"""


def told(database: str, place: S3Place) -> str:
    """Return a registry.toml."""
    return REGISTRY.format(database=database, bucket=place.bucket, prefix=place.prefix, endpoint=place.endpoint)


def _herdbook(*words: object) -> str:
    done = subprocess.run([*HERDBOOK, *map(str, words)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _mirrored(home: Path, folder: Path) -> None:
    """Make a mirror that has all that the home has now."""
    _herdbook("-R", home, "bundle", "export", folder.with_suffix(".bundle"))
    _herdbook("init", folder)
    _herdbook("-R", folder, "bundle", "import", folder.with_suffix(".bundle"))


def test_a_service_goes_back_to_a_named_point_and_gets_back_from_a_mirror_what_came_later(
    cluster: Cluster, s3_place: S3Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader, backup, registry, mirror = (cluster.folder / name for name in ("reader", "backup", "registry", "mirror"))
    for folder in (reader, backup, registry):
        folder.mkdir()
        folder.chmod(0o777)
    (registry / "registry.toml").write_text(told(cluster.url, s3_place), "utf-8")
    paths = {"BACKUP": backup, "MIRROR": mirror, "HERDBOOK_REGISTRY": registry}
    for name, value in {**cluster.environment, **{name: str(path) for name, path in paths.items()}}.items():
        monkeypatch.setenv(name, value)
    played = 0
    for block in pages._blocks(PAGE.read_text("utf-8")):
        if block.language != "console":
            continue
        if "-m fast stop" in block.text:
            _mirrored(registry, mirror)
        pages._play(block, PAGE, reader)
        played += 1
    assert played > 6
    assert any((backup / "wal").iterdir())


def test_what_herdbook_backup_makes_of_database_and_bucket_is_a_registry_in_a_folder(
    pg_folder: Path, postgres_url: str, s3_place: S3Place, tmp_path: Path
) -> None:
    (pg_folder / "registry.toml").write_text(told(postgres_url, s3_place), "utf-8")
    (tmp_path / "model.bin").write_bytes(b"weights" * 1000)
    copy = tmp_path / "copy"
    _herdbook("-R", pg_folder, "register", "demo/tau/toy:v1", tmp_path / "model.bin")
    _herdbook("-R", pg_folder, "backup", copy)
    _herdbook("-R", copy, "doctor")
    before = {path: path.stat().st_mtime_ns for path in (copy / "blobs").glob("*/*")}
    (tmp_path / "model.bin").write_bytes(b"better" * 1000)
    _herdbook("-R", pg_folder, "register", "demo/tau/toy:v2", tmp_path / "model.bin")
    _herdbook("-R", pg_folder, "backup", copy, "--verify")
    _herdbook("-R", copy, "doctor")
    assert before.items() < {path: path.stat().st_mtime_ns for path in (copy / "blobs").glob("*/*")}.items()
    states = [
        subprocess.run(
            [*HERDBOOK, "-R", str(where), "journal", "state", "demo"], capture_output=True, check=True
        ).stdout
        for where in (pg_folder, copy)
    ]
    assert states[0] == states[1]
