"""The files of a dataset that is being registered: read, here or elsewhere, with bars where somebody watches."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from herdbook.apps.cli import dataset_profiles, documents, progress
from herdbook.apps.cli.session import Session
from herdbook.kernel.errors import UnavailableError
from herdbook.model.base import Json

if TYPE_CHECKING:
    from herdbook.model.dataset_profiles import DatasetProfile
    from herdbook.model.datasets import Dataset, DatasetEntry
    from herdbook.model.places import Location
    from herdbook.model.statements import Said
    from herdbook.ports.registry import Registry
    from herdbook.service.dataset_files import Manifest
    from herdbook.service.dataset_profiling import Profiling, Wanted


@dataclass
class Read:
    """What was read of a dataset's files; of one without files nothing."""

    manifest: Manifest | None = None
    profile: DatasetProfile | None = None
    locations: list[Location] = field(default_factory=list)
    wanted: Wanted | None = None

    @property
    def files(self) -> int:
        """How many there are."""
        return self.manifest.files if self.manifest else 0

    @property
    def size_bytes(self) -> int:
        """How many bytes they have."""
        return self.manifest.size_bytes if self.manifest else 0

    @property
    def events(self) -> int | None:
        """How many events they hold, where that was read."""
        return self.profile.events if self.profile else None

    def dataset(self, registry: Registry, identifier: str | None) -> Dataset:
        """Put the manifest, and return the record."""
        from herdbook.service import dataset_registering

        return dataset_registering.dataset(registry, identifier, self.manifest)

    def said(self, registry: Registry, value: Dataset, description: Json) -> list[Said]:
        """Return what is to be said with it."""
        from herdbook.service import dataset_registering

        return dataset_registering.said(registry, value, description, self.profile, self.locations, self.wanted)

    def tell(self, session: Session, entry: DatasetEntry) -> None:
        """Say what a person should look at."""
        if self.profile is not None and self.profile.unread_files:
            told = f"{self.profile.unread_files} of {self.files} files could not be profiled"
            session.output.hint(f"{told}; herdbook dataset show {entry.record[:19]} lists them")


@contextlib.contextmanager
def read(session: Session, given: dict[str, Any]) -> Iterator[Read]:
    """Read what was given: a manifest, or files; what is temporary goes with the block."""
    from herdbook.model.datasets import ManifestLine
    from herdbook.service import dataset_files

    with contextlib.ExitStack() as stack:
        if given["manifest"]:
            lines = (ManifestLine.read(line) for line in documents.read_lines(given["manifest"]))
            found = Read(dataset_files.manifest(lines))
        elif given["files"]:
            found = _files(session, given, stack)
        else:
            found = Read()
        if found.manifest is not None:
            stack.callback(found.manifest.stream.close)
        yield found


def _files(session: Session, given: dict[str, Any], stack: contextlib.ExitStack) -> Read:
    from herdbook.service import dataset_registering

    local, remote = dataset_registering.parted(given["files"])
    here = [dataset_registering.here(local)] if given["here"] else []
    places = None
    if remote:
        from herdbook.bootstrap import places as places_

        places = stack.enter_context(places_.opened())
    profiling = _profiling(session, given, stack) if given["profile"] else None
    count = stack.enter_context(progress.counting_bytes(session.output, "reading"))
    reading = dataset_registering.Reading(local, remote, places, profiling, count)
    manifest = reading.manifest()
    try:
        profile = profiling.profile() if profiling is not None else None
    except BaseException:
        manifest.stream.close()
        raise
    told = profile if profile is not None and profile.tables else None
    return Read(manifest, told, [*here, *reading.locations], profiling.wanted if profiling else None)


def _profiling(session: Session, given: dict[str, Any], stack: contextlib.ExitStack) -> Profiling | None:
    """Return what profiles; where numpy is not installed, say so and go on without, unless more was asked for."""
    try:
        return stack.enter_context(dataset_profiles.profiling(given))
    except ModuleNotFoundError as error:
        if error.name != "numpy":
            raise
        missing = UnavailableError(
            "what is in the files cannot be read: numpy is not installed",
            code="no-extra",
            hint="Install herdbook[datasets], or say --no-profile.",
        )
        if any(given[name] for name in ("weights", "units_", "missing", "events_table")):
            raise missing from error
        session.output.warn(str(missing))
        return None
