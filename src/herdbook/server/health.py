"""Whether the service is well: ``/health`` while the process lives, ``/ready`` when what it needs answers; counts."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from functools import partial

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from herdbook.kernel.errors import HerdbookError, UnavailableError
from herdbook.server import operation
from herdbook.server.metrics import CONTENT_TYPE
from herdbook.service.context import Context
from herdbook.service.tiers import Tiers
from herdbook.wire import service as wire

PATIENCE_S = 5.0
"""How long a part may take to answer, in seconds."""
_NOTHING = "sha256:" + hashlib.sha256(b"").hexdigest()
_threads = CapacityLimiter(8)

router = APIRouter()


@router.get(wire.HEALTH, operation_id="health", tags=["service"])
async def health() -> Response:
    """Answer while the process lives."""
    return Response(b'{"status":"ok"}', media_type="application/json")


@router.get(wire.READY, operation_id="ready", tags=["service"])
async def ready(request: Request) -> Response:
    """Answer when catalogue and blob stores answer, else with 503 and what does not."""
    context = operation.of(request).serving.context
    checks: dict[str, Callable[[], object]] = {"catalogue": partial(_catalogue, context)}
    if isinstance(context.blobs, Tiers):
        checks |= {f"blobs {name}": partial(store.size, _NOTHING) for name, store in context.blobs.stores.items()}
    else:
        checks["blobs"] = partial(context.blobs.size, _NOTHING)
    told = await asyncio.gather(*(_ask(check) for check in checks.values()))
    troubles = {name: trouble for name, trouble in zip(checks, told, strict=True) if trouble}
    if operation.stopping(request).is_set():
        troubles["server"] = "it stops"
    if troubles:
        raise UnavailableError(
            "not ready: " + "; ".join(f"{name}: {trouble}" for name, trouble in troubles.items()),
            code="not-ready",
            hint="Ask again when that is mended.",
            parts=troubles,
        )
    writable = "false" if context.catalogue.read_only else "true"
    return Response(f'{{"status":"ready","writable":{writable}}}'.encode(), media_type="application/json")


@router.get(wire.METRICS, operation_id="metrics", tags=["service"])
async def metrics(request: Request) -> Response:
    """Return counts, as Prometheus reads them."""
    text = await to_thread.run_sync(operation.of(request).metrics.text, limiter=_threads)
    return Response(text, media_type=CONTENT_TYPE)


async def _ask(check: Callable[[], object]) -> str:
    """Return what is wrong with a part, in words; empty when it answers."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            await to_thread.run_sync(check, limiter=_threads, abandon_on_cancel=True)
    except TimeoutError:
        return f"no answer in {PATIENCE_S:g} s"
    except HerdbookError as error:
        return error.message
    except Exception as error:  # noqa: BLE001 - whatever it is, the part is not well
        return type(error).__name__
    return ""


def _catalogue(context: Context) -> None:
    with context.catalogue.read() as tx:
        tx.heads()
