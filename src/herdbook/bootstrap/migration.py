"""An embedded registry of an older schema is brought up to date; a copy as it was is kept beside it."""

from __future__ import annotations

from pathlib import Path

from herdbook.bootstrap import discovery
from herdbook.bootstrap.parts import CATALOGUE


def migrate_registry(where: str | None = None) -> str | None:
    """Bring a registry up to date; return where its catalogue is kept as it was, ``None`` when nothing was to do.

    Raises:
        MissingError: when there is no registry.
        InvalidError: when its schema is newer than this Herdbook, or it is no catalogue.
        DeniedError: when it may not be written.
        UnavailableError: when another process writes, or the disk is full.
    """
    from herdbook.stores.sql.catalogue import SqlCatalogue  # noqa: PLC0415 - so that importing this stays light

    kept = SqlCatalogue.migrate(Path(discovery.folder(where).location) / CATALOGUE)
    return None if kept is None else str(kept)
