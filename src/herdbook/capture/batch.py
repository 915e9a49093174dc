"""Which job of which batch system, grid or CI this is."""

from __future__ import annotations

from collections.abc import Mapping

from herdbook.model.identifiers import Identifier


def read(variables: Mapping[str, str]) -> list[Identifier]:
    """Return the ids of this job, each as its system writes it; empty at a prompt."""
    del variables
    return []
