"""Registries for these tests."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # tests are no package that is installed
from tests.registry.opened import empty, folder, lent, open_as, other, registry
from tests.servers.localstack import localstack, s3_place

__all__ = ["empty", "folder", "lent", "localstack", "open_as", "other", "registry", "s3_place"]
