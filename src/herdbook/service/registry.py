"""LocalRegistry: the façade over a catalogue and a blob store of this machine."""

from __future__ import annotations

from typing import Self

from herdbook.ports.registry import Registry
from herdbook.service.activities import Activities
from herdbook.service.context import Context
from herdbook.service.datasets import Datasets
from herdbook.service.files import Files
from herdbook.service.journal import Journals
from herdbook.service.models import Models
from herdbook.service.namespaces import Namespaces
from herdbook.service.people import People
from herdbook.service.pointers import Pointers
from herdbook.service.statements import Statements
from herdbook.service.versions import Versions


class LocalRegistry:
    """A registry in this process. Use as a context manager, or call ``close``."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self.url = context.url
        self.principal = context.principal
        self.namespaces = Namespaces(context)
        self.models = Models(context)
        self.versions = Versions(context, self)
        self.files = Files(context)
        self.datasets = Datasets(context)
        self.activities = Activities(context)
        self.statements = Statements(context)
        self.pointers = Pointers(context)
        self.journal = Journals(context)
        self.people = People(context)

    def close(self) -> None:
        """Release what is held."""
        self._context.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<registry {self.url}>"


_: type[Registry] = LocalRegistry
