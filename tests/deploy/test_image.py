"""The image is built where no base image can be pulled, and runs as its own user."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from herdbook import __version__

if TYPE_CHECKING:
    from tests.conftest import NeedTool

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_image_is_built_and_serves_as_its_own_user(need_tool: NeedTool) -> None:
    if os.geteuid() != 0:
        pytest.skip("debootstrap and chroot need root")
    for tool in ("buildah", "debootstrap"):
        need_tool(tool)
    with tempfile.TemporaryDirectory(prefix="herdbook-image-") as folder:
        done = subprocess.run(
            [ROOT / "deploy" / "build.sh", folder],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stdout[-4000:]
    told = done.stdout.splitlines()
    assert f"herdbook {__version__}" in told
    assert any(line.startswith("sound ") for line in told)
    assert '{"status":"ready","writable":true}' in told
    assert told[-1] == "stopped with 0"
