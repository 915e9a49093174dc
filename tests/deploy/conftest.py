"""Servers for these tests."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # tests are no package that is installed
from tests.deploy.cluster import cluster
from tests.deploy.helm import helm
from tests.registry.opened import empty, folder, lent, open_as, registry

__all__ = ["cluster", "empty", "folder", "helm", "lent", "open_as", "registry"]
