"""The stack without containers: PostgreSQL, an S3 store and two server processes, by the script that people use."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).resolve().parents[2]
MARK = "HERDBOOK_STACK"


@pytest.mark.timeout(600)
def test_the_stack_starts_tells_its_story_and_leaves_nothing_behind(
    postgres_server: object, localstack: object, tmp_path: Path
) -> None:
    del postgres_server, localstack  # they can be had here: else this is skipped with the reason
    short = Path(tempfile.mkdtemp())  # a socket's path has not many bytes
    short.chmod(0o711)  # PostgreSQL runs as somebody else
    done = subprocess.run(
        [sys.executable, ROOT / "tools" / "stack.py", "--story"],
        env={**os.environ, "TMPDIR": str(short), MARK: tmp_path.name},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert done.stdout.count("\nok: ") == 3
    assert "\nsound  2 events" in done.stdout
    assert not [child.cmdline() for child in psutil.process_iter() if _is_ours(child, tmp_path.name)]
    short.rmdir()  # it is empty


def _is_ours(process: psutil.Process, mark: str) -> bool:
    try:
        return bool(process.environ().get(MARK) == mark)
    except psutil.Error:
        return False
