"""What is checked: folders that are not registered, read now; versions, from all that the registry says of them."""

from __future__ import annotations

import contextlib
import dataclasses
import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import PurePath

from herdbook.kernel import paths
from herdbook.kernel.errors import ConflictError, DeniedError, InvalidError
from herdbook.model.dossiers import Dossier, FileView
from herdbook.model.facts import Finding, Severity
from herdbook.model.formats import MODELS
from herdbook.model.registrations import Intake
from herdbook.model.versions import Entry
from herdbook.ports.checks import Subject
from herdbook.ports.formats import Readers
from herdbook.ports.registry import Registry
from herdbook.service import hashing
from herdbook.service.contracts import agreeing, assemble, declared
from herdbook.service.contracts.declared import Declared
from herdbook.service.hashing import OpenFile
from herdbook.service.intake import plan

_WORTH = 8
"""Folders for which it pays to read with a further worker."""
_OPEN = 32
"""Files of a folder that are open at once."""
_AT_ONCE = 30
"""Files of a version that one search asks for."""


@dataclass(frozen=True)
class Place:
    """A folder, or files that lie in one folder, to be checked as one: ``name`` as it was given."""

    name: str
    given: tuple[str, ...]


def places(given: Iterable[str]) -> list[Place]:
    """Return what is checked together: each folder, and files that were given one by one by the folder they lie in."""
    found: dict[str, list[str]] = {}
    for path in given:
        name = path if os.path.isdir(path) else str(PurePath(path).parent)  # noqa: PTH112 - a name need not be text
        found.setdefault(name, [])
        if name != path:
            found[name].append(path)
    return [Place(name, tuple(files) or (name,)) for name, files in found.items()]


def of_places(readers: Readers, wanted: Sequence[Place], consumers: Iterable[str] = ()) -> Iterator[Subject]:
    """Yield the subject of each place, in order; several are read at once.

    Raises:
        HerdbookError: as ``service.intake.plan`` says.
    """
    asked = frozenset(consumers)
    width = min(os.cpu_count() or 1, 1 + len(wanted) // _WORTH)
    if width < 2:
        yield from (of_place(readers, place, asked) for place in wanted)
        return
    with ThreadPoolExecutor(width, "herdbook-check") as threads:
        yield from threads.map(lambda place: of_place(readers, place, asked), wanted)


def of_place(readers: Readers, place: Place, consumers: frozenset[str] = frozenset()) -> Subject:
    """Read a folder, or files, as a registration of it would take them.

    Raises:
        HerdbookError: as ``service.intake.plan`` says.
    """
    taken = [item for item in plan(place.given) if item.left_out is None]
    listing = {item.path: item.size for item in taken}
    files = tuple(
        view for at in range(0, len(taken), _OPEN) for view in _views(readers, taken[at : at + _OPEN], listing)
    )
    try:
        mine = _declared(taken)
    except InvalidError as error:
        said = Finding(rule="bad-contract", severity=Severity.ERROR, message=str(error), path=declared.FILE)
        return dataclasses.replace(_told(files, None), conflicts=(said,), consumers=consumers)
    return dataclasses.replace(_told(files, mine), consumers=consumers)


def _declared(taken: Iterable[Intake]) -> Declared | None:
    """Return what the folder's contract file declares.

    Raises:
        InvalidError: when it is one, and cannot be read.
    """
    item = next((each for each in taken if each.path == declared.FILE), None)
    if item is None:
        return None
    with contextlib.closing(_opened(item)) as file:
        data = file.read_at(0, declared.MAX_BYTES + 1)
    return declared.read(data) if declared.is_contract(data) else None


def _told(files: tuple[FileView, ...], mine: Declared | None) -> Subject:
    """Return files with what they tell of the contract; what a person declared settles how they differ."""
    told = assemble(files)
    conflicts = told.findings
    if mine is not None:
        settled = agreeing.agree(mine, told, fill=False).findings
        conflicts = tuple(each for each in conflicts if each in settled)
    return Subject(files=files, contract=mine.contract if mine else None, told=told.contract, conflicts=conflicts)


def _views(readers: Readers, items: Sequence[Intake], listing: dict[str, int]) -> Iterator[FileView]:
    """Hash and read a few files, all of which are open at once."""
    with contextlib.ExitStack() as stack:
        files = [stack.enter_context(contextlib.closing(_opened(item))) for item in items]
        contents = [hashing.content(file) for file in files]
        every = readers.read([(item.path, file) for item, file in zip(items, files, strict=True)], listing)
    for item, content, facts in zip(items, contents, every, strict=True):
        yield FileView(
            path=item.path, digest=content.sha256, size=content.size, here=True, content=content, facts=facts
        )


def _opened(item: Intake) -> OpenFile:
    try:
        return OpenFile(paths.unescape(item.source))
    except OSError as error:
        raise DeniedError(f"{item.path!r} cannot be read: {error.strerror}", code="unreadable") from error


def of_version(registry: Registry, reference: str, consumers: Iterable[str] = ()) -> tuple[Entry, Subject]:
    """Return a version and what is checked of it, by what any client of a registry may ask.

    Raises:
        MissingError: when there is no such version.
    """
    dossier = registry.versions.dossier(reference)
    earlier = _before(registry, dossier.entry)
    subject = dataclasses.replace(
        _said(dossier),
        before=None if earlier is None else _said(registry.versions.dossier(earlier)),
        elsewhere=_elsewhere(registry, dossier),
        consumers=frozenset(consumers),
    )
    return dossier.entry, subject


def _said(dossier: Dossier) -> Subject:
    """Return what is said of a version, and what its files tell; of contracts that differ none is taken."""
    try:
        contract = dossier.contract
    except ConflictError as error:
        said = Finding(rule="contract-conflict", severity=Severity.ERROR, message=str(error))
        told = _told(dossier.files, None)
        told = dataclasses.replace(told, conflicts=(*told.conflicts, said))
    else:
        told = _told(dossier.files, Declared(contract) if contract else None)
    return dataclasses.replace(told, licence=_licence(dossier))


def _licence(dossier: Dossier) -> str:
    return next((str(body["licence"]) for body in reversed(dossier.said("description")) if body.get("licence")), "")


def _before(registry: Registry, entry: Entry) -> str | None:
    """Return the version of the highest ordinal below that was not withdrawn."""
    for ordinal in range(entry.ordinal - 1, 0, -1):
        if not registry.versions.get(f"{entry.model}@{ordinal}").withdrawn:
            return f"{entry.model}@{ordinal}"
    return None


def _elsewhere(registry: Registry, dossier: Dossier) -> dict[str, tuple[str, ...]]:
    """Return, by digest, versions of other models that have a model file of these bytes: the first hundred found."""
    digests = sorted({view.digest for view in dossier.files if view.facts is None or view.facts.format in MODELS})
    found: dict[str, list[str]] = {}
    for start in range(0, len(digests), _AT_ONCE):
        query = " OR ".join(f"file = {digest}" for digest in digests[start : start + _AT_ONCE])
        for entry in registry.versions.search(query, limit=100).items:
            if entry.model == dossier.entry.model:
                continue
            for digest in {file.digest for file in entry.version.files} & set(digests):
                found.setdefault(digest, []).append(entry.reference)
    return {digest: tuple(sorted(references)) for digest, references in found.items()}
