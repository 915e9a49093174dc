"""Inputs of a training: what each must be, where its bytes can be had, and whether they still are what they were.

They are looked for in this order: what the registry keeps (a server's through the cache), then places that location
statements name. A look downloads nothing: a registry answers by digest, a place by its listing; only a file of this
machine is read.
"""

from __future__ import annotations

import hashlib
import json
import posixpath
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import BinaryIO

from herdbook.kernel.errors import CorruptError, HerdbookError, InvalidError, MissingError, UnavailableError
from herdbook.model.activities import Activity, Part
from herdbook.model.datasets import Dataset, ManifestLine
from herdbook.model.places import Location
from herdbook.model.retrainings import Need
from herdbook.ports.places import Places
from herdbook.ports.registry import Registry
from herdbook.service.retraining.origin import NOT_INPUTS

_BUFFER = 1 << 20
_TOGETHER = 5000
"""Digests that are asked for at once."""
_HERE = ("file:", "/")


@dataclass(frozen=True)
class Wanted:
    """A file that the command read: where, and all that is known of its bytes."""

    path: str
    role: str
    sha256: str = ""
    size: int | None = None
    adler32: str = ""
    md5: str = ""
    record: str = ""
    """The dataset, or version, that it belongs to, and ``member`` its path therein."""
    member: str = ""
    problem: str = ""
    """Why it cannot even be looked for."""

    @property
    def digest(self) -> str:
        """The strongest digest that is known, empty when none is."""
        return self.sha256 or (f"md5:{self.md5}" if self.md5 else f"adler32:{self.adler32}" if self.adler32 else "")


@dataclass(frozen=True)
class Source:
    """Where the bytes of a file were found: ``place`` of ``open``, with what it takes."""

    kind: str
    """``registry``, ``version`` or ``place``."""
    first: str = ""
    second: str = ""


@dataclass(frozen=True)
class Located:
    """A wanted file, how it was found, and from where it would come."""

    wanted: Wanted
    need: Need
    source: Source | None = None


@dataclass
class Finder:
    """Looks for files; what a registry or a place answered is kept for the time of one plan."""

    registry: Registry
    namespaces: Sequence[str]
    places: Places
    _listings: dict[str, dict[str, ManifestLine] | HerdbookError] = field(default_factory=dict)
    _locations: dict[str, list[Location]] = field(default_factory=dict)

    def held(self, sha256s: Iterable[str]) -> dict[str, tuple[str, int]]:
        """Return, by sha256, a namespace of the registry that has the bytes, and their size."""
        wanted = sorted(set(filter(None, sha256s)))
        found: dict[str, tuple[str, int]] = {}
        for namespace in self.namespaces:
            rest = [each for each in wanted if each not in found]
            for start in range(0, len(rest), _TOGETHER):
                told = self.registry.files.find(namespace, rest[start : start + _TOGETHER])
                found |= {sha256: (namespace, content.size) for sha256, content in told.items()}
        return found

    def locate(self, wanted: Sequence[Wanted]) -> list[Located]:
        """Say of each file where it can be had, and whether it is what it was."""
        held = self.held(each.sha256 for each in wanted)
        return [self._locate(each, held) for each in wanted]

    def _locate(self, wanted: Wanted, held: dict[str, tuple[str, int]]) -> Located:
        if wanted.problem:
            return Located(wanted, _need(wanted, "missing", detail=wanted.problem))
        if wanted.sha256 in held:
            namespace, size = held[wanted.sha256]
            brought = size if self.registry.url.startswith("http") else 0
            need = _need(wanted, "verified", where="registry", brought=brought, detail="by sha256")
            return Located(wanted, need.model_copy(update={"size": size}), Source("registry", namespace, wanted.sha256))
        seen: list[Located] = []
        for location in self.locations(wanted.record):
            found = self._at(wanted, location)
            if found.need.state == "verified":
                return found
            seen.append(found)
        if not seen:
            why = "neither the registry has its bytes, nor does a statement say where they are"
            return Located(wanted, _need(wanted, "missing", detail=why))
        order = ("unknown", "different", "missing")
        return min(seen, key=lambda each: order.index(each.need.state))

    def locations(self, record: str) -> list[Location]:
        """Return where a record is said to be: what exists first, and nothing that is said to be gone."""
        if not record:
            return []
        if record not in self._locations:
            told = self.registry.statements.about([record]).get(record, [])
            current = [each.statement for each in told if each.current and each.statement.kind == "location"]
            found = [Location.read(each.body) for each in reversed(current)]
            order = {"exists": 0, "unknown": 1, "gone": 2}
            self._locations[record] = sorted(found, key=lambda each: order[each.state])
        return self._locations[record]

    def _at(self, wanted: Wanted, location: Location) -> Located:
        """Look for a file at one location."""
        uri = location.uri
        if location.state == "gone":
            why = f"gone since {location.asked or 'an unknown time'}"
            return Located(wanted, _need(wanted, "missing", uri=uri, detail=why))
        try:
            line, path = self._line(wanted, uri)
            if line is None:
                return Located(wanted, _need(wanted, "missing", uri=uri, detail="it is not in the listing"))
            state, detail = _compare(wanted, line)
            if state == "unknown" and uri.startswith(_HERE):
                state, detail = self._read(wanted, uri, path)
        except HerdbookError as error:
            state = {"missing": "missing", "corrupt": "different"}.get(error.kind, "unknown")
            return Located(wanted, _need(wanted, state, uri=uri, detail=error.message))
        size = line.size if line.size is not None else wanted.size
        brought = 0 if uri.startswith(_HERE) else size or 0
        need = _need(wanted, state, where=uri, uri=uri, brought=brought, detail=detail)
        return Located(wanted, need.model_copy(update={"size": size}), Source("place", uri, path))

    def _line(self, wanted: Wanted, uri: str) -> tuple[ManifestLine | None, str]:
        """Return what a place says of a file, and the path by which it is opened there."""
        name, last = posixpath.basename(wanted.member), posixpath.basename(uri.rstrip("/"))
        try:
            lines = self._listing(uri)
        except InvalidError as error:
            if error.code != "no-listing":
                raise
            standing = self.places(uri).look(uri)
            if standing.state != "exists":
                why = standing.detail or f"its state is {standing.state}"
                raise (MissingError if standing.state == "gone" else UnavailableError)(why, code="gone") from error
            return ManifestLine(path=wanted.member, size=standing.size_bytes), "" if last == name else wanted.member
        if len(lines) == 1 and last == name and name in lines:
            return lines[name], ""
        line = lines.get(wanted.member) or lines.get(name)
        return line, line.path if line else ""

    def _listing(self, uri: str) -> dict[str, ManifestLine]:
        if uri not in self._listings:
            try:
                self._listings[uri] = {line.path: line for line in self.places(uri).listing(uri)}
            except HerdbookError as error:
                self._listings[uri] = error
        found = self._listings[uri]
        if isinstance(found, HerdbookError):
            raise found
        return found

    def _read(self, wanted: Wanted, uri: str, path: str) -> tuple[str, str]:
        """Read a file of this machine."""
        with self.places(uri).open(uri, path) as stream:
            for _ in verified(stream, wanted):
                pass
        return "verified", "read"

    def open(self, located: Located) -> BinaryIO:
        """Open the bytes of a file that was found; who reads them verifies them.

        Raises:
            HerdbookError: when they can no longer be had.
        """
        assert located.source is not None, "only what was found is opened"
        if located.source.kind == "registry":
            return self.registry.files.blob(located.source.first, located.source.second)
        uri, path = located.source.first, located.source.second
        return self.places(uri).open(uri, path)


def _need(wanted: Wanted, state: str, **told: object) -> Need:
    given = {"what": "input", "path": wanted.path, "digest": wanted.digest, "role": wanted.role, "size": wanted.size}
    return Need.model_validate({**given, "state": state, **told})


def _compare(wanted: Wanted, line: ManifestLine) -> tuple[str, str]:
    """Hold what a place says of a file against what is known; sums that only one side has prove nothing."""
    if None not in (wanted.size, line.size) and wanted.size != line.size:
        return "different", f"it has {line.size} bytes, not {wanted.size}"
    ours = {"sha256": wanted.sha256.removeprefix("sha256:"), "md5": wanted.md5, "adler32": wanted.adler32}
    for name, mine in ours.items():
        theirs = getattr(line, name)
        if mine and theirs and mine != theirs:
            return "different", f"its {name} is {theirs}, not {mine}"
    for name, mine in ours.items():
        if mine and getattr(line, name) and (name != "adler32" or line.size is not None):
            return "verified", f"by the place's {name}" + (" and size alone" if name == "adler32" else "")
    return "unknown", "the place gives no checksum"


def verified(stream: BinaryIO, wanted: Wanted) -> Iterator[bytes]:
    """Yield the bytes of a stream, and raise at its end when they are not what is wanted.

    By sha256 where that is known; else by md5; adler32 with the size only where nothing better is.

    Raises:
        CorruptError: ``input-differs``.
    """
    sha256, md5, adler, size = hashlib.sha256(), hashlib.md5(usedforsecurity=False), 1, 0
    while chunk := stream.read(_BUFFER):
        sha256.update(chunk)
        if not wanted.sha256:
            md5.update(chunk)
            adler = zlib.adler32(chunk, adler)
        size += len(chunk)
        yield chunk
    found = {"sha256": f"sha256:{sha256.hexdigest()}", "md5": md5.hexdigest(), "adler32": f"{adler:08x}"}
    name = "sha256" if wanted.sha256 else "md5" if wanted.md5 else "adler32"
    if getattr(wanted, name) != found[name] or wanted.size not in {None, size}:
        raise CorruptError(
            f"{wanted.path} is not what was trained on: {size} bytes with {name} {found[name]}",
            code="input-differs",
            hint=f"It had {wanted.digest or 'no digest'}. Somebody changed it; find the one that it was.",
        )


def wanted(registry: Registry, namespaces: Sequence[str], activity: Activity) -> list[Wanted]:
    """Return the files that the command of an activity read, each once."""
    parts = [part for part in activity.inputs or () if part.role not in NOT_INPUTS]
    single = [part for part in parts if part.record is None or part.file is not None]
    covered = {part.record for part in single if part.path}
    members = {
        record: {each.sha256: each for each in _files_of(registry, namespaces, record)}
        for record in sorted({part.record for part in single if part.record})
    }
    found = [_single(part, members.get(part.record or "", {})) for part in single]
    for part in parts:
        if part.record is not None and part.file is None and (part.path or part.record not in covered):
            found.extend(_whole(registry, namespaces, part))
    by_path: dict[str, Wanted] = {}
    for each in found:
        known = by_path.get(each.path)
        if known is None or (known.problem and not each.problem) or (not known.record and each.record):
            by_path[each.path] = each
    return list(by_path.values())


def _single(part: Part, members: Mapping[str, Wanted]) -> Wanted:
    if part.id or part.selector:
        named = part.id or part.selector
        assert named is not None
        name = f"{named.scheme}:{named.value}"
        return Wanted(name, part.role, problem="only its name is known, neither its files nor their digests")
    sha256 = part.blob or part.file or ""
    path = part.path or sha256
    plain = Wanted(path, part.role, sha256=sha256, problem="" if part.path else "where it lay is not recorded")
    if part.record is None:
        return plain
    if sha256 in members:
        return replace(members[sha256], path=path, role=part.role, problem=plain.problem)
    return replace(plain, record=part.record, member=posixpath.basename(path))


def _whole(registry: Registry, namespaces: Sequence[str], part: Part) -> Iterator[Wanted]:
    """Yield the files of a dataset, or version, that was named as a whole."""
    assert part.record is not None
    files = list(_files_of(registry, namespaces, part.record))
    title = _title(registry, part.record)
    if not files:
        why = "its files are not known: no manifest"
        yield Wanted(title, part.role, record=part.record, problem=why)
    elif not part.path:
        yield Wanted(title, part.role, record=part.record, problem="where its files lay is not recorded")
    else:
        alone = len(files) == 1 and posixpath.basename(part.path) == posixpath.basename(files[0].member)
        for each in files:
            yield replace(each, path=part.path if alone else posixpath.join(part.path, each.member), role=part.role)


def _title(registry: Registry, record: str) -> str:
    try:
        return registry.datasets.get(record).dataset.title
    except HerdbookError:
        return record


def _files_of(registry: Registry, namespaces: Sequence[str], record: str) -> Iterator[Wanted]:
    """Yield the files of a dataset's manifest, or of a version."""
    try:
        dataset = registry.datasets.get(record).dataset
    except MissingError:
        try:
            files = registry.versions.get(record).version.files
        except MissingError:
            return
        for file in files:
            known = file.digest if file.resolved else ""
            why = "" if known else f"nobody brought its bytes; {file.digest} is all that is known"
            yield Wanted(file.path, "", sha256=known, size=file.size, record=record, member=file.path, problem=why)
        return
    yield from (_of_line(line, record) for line in _manifest(registry, namespaces, dataset))


def _of_line(line: ManifestLine, record: str) -> Wanted:
    none = not (line.sha256 or line.md5 or line.adler32)
    return Wanted(
        line.path,
        "",
        sha256=f"sha256:{line.sha256}" if line.sha256 else "",
        size=line.size,
        adler32=line.adler32 or "",
        md5=line.md5 or "",
        record=record,
        member=line.path,
        problem="the manifest has no digest of it" if none else "",
    )


def _manifest(registry: Registry, namespaces: Sequence[str], dataset: Dataset) -> Iterator[ManifestLine]:
    for namespace in namespaces if dataset.manifest else ():
        try:
            stream = registry.files.blob(namespace, str(dataset.manifest))
        except MissingError:
            continue
        with stream:
            for text in stream:
                yield ManifestLine.read(json.loads(text))
        return
