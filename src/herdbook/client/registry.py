"""RemoteRegistry: the façade over HTTP."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from herdbook.client.activities import Activities
from herdbook.client.cache import Cache
from herdbook.client.calls import Calls
from herdbook.client.datasets import Datasets
from herdbook.client.downloads import Downloads
from herdbook.client.files import Files
from herdbook.client.identities import Identities
from herdbook.client.imports import Imports
from herdbook.client.journal import Journal
from herdbook.client.models import Models
from herdbook.client.namespaces import Namespaces
from herdbook.client.offline import KeptAnswers
from herdbook.client.people import People
from herdbook.client.pointers import Pointers
from herdbook.client.releases import Releases
from herdbook.client.statements import Statements
from herdbook.client.transport import Timeouts, Transport
from herdbook.client.uploads import Uploads
from herdbook.client.versions import Versions
from herdbook.model.principals import Person, Principal
from herdbook.ports import identities, imports, releases
from herdbook.ports import registry as ports
from herdbook.wire import headers


@dataclass(frozen=True)
class Options:
    """How a server is spoken to; ``version`` is ours, ``cache_bytes`` how many bytes of files the cache may hold."""

    cache: Path
    cache_bytes: int = 20 * 10**9
    timeouts: Timeouts = field(default_factory=Timeouts)
    offline: bool = False
    read_only: bool = False
    version: str = "?"


class RemoteRegistry:
    """A registry at a server. Use as a context manager, or call ``close``; threads may share it.

    Args:
        url: the server's address, without a slash at its end.
        principal: who acts, as far as the server believes it.
        person: what the settings call who acts.
        options: cache, timeouts.
    """

    def __init__(self, url: str, principal: Principal, person: Person | None, options: Options) -> None:
        self.url = url
        # Without access control a server takes the header for a claim, whatever this machine is sure of.
        self.principal = principal.model_copy(update={"assurance": "claimed"})
        told = {
            headers.PRINCIPAL: headers.write_principal(principal),
            headers.CLIENT: f"herdbook/{options.version}",
            "User-Agent": f"herdbook/{options.version}",
        }
        self._transport = Transport(url, told, options.timeouts)
        kept = KeptAnswers(options.cache, url, principal.id)
        calls = Calls(self._transport, kept, offline=options.offline, read_only=options.read_only)
        cache = Cache(options.cache, options.cache_bytes)
        uploads = Uploads(calls, options.cache, principal.id)
        self.namespaces: ports.Namespaces = Namespaces(calls)
        self.models: ports.Models = Models(calls)
        self.versions: ports.Versions = Versions(calls, self)
        self.files: ports.Files = Files(calls, self.versions, uploads, Downloads(calls, cache))
        self.identities: identities.Identities = Identities(calls)
        self.releases: releases.Releases = Releases(calls)
        self.imports: imports.Imports = Imports(calls)
        self.datasets: ports.Datasets = Datasets(calls)
        self.activities: ports.Activities = Activities(calls)
        self.statements: ports.Statements = Statements(calls)
        self.pointers: ports.Pointers = Pointers(calls)
        self.journal: ports.Journal = Journal(calls)
        self.people: ports.People = People(calls, person or Person(id=principal.id))

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<registry {self.url}>"


_: type[ports.Registry] = RemoteRegistry
