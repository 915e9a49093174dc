"""``dataset resolve`` and ``dataset recheck``: whether datasets exist where they are said to, and with which files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import click

from herdbook.apps.cli.commands import Command
from herdbook.apps.cli.output import Drawing
from herdbook.apps.cli.references import complete_namespace
from herdbook.apps.cli.session import Session, pass_session
from herdbook.kernel.errors import EXIT_STATUS, Kind
from herdbook.model.pages import MAX_LIMIT
from herdbook.model.places import Rechecked
from herdbook.ports.registry import Registry

_IN = click.option(
    "--in", "namespace", metavar="NAMESPACE", shell_complete=complete_namespace, help="In whose journal to say it."
)


@click.command(cls=Command)
@click.argument("reference", metavar="SCHEME:VALUE|DIGEST")
@_IN
@pass_session
def resolve(session: Session, /, *, reference: str, namespace: str | None) -> None:
    """Ask where a dataset is for its files, and register them.

    Of a dataset that is known by its name, as rucio:SCOPE:NAME, cms-dbs:/A/B/TIER or atlas:NAME, or of one that is not
    known yet (with --in). Rucio is reached as rucio.cfg and the environment say; nothing of them is kept. A server that
    cannot be asked changes nothing.
    """
    from herdbook.bootstrap.places import opened
    from herdbook.service import resolving

    with session.registry() as registry, opened() as places:
        found = resolving.resolve(registry, places, reference, namespace or "")

    def view() -> Drawing:
        from herdbook.apps.cli.views import text as t

        size = "" if found.size_bytes is None else f", {t.size(found.size_bytes)}"
        verb = "resolved" if found.new else "as it was"
        what = f"{t.many(found.files, 'file')}{size}"
        return t.line((verb, t.GOOD), (found.location.uri, t.HEAD), (what, ""), (t.short(found.record), t.DIM))

    session.output.one(found, view, brief=found.record)
    if found.location.closed is False:
        session.output.warn(
            f"{found.location.uri} is not closed: files can still be added, and are not in the manifest"
        )


@click.command(cls=Command)
@click.argument("references", nargs=-1, metavar="[SCHEME:VALUE|DIGEST]...")
@click.option("--all", "every", is_flag=True, help="Every dataset that has a name which can be asked for.")
@_IN
@pass_session
def recheck(session: Session, /, *, references: tuple[str, ...], every: bool, namespace: str | None) -> None:
    """Ask again whether datasets are there, and name what has disappeared.

    Where the files are known, the place's listing is held against them: what is missing, has another checksum, or has
    no copy left. Exits with 3 when something is gone, with 6 when a place could not be asked.
    """
    if every != (not references):
        raise click.UsageError("Name datasets, or give --all.")
    from herdbook.bootstrap.places import opened
    from herdbook.service import resolving

    found: list[Rechecked] = []
    with session.registry() as registry, opened() as places:

        def ask() -> Iterator[Rechecked]:
            for reference in _all(registry) if every else references:
                for item in resolving.recheck(registry, places, reference, namespace or ""):
                    found.append(item)
                    yield item

        session.output.many(ask(), _view, brief=lambda item: f"{item.location.state} {item.record}")
    if any(_worse(item) for item in found):
        raise click.exceptions.Exit(EXIT_STATUS[Kind.MISSING])
    if any(item.location.state == "unknown" for item in found):
        raise click.exceptions.Exit(EXIT_STATUS[Kind.UNAVAILABLE])


def _worse(item: Rechecked) -> bool:
    return item.location.state == "gone" or bool(item.missing or item.changed or item.lost)


def _all(registry: Registry) -> Iterator[str]:
    """Yield datasets that can be asked for: those whose name a place keeps, or that a statement places."""
    from herdbook.service import placing

    cursor: str | None = None
    while True:
        page = registry.datasets.list(cursor=cursor, limit=MAX_LIMIT)
        for entry in page.items:
            named = entry.dataset.id is not None and placing.uri_of(entry.dataset.id) is not None
            if named or placing.known(registry, entry.record):
                yield entry.record
        if page.cursor is None:
            return
        cursor = page.cursor


def _view(items: Iterable[Rechecked]) -> Drawing:
    from rich.console import Group as Stack

    from herdbook.apps.cli.views import text as t

    colours = {"exists": t.GOOD, "gone": t.LOUD, "unknown": t.WARM}
    rows: list[Drawing] = []
    for item in items:
        found = item.location
        style = t.LOUD if _worse(item) else colours[found.state]
        was = f"(was {item.before})" if item.before not in {found.state, "unknown"} else ""
        rows.append(t.line((found.state, style), (found.uri, t.HEAD), (was, t.DIM), (found.detail or "", "")))
        rows += [t.line(("  lacking", t.LOUD), (path, "")) for path in found.lacking or ()]
    return Stack(*rows)
