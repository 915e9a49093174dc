"""The tau-ID models of CMS, imported over HTTP into PostgreSQL and S3, asked there, and mirrored to a folder."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # tests are no package that is installed
from tests.deploy.test_restore import told
from tests.servers.localstack import localstack, s3_place
from tests.servers.postgres import pg_folder, postgres_server, postgres_url
from tests.servers.served import HERDBOOK, process_server

from examples import tau_id

if TYPE_CHECKING:
    from tests.servers.places import S3Place

__all__ = ["localstack", "pg_folder", "postgres_server", "postgres_url", "s3_place"]


def _herdbook(*words: object) -> str:
    done = subprocess.run([*HERDBOOK, *map(str, words)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.datapack
@pytest.mark.timeout(900)
def test_every_answer_over_http_is_what_git_says_and_a_mirror_is_in_the_same_state(
    datapack: Path,
    pg_folder: Path,
    postgres_url: str,
    s3_place: S3Place,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    (pg_folder / "registry.toml").write_text(told(postgres_url, s3_place), "utf-8")
    expected = datapack / "expected" / "systems"
    git = tau_id.Repository(json.loads((expected / f"{tau_id.REPOSITORY}.json").read_text("utf-8")))
    mirror = tmp_path / "mirror"
    with process_server(pg_folder, "--workers", "2") as server:
        story = tau_id.Story(tmp_path / "story")
        story.environment |= {"HERDBOOK_REGISTRY": server.url, "COLUMNS": "100"}
        tau_id.unpack(datapack, story.folder)
        tau_id.bring(story)
        tau_id.versions(story, git)
        tau_id.bytes_by_tag(story, git)
        tau_id.releases(story, git, json.loads((expected / "releases.json").read_text("utf-8")))
        tau_id.trainings(story, git)
        tau_id.datasets(story, json.loads((expected / "TauMLTools-datasets.json").read_text("utf-8")))
        tau_id.missing(story, git)
        _herdbook("mirror", server.url, mirror)
        there = _herdbook("-R", server.url, "journal", "state", "cms")
    said = capfd.readouterr().out
    assert story.wrong == 0, said[-4000:]
    assert said.count("\nchecked: ") > 20
    assert _herdbook("-R", mirror, "journal", "state", "cms") == there
    assert _herdbook("-R", mirror, "journal", "checkpoint", "cms") == _herdbook(
        "-R", pg_folder, "journal", "checkpoint", "cms"
    )
    for place in (pg_folder, mirror):
        _herdbook("-R", place, "doctor")
