"""Licensed tools that a command may need: synthesis suites, their versions, and the name of the licence's variable."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from herdbook.model.base import Json


def read(argv: Sequence[str], variables: Mapping[str, str]) -> tuple[Json, ...]:
    """Return the suites found in PATH and variables; nothing is run."""
    del argv, variables
    return ()
