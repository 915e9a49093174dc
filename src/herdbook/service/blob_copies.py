"""Copying from one blob store to another, and replacing copies that are lost or corrupt by sound ones.

Nothing sound is ever removed: a copy goes only when it was read and found wrong, and when the right bytes, read from
another store and hashed once more, lie beside it already. Who is killed between the two steps leaves a store that
lacks the blob, and the next run brings it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal

from herdbook.kernel.errors import (
    CorruptError,
    DeniedError,
    HerdbookError,
    InvalidError,
    MissingError,
    UnavailableError,
)
from herdbook.model.stores import StoreReport, Verification
from herdbook.ports.admin import Step
from herdbook.ports.blobs import BlobStore, Progress, Staged
from herdbook.service import blob_checks
from herdbook.service.blob_checks import Copy
from herdbook.service.context import Context
from herdbook.service.findings import Findings
from herdbook.service.in_order import Pace, in_order
from herdbook.service.tier_stream import gravest
from herdbook.service.tiers import named


def copy(
    context: Context, source: str, target: str, *, rate: float | None = None, step: Step | None = None
) -> StoreReport:
    """Copy to a store all blobs that records need, that another store has, and that it lacks.

    What is there is held by its size. One that breaks off is simply begun anew: what was copied is there.

    Raises:
        MissingError: ``no-store``.
        InvalidError: when both are the same.
        UnavailableError: when a store is away, or full.
    """
    giver, taker = blob_checks.find(context, source), blob_checks.find(context, target)
    if source == target:
        raise InvalidError(
            f"{source} is copied to itself",
            code="same-store",
            hint="Name the store to copy from, then the one to fill.",
        )
    return _Copying(context, target, taker, {source: giver}, rate, step).copy()


def repair(context: Context, *, rate: float | None = None, step: Step | None = None) -> list[StoreReport]:
    """Bring to each store what it lacks, and replace what its newest verification found corrupt.

    Raises:
        UnavailableError: when a store is away or full; ``store-empty``, when one has nothing: is its disk mounted?
    """
    stores = named(context.blobs)
    works = [
        _Copying(context, name, store, {other: stores[other] for other in stores if other != name}, rate, step)
        for name, store in stores.items()
    ]
    for work in works:
        work.check_not_empty()
    return [work.repair() for work in works]


class _Copying:
    """Work on one store, ``target``, from others in their order."""

    def __init__(
        self,
        context: Context,
        name: str,
        target: BlobStore,
        sources: Mapping[str, BlobStore],
        rate: float | None,
        step: Step | None,
    ) -> None:
        self._context = context
        self._name = name
        self._target = target
        self._sources = sources
        self._pace = Pace(rate)
        self._step = step
        self._findings = Findings()
        self._counts = {"ok": 0, "corrupt": 0, "missing": 0, "extra": 0, "mended": 0, "bytes": 0}
        self._started = context.clock()

    def copy(self) -> StoreReport:
        """Copy what the target lacks."""
        for item, error in in_order(self._bring, self._wrong(set()), stop=self._pace.stop):
            self._take(item, error, "copying to")
        return self._report("copy")

    def repair(self) -> StoreReport:
        """Bring what the target lacks, and replace what is corrupt there."""
        told = blob_checks.verifications(self._context).get(self._name)
        bad = set(told.bad) if told else set()
        for item, error in in_order(self._mend, self._wrong(bad), stop=self._pace.stop):
            self._take(item, error, "repairing")
            if error is None:
                bad.discard(item.sha256)
        if told:
            self._note(told, bad)
        return self._report("repair")

    def _note(self, told: Verification, bad: set[str]) -> None:
        """Let the newest verification say what is wrong still."""
        left = tuple(sha256 for sha256 in told.bad if sha256 in bad)
        still: dict[str, object] = {"bad": left, "corrupt": told.corrupt - len(told.bad) + len(left)}
        if told.ended:
            still["missing"] = self._counts["missing"]
        now = told.model_copy(update=still)
        if now != told:
            blob_checks.note(self._context, self._name, now)

    def check_not_empty(self) -> None:
        """Refuse to fill a store that has nothing, which may be somewhere else today."""
        if not self._sources or next(iter(self._target.list()), None) is not None:
            return
        if next(blob_checks.needed(self._context), None) is not None:
            raise UnavailableError(
                f"the blob store {self._name} has nothing at all: its disk may not be mounted",
                code="store-empty",
                hint=f"When it is meant to be filled: herdbook store copy {next(iter(self._sources))} {self._name}",
            )

    def _wrong(self, bad: set[str]) -> Iterator[Copy]:
        """Yield what the target lacks, has in part, or is said to have corrupt; count the others."""
        for item in blob_checks.copies(self._context, self._target):
            if item.wanted is None:
                self._counts["extra"] += 1
            elif item.here == item.wanted and item.sha256 not in bad:
                self._counts["ok"] += 1
            else:
                yield item

    # -- one blob, in a thread

    def _bring(self, item: Copy) -> HerdbookError | None:
        """Copy a blob that is not there, or is cut; return why it could not be had."""
        staged = self._staged(item.sha256)
        if isinstance(staged, HerdbookError):
            return staged
        try:
            staged.keep()
        finally:
            staged.discard()
        return None

    def _mend(self, item: Copy) -> HerdbookError | None:
        """Bring a blob, or replace it when it is corrupt; return what is wrong still."""
        wrong: HerdbookError | None = None
        if item.here is not None:
            try:
                self._target.verify(item.sha256, progress=self._pace)
            except (UnavailableError, DeniedError):
                raise
            except HerdbookError as error:
                wrong = error
            else:
                return None  # somebody else mended it
        staged = self._staged(item.sha256)
        if isinstance(staged, HerdbookError):
            return wrong or staged
        try:
            if wrong is not None:
                self._target.delete(item.sha256)  # the right bytes lie beside it
            staged.keep()
        except CorruptError as error:  # something that is no blob has its place
            return error
        finally:
            staged.discard()
        return None

    def _staged(self, sha256: str) -> Staged | HerdbookError:
        """Return the blob's bytes, staged at the target, or why nobody has them."""
        troubles: list[HerdbookError] = []
        for name, source in self._sources.items():
            try:
                return _stage(source, self._target, sha256, self._pace)
            except (UnavailableError, DeniedError):
                raise
            except HerdbookError as error:
                troubles.append(error)
                if isinstance(error, CorruptError):
                    self._findings.warning(error.code, f"in the blob store {name}: {error.message}", sha256)
        return gravest(troubles or [MissingError("no other blob store has it", code="blob-missing")])

    # -- what came of it

    def _take(self, item: Copy, error: HerdbookError | None, what: str) -> None:
        assert item.wanted is not None
        if error is None:
            self._counts["mended"] += 1
            self._counts["bytes"] += item.wanted
        elif self._lost(item.sha256):
            here = item.here is not None
            self._counts["corrupt" if here else "missing"] += 1
            state = "corrupt" if here else "missing"
            self._findings.error(
                f"blob-{state}",
                f"it is {state} in {self._name}, and no other store gave it: {error.message}",
                item.sha256,
            )
        if self._step:
            self._step(f"{what} {self._name}", self._counts["bytes"], 0)

    def _lost(self, sha256: str) -> bool:
        """Say whether it is needed even now: a purge may have dropped it."""
        with self._context.catalogue.read() as tx:
            return bool(tx.needed([sha256]))

    def _report(self, task: Literal["copy", "repair"]) -> StoreReport:
        return StoreReport(
            store=self._name,
            task=task,
            started=self._started,
            ended=self._context.clock(),
            findings=self._findings.all(),
            **self._counts,
        )


def _stage(source: BlobStore, target: BlobStore, sha256: str, progress: Progress) -> Staged:
    """Stage at one store what another has, compared when it is read and once more by what was hashed there."""
    blob = source.open(sha256)
    try:
        with blob.stream() as stream:
            staged = target.stage(stream, progress=progress)
    finally:
        blob.close()
    if staged.content.sha256 != sha256:
        staged.discard()
        raise CorruptError(f"of {sha256} came {staged.content.sha256}", code="blob-corrupt", hint="Verify both stores.")
    return staged
