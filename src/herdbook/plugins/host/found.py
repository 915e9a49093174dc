"""Which formats there are: those that a distribution registers as entry points ``herdbook.formats``."""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import entry_points
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from herdbook.ports.formats import Format

GROUP = "herdbook.formats"
LAST = "document"
"""The entry point that takes any text, and so is asked after all others."""


def targets(extra: Sequence[str] = ()) -> list[str]:
    """Return ``module:Class`` of all formats in the order in which they are asked: extra ones first, documents last."""
    found = sorted(entry_points(group=GROUP), key=lambda point: (point.name == LAST, point.name))
    return [*extra, *dict.fromkeys(point.value for point in found)]


def load(wanted: Iterable[str]) -> tuple[list[Format], dict[str, str]]:
    """Import formats. Return them, and for those that cannot be imported why."""
    formats: list[Format] = []
    failed = {}
    for target in wanted:
        module, _, name = target.partition(":")
        try:
            formats.append(getattr(import_module(module), name)())
        except Exception as error:  # noqa: BLE001 - a plug-in may raise anything; the others go on
            failed[target] = f"{type(error).__name__}: {error}"
    return formats, failed
