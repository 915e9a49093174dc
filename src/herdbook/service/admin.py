"""LocalAdmin: what only an owner of the machine may do, on an embedded registry."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Self

from herdbook.model.health import BundleReport, DoctorReport, GarbageReport
from herdbook.model.mirrors import MirrorReport
from herdbook.model.principals import Person
from herdbook.model.stores import StoreEntry, StoreReport
from herdbook.ports import admin as ports
from herdbook.ports.admin import Step
from herdbook.ports.registry import Registry
from herdbook.service import backup, blob_checks, blob_copies, bundles, doctor, garbage, mirror_watch, mirrors
from herdbook.service import people as people_
from herdbook.service.context import Context


class LocalAdmin:
    """Doctor, garbage collection, backup and bundles. Use as a context manager, or call ``close``."""

    def __init__(self, context: Context, folder: str) -> None:
        self._context = context
        self.folder = folder

    def doctor(
        self,
        *,
        expect: Sequence[str] = (),
        blobs: bool = True,
        reindex: bool = False,
        step: Step | None = None,
    ) -> DoctorReport:
        """Check chains, bodies, tables and blobs; hold journals against checkpoints; rebuild index and facts."""
        return doctor.examine(self._context, expect=expect, blobs=blobs, rebuild=reindex, step=step)

    def garbage(self, *, dry_run: bool = True, step: Step | None = None) -> GarbageReport:
        """Find, and without ``dry_run`` remove, blobs that no record, lease or running upload needs."""
        return garbage.collect(self._context, dry_run=dry_run, step=step)

    def backup(self, folder: str, *, verify: bool = False, step: Step | None = None) -> BundleReport:
        """Copy the registry into a folder while it is in use; a second run copies only what is new."""
        return backup.backup(self._context, self.folder, folder, verify=verify, step=step)

    def export_bundle(
        self,
        folder: str,
        namespaces: Sequence[str],
        *,
        since: Sequence[str] = (),
        after: str | None = None,
        people: bool = True,
        step: Step | None = None,
    ) -> BundleReport:
        """Write journals, bodies and blobs of namespaces, of all when none is given, as a bundle or a part of one."""
        return bundles.export(self._context, folder, namespaces, since=since, after=after, people=people, step=step)

    def verify_bundle(self, folder: str, *, expect: Sequence[str] = (), step: Step | None = None) -> BundleReport:
        """Check a bundle, a folder or a tar of it: chains, bodies, blobs, completeness."""
        return bundles.verify(folder, expect=expect, step=step)

    def import_bundle(self, folder: str, *, step: Step | None = None) -> BundleReport:
        """Replay a bundle into this registry, whose journals of these namespaces must be absent or older copies."""
        return bundles.bring_in(self._context, folder, step=step)

    def mirror(
        self, source: Registry, namespaces: Sequence[str] = (), *, people: bool = True, step: Step | None = None
    ) -> MirrorReport:
        """Bring what is new in namespaces of another registry, in all when none is given, byte for byte."""
        return mirrors.Mirror(self._context, source, names=people, step=step).run(namespaces)

    def follow(
        self, source: Registry, namespaces: Sequence[str] = (), *, people: bool = True, step: Step | None = None
    ) -> Iterator[MirrorReport]:
        """Mirror, and go on for as long as reports are taken: one whenever something came, or the source was away."""
        return mirror_watch.follow(mirrors.Mirror(self._context, source, names=people, step=step), source, namespaces)

    def stores(self, *, count: bool = False) -> list[StoreEntry]:
        """Return the blob stores in their order, with what their newest verification found; ``count`` counts blobs."""
        return blob_checks.entries(self._context, count=count)

    def verify_stores(
        self,
        names: Sequence[str] = (),
        *,
        rate: float | None = None,
        resume: bool = True,
        step: Step | None = None,
    ) -> list[StoreReport]:
        """Read every blob that records need in blob stores, all without ``names``, and compare."""
        return blob_checks.verify(self._context, names, rate=rate, resume=resume, step=step)

    def copy_store(
        self, source: str, target: str, *, rate: float | None = None, step: Step | None = None
    ) -> StoreReport:
        """Copy to a blob store all blobs that records need, that another has, and that it lacks."""
        return blob_copies.copy(self._context, source, target, rate=rate, step=step)

    def repair_stores(self, *, rate: float | None = None, step: Step | None = None) -> list[StoreReport]:
        """Bring to each blob store what it lacks, and replace what was found corrupt, from one that has it sound."""
        return blob_copies.repair(self._context, rate=rate, step=step)

    def rename_actor(self, person: Person) -> Person:
        """Write or erase what an actor is called."""
        with self._context.catalogue.write() as tx:
            people_.put(tx, person)
        return person

    def close(self) -> None:
        """Release what is held."""
        self._context.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<owner of {self.folder}>"


_: type[ports.Admin] = LocalAdmin
