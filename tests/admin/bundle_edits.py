"""Bundles of tests: the published script, and how a bundle is edited by hand."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

SCRIPT = Path(__file__).resolve().parents[2] / "docs" / "reference" / "verify_bundle.py"


def stranger(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the published script, isolated from this project."""
    argv = [sys.executable, "-I", str(SCRIPT), str(folder), *arguments]
    return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60)


def edit_manifest(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Change the manifest."""
    value = json.loads((folder / "herdbook-bundle.json").read_text())
    change(value)
    (folder / "herdbook-bundle.json").write_text(json.dumps(value))


def edit_events(folder: Path, change: Callable[[list[bytes]], list[bytes]]) -> None:
    """Change the lines of the journal of ``demo``."""
    path = folder / "journals" / "demo.ndjson"
    path.write_bytes(b"".join(change(path.read_bytes().splitlines(keepends=True))))
