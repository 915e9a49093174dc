"""The stack without containers: PostgreSQL, an S3 store and two server processes, by the script that people use."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).resolve().parents[2]


def _needed() -> None:
    lacking = []
    if importlib.util.find_spec("pgserver") is None:
        if sys.platform != "linux" or sys.version_info >= (3, 13):
            pytest.skip("PostgreSQL's wheel is for Linux, Python 3.11 and 3.12")
        lacking.append("pgserver")
    if not (ROOT / ".cache" / "localstack" / ".ready").exists():
        lacking.append("LocalStack (`make .cache/localstack/.ready`)")
    if lacking:
        reason = f"this test needs {' and '.join(lacking)}"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)


@pytest.mark.timeout(600)
def test_the_stack_starts_tells_its_story_and_leaves_nothing_behind(tmp_path: Path) -> None:
    _needed()
    done = subprocess.run(
        [sys.executable, "-W", "ignore", ROOT / "tools" / "stack.py", "--story"],
        env={**os.environ, "TMPDIR": str(tmp_path), "HERDBOOK_STACK": tmp_path.name},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert done.stdout.count("\nok: ") == 3
    assert "\nsound  2 events" in done.stdout
    assert not [*tmp_path.glob("herdbook-stack-*")]
    assert not [child.cmdline() for child in psutil.process_iter() if _is_ours(child, tmp_path.name)]


def _is_ours(process: psutil.Process, mark: str) -> bool:
    try:
        return process.environ().get("HERDBOOK_STACK") == mark
    except psutil.Error:
        return False
