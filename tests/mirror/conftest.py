"""Registries for the tests of mirrors and adoptions."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # the tests are no package that is installed

from tests.admin.conftest import place, told

__all__ = ["place", "told"]
