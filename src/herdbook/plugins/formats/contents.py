"""Containers that many formats share (JSON, zip): opened once by one reader, then told apart by what they hold.

A kind is one small module with `FORMATS`, `fits` and `read`; its container's table names it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol, cast

from herdbook.model.facts import Facts, Finding, Safety

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from herdbook.ports.formats import Listing


@dataclass(frozen=True)
class Content:
    """What a kind read: the fields of `Facts` that are its own."""

    format: str
    values: dict[str, Any]
    safety: Safety = Safety.SAFE
    where: dict[str, str] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()

    def facts(self, reader: str, version: str) -> Facts:
        """Return them as facts of the container's reader."""
        return Facts(
            reader=reader,
            reader_version=version,
            format=self.format,
            safety=self.safety,
            values=self.values,
            where=self.where,
            findings=self.findings,
        )


class Kind(Protocol):
    """One kind of content. A module satisfies it."""

    def fits(self, content: Any, path: str) -> bool:  # noqa: ANN401 - what the container's parser gives
        """Say whether this is the kind; cheap, and it raises nothing on odd content."""
        ...

    def read(self, content: Any, path: str, listing: Listing) -> Content:  # noqa: ANN401 - the same
        """Read the facts.

        Raises:
            CorruptError: when the content is not what the kind promises.
        """
        ...


def kinds(names: Iterable[str]) -> Iterator[Kind]:
    """Yield the modules of this package with these names, in their order."""
    for name in names:
        yield cast("Kind", import_module(f"{__package__}.{name}"))
