"""The demonstrator and its page, on the data pack: every answer is right, and the page shows what happens."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # tests are no package that is installed
from tests.house import test_docs as player

ROOT = Path(__file__).resolve().parents[2]
STORY = ROOT / "examples" / "tau_id.py"
PAGE = ROOT / "docs" / "tutorial" / "tau-id.md"


def _tell(folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(STORY), str(folder)],
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
        env={**os.environ, "COLUMNS": "100", **environment},
    )


@pytest.mark.datapack
@pytest.mark.timeout(300)
def test_every_answer_of_the_demonstrator_is_what_git_says(datapack: Path, tmp_path: Path) -> None:
    done = _tell(tmp_path / "story", HERDBOOK_DATA=str(datapack))
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr
    assert done.stdout.count("\nchecked: ") > 20
    assert "WRONG" not in done.stdout


@pytest.mark.datapack
@pytest.mark.timeout(300)
def test_the_page_about_tau_identification_shows_what_happens(
    datapack: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATA", str(datapack))
    blocks = [block for block in player._blocks(PAGE.read_text("utf-8")) if block.language == "console"]
    assert len(blocks) > 8
    for block in blocks:
        player._play(block, PAGE, tmp_path)


def test_without_the_data_pack_the_demonstrator_says_so_and_writes_nothing(tmp_path: Path) -> None:
    done = _tell(tmp_path / "story", HERDBOOK_DATA=str(tmp_path / "no-pack"))
    assert done.returncode != 0
    assert "needs the data pack" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "story").exists()


def test_a_folder_with_anything_else_in_it_is_left_alone(tmp_path: Path) -> None:
    pack = tmp_path / "pack"
    (pack / "systems").mkdir(parents=True)
    (pack / "expected" / "systems").mkdir(parents=True)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("years\n", "utf-8")
    done = _tell(tmp_path / "mine", HERDBOOK_DATA=str(pack))
    assert done.returncode != 0
    assert "something else" in done.stderr
    assert (tmp_path / "mine" / "thesis.tex").exists()
