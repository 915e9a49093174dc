"""Servers for these tests."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # tests are no package that is installed
from tests.deploy.cluster import cluster
from tests.deploy.helm import helm
from tests.registry.opened import empty, folder, lent, open_as, registry
from tests.servers.localstack import localstack, s3_place
from tests.servers.postgres import blank_url, pg_folder, postgres_server, postgres_url

__all__ = [
    "blank_url",
    "cluster",
    "empty",
    "folder",
    "helm",
    "lent",
    "localstack",
    "open_as",
    "pg_folder",
    "postgres_server",
    "postgres_url",
    "registry",
    "s3_place",
]
