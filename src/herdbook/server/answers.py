"""Writes that are done once, however often they are asked: the meaning of ``Idempotency-Key``."""

from __future__ import annotations

from collections.abc import Callable

from starlette.requests import Request

from herdbook.kernel.errors import MissingError
from herdbook.model.journal import EventEntry, PointOp, StatementOp
from herdbook.model.principals import Principal
from herdbook.model.versions import Registered
from herdbook.ports.catalogue import Catalogue
from herdbook.ports.registry import Registry
from herdbook.server import asking, operation, principals
from herdbook.service.answers import Mark
from herdbook.wire import headers, imports, pointers, versions

Present = Callable[[Registry, bytes, Mark], bytes]


def once(request: Request, body: bytes, work: Callable[[Registry], bytes]) -> bytes:
    """Return the answer of a write, which ``work`` gives when it is called with the façade of whoever asks.

    Where it was done, but its answer was lost with a process, it is asked again if it says the same thing twice without
    harm, which most do; of the others the answer is worked out from what is there now.

    Raises:
        DeniedError: when nobody is named who writes, or this server only reads.
        InvalidError: ``key-reused``.
        ConflictError: ``in-progress``.
    """
    principal = principals.writer(request)
    serving = principals.serving(request)
    present = _PRESENT.get((request.method, request.scope["path"].removeprefix(request.scope.get("root_path", ""))))

    def do(catalogue: Catalogue | None = None) -> bytes:
        return work(serving.registry(principal, catalogue))

    def again(mark: Mark) -> bytes:
        return present(serving.registry(principal), body, mark) if present else do()

    return keyed(request, body, principal, do, again)


def keyed(
    request: Request,
    body: bytes,
    principal: Principal,
    do: Callable[[Catalogue | None], bytes],
    again: Callable[[Mark], bytes] | None = None,
) -> bytes:
    """Return what ``do`` answers, once for each key of a principal; without a key, what it answers now."""
    key = request.headers.get(headers.IDEMPOTENCY_KEY)
    if key is None:
        return do(None)
    scope = request.scope
    asked = b"\0".join([scope["method"].encode(), scope["path"].encode(), scope["query_string"], body])
    answers = operation.of(request).answers
    return answers.once(principal.id, key, asked, do, again or (lambda _: do(None)))


def _moved(registry: Registry, model: str, alias: str) -> bytes:
    for entry in registry.pointers.list(model):
        if entry.kind == "alias" and entry.name == alias:
            return pointers.ALIAS.dump(entry)
    raise MissingError(f"{model} has no alias {alias!r}", code="no-alias", hint="See `herdbook alias list`.")


def _alias(registry: Registry, body: bytes, _: Mark) -> bytes:
    asked = asking.asked(body, pointers.Alias)
    return _moved(registry, asked.model, asked.alias)


def _clear(registry: Registry, body: bytes, _: Mark) -> bytes:
    asked = asking.asked(body, pointers.Clear)
    return _moved(registry, asked.model, asked.alias)


def _imports_undo(registry: Registry, body: bytes, _: Mark) -> bytes:
    asked = asking.asked(body, imports.Undo)
    return imports.UNDO.dump(registry.imports.get(asked.namespace, asked.batch))


def _versions_undo(registry: Registry, body: bytes, mark: Mark) -> bytes:
    for namespace, seq in mark.stands:
        for entry in registry.journal.events(namespace, after=seq - 1, limit=1).items:
            return versions.UNDO.dump(_undone(registry, entry))
    reference = asking.asked(body, versions.Undo).reference
    raise MissingError(f"{reference} was undone, and its event is gone", code="no-event", hint="Run `herdbook doctor`.")


def _undone(registry: Registry, entry: EventEntry) -> Registered:
    """Return what ``versions.undo`` answered that wrote this event."""
    said = next(op.digest for op in entry.event.ops if isinstance(op, StatementOp))
    found = registry.statements.get(said).statement
    place = next(iter(found.body.get("registrations", ())), "")
    if not place:  # one of several labels was the mistake
        cleared = next(op for op in entry.event.ops if isinstance(op, PointOp))
        version = registry.versions.get(f"{found.subject[0].name}@{cleared.from_}")
        place = f"{version.model}@{version.ordinal}"
    model, _, ordinal = place.rpartition("@")
    return Registered(
        model=model,
        ordinal=int(ordinal),
        record=registry.versions.get(place).record,
        outcome="extended",
        journal=str(entry.event.journal),
        seq=entry.event.seq,
        event=entry.digest,
        statements=(said,),
    )


_PRESENT: dict[tuple[str, str], Present] = {
    (route.verb, route.path): present
    for route, present in (
        (pointers.ALIAS, _alias),
        (pointers.CLEAR, _clear),
        (versions.UNDO, _versions_undo),
        (imports.UNDO, _imports_undo),
    )
}
