"""The application: its routers and what stands around them."""

from __future__ import annotations

from fastapi import FastAPI

from herdbook.server import (
    activities,
    datasets,
    errors,
    feed,
    files,
    health,
    identities,
    imports,
    journal,
    models,
    namespaces,
    openapi,
    people,
    pointers,
    releases,
    service,
    statements,
    switch,
    transfers,
    uploads,
    versions,
)
from herdbook.server.options import Options
from herdbook.service.serving import Serving
from herdbook.wire.routes import PREFIX
from herdbook.wire.service import RELEASE


def make_app(serving: Serving, options: Options | None = None) -> FastAPI:
    """Return an application that serves an open registry; closing the registry is left to who opened it."""
    options = options or Options()
    app = FastAPI(
        title="Herdbook",
        version=RELEASE,
        openapi_url=f"{PREFIX}/openapi.json",
        docs_url=None,
        redoc_url=None,
        root_path=options.root_path,
        redirect_slashes=False,
    )
    app.state.serving = serving
    app.state.options = options
    errors.install(app)
    app.include_router(versions.router)
    app.include_router(models.router)
    app.include_router(files.router)
    app.include_router(statements.router)
    app.include_router(pointers.router)
    app.include_router(datasets.router)
    app.include_router(activities.router)
    app.include_router(identities.router)
    app.include_router(releases.router)
    app.include_router(imports.router)
    app.include_router(namespaces.router)
    app.include_router(feed.router)
    app.include_router(journal.router)
    app.include_router(people.router)
    app.include_router(service.router)
    app.include_router(transfers.router)
    app.include_router(uploads.router)
    app.include_router(health.router)
    switch.install(app)
    openapi.install(app)
    return app
