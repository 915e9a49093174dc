"""LocalRegistry: the façade over a catalogue and a blob store of this machine."""

from __future__ import annotations

from typing import Self

from herdbook.ports import identities, imports, releases
from herdbook.ports import registry as ports
from herdbook.service.activities import Activities
from herdbook.service.context import Context
from herdbook.service.datasets import Datasets
from herdbook.service.files import Files
from herdbook.service.identities import Identities
from herdbook.service.imports import Imports
from herdbook.service.journal import Journals
from herdbook.service.models import Models
from herdbook.service.namespaces import Namespaces
from herdbook.service.people import People
from herdbook.service.pointers import Pointers
from herdbook.service.releases import Releases
from herdbook.service.statements import Statements
from herdbook.service.versions import Versions


class LocalRegistry:
    """A registry in this process. Use as a context manager, or call ``close``."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self.url = context.url
        self.principal = context.principal
        self.namespaces: ports.Namespaces = Namespaces(context)
        self.models: ports.Models = Models(context)
        self.versions: ports.Versions = Versions(context, self)
        self.files: ports.Files = Files(context)
        self.identities: identities.Identities = Identities(context)
        self.releases: releases.Releases = Releases(context)
        self.imports: imports.Imports = Imports(context)
        self.datasets: ports.Datasets = Datasets(context)
        self.activities: ports.Activities = Activities(context)
        self.statements: ports.Statements = Statements(context)
        self.pointers: ports.Pointers = Pointers(context)
        self.journal: ports.Journal = Journals(context)
        self.people: ports.People = People(context)

    def close(self) -> None:
        """Release what is held."""
        self._context.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<registry {self.url}>"


_: type[ports.Registry] = LocalRegistry
