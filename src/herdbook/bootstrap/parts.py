"""The parts of an embedded registry: a catalogue and blobs, where ``registry.toml`` says, else in its folder."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from herdbook.bootstrap import registry_file
from herdbook.kernel.errors import ConflictError, InvalidError, MissingError, UnavailableError
from herdbook.ports.blobs import BlobStore
from herdbook.ports.catalogue import Catalogue

CATALOGUE = "catalogue.sqlite"
BLOBS = "blobs"


def check_folder(folder: Path, said_by: str, *, create: bool) -> None:
    """Check that a folder is a registry, or may become one.

    Raises:
        ConflictError: ``two-catalogues``, when it has one and ``registry.toml`` names another: a move was not done.
        MissingError: when it is none and none is to be made, or something else is in it.
    """
    here, elsewhere = (folder / CATALOGUE).exists(), registry_file.read(folder).catalogue
    if here and elsewhere:
        raise ConflictError(
            f"{folder} holds {CATALOGUE}, and its {registry_file.NAME} names a database: which of the two it is cannot "
            "be told",
            code="two-catalogues",
            hint="`herdbook move` brings the one in the folder into the database; or take `catalogue` out of the file.",
        )
    if here or elsewhere:
        return
    if not create:
        raise MissingError(
            f"there is no registry in {folder} ({said_by})",
            code="no-registry",
            hint=f"`herdbook init {folder}` makes one.",
        )
    strange = folder.is_dir() and any(item.name not in {BLOBS, registry_file.NAME} for item in folder.iterdir())
    if strange and not (folder / CATALOGUE).exists():  # another process may have made it since we looked
        raise MissingError(
            f"{folder} is not empty and no registry ({said_by})",
            code="no-registry",
            hint="Name an empty or new folder.",
        )


def open_catalogue(folder: Path, *, create: bool, read_only: bool) -> Catalogue:
    """Open the catalogue of a registry's folder: where ``registry.toml`` says, else a file in the folder.

    Raises:
        InvalidError: ``bad-settings`` when it names no PostgreSQL database; and what ``SqlCatalogue`` raises.
    """
    from herdbook.stores.sql.catalogue import SqlCatalogue  # noqa: PLC0415 - so that importing this stays light

    url = registry_file.read(folder).catalogue
    if url:
        return SqlCatalogue.connect(_postgresql(url, folder), create=create and not read_only, read_only=read_only)
    return SqlCatalogue.open(folder / CATALOGUE, create=create and not read_only, read_only=read_only)


def migrate_catalogue(folder: Path) -> str | None:
    """Bring an older catalogue up to date; return what is kept of it as it was, ``None`` when nothing was to do."""
    from herdbook.stores.sql.catalogue import SqlCatalogue  # noqa: PLC0415 - so that importing this stays light

    url = registry_file.read(folder).catalogue
    if url:
        before = SqlCatalogue.migrate_database(_postgresql(url, folder))
        return before and f"no copy; its schema was {before}"
    kept = SqlCatalogue.migrate(folder / CATALOGUE)
    return None if kept is None else str(kept)


def _postgresql(url: str, folder: Path) -> str:
    hint = "Write postgresql://HOST/DATABASE, or leave it out for a file in the folder."
    if not url.startswith(("postgresql://", "postgres://")):
        problem = f"the catalogue {url!r} is not a PostgreSQL database"
    elif {"password", "sslpassword"} & parse_qs(urlsplit(url).query).keys():
        problem = "a password stands in the catalogue's URL: give it by the environment"
    else:
        return url
    raise InvalidError(f"{folder / registry_file.NAME}: {problem}", code="bad-settings", hint=hint)


def open_blobs(folder: Path) -> BlobStore:
    """Open the blob stores of a registry's folder: those that ``registry.toml`` names, else the one in the folder.

    Raises:
        InvalidError: when a place is none, or two of them are the same.
        UnavailableError: ``no-extra``, when boto3 is not installed and a place is in S3.
    """
    from herdbook.stores.disk.blobs import DiskBlobs  # noqa: PLC0415 - so that importing this stays light

    declared = registry_file.read(folder).blobs
    if not declared:
        return DiskBlobs(folder / BLOBS)
    from herdbook.service.tiers import Tiers  # noqa: PLC0415 - so that importing this stays light

    places: dict[str, str] = {}
    stores: dict[str, BlobStore] = {}
    for place in declared:
        where, stores[place.name] = _open_place(folder, place)
        if where in places.values():
            # To mend one copy from another would else be to delete the only one.
            raise InvalidError(
                f"{folder / registry_file.NAME}: the blob store {place.name!r} is where another one is: {where}",
                code="bad-settings",
                hint="Name each place once.",
            )
        places[place.name] = where
    return Tiers(stores, places)


def _open_place(folder: Path, place: registry_file.BlobPlace) -> tuple[str, BlobStore]:
    """Return where a store is, in full, and the store."""
    scheme, _, rest = place.url.partition(":")
    if scheme == "file" and rest.strip("/"):
        from herdbook.stores.disk.blobs import DiskBlobs  # noqa: PLC0415 - see open_blobs

        root = (folder / unquote(rest.removeprefix("//"))).resolve()
        return f"file:{root}", DiskBlobs(root)
    bucket, _, prefix = rest.removeprefix("//").partition("/")
    if scheme == "s3" and rest.startswith("//") and bucket:
        try:
            from herdbook.stores.s3.blobs import S3Blobs  # noqa: PLC0415 - boto3 takes its time
        except ModuleNotFoundError as error:
            raise UnavailableError(
                f"the blob store {place.name!r} is in S3, and {error.name} is not installed",
                code="no-extra",
                hint="Install herdbook[s3].",
            ) from error

        where = f"s3://{bucket}/{prefix.strip('/')}" + (f" at {place.endpoint}" if place.endpoint else "")
        return where, S3Blobs(
            bucket, prefix.strip("/"), endpoint=place.endpoint, region=place.region, path_style=place.path_style
        )
    raise InvalidError(
        f"{folder / registry_file.NAME}: the blob store {place.name!r} has no place at {place.url!r}",
        code="bad-settings",
        hint="Write `file:FOLDER` or `s3://BUCKET/PREFIX`.",
    )
