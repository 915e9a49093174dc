"""What a mirror is to do for each namespace, and what it refuses before anything is written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from herdbook.kernel import digests
from herdbook.kernel.errors import ConflictError, CorruptError, InvalidError, MissingError
from herdbook.model.journal import Checkpoint, Event, Genesis
from herdbook.model.rows import Head
from herdbook.ports.registry import Registry
from herdbook.service.context import Context
from herdbook.service.findings import Findings
from herdbook.service.mirror_source import RegistrySource


@dataclass(frozen=True)
class Plan:
    """Events after ``seq``, whose digest is ``head``, are to come, up to where the source stands."""

    there: Checkpoint
    seq: int
    head: str


def make(context: Context, source: Registry, namespaces: Sequence[str], findings: Findings) -> list[Plan]:
    """Return what is to be done for namespaces, for all but those at home here when none is given.

    Raises:
        ConflictError: ``diverged`` or ``home-here``.
        MissingError: when the source has no such namespace, or none at all.
    """
    if namespaces:
        found = {there.namespace: there for there in (source.journal.checkpoint(name) for name in namespaces)}
        return [one(context, source, there) for there in found.values()]
    heads = source.namespaces.list()
    if not heads:
        raise MissingError(f"there is no namespace in {source.url}", code="empty", hint="Register something there.")
    plans = []
    for there in heads:
        with context.catalogue.read() as tx:
            head = tx.head(there.namespace)
        if head is not None and head.journal == there.journal and head.home == context.catalogue.registry:
            findings.note("home-here", "its home is here: it was passed over", there.namespace)
        else:
            plans.append(one(context, source, there))
    return plans


def one(context: Context, source: Registry, there: Checkpoint) -> Plan:
    """Return what is to be done for a namespace.

    Raises:
        ConflictError: ``diverged`` with the first difference, or ``home-here``.
        CorruptError: ``source-unsound`` when the source contradicts itself.
    """
    if there.seq < 1:
        raise RegistrySource(source, there, 0).wrong("head-differs", f"it says that it ends at event {there.seq}")
    with context.catalogue.read() as tx:
        head = tx.head(there.namespace)
        old = tx.events(there.namespace, there.seq - 1, 1) if head is not None and head.seq >= there.seq else []
    if head is None:
        _check_genesis(context, source, there)
        return Plan(there, 0, "")
    if head.home == context.catalogue.registry:
        raise _home_here(head.namespace)
    if head.journal != there.journal or head.namespace != there.namespace:
        raise _other(head, there)
    if old:  # as it is here, or older
        if old[0].digest != there.head:
            raise _diverged(context, source, there, there.seq)
        return Plan(there, head.seq, head.head)
    following = source.journal.lines(there.namespace, after=head.seq, limit=1)
    if not following:
        raise RegistrySource(source, there, head.seq).wrong("head-differs", f"there is no event {head.seq + 1}")
    if _read(source, there, following[0]).prev != head.head:
        raise _diverged(context, source, there, head.seq)
    return Plan(there, head.seq, head.head)


def _read(source: Registry, there: Checkpoint, data: bytes) -> Event:
    try:
        return Event.read_json(data)
    except InvalidError as error:
        wrong = RegistrySource(source, there, 0).wrong("event-unreadable", f"an event cannot be read: {error.message}")
        raise wrong from error


def _check_genesis(context: Context, source: Registry, there: Checkpoint) -> None:
    lines = source.journal.lines(there.namespace, after=0, limit=1)
    first = _read(source, there, lines[0]) if lines else None
    home = next((op.home for op in first.ops if isinstance(op, Genesis)), "") if first else ""
    if not lines or digests.of(lines[0]) != there.journal or not home:
        raise RegistrySource(source, there, 0).wrong("bad-genesis", "the first event does not begin the journal")
    if home == context.catalogue.registry:
        raise _home_here(there.namespace)


def _home_here(namespace: str) -> ConflictError:
    return ConflictError(
        f"the journal of {namespace!r} has its home here, and a home is no mirror",
        code="home-here",
        hint="`herdbook adopt` takes versions from another registry. A home that lost events gets them back from a "
        "bundle of a mirror.",
        namespace=namespace,
    )


def _other(head: Head, there: Checkpoint) -> ConflictError:
    return ConflictError(
        f"the journal of {head.namespace!r} here is {head.journal}, and the source's is {there.journal}: they differ "
        "from their first event on",
        code="diverged",
        hint="Mirror into another registry, or take versions with `herdbook adopt`.",
        seq=1,
        here=head.journal,
        there=there.journal,
    )


def _diverged(context: Context, source: Registry, there: Checkpoint, known: int) -> ConflictError | CorruptError:
    """Return the error with the first difference: equal digests mean that all before is equal, so it is bisected."""
    low, high = 1, known
    while low < high:
        middle = (low + high) // 2
        here, other = _digests(context, source, there.namespace, middle)
        low, high = (middle + 1, high) if here == other else (low, middle)
    here, other = _digests(context, source, there.namespace, low)
    if here == other:
        return RegistrySource(source, there, 0).wrong(
            "broken-chain", f"event {known + 1} does not follow its own event"
        )
    return ConflictError(
        f"the journal of {there.namespace!r} diverged: event {low} is {here} here and {other} at the source",
        code="diverged",
        hint="One of the two was written at a place that is not its home. Ask there; nothing was written here.",
        seq=low,
        here=here,
        there=other,
    )


def _digests(context: Context, source: Registry, namespace: str, seq: int) -> tuple[str, str]:
    with context.catalogue.read() as tx:
        rows = tx.events(namespace, seq - 1, 1)
    lines = source.journal.lines(namespace, after=seq - 1, limit=1)
    return rows[0].digest if rows else "", digests.of(lines[0]) if lines else ""
