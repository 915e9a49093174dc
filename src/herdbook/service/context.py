"""What every use case needs: where state lives, who acts, what time it is."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

from herdbook.kernel import times
from herdbook.model.principals import Person, Principal
from herdbook.ports.blobs import BlobStore
from herdbook.ports.catalogue import Catalogue
from herdbook.ports.formats import Readers

LEASE_S = 24 * 3600.0
"""How long bytes without a record are kept after they were put, in seconds."""


@dataclass
class Context:
    """One principal at one registry. ``make_readers`` starts the worker pool when the first file is read."""

    url: str
    catalogue: Catalogue
    blobs: BlobStore
    principal: Principal
    make_readers: Callable[[], Readers]
    person: Person | None = None
    clock: Callable[[], str] = times.now
    seconds: Callable[[], float] = time.time
    create_namespaces: bool = True
    accept_old_clock: bool = False
    lent: bool = False
    """Whether catalogue and blobs are somebody else's to close."""
    on_close: list[Callable[[], None]] = field(default_factory=list)

    @cached_property
    def readers(self) -> Readers:
        """The worker pool, started on first use."""
        readers = self.make_readers()
        self.on_close.append(readers.close)
        return readers

    def close(self) -> None:
        """Stop what was started, last first."""
        while self.on_close:
            self.on_close.pop()()
        if not self.lent:
            self.blobs.close()
            self.catalogue.close()
