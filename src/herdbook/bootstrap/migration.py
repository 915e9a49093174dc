"""An embedded registry of an older schema is brought up to date; a copy of a file as it was is kept beside it."""

from __future__ import annotations

from pathlib import Path

from herdbook.bootstrap import discovery
from herdbook.bootstrap.parts import migrate_catalogue


def migrate_registry(where: str | None = None) -> str | None:
    """Bring a registry up to date; return what is kept of it as it was, ``None`` when nothing was to do.

    Raises:
        MissingError: when there is no registry.
        InvalidError: when its schema is newer than this Herdbook, or it is no catalogue.
        DeniedError: when it may not be written.
        UnavailableError: when another process writes, or the disk is full.
    """
    return migrate_catalogue(Path(discovery.folder(where).location))
