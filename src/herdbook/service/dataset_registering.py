"""Registering a dataset from its files: the manifest, what they hold, where they lie. Runs at the client."""

from __future__ import annotations

import os
import re
import socket
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO
from urllib.parse import quote, unquote, urlsplit

from herdbook.kernel import paths, times
from herdbook.kernel.errors import HerdbookError, InvalidError
from herdbook.model.base import Json
from herdbook.model.dataset_profiles import DatasetProfile
from herdbook.model.datasets import Dataset, ManifestLine
from herdbook.model.identifiers import Identifier
from herdbook.model.places import Location
from herdbook.model.statements import Said, StatementEntry
from herdbook.ports.blobs import Progress
from herdbook.ports.places import Places
from herdbook.ports.registry import Registry
from herdbook.service import dataset_files
from herdbook.service.dataset_files import DataPath, Manifest
from herdbook.service.dataset_profiling import Profiling, Wanted

MAX_LOCATIONS = 100
"""How many remote files' places are stated one by one."""
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")


def parted(given: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return what of the given lies here and what is a URI; what exists here is never taken for a URI."""
    remote = [each for each in given if _URI.match(each) and not os.path.lexists(each)]
    return [each for each in given if each not in set(remote)], remote


@dataclass
class Reading:
    """Reads the files of a dataset, here and elsewhere: once for their digests, and where wanted for what they hold.

    Attributes:
        local: paths.
        remote: URIs, which ``places`` opens; each is brought into a temporary file while it is profiled.
        profiling: gets the files, where they are profiled.
        progress: told of bytes.
    """

    local: Sequence[str] = ()
    remote: Sequence[str] = ()
    places: Places | None = None
    profiling: Profiling | None = None
    progress: Progress | None = None
    locations: list[Location] = field(default_factory=list)

    def manifest(self) -> Manifest:
        """Read all files; the caller closes the manifest's stream.

        Raises:
            HerdbookError: when one is not there, cannot be read, or changed; ``paths-collide``.
        """
        result = dataset_files.manifest(self._lines())
        if self.profiling is not None and self.local:
            try:
                self.profiling.read(dataset_files.found(self.local), self.progress)
            except BaseException:
                result.stream.close()
                raise
        return result

    def _lines(self) -> Iterator[ManifestLine]:
        if self.local:
            yield from dataset_files.lines(dataset_files.found(self.local), self.progress)
        for uri in self.remote:
            yield self._bring(uri)

    def _bring(self, uri: str) -> ManifestLine:
        """Read a file of another place to its end."""
        assert self.places is not None
        path = name_of(uri)
        with tempfile.TemporaryDirectory(prefix="herdbook-data-") as folder, self.places(uri).open(uri) as stream:
            into: IO[bytes] | None = None
            copy = Path(folder) / ("copy" + Path(path).suffix)
            if self.profiling is not None:
                into = copy.open("wb")
            try:
                line = dataset_files.summed(path, stream, self.progress, into)
            finally:
                if into is not None:
                    into.close()
            if self.profiling is not None:
                self.profiling.read([DataPath(path, copy, line.size or 0)])
        if len(self.locations) < MAX_LOCATIONS:
            told = {"uri": uri, "state": "exists", "asked": times.now(), "files": 1, "checked": "checksum"}
            self.locations.append(Location.read({**told, "size_bytes": line.size}))
        return line


def name_of(uri: str) -> str:
    """Return the path in the manifest of a file that a URI names: the last part of it.

    Raises:
        InvalidError: ``bad-uri``, when it has none.
    """
    text = urlsplit(uri).path if "://" in uri else uri
    name = re.split("[/:]", text.rstrip("/"))[-1]
    if not name:
        raise InvalidError(f"{uri!r} names no file", code="bad-uri", hint="Give the URI of a file.")
    return paths.check(paths.escape(os.fsencode(unquote(name))))


def here(local: Sequence[str]) -> Location:
    """Return where files lie on this machine: the one folder that was given, or the folder of all files.

    Raises:
        InvalidError: ``several-folders``, when they lie in several: no one place has them under their paths.
    """
    folders = {path if len(local) == 1 and path.is_dir() else path.parent for path in map(_absolute, local)}
    if len(folders) != 1:
        raise InvalidError(
            "the files lie in several folders, so that no one place has all of them",
            code="several-folders",
            hint="Give one folder, or files of one, or leave --here out.",
        )
    uri = f"file://{socket.gethostname()}{quote(os.fsencode(folders.pop()))}"
    return Location.read({"uri": uri, "state": "exists", "asked": times.now(), "checked": "checksum"})


def _absolute(path: str) -> Path:
    return Path(os.path.abspath(path))  # noqa: PTH100 - a link stays as it was named


def dataset(registry: Registry, identifier: str | None, manifest: Manifest | None) -> Dataset:
    """Put a manifest, and return the dataset's record.

    Raises:
        InvalidError: when there is neither an identifier nor a manifest, or the identifier is none.
    """
    told = registry.files.put(manifest.stream).sha256 if manifest is not None and manifest.files else None  # type: ignore[arg-type]  # a temporary file is a stream of bytes
    name = Identifier.parse(identifier).json_object() if identifier else None
    return Dataset.read({"id": name, "manifest": told})


def said(
    registry: Registry,
    value: Dataset,
    description: Json,
    profile: DatasetProfile | None,
    locations: Sequence[Location],
    wanted: Wanted | None = None,
) -> list[Said]:
    """Return what is stated with a dataset; it supersedes this issuer's earlier profile, and look at the same place."""
    found: list[Said] = []
    subject = [{"record": value.digest}]
    before = _before(registry, value.digest) if profile is not None or locations else []
    if description:
        found.append(Said.read({"type": "herdbook/description/1", "subject": subject, "body": description}))
    if profile is not None:
        old = [entry for entry in before if entry.statement.kind == "dataset-profile"]
        body = profile.json_object()
        if body not in [entry.statement.body for entry in old]:
            told = {"body": body, "evidence": _evidence(profile, wanted or Wanted()), **_superseding(old)}
            found.append(Said.read({"type": "herdbook/dataset-profile/1", "subject": subject, **told}))
    for location in locations:
        told = {"body": location.json_object()}
        told |= _superseding(entry for entry in before if entry.statement.body.get("uri") == location.uri)
        found.append(Said.read({"type": "herdbook/location/1", "subject": subject, **told}))
    return found


def _superseding(old: Iterable[StatementEntry]) -> Json:
    digests = [entry.digest for entry in old]
    return {"supersedes": digests} if digests else {}


def _before(registry: Registry, record: str) -> list[StatementEntry]:
    """Return what this issuer says of a record now."""
    me = registry.principal.id
    told = registry.statements.about([record]).get(record, [])
    return [entry for entry in told if entry.current and entry.statement.issuer == me]


def _evidence(profile: DatasetProfile, wanted: Wanted) -> Json:
    """Return where values come from: all were read from the files, but for units that a person gave."""
    found: Json = {"": {"how": "extracted", "where": ", ".join(profile.readers) or "the files"}}
    for number, table in enumerate(profile.tables):
        for place, column in enumerate(table.columns):
            if column.name in wanted.units:
                found[f"/tables/{number}/columns/{place}/unit"] = {"how": "declared"}
    return found


def current_profile(registry: Registry, reference: str) -> tuple[str, DatasetProfile]:
    """Return the record of a dataset and its profile, the newest that is current.

    Raises:
        MissingError: when there is no such dataset.
        InvalidError: ``no-profile``, when nobody profiled it.
    """
    record = registry.datasets.get(reference).record
    told = registry.statements.about([record]).get(record, [])
    for entry in reversed(told):
        if entry.current and entry.statement.kind == "dataset-profile":
            return record, DatasetProfile.read(entry.statement.body)
    raise InvalidError(
        f"nobody profiled the dataset {reference}",
        code="no-profile",
        hint="`herdbook dataset register` with its files does, or give the files instead.",
    )


def unprofiled(error: HerdbookError) -> bool:
    """Say whether an error means that nothing here can read data, which need not stop a registration."""
    return error.code in {"no-extra", "no-worker"}
