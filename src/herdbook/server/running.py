"""uvicorn, set up for Herdbook: its protocol with our bounds, our log, no headers that nobody asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from herdbook.server.bounds import Bounds
from herdbook.server.connections import Connection

BACKLOG = 2048


class Config(uvicorn.Config):
    """How uvicorn is to serve an application; a worker process is given it."""

    def __init__(self, app: ASGIApp | Callable[[], ASGIApp], bounds: Bounds, **given: Any) -> None:  # noqa: ANN401 - what uvicorn takes
        super().__init__(
            app,
            http=Connection,
            ws="none",
            lifespan="on",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=75,
            timeout_graceful_shutdown=int(bounds.stop_s),
            timeout_worker_healthcheck=30,  # a worker's start takes as long as that on a busy machine
            backlog=BACKLOG,
            **given,
        )
        self.bounds = bounds
