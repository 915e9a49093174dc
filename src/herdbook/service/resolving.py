"""Datasets in places: whether they exist, which files they have, and later what has disappeared. Runs at the client."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

from herdbook.kernel import times
from herdbook.kernel.errors import HerdbookError, InvalidError, MissingError, UnavailableError
from herdbook.model.datasets import Dataset, DatasetEntry, ManifestLine
from herdbook.model.identifiers import Identifier
from herdbook.model.places import Location, Rechecked, Resolved
from herdbook.model.statements import Evidence, Said, Subject
from herdbook.ports.places import Place, Places
from herdbook.ports.registry import Registry
from herdbook.service import links, manifests, placing


def resolve(
    registry: Registry, places: Places, reference: str, namespace: str = "", clock: Callable[[], str] = times.now
) -> Resolved:
    """Ask for a dataset by its name, and register its files as they are now.

    Args:
        registry: where it is, or becomes, known.
        places: what asks.
        reference: a dataset that is known, or ``rucio:SCOPE:NAME`` of one that is not.
        namespace: in whose journal; needed for a dataset that is not known, or known in several.
        clock: gives the time.

    Raises:
        MissingError: ``gone``, when it is not there; that is said of a dataset that is known.
        UnavailableError: ``not-asked``, when the place cannot be asked; nothing is changed then.
        InvalidError: ``no-uri`` when no place keeps such names, ``selector`` when it names many.
    """
    entry = _entry(registry, reference)
    name = entry.dataset.id if entry else Identifier.parse(reference)
    uri = placing.uri_of(name) if name else None
    if name is None or uri is None:
        raise InvalidError(
            f"{reference!r} has no name that a place can be asked for",
            code="no-uri",
            hint="Names of Rucio, of CMS and of ATLAS can: rucio:SCOPE:NAME, cms-dbs:/A/B/TIER, atlas:NAME.",
        )
    place = places(uri)
    found = placing.look(places, uri, clock)
    namespace = _namespace(namespace, entry, reference)
    bare = Dataset(id=name)
    _check(registry, namespace, entry, bare, found)
    try:
        with manifests.kept(place.listing(uri)) as kept:
            manifest = registry.files.put(kept.file).sha256
    except MissingError as error:
        raise UnavailableError(
            f"{uri} went away while its files were listed", code="not-asked", hint="Try again."
        ) from error
    full = Dataset(id=name, manifest=manifest)
    before = placing.known(registry, bare.digest), placing.known(registry, full.digest)
    found = found.model_copy(update={"files": kept.files, "size_bytes": kept.size})
    registry.datasets.register(namespace, bare, [placing.statement(registry, bare.digest, found, before[0])])
    new = not _is_here(registry, full.digest)
    said = [resolution(bare, full, uri), placing.statement(registry, full.digest, found, before[1])]
    registry.datasets.register(namespace, full, said)
    return Resolved(
        record=full.digest,
        old=bare.digest,
        manifest=manifest,
        new=new,
        location=found,
        files=kept.files,
        size_bytes=kept.size,
        events=kept.events,
    )


def _check(registry: Registry, namespace: str, entry: DatasetEntry | None, bare: Dataset, found: Location) -> None:
    """Go on only with what exists."""
    if found.state == "unknown":
        raise UnavailableError(
            f"it is not known whether {found.uri} exists: {found.detail}",
            code="not-asked",
            hint="Nothing was changed. Try again when the place can be asked.",
        )
    if found.state == "gone":
        if entry is not None:
            for record in {entry.record, *([bare.digest] if _is_here(registry, bare.digest) else [])}:
                placing.say(registry, namespace, record, found)
        raise MissingError(f"{found.uri} is not there: {found.detail}", code="gone", hint="Check scope and name.")


def _entry(registry: Registry, reference: str) -> DatasetEntry | None:
    try:
        return registry.datasets.get(reference)
    except MissingError:
        if reference.partition(":")[0] in {"", "sha256"} or ":" not in reference:
            raise
        return None


def _is_here(registry: Registry, record: str) -> bool:
    try:
        return bool(registry.datasets.get(record).record)
    except MissingError:
        return False


def _namespace(given: str, entry: DatasetEntry | None, reference: str) -> str:
    if given:
        return given
    if entry is not None and len(entry.namespaces) == 1:
        return entry.namespaces[0]
    raise InvalidError(
        f"it is not clear in which namespace {reference!r} is to be known",
        code="no-namespace",
        hint="Say which with --in NAMESPACE.",
    )


def resolution(old: Dataset, new: Dataset, uri: str) -> Said:
    """Return the statement that a dataset known by its name alone has the files of ``new``; made with its record."""
    evidence = {"/by": Evidence(how="extracted", where=uri, rule="the files that the place lists under this name")}
    return Said(type=links.RESOLVES, subject=(Subject(record=old.digest),), body={"by": new.digest}, evidence=evidence)


def recheck(
    registry: Registry, places: Places, reference: str, namespace: str = "", clock: Callable[[], str] = times.now
) -> Iterator[Rechecked]:
    """Ask again, at each place that a dataset is known at, and yield what has become of it.

    Where its manifest is known the place's listing is held against it: what is missing, has another size or checksum,
    or has no copy left is named. A place that cannot be asked changes nothing.

    Raises:
        MissingError: when there is no such dataset.
        InvalidError: ``no-uri``, when nothing says where it could be.
    """
    entry = registry.datasets.get(reference)
    before = {each.location.uri: each.location.state for each in reversed(placing.known(registry, entry.record))}
    named = placing.uri_of(entry.dataset.id) if entry.dataset.id else None
    uris = list(dict.fromkeys([*([named] if named else []), *before]))
    if not uris:
        raise InvalidError(
            f"nothing says where {entry.dataset.title} could be",
            code="no-uri",
            hint="Say it: herdbook statement add DIGEST --kind location --body '{\"uri\": …}'.",
        )
    where = _namespace(namespace, entry, reference)
    for uri in uris:
        try:
            found = placing.look(places, uri, clock)
        except HerdbookError as error:
            found = Location(uri=uri, state="unknown", asked=clock(), detail=error.message)
        told: dict[str, int] = {}
        if found.state == "exists" and entry.dataset.manifest is not None:
            found, told = _held_against(registry, places(uri), entry, found)
        said = placing.say(registry, where, entry.record, found)
        yield Rechecked(
            record=entry.record,
            title=entry.dataset.title,
            before=before.get(uri, "unknown"),
            location=found,
            said=said.digest if said else None,
            **told,
        )


def _held_against(
    registry: Registry, place: Place, entry: DatasetEntry, found: Location
) -> tuple[Location, dict[str, int]]:
    """Return the location with what is lacking, and the counts."""
    uri = found.uri
    try:
        with (
            contextlib.closing(registry.files.blob(entry.namespaces[0], str(entry.dataset.manifest))) as stream,
            _first(place.listing(uri)) as listing,
        ):
            differences = manifests.compare(manifests.read(stream), listing)
    except InvalidError as error:
        if error.code != "no-listing":
            raise
        return found, {}
    except MissingError as error:
        return found.model_copy(update={"state": "gone", "detail": error.message, "checked": None}), {}
    except UnavailableError as error:
        detail = f"it is there, and its files cannot be listed: {error.message}"
        return found.model_copy(update={"state": "unknown", "detail": detail, "checked": None}), {}
    lost, untold = 0, ""
    try:
        lost = _lost(place, uri, differences)
    except UnavailableError as error:
        untold = f"whether each has a copy was not told: {error.message}"
    counts = {
        "missing": differences.missing,
        "changed": differences.changed,
        "added": differences.added,
        "lost": lost,
    }
    words = [f"{count} {_WORDS[name]}" for name, count in counts.items() if count] + [untold] * bool(untold)
    update: dict[str, object] = {"lacking": tuple(differences.lacking) or None}
    if differences.summed == differences.files - differences.missing:
        update["checked"] = "checksum"
    if words:
        update["detail"] = "; ".join([*([found.detail] if found.detail else []), *words])
    if differences.files and differences.missing + differences.changed + lost >= differences.files:
        update |= {"state": "gone", "checked": None}
    return found.model_copy(update=update), counts


_WORDS = {
    "missing": "of the manifest no longer in it",
    "changed": "with another size or checksum",
    "added": "in it that the manifest does not have",
    "lost": "with no copy left",
}


@contextlib.contextmanager
def _first(lines: Iterator[ManifestLine]) -> Iterator[Iterator[ManifestLine]]:
    """Give an iterator that is closed afterwards, where it can be."""
    try:
        yield lines
    finally:
        if (close := getattr(lines, "close", None)) is not None:
            close()


def _lost(place: Place, uri: str, differences: manifests.Differences) -> int:
    """Count files without a copy, and name them; those that are missing or changed are counted there."""
    named, count = set(differences.lacking), 0
    for path in place.absent(uri):
        if path not in named:
            count += 1
            differences.lack(path)
    return count
