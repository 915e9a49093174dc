"""Where records can be had: asking places, and saying what they answered. Runs at the client.

A place that could not be asked changes nothing of what was known. A look supersedes the same issuer's earlier one about
the same record and URI.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from herdbook.kernel import times
from herdbook.model import schemes
from herdbook.model.activities import Code
from herdbook.model.identifiers import Identifier
from herdbook.model.places import Location, Standing
from herdbook.model.statements import Said, StatementEntry, Subject
from herdbook.ports.places import Places
from herdbook.ports.registry import Registry

TYPE = "herdbook/location/1"


@dataclass(frozen=True)
class Known:
    """A current statement of a location."""

    location: Location
    entry: StatementEntry


def known(registry: Registry, record: str) -> list[Known]:
    """Return the current statements of where a record can be had: what exists first, then what was asked last."""
    entries = registry.statements.about([record]).get(record, [])
    found = [
        Known(Location.read(entry.statement.body), entry)
        for entry in entries
        if entry.current and entry.statement.type == TYPE
    ]
    found.sort(key=lambda each: each.location.asked or "", reverse=True)
    return sorted(found, key=lambda each: ("exists", "unknown", "gone").index(each.location.state))


def look(places: Places, uri: str, clock: Callable[[], str] = times.now) -> Location:
    """Ask a place now; ``unknown`` with the reason, when it cannot be asked.

    Raises:
        InvalidError: when the URI is none, or chooses several; ``UnavailableError`` ``no-place`` when nobody serves it.
    """
    return location(uri, places(uri).look(uri), clock())


def location(uri: str, standing: Standing, asked: str) -> Location:
    """Return what a place answered as the body of a statement."""
    return Location(
        uri=uri,
        state=standing.state,
        asked=asked,
        detail=standing.detail or None,
        closed=standing.closed,
        files=standing.files,
        size_bytes=standing.size_bytes,
        checked=standing.checked if standing.state == "exists" else None,
    )


def statement(registry: Registry, record: str, found: Location, earlier: Sequence[Known] = ()) -> Said:
    """Return what is to be said of a look at a record; what the same issuer said of this place before is superseded."""
    mine = [
        each
        for each in earlier
        if each.location.uri == found.uri and each.entry.statement.issuer == registry.principal.id
    ]
    seen = max((each.location.asked or "" for each in earlier if _seen(each, found.uri)), default="")
    if found.state == "gone" and seen:
        found = found.model_copy(update={"detail": f"{found.detail or 'gone'}; seen there on {seen[:10]}"})
    return Said(
        type=TYPE,
        subject=(Subject(record=record),),
        body=found.json_object(),
        supersedes=tuple(each.entry.digest for each in mine) or None,
    )


def say(registry: Registry, namespace: str, record: str, found: Location) -> StatementEntry | None:
    """Say in a namespace what a place answered about a record; ``None``, and nothing said, when it could not be asked.

    Raises:
        MissingError: ``no-subject``, when the record is not here.
    """
    if found.state == "unknown":
        return None
    return registry.statements.add(namespace, [statement(registry, record, found, known(registry, record))])[0]


def _seen(each: Known, uri: str) -> bool:
    return each.location.uri == uri and each.location.state == "exists"


def uri_of(name: Identifier) -> str | None:
    """Return the URI under which a dataset's name can be asked for; ``None`` where no place keeps such names.

    CMS has datasets and blocks of DBS, and its logical files, in the scope ``cms``; of ATLAS's names the scope follows
    by rule. That a name can be asked for does not say that it exists.
    """
    if name.scheme == "rucio":
        return f"rucio:{name.value}"
    if name.scheme == "cms-dbs" or (name.scheme == "lfn" and name.value.startswith("/store/")):
        return f"rucio:cms:{name.value}"
    if name.scheme == "atlas":
        return "rucio:" + ":".join(schemes.default_scope(name.value))
    return None


def code_uri(code: Code) -> str | None:
    """Return the URI under which a commit can be asked for; ``None`` where repository or commit are not known."""
    remote = (code.repository or "").removeprefix("git+")
    if not code.commit or not remote:
        return None
    if "://" not in remote:
        host, colon, path = remote.partition(":")
        if remote.startswith("/"):
            remote = f"file://{remote}"
        elif colon and "/" not in host and path:  # as ssh writes it: git@HOST:PATH
            remote = f"ssh://{host}/{path.lstrip('/')}"
        else:
            return None
    return f"git+{remote}@{code.commit}"
