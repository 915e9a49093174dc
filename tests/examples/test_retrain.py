"""The story of a training that is captured, lost, and repeated by a stranger."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from tests.conftest import NeedTool

STORY = Path(__file__).resolve().parents[2] / "examples" / "retrain.py"


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_story_of_a_retraining_ends_as_it_says(tmp_path: Path, need_tool: NeedTool) -> None:
    need_tool("git")
    done = subprocess.run(
        [sys.executable, str(STORY), str(tmp_path / "story")], capture_output=True, text=True, timeout=580, check=False
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr
    said = [line for line in done.stdout.splitlines() if line.startswith("demo/tau/toy:v1.") and "  R" in line]
    assert [line.split()[1] for line in said] == ["R5", "R4", "R2"]
    assert "equal  demo/tau/toy:v1.0  the same bytes came out" in done.stdout
    assert not (tmp_path / "story" / "author").exists()
