"""The service itself over HTTP: what answers at this address."""

from __future__ import annotations

from starlette.requests import Request

from herdbook.server import principals
from herdbook.server.calls import Calls
from herdbook.wire import service as wire
from herdbook.wire.routes import VERSION

router = Calls("service")


@router.answers(wire.SERVICE)
def get(request: Request) -> wire.Service:
    """Return what answers: Herdbook's version, the interface's, the registry, whether it may be written."""
    return wire.Service(
        herdbook=wire.RELEASE,
        api=VERSION,
        registry=principals.serving(request).context.catalogue.registry,
        read_only=principals.options(request).read_only,
    )
