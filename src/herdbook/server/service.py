"""The service itself over HTTP: what answers at this address."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from herdbook import __version__
from herdbook.server import principals, rendering
from herdbook.server.calls import Calls
from herdbook.wire import service as wire
from herdbook.wire.routes import VERSION

router = Calls("service")


@router.get(wire.SERVICE.path, name=wire.SERVICE.name, operation_id=wire.SERVICE.name, tags=["service"])
def get(request: Request) -> Response:
    """Return what answers: Herdbook's version, the interface's, the registry, whether it may be written."""
    served = wire.Service(
        herdbook=__version__,
        api=VERSION,
        registry=principals.serving(request).context.catalogue.registry,
        read_only=principals.options(request).read_only,
    )
    return rendering.answer(request, wire.SERVICE.dump(served))
