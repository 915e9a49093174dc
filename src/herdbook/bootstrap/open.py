"""open(): the only place where a registry's parts are put together."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from herdbook import __version__
from herdbook.bootstrap import discovery, parts
from herdbook.bootstrap import settings as settings_
from herdbook.model.principals import Person, Principal
from herdbook.ports.admin import Admin
from herdbook.ports.formats import Readers
from herdbook.ports.registry import Registry
from herdbook.service.context import Context

if TYPE_CHECKING:
    from herdbook.client.cache import Cache
    from herdbook.service.serving import Serving


def open_registry(
    where: str | None = None, *, read_only: bool = False, create: bool = True, within: float = float("inf")
) -> Registry:
    """Open a registry: ``where``, else ``HERDBOOK_REGISTRY``, else the configuration file, else one in the user's data.

    An embedded registry is a folder; it is made on first use unless ``create`` is false. A server is spoken to when it
    is first asked; it is waited for as the settings say, and no longer than ``within`` seconds.

    Raises:
        MissingError: when it is not there and is not to be made.
        DeniedError: when its place cannot be written, or is on a network file system.
        InvalidError: when its schema is newer, or older, than this Herdbook's.
    """
    settings = settings_.load()
    found = discovery.find(where, settings=settings)
    if found.kind == "server":
        return _remote(found.location, settings, read_only=read_only, within=within)
    from herdbook.service.registry import LocalRegistry  # noqa: PLC0415 - so that importing the client stays light

    return LocalRegistry(_context(where, read_only=read_only, create=create))


def open_admin(where: str | None = None, *, read_only: bool = False) -> Admin:
    """Open an embedded registry as the owner of its machine.

    Raises:
        MissingError: when it is not there.
        DeniedError: ``not-here``, when it is a server.
    """
    from herdbook.service.admin import LocalAdmin  # noqa: PLC0415 - see open_registry

    found = discovery.folder(where)
    return LocalAdmin(_context(where, read_only=read_only, create=False), found.location)


def init_registry(folder: str) -> str:
    """Make an embedded registry in a folder, which must be new, empty, or a registry already; return the folder."""
    context = _context(folder, read_only=False, create=True)
    context.close()
    return discovery.folder(folder).location


def open_serving(where: str | None = None, *, read_only: bool = False) -> Serving:
    """Open an embedded registry for many principals at once, as a server does.

    Raises:
        MissingError: when it is not there.
    """
    from herdbook.service import serving  # noqa: PLC0415 - see open_registry

    return serving.Serving(_context(where, read_only=read_only, create=False))


def open_readers() -> Readers:
    """Return readers for files that are not registered, within the limits of the settings; close them afterwards."""
    return _readers(settings_.load())()


def _context(where: str | None, *, read_only: bool, create: bool) -> Context:
    settings = settings_.load()
    found = discovery.folder(where, settings=settings)
    folder = Path(found.location)
    parts.check_folder(folder, found.said_by, create=create)
    catalogue = parts.open_catalogue(folder, create=create, read_only=read_only)
    principal = settings.principal()
    return Context(
        url=str(folder),
        catalogue=catalogue,
        blobs=parts.open_blobs(folder),
        principal=principal,
        make_readers=_readers(settings),
        person=_person(principal, settings),
        accept_old_clock=os.environ.get("HERDBOOK_ACCEPT_OLD_CLOCK") == "1",
    )


def _person(principal: Principal, settings: settings_.Settings) -> Person:
    name, email = settings.text("actor.name"), settings.text("actor.email")
    return Person(id=principal.id, name=name or None, email=email or None)


def _remote(url: str, settings: settings_.Settings, *, read_only: bool, within: float) -> Registry:
    from herdbook.client.registry import Options, RemoteRegistry  # noqa: PLC0415 - loads what speaks HTTP
    from herdbook.client.transport import Timeouts  # noqa: PLC0415 - the same

    principal = settings.principal()
    seconds = (settings.number(f"client.{name}_seconds") for name in ("connect", "read", "retry"))
    options = Options(
        cache=Path(settings.text("cache")).expanduser(),
        cache_bytes=settings.number("client.cache_gb") * 10**9,
        timeouts=Timeouts(*(min(each, within) for each in seconds)),
        offline=os.environ.get("HERDBOOK_OFFLINE") == "1",
        read_only=read_only,
        version=__version__,
    )
    return RemoteRegistry(url, principal, _person(principal, settings), options)


def open_cache() -> Cache:
    """Open the cache of files from servers, which the settings name."""
    from herdbook.client.cache import Cache  # noqa: PLC0415 - see open_registry

    settings = settings_.load()
    return Cache(Path(settings.text("cache")).expanduser(), settings.number("client.cache_gb") * 10**9)


def _readers(settings: settings_.Settings) -> Callable[[], Readers]:
    def make() -> Readers:
        from herdbook.plugins.host.pool import WorkerPool  # noqa: PLC0415 - starts processes, only when a file is read
        from herdbook.plugins.host.worker import Limits  # noqa: PLC0415 - the same

        memory = settings.number("readers.memory_mb") * 10**6
        limits = Limits(seconds=settings.number("readers.seconds"), memory=memory)
        return WorkerPool(workers=settings.number("readers.workers"), limits=limits)

    return make
