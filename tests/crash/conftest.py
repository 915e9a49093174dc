"""The tests of crashes use the registries of the tests of what an owner does."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # the tests are no package that is installed
from tests.small_disk import small_disk

__all__ = ["small_disk"]
