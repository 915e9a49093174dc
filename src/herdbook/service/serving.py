"""Serving: one open registry for many principals at once; what a server holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from herdbook.model.facts import Facts
from herdbook.model.principals import Principal
from herdbook.ports.catalogue import Catalogue
from herdbook.ports.formats import Listing, ReadAt, Readers
from herdbook.service.context import Context
from herdbook.service.registry import LocalRegistry


class Serving:
    """An open registry. ``registry`` gives the façade to a principal; threads may share all of it."""

    def __init__(self, context: Context) -> None:
        self.context = context

    def acting(self, principal: Principal | None = None, catalogue: Catalogue | None = None) -> Context:
        """Return the context of a principal, without one of the server's own; closing it closes nothing of ours.

        With ``catalogue``, a wrapper of ours, that is read and written.
        """
        context = self.context
        return replace(
            context,
            catalogue=catalogue or context.catalogue,
            principal=principal or context.principal,
            person=None if principal else context.person,
            make_readers=lambda: Lent(context.readers),
            on_close=[],
            lent=True,
        )

    def registry(self, principal: Principal | None = None, catalogue: Catalogue | None = None) -> LocalRegistry:
        """Return the façade for a principal, as ``acting`` returns its context."""
        return LocalRegistry(self.acting(principal, catalogue))

    def close(self) -> None:
        """Release what is held."""
        self.context.close()


class Lent:
    """Readers that outlive who borrows them."""

    def __init__(self, readers: Readers) -> None:
        self._readers = readers

    @property
    def versions(self) -> Mapping[str, str]:
        """Readers' names and versions."""
        return self._readers.versions

    def prepare(self) -> None:
        """Start a worker."""
        self._readers.prepare()

    def read(self, files: Sequence[tuple[str, ReadAt]], listing: Listing) -> list[Facts | None]:
        """Read files."""
        return self._readers.read(files, listing)

    def close(self) -> None:
        """Leave them running."""
