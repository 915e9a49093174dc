"""Servers and clients for these tests."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # tests are no package that is installed
from tests.client.connected import connect, options, readers, served, serving
from tests.registry.opened import empty, folder, lent
from tests.servers.localstack import localstack, s3_place
from tests.small_disk import small_disk

__all__ = [
    "connect",
    "empty",
    "folder",
    "lent",
    "localstack",
    "options",
    "readers",
    "s3_place",
    "served",
    "serving",
    "small_disk",
]
