"""Which registry is meant: an argument, `HERDBOOK_REGISTRY`, the configuration file, else one in the user's data."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import unquote, urlsplit

from herdbook.bootstrap import settings as settings_
from herdbook.kernel.errors import InvalidError, UnavailableError

_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):")


@dataclass(frozen=True, slots=True)
class Found:
    """A registry that is meant, though it may not exist yet: an absolute folder, and who said so."""

    location: str
    origin: settings_.Origin
    source: str = ""
    kind: Literal["folder"] = "folder"

    @property
    def said_by(self) -> str:
        """Who said so, in words."""
        return f"{self.origin} {self.source}".strip()


def find(where: str | None = None, *, settings: settings_.Settings | None = None) -> Found:
    """Find which registry is meant by ``where``: a folder, or a ``file:`` URL; ``None`` leaves it to the settings.

    Raises:
        InvalidError: when it can be no registry's place.
        UnavailableError: on an address of a server, which this Herdbook cannot speak to.
    """
    if where is not None:
        chosen = settings_.Setting("registry", where, "argument", "--registry")
    else:
        chosen = (settings or settings_.load())["registry"]
    return Found(_folder(chosen.text, chosen.source or chosen.origin), chosen.origin, chosen.source)


def _folder(text: str, source: str) -> str:
    if not text or "\0" in text:
        raise InvalidError(f"{source} names no registry", code="bad-registry", hint="Give a folder.")
    scheme = _URL.match(text)
    if scheme is None:
        return str(Path(text).expanduser().absolute())
    name = scheme[1].lower()
    if name in {"http", "https"}:
        raise UnavailableError(
            f"{text} is a server, and this version of Herdbook opens registries in folders only",
            code="no-remote",
            hint="The client for servers comes with RemoteRegistry; until then give a folder.",
        )
    if name != "file":
        raise InvalidError(
            f"{text!r} ({source}) is no registry",
            code="bad-registry",
            hint="Give a folder or a file: URL; a folder with a colon in its name as ./NAME.",
        )
    parts = urlsplit(text)
    if parts.netloc not in {"", "localhost"} or parts.query or parts.fragment or not parts.path.startswith("/"):
        raise InvalidError(
            f"{text!r} ({source}) is no folder of this machine",
            code="bad-registry",
            hint="Write file:///absolute/folder.",
        )
    return unquote(parts.path)
