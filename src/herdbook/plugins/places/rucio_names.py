"""Names of Rucio: from a URI to scope and name, and between a file's DID and its path in a manifest."""

from __future__ import annotations

import re
from dataclasses import dataclass

from herdbook.kernel import paths
from herdbook.kernel.errors import InvalidError
from herdbook.model import schemes

_RSE = re.compile(r"[A-Za-z0-9_.-]{1,255}")


@dataclass(frozen=True, slots=True)
class Did:
    """A data identifier, and the storage element of one copy where one is meant."""

    scope: str
    name: str
    rse: str = ""

    @property
    def text(self) -> str:
        """As Rucio writes it."""
        return f"{self.scope}:{self.name}"

    @property
    def asked(self) -> dict[str, str]:
        """As Rucio's client wants it."""
        return {"scope": self.scope, "name": self.name}


def read(uri: str) -> Did:
    """Read ``rucio:SCOPE:NAME``, ``rucio:NAME`` by ATLAS's rule, ``rucio:/A/B/TIER`` of CMS; ``?rse=`` names a copy.

    Raises:
        InvalidError: ``selector``, when it is a pattern; ``bad-uri``, when it can be no name.
    """
    text, _, query = uri.partition("?rse=")
    scheme, _, value = text.partition(":")
    value = value.removesuffix("/") if value.count("/") == 1 and ":" in value else value
    whole = f"cms:{value}" if value.startswith("/") else value
    if schemes.is_selector("rucio", whole):
        raise InvalidError(
            f"{value[:200]!r} chooses datasets, and is none itself",
            code="selector",
            hint="Name each dataset; `rucio did list` shows which there are.",
        )
    try:
        found = schemes.parse("rucio", whole)
    except InvalidError as error:
        raise _bad(uri) from error
    if scheme.lower() != "rucio" or (query and not _RSE.fullmatch(query)):
        raise _bad(uri)
    return Did(found.fields["scope"], found.fields["name"], query)


def _bad(uri: str) -> InvalidError:
    return InvalidError(
        f"{uri[:200]!r} names nothing in Rucio",
        code="bad-uri",
        hint="Write rucio:SCOPE:NAME, as in rucio:user.jane:taus.2018, or rucio:cms:/PRIMARY/PROCESSED/TIER.",
    )


def path(whole: Did, scope: str, name: str) -> str:
    """Return the path of a file in the manifest of a dataset: its name; with its scope where that is another one.

    Names of CMS begin with a slash, which no path does.
    """
    plain = scope == whole.scope and ":" not in name
    return paths.escape((name.removeprefix("/") if plain else f"{scope}:{name}").encode())


def files(whole: Did, path_: str) -> list[Did]:
    """Return the DIDs that the file with this path can have: with the slash, or without."""
    text = paths.unescape(paths.check(path_)).decode("utf-8", "surrogateescape")
    scope, colon, name = text.partition(":")
    if colon:
        return [Did(scope, name)]
    return [Did(whole.scope, text), Did(whole.scope, "/" + text)]
