"""The filled registry of the server's tests."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # tests are no package that is installed
from tests.server.conftest import app, client, empty, filled, lent, local, serving

__all__ = ["app", "client", "empty", "filled", "lent", "local", "serving"]
