"""A registry's catalogue moves from its folder into the PostgreSQL that ``registry.toml`` names."""

from __future__ import annotations

from pathlib import Path

from herdbook.bootstrap import discovery, registry_file
from herdbook.bootstrap.parts import CATALOGUE
from herdbook.kernel.errors import InvalidError, MissingError
from herdbook.model.health import BundleReport
from herdbook.ports.admin import Step
from herdbook.service import journal


def move_catalogue(where: str | None = None, step: Step | None = None) -> BundleReport:
    """Move the catalogue of a registry's folder into the database that its ``registry.toml`` names.

    The registry keeps its id, so its namespaces keep their home. Files of versions stay where they are.

    Raises:
        InvalidError: ``nowhere``, when the file names no database.
        MissingError: ``no-registry``, when there is no catalogue in the folder.
        ConflictError: ``not-empty``, when the database holds something else.
        UnavailableError: when another process writes, or one of the two cannot be reached.
    """
    from herdbook.stores.sql import moving  # noqa: PLC0415 - so that importing this stays light

    folder = Path(discovery.folder(where).location)
    told = registry_file.read(folder)
    if not told.catalogue:
        raise InvalidError(
            f"{folder / registry_file.NAME} names no database",
            code="nowhere",
            hint='Write catalogue = "postgresql://HOST/DATABASE" into it, then do the same again.',
        )
    if not (folder / CATALOGUE).exists():
        raise MissingError(
            f"there is no {CATALOGUE} in {folder}",
            code="no-registry",
            hint="It may have been moved already: `herdbook doctor` says how the registry is.",
        )

    def tell(table: str, done: int) -> None:
        if step:
            step(f"copying {table}", done, 0)

    found = moving.move(folder / CATALOGUE, told.catalogue, tell)
    return BundleReport(
        folder=str(folder),
        complete=True,
        checkpoints=tuple(journal.checkpoint(head) for head, _ in found),
        states={head.namespace: state for head, state in found},
        events=sum(head.seq for head, _ in found),
        bodies=0,
        blobs=0,
        blob_bytes=0,
    )
