"""``serve``: a registry's folder over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from herdbook.apps.cli.answers import Serving
from herdbook.apps.cli.commands import Command
from herdbook.apps.cli.session import Session, pass_session
from herdbook.bootstrap import discovery
from herdbook.bootstrap import settings as settings_
from herdbook.kernel.errors import DeniedError, UnavailableError

if TYPE_CHECKING:  # what serves is an extra
    import socket

    from herdbook.apps.asgi.application import Application
    from herdbook.server.bounds import Bounds

PORT = 8765


@click.command(cls=Command)
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen at.")
@click.option("--port", type=click.IntRange(0, 65535), default=PORT, show_default=True, help="0 takes a free one.")
@click.option("--uds", metavar="PATH", type=click.Path(path_type=str), help="Listen at a socket file instead.")
@click.option("--workers", type=click.IntRange(1, 256), default=1, show_default=True, help="How many processes answer.")
@click.option("--read-only", is_flag=True, help="Refuse every write.")
@click.option("--insecure-allow-remote", is_flag=True, help="Listen where others reach it, though nobody is checked.")
@click.option("--root-path", default="", metavar="PATH", help="What a proxy in front takes off, /models.")
@click.option(
    "--log-level", type=click.Choice(["debug", "info", "warning", "error"]), default="info", show_default=True,
    help="What the log on stderr holds.",
)  # fmt: skip
@click.option("--access-log/--no-access-log", default=True, show_default=True, help="A line for each request.")
@pass_session
def serve(
    session: Session,
    /,
    *,
    host: str,
    port: int,
    uds: str | None,
    workers: int,
    read_only: bool,
    insecure_allow_remote: bool,
    root_path: str,
    log_level: str,
    access_log: bool,
) -> None:
    """Serve the registry over HTTP.

    Until there is access control it listens on this machine alone, and whoever reaches it may write as anybody. SIGTERM
    or Ctrl-C stops it: what was begun is finished. With --json it prints its address once it answers.
    """
    try:
        from herdbook.apps.asgi import listening, running
        from herdbook.apps.asgi.application import Application
        from herdbook.server.options import Options
    except ModuleNotFoundError as error:
        raise UnavailableError(
            f"{error.name} is not installed, which serving needs", code="no-extra", hint="Install herdbook[server]."
        ) from error
    folder = discovery.folder(session.where).location
    local = bool(uds) or listening.is_loopback(host)
    if not local and not insecure_allow_remote:
        raise DeniedError(
            f"{host} is reached by others, and nobody is asked yet who they are",
            code="remote-address",
            hint="Listen at 127.0.0.1, behind a proxy that asks. --insecure-allow-remote does it all the same.",
        )
    bounds = _bounds(local=local and not uds)
    application = Application(
        folder=folder,
        options=Options(read_only=read_only, root_path=root_path.rstrip("/"), max_json_bytes=bounds.json_bytes),
        bounds=bounds,
        level=log_level,
        access=access_log,
        alone=workers == 1,
    )
    _check(application)
    listener = listening.unix(uds, 2048) if uds else listening.tcp(host, port, 2048)
    running.run(application, listener, workers, lambda: _ready(session, application, listener, workers))


def _bounds(*, local: bool) -> Bounds:
    from herdbook.server.bounds import LOOPBACK, Bounds

    settings = settings_.load()
    more = tuple(name.strip().lower() for name in settings.text("server.hosts").split(",") if name.strip())
    return Bounds(
        hosts=(*LOOPBACK, *more) if local else (),
        requests=settings.number("server.requests"),
        transfers=settings.number("server.transfers"),
        idle_s=float(settings.number("server.idle_seconds")),
        json_bytes=settings.number("server.json_mb") * 10**6,
        stop_s=float(settings.number("server.stop_seconds")),
    )


def _check(application: Application) -> None:
    """Open the registry once, so that what is wrong is said here and not by every worker."""
    from herdbook.bootstrap import webhooks
    from herdbook.bootstrap.open import open_serving

    webhooks.hooks(application.folder)
    open_serving(application.folder, read_only=application.options.read_only).close()


def _ready(session: Session, application: Application, listener: socket.socket, workers: int) -> None:
    from herdbook.apps.asgi import listening, running

    url = listening.url_of(listener) + application.options.root_path
    if session.as_json:
        session.output.one(Serving(url=url, folder=application.folder, workers=workers), lambda: None)
    processes = f" with {workers} processes" if workers > 1 else ""
    session.output.message(f"{application.folder} is served at {url}{processes}; Ctrl-C stops it")
    if url.startswith("http"):
        session.output.hint(f"herdbook -R {url} list")
    running.notify("READY=1")
