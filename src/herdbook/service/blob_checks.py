"""Verifying blob stores: every blob that records need, in every store, at a given pace, with interruptions."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from herdbook.kernel.errors import CorruptError, HerdbookError, InvalidError, MissingError, UnavailableError
from herdbook.model.stores import StoreEntry, StoreReport, Verification
from herdbook.ports.admin import Step
from herdbook.ports.blobs import BlobStore
from herdbook.service.context import Context
from herdbook.service.findings import Findings
from herdbook.service.in_order import Pace, in_order
from herdbook.service.tiers import ALONE, Tiers, named

SCOPE: Final = "verify"
"""Of the memos that say how far verifications are; the key is the store's name."""
NOTE_EVERY_S: Final = 5.0
"""How often that is noted, in seconds: no more work than that is done twice."""
REMEMBERED: Final = 10_000
LOOK: Final = 500
_PAGE: Final = 4000


@dataclass(frozen=True, slots=True)
class Copy:
    """A blob in a store: how large it is there and should be, in bytes; ``None`` where it is not, or not needed."""

    sha256: str
    here: int | None
    wanted: int | None


def needed(context: Context, after: str = "") -> Iterator[tuple[str, int]]:
    """Yield (sha256, size) of all blobs that records need and that were once here, sorted, those after ``after``."""
    for prefix in (f"{number:02x}" for number in range(256)):
        if prefix >= after[7:9]:
            yield from _needed(context, prefix, after)


def _needed(context: Context, prefix: str, after: str) -> Iterator[tuple[str, int]]:
    with context.catalogue.read() as tx:
        contents = tx.contents_like(prefix, "sha256", _PAGE)
        if len(contents) < _PAGE:
            sizes = {content.sha256: content.size for content in contents if content.sha256 > after}
            found = tx.needed(list(sizes))
            yield from sorted((sha256, size) for sha256, size in sizes.items() if sha256 in found)
            return
    for digit in "0123456789abcdef":
        if prefix + digit >= after[7 : 8 + len(prefix)]:
            yield from _needed(context, prefix + digit, after)


def copies(context: Context, store: BlobStore, after: str = "") -> Iterator[Copy]:
    """Yield, sorted, every blob that is in a store or should be, those after ``after``."""
    listed = ((sha256, size) for sha256, size in store.list() if sha256 > after)
    wanted = needed(context, after)
    have, want = next(listed, None), next(wanted, None)
    while have is not None or want is not None:
        if want is None or (have is not None and have[0] < want[0]):
            assert have is not None
            yield Copy(have[0], have[1], None)
            have = next(listed, None)
        elif have is None or want[0] < have[0]:
            yield Copy(want[0], None, want[1])
            want = next(wanted, None)
        else:
            yield Copy(have[0], have[1], want[1])
            have, want = next(listed, None), next(wanted, None)


def find(context: Context, name: str) -> BlobStore:
    """Return a store by name.

    Raises:
        MissingError: ``no-store``.
    """
    stores = named(context.blobs)
    if name not in stores:
        raise MissingError(
            f"there is no blob store {name!r}", code="no-store", hint="There are: " + ", ".join(stores) + "."
        )
    return stores[name]


def entries(context: Context, *, count: bool = False) -> list[StoreEntry]:
    """Return the stores in their order, with what their newest verification found; ``count`` counts their blobs."""
    told = verifications(context)
    made = []
    for number, (name, store) in enumerate(named(context.blobs).items()):
        place = context.blobs.places.get(name, "") if isinstance(context.blobs, Tiers) else f"file:{ALONE}"
        entry = StoreEntry(name=name, place=place, written=not number, verification=told.get(name))
        try:
            sizes = [size for _, size in store.list()] if count else None
        except HerdbookError as error:
            entry = entry.model_copy(update={"trouble": str(error)})
        else:
            if sizes is not None:
                entry = entry.model_copy(update={"blobs": len(sizes), "bytes": sum(sizes)})
        made.append(entry)
    return made


def verifications(context: Context) -> dict[str, Verification]:
    """Return how far the newest verification of each store is."""
    with context.catalogue.read() as tx:
        found = {name: tx.memo(SCOPE, name) for name in named(context.blobs)}
    told = {}
    for name, data in found.items():
        if data is not None:
            try:
                told[name] = Verification.read_json(data)
            except InvalidError:  # written by another version
                continue
    return told


def note(context: Context, name: str, verification: Verification) -> None:
    """Write down how far one is, where that can be done now."""
    try:
        with context.catalogue.write() as tx:
            tx.put_memo(SCOPE, name, verification.model_dump_json(exclude_none=True).encode())
    except UnavailableError:
        pass  # somebody else writes for long: later


def remember(context: Context, name: str, bad: Collection[str]) -> None:
    """Write down corrupt blobs of a store that were found otherwise, so that a repair knows of them."""
    told = verifications(context).get(name) or Verification(started=context.clock())
    more = [sha256 for sha256 in bad if sha256 not in told.bad][: REMEMBERED - len(told.bad)]
    if more and not context.catalogue.read_only:
        note(context, name, told.model_copy(update={"bad": (*told.bad, *more)}))


def verify(
    context: Context,
    names: Sequence[str] = (),
    *,
    rate: float | None = None,
    resume: bool = True,
    step: Step | None = None,
) -> list[StoreReport]:
    """Read every blob that records need, in all stores or in some, and compare.

    One that was interrupted goes on where it was; one that came to its end begins anew.

    Args:
        context: the registry.
        names: stores; none given: all.
        rate: bytes a second that are read, all threads together; ``None``: as many as can be.
        resume: whether to go on with an interrupted one.
        step: is told how far it is.

    Raises:
        MissingError: ``no-store``.
        DeniedError: when the registry is read-only: how far it is cannot be noted.
        UnavailableError: when a store is away; what was verified before is noted.
    """
    chosen = {name: find(context, name) for name in names or named(context.blobs)}
    told = verifications(context) if resume else {}
    pace = Pace(rate)
    reports = []
    for name, store in chosen.items():
        before = told.get(name)
        if before is None or before.ended is not None:
            before = Verification(started=context.clock())
        reports.append(_Verifying(context, name, store, before, pace, step).run())
    return reports


class _Verifying:
    """One verification at work."""

    def __init__(
        self, context: Context, name: str, store: BlobStore, before: Verification, pace: Pace, step: Step | None
    ) -> None:
        self._context = context
        self._name = name
        self._store = store
        self._begun_after = before.after
        self._told = before
        self._counts = {key: getattr(before, key) for key in ("ok", "corrupt", "missing", "extra", "bytes")}
        self._after = before.after
        self._bad = [sha256 for sha256 in before.bad if sha256 <= before.after]  # the others come again
        self._pace = pace
        self._step = step
        self._findings = Findings()
        self._noted_at = time.monotonic()

    def run(self) -> StoreReport:
        """Verify what is left."""
        self._note()
        for sha256 in self._bad:
            self._findings.error("blob-corrupt", "it was found corrupt before the interruption", sha256)
        try:
            every = copies(self._context, self._store, self._after)
            for copy, error in in_order(self._judge, every, stop=self._pace.stop):
                self._take(copy, error)
        except BaseException:
            self._note()
            raise
        ended = self._context.clock()
        self._note(ended)
        return StoreReport(
            store=self._name,
            task="verify",
            started=self._told.started,
            ended=ended,
            resumed=bool(self._begun_after),
            findings=self._findings.all(),
            **self._counts,
        )

    def _judge(self, copy: Copy) -> HerdbookError | None:
        if copy.wanted is None or copy.here is None:
            return None
        if copy.here != copy.wanted:
            return CorruptError(f"it has {copy.here} bytes, and should have {copy.wanted}", code="blob-size")
        try:
            self._store.verify(copy.sha256, progress=self._pace)
        except UnavailableError:
            raise
        except HerdbookError as error:
            return error
        return None

    def _take(self, copy: Copy, error: HerdbookError | None) -> None:
        if copy.wanted is None:
            self._counts["extra"] += 1
        elif copy.here is None or isinstance(error, MissingError):
            self._missing(copy)
        elif error is not None:
            self._counts["corrupt"] += 1
            self._findings.error(error.code, error.message, copy.sha256)
            if len(self._bad) < REMEMBERED:
                self._bad.append(copy.sha256)
        else:
            self._counts["ok"] += 1
            self._counts["bytes"] += copy.here
        self._after = copy.sha256
        if time.monotonic() - self._noted_at > NOTE_EVERY_S:
            self._note()
        if self._step:
            done = self._counts["bytes"]
            # Digests are spread evenly, so that one says how far it is among them.
            share = (int(copy.sha256[7:13], 16) + 1) / 16**6
            self._step(f"verifying {self._name}", done, max(done, round(done / share)))

    def _missing(self, copy: Copy) -> None:
        """It was not in the list; since then it may have come, or a purge have dropped it."""
        if self._store.size(copy.sha256) is not None:
            self._counts["ok"] += 1
            return
        with self._context.catalogue.read() as tx:
            lost = tx.needed([copy.sha256])
        if lost:
            self._counts["missing"] += 1
            self._findings.error("blob-missing", f"it is not in the blob store {self._name}", copy.sha256)

    def _note(self, ended: str | None = None) -> None:
        self._noted_at = time.monotonic()
        state = Verification(
            started=self._told.started, ended=ended, after=self._after, bad=tuple(self._bad), **self._counts
        )
        note(self._context, self._name, state)
