"""The cache: files of servers that are kept on this machine, so that none is brought twice."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from herdbook.apps.cli import progress
from herdbook.apps.cli.answers import Cached, Cleared
from herdbook.apps.cli.commands import Group
from herdbook.apps.cli.output import Drawing
from herdbook.apps.cli.session import Session, pass_session
from herdbook.kernel.errors import EXIT_STATUS, Kind

if TYPE_CHECKING:
    from herdbook.client.cache import Held


@click.group(cls=Group)
def cache() -> None:
    """Files of servers that are kept here.

    What is in it can be had again. Its folder and its size are the settings cache and client.cache_gb.
    """


def _cached(held: Held, *, sound: bool | None = None) -> Cached:
    used = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(held.used))
    status = None if sound is None else "ok" if sound else "corrupt"
    return Cached.read({"sha256": held.sha256, "size": held.size, "used": used, "status": status})


def _view(entries: list[Cached]) -> Drawing:
    from rich.text import Text

    from herdbook.apps.cli.views import text as t

    table = t.table("file", "size", "last used", "", right=[1])
    for item in entries:
        style = t.LOUD if item.status == "corrupt" else t.GOOD
        table.add_row(t.short(item.sha256), t.size(item.size), item.used, Text(item.status or "", style=style))
    return table


@cache.command(name="list")
@pass_session
def list_(session: Session, /) -> None:
    """List the files, by digest."""
    from herdbook.bootstrap.open import open_cache

    opened = open_cache()
    found = [_cached(held) for held in opened.held()]
    session.output.many(found, _view, brief=lambda item: item.sha256, empty="The cache is empty.")
    if found:
        total = sum(item.size for item in found)
        session.output.message(f"\n{len(found):,} files, {total:,} of {opened.most:,} bytes")
        session.output.message(str(opened.folder))


@cache.command()
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@pass_session
def clear(session: Session, /, *, yes: bool) -> None:
    """Remove all files but those in use, and the answers that are kept for when a server is away."""
    from herdbook.bootstrap.open import open_cache

    opened = open_cache()
    session.confirm(f"Remove what is cached in {opened.folder}?", yes=yes)
    freed = opened.clear()
    answer = Cleared(folder=str(opened.folder), bytes=freed)
    session.output.one(answer, lambda: f"{freed:,} bytes removed from {opened.folder}", brief=str(freed))


@cache.command()
@pass_session
def verify(session: Session, /) -> None:
    """Read the files again and compare; what is not what its name says is removed.

    Exits with 7 when there was such a file. Every file is compared whenever it is used, too.
    """
    from herdbook.bootstrap.open import open_cache

    opened = open_cache()
    total = sum(held.size for held in opened.held())
    with progress.counting_bytes(session.output, "reading", total) as count:
        found = [_cached(held, sound=sound) for held, sound in opened.verify(count)]
    session.output.many(found, _view, brief=lambda item: f"{item.status} {item.sha256}", empty="The cache is empty.")
    if any(item.status == "corrupt" for item in found):
        raise click.exceptions.Exit(EXIT_STATUS[Kind.CORRUPT])
