"""``registry.toml`` in a registry's folder: where its catalogue and its blobs are when they are not in the folder.

catalogue = "postgresql://herdbook@db.example.org/herdbook"

[[blobs]]                       # in the order in which they are asked; the first is written
name = "ceph"
url = "s3://models/herdbook"
endpoint = "https://s3.example.org"

[[blobs]]
name = "disk"
url = "file:blobs"              # relative to the folder

[[webhooks]]
name = "trigger"
url = "https://hooks.example.org/herdbook"
secret = "TRIGGER_HOOK_SECRET"  # the variable that holds it
namespaces = ["cms"]

No password stands in it: PostgreSQL takes PGPASSWORD, a password file or a service file, S3 the standard chain of
credentials. It is the owner's: no request writes it.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, TypeVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from herdbook.kernel.errors import DeniedError, InvalidError
from herdbook.model.base import Bool, Text, Value

NAME = "registry.toml"

Name = Annotated[Text, Field(pattern="^[a-z][a-z0-9-]{0,31}$")]


def _without_password(url: str) -> str:
    if urlsplit(url).password:
        raise ValueError("no password stands in a URL here: give it by the environment")
    return url


Url = Annotated[Text, AfterValidator(_without_password)]


class BlobPlace(Value):
    """A blob store: ``s3://BUCKET/PREFIX`` or ``file:FOLDER``."""

    name: Name
    url: Url
    endpoint: Url | None = None
    region: Text | None = None
    path_style: Bool = True


class Webhook(Value):
    """An address that is told of events; ``secret`` names the environment variable with which deliveries are signed.

    ``kinds`` narrows to events with statements of these kinds, such as ``withdrawal``; empty: every event.
    """

    name: Name
    url: Url
    secret: Text
    namespaces: tuple[Text, ...] = ()
    kinds: tuple[Text, ...] = ()


P = TypeVar("P", BlobPlace, Webhook)


def _named_once(places: tuple[P, ...]) -> tuple[P, ...]:
    if len({place.name for place in places}) != len(places):
        raise ValueError("a name stands twice")
    return places


class RegistryFile(Value):
    """What the file says."""

    catalogue: Url | None = None
    blobs: Annotated[tuple[BlobPlace, ...], AfterValidator(_named_once)] = ()
    webhooks: Annotated[tuple[Webhook, ...], AfterValidator(_named_once)] = ()


def read(folder: Path) -> RegistryFile:
    """Read a folder's file; where there is none, everything is in the folder.

    Raises:
        InvalidError: naming the file and the field that does not fit.
        DeniedError: when it may not be read.
    """
    path = folder / NAME
    try:
        found = tomllib.loads(path.read_text("utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return RegistryFile()
    except OSError as error:
        raise DeniedError(f"{path} cannot be read: {error.strerror}", code="settings-unreadable") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InvalidError(f"{path} is not TOML: {error}", code="bad-settings", hint="Mend that line.") from error
    try:
        return RegistryFile.read(found)
    except InvalidError as error:
        raise InvalidError(f"{path}: {error.message}", code="bad-settings", hint=error.hint) from error
