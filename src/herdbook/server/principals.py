"""Who asks: the principal that a request claims. The one place where a façade is given to a request."""

from __future__ import annotations

from functools import lru_cache

from starlette.requests import Request

from herdbook.kernel.errors import DeniedError
from herdbook.model.principals import Principal
from herdbook.ports.registry import Registry
from herdbook.server.options import Options
from herdbook.service.serving import Serving
from herdbook.wire import headers


@lru_cache(maxsize=1024)
def _read(text: str) -> Principal:
    return headers.read_principal(text)


def of(request: Request) -> Principal | None:
    """Return who is claimed to act; ``None`` where nobody is named, and the server's own principal reads.

    Raises:
        InvalidError: when the header is no principal.
    """
    text = request.headers.get(headers.PRINCIPAL)
    return None if text is None else _read(text)


def serving(request: Request) -> Serving:
    """Return the registry that this application serves."""
    found: Serving = request.app.state.serving
    return found


def options(request: Request) -> Options:
    """Return how this application was asked to behave."""
    found: Options = request.app.state.options
    return found


def facade(request: Request) -> Registry:
    """Return the façade for whoever asks; one who reads need not say who."""
    return serving(request).registry(of(request))


def writer(request: Request) -> Principal:
    """Return who is to stand in the event.

    Raises:
        DeniedError: when this server writes nothing, or nobody is named.
    """
    if options(request).read_only:
        raise DeniedError(
            "this server only reads", code="read-only", hint="Write to the registry of which this is a copy."
        )
    principal = of(request)
    if principal is None:
        raise DeniedError(
            "nobody is named who writes",
            code="no-principal",
            hint=f"Send {headers.PRINCIPAL}: actor:ID; `herdbook whoami` prints yours.",
        )
    return principal
