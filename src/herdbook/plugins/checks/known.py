"""What is known of the frameworks that run models: ``runtimes.toml`` beside this module, with its sources."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any


@cache
def table() -> Mapping[str, Any]:
    """Return the table, read once."""
    return tomllib.loads((resources.files("herdbook.plugins.checks") / "runtimes.toml").read_text("utf-8"))
