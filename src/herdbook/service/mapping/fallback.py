"""What no rule names: models, and what lies beside them, told by their names and first bytes."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from herdbook.service.mapping.places import Place


class Fallback:
    """Gives an unknown tree usable names.

    Args:
        prefix: of the names of models.
    """

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix

    def place(self, path: str, look: Callable[[], bytes] | None, groups: Mapping[str, str]) -> Place:
        """Return where a path goes."""
        return Place("skip", "skip:no-rule", reason="no rule names this path", groups=groups)
