"""The parts of an embedded registry: a catalogue and blobs, where ``registry.toml`` says, else in its folder."""

from __future__ import annotations

from pathlib import Path

from herdbook.bootstrap import registry_file
from herdbook.kernel.errors import MissingError
from herdbook.ports.blobs import BlobStore
from herdbook.ports.catalogue import Catalogue

CATALOGUE = "catalogue.sqlite"
BLOBS = "blobs"


def check_folder(folder: Path, said_by: str, *, create: bool) -> None:
    """Check that a folder is a registry, or may become one.

    Raises:
        MissingError: when it is none and none is to be made, or something else is in it.
    """
    if (folder / CATALOGUE).exists() or registry_file.read(folder).catalogue:
        return
    if not create:
        raise MissingError(
            f"there is no registry in {folder} ({said_by})",
            code="no-registry",
            hint=f"`herdbook init {folder}` makes one.",
        )
    if folder.is_dir() and any(item.name not in {BLOBS, registry_file.NAME} for item in folder.iterdir()):
        raise MissingError(
            f"{folder} is not empty and no registry ({said_by})",
            code="no-registry",
            hint="Name an empty or new folder.",
        )


def open_catalogue(folder: Path, *, create: bool, read_only: bool) -> Catalogue:
    """Open the catalogue of a registry's folder."""
    from herdbook.stores.sql.catalogue import SqlCatalogue  # noqa: PLC0415 - so that importing this stays light

    return SqlCatalogue.open(folder / CATALOGUE, create=create and not read_only, read_only=read_only)


def open_blobs(folder: Path) -> BlobStore:
    """Open the blob stores of a registry's folder."""
    from herdbook.stores.disk.blobs import DiskBlobs  # noqa: PLC0415 - so that importing this stays light

    return DiskBlobs(folder / BLOBS)
