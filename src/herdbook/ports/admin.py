"""What only an owner of the machine may do."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from herdbook.model.health import BundleReport, DoctorReport, GarbageReport
from herdbook.model.mirrors import MirrorReport
from herdbook.model.principals import Person
from herdbook.model.stores import StoreEntry, StoreReport
from herdbook.ports.registry import Registry

Step = Callable[[str, int, int], None]
"""Called with what is being done, how much is done, how much there is (0: unknown)."""


class Admin(Protocol):
    """Doctor, garbage, backup, bundles: on an embedded registry."""

    folder: str

    def doctor(
        self,
        *,
        expect: Sequence[str] = (),
        blobs: bool = True,
        reindex: bool = False,
        step: Step | None = None,
    ) -> DoctorReport:
        """Check chains, bodies, tables and blobs; hold journals against checkpoints; rebuild index and facts."""
        ...

    def garbage(self, *, dry_run: bool = True, step: Step | None = None) -> GarbageReport:
        """Find, and without ``dry_run`` remove, blobs that no record, fact, lease or running upload needs."""
        ...

    def backup(self, folder: str, *, verify: bool = False, step: Step | None = None) -> BundleReport:
        """Copy the registry into a folder while it is in use; a second run copies only what is new.

        With ``verify`` what the folder has already is read and compared, not only measured.
        """
        ...

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
        """Write journals, bodies and blobs of namespaces as a bundle; a ``folder`` that ends in ``.tar`` is one file.

        ``since`` are checkpoints that the receiver has, ``after`` an earlier bundle: it becomes a part that follows.
        """
        ...

    def verify_bundle(self, folder: str, *, expect: Sequence[str] = (), step: Step | None = None) -> BundleReport:
        """Check a bundle: chains, bodies, blobs, completeness."""
        ...

    def import_bundle(self, folder: str, *, step: Step | None = None) -> BundleReport:
        """Replay a bundle into this registry, whose journals of these namespaces must be absent or older copies."""
        ...

    def mirror(
        self, source: Registry, namespaces: Sequence[str] = (), *, people: bool = True, step: Step | None = None
    ) -> MirrorReport:
        """Bring what is new in namespaces of another registry, in all when none is given, byte for byte.

        What is here stays, at any moment, a correct older copy. Without ``people`` no names of actors come along.

        Raises:
            ConflictError: ``diverged`` with the first difference, or ``home-here``.
            CorruptError: ``source-unsound`` when what the source gives does not hold.
        """
        ...

    def follow(
        self, source: Registry, namespaces: Sequence[str] = (), *, people: bool = True, step: Step | None = None
    ) -> Iterator[MirrorReport]:
        """Mirror, and go on for as long as reports are taken: one whenever something came, or the source was away."""
        ...

    def stores(self, *, count: bool = False) -> list[StoreEntry]:
        """Return the blob stores in their order, with what their newest verification found; ``count`` counts blobs."""
        ...

    def verify_stores(
        self,
        names: Sequence[str] = (),
        *,
        rate: float | None = None,
        resume: bool = True,
        step: Step | None = None,
    ) -> list[StoreReport]:
        """Read every blob that records need in blob stores, all without ``names``, and compare.

        An interrupted one goes on where it was with ``resume``; ``rate`` limits what is read, in bytes a second.

        Raises:
            MissingError: ``no-store``.
            UnavailableError: when a store is away; how far it came is noted.
        """
        ...

    def copy_store(
        self, source: str, target: str, *, rate: float | None = None, step: Step | None = None
    ) -> StoreReport:
        """Copy to a blob store all blobs that records need, that another has, and that it lacks.

        Raises:
            MissingError: ``no-store``.
            UnavailableError: when a store is away, or full.
        """
        ...

    def repair_stores(self, *, rate: float | None = None, step: Step | None = None) -> list[StoreReport]:
        """Bring to each blob store what it lacks, and replace what was found corrupt, from one that has it sound.

        Raises:
            UnavailableError: when a store is away, full, or has nothing at all.
        """
        ...

    def rename_actor(self, person: Person) -> Person:
        """Write or erase what an actor is called."""
        ...

    def close(self) -> None:
        """Release what is held."""
        ...
