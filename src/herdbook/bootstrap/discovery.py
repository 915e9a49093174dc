"""Which registry is meant: an argument, `HERDBOOK_REGISTRY`, the configuration file, else one in the user's data."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import unquote, urlsplit

from herdbook.bootstrap import settings as settings_
from herdbook.kernel.errors import DeniedError, InvalidError

_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):")
_SERVER = ("http:", "https:")


@dataclass(frozen=True, slots=True)
class Found:
    """A registry that is meant, though it may not exist: an absolute folder or a server's URL, and who said so."""

    location: str
    origin: settings_.Origin
    source: str = ""
    kind: Literal["folder", "server"] = "folder"

    @property
    def said_by(self) -> str:
        """Who said so, in words."""
        return f"{self.origin} {self.source}".strip()


def find(where: str | None = None, *, settings: settings_.Settings | None = None) -> Found:
    """Find which registry is meant by ``where``: a folder, its ``file:`` URL, or a server's ``http(s):`` URL.

    ``None`` leaves it to the settings.

    Raises:
        InvalidError: when it can be no registry's place.
    """
    if where is not None:
        chosen = settings_.Setting("registry", where, "argument", "--registry")
    else:
        chosen = (settings or settings_.load())["registry"]
    said_by = chosen.source or chosen.origin
    if chosen.text.lower().startswith(_SERVER):
        return Found(_server(chosen.text, said_by), chosen.origin, chosen.source, "server")
    return Found(_folder(chosen.text, said_by), chosen.origin, chosen.source)


def folder(where: str | None = None, *, settings: settings_.Settings | None = None) -> Found:
    """Find a registry that must be a folder of this machine: what its owner alone may do is done there.

    Raises:
        DeniedError: ``not-here``, when a server is meant.
        InvalidError: when it can be no registry's place.
    """
    found = find(where, settings=settings)
    if found.kind == "server":
        raise DeniedError(
            f"{found.location} is a server: this is done at its machine, by who runs it",
            code="not-here",
            hint="Log in there and name the registry's folder: -R FOLDER.",
        )
    return found


def _server(text: str, source: str) -> str:
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise InvalidError(
            f"{text!r} ({source}) is no address: {error}", code="bad-registry", hint="Write http://HOST:PORT."
        ) from error
    if parts.username is not None or parts.password is not None:
        raise InvalidError(
            f"the address of {host} ({source}) holds a user or a password, which would end up in logs",
            code="bad-registry",
            hint="Write the address without them.",
        )
    if not host or port == 0 or parts.query or parts.fragment or not _plain(parts.path):
        raise InvalidError(
            f"{text!r} ({source}) is no address of a server",
            code="bad-registry",
            hint="Write http://HOST:PORT, with the path behind which a proxy has it, if there is one.",
        )
    return f"{parts.scheme.lower()}://{parts.netloc}{parts.path.rstrip('/')}"


def _plain(path: str) -> bool:
    return path.isascii() and path.isprintable() and " " not in path and ".." not in path.split("/")


def _folder(text: str, source: str) -> str:
    if not text or "\0" in text:
        raise InvalidError(f"{source} names no registry", code="bad-registry", hint="Give a folder.")
    scheme = _URL.match(text)
    if scheme is None:
        return str(Path(text).expanduser().absolute())
    name = scheme[1].lower()
    if name != "file":
        raise InvalidError(
            f"{text!r} ({source}) is no registry",
            code="bad-registry",
            hint="Give a folder, or a file:, http: or https: URL; a folder with a colon in its name as ./NAME.",
        )
    parts = urlsplit(text)
    if parts.netloc not in {"", "localhost"} or parts.query or parts.fragment or not parts.path.startswith("/"):
        raise InvalidError(
            f"{text!r} ({source}) is no folder of this machine",
            code="bad-registry",
            hint="Write file:///absolute/folder.",
        )
    return unquote(parts.path)
