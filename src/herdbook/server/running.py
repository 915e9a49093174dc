"""uvicorn, set up for Herdbook: its protocol with our bounds, our log, no headers that nobody asked for."""

from __future__ import annotations

from typing import Any

import uvicorn
from starlette.types import ASGIApp

from herdbook.server.bounds import Bounds
from herdbook.server.connections import bounded

BACKLOG = 2048


def config(app: ASGIApp | Any, bounds: Bounds, **given: Any) -> uvicorn.Config:  # noqa: ANN401 - an application, or what makes one; what uvicorn takes
    """Return how uvicorn is to serve an application."""
    return uvicorn.Config(
        app,
        http=bounded(bounds),
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=int(bounds.stop_s),
        backlog=BACKLOG,
        **given,
    )
