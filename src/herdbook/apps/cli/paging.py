"""Lists come in pages: how many, from where on, or all of them one page after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Generic, TypeVar

import click

from herdbook.apps.cli.answers import More
from herdbook.apps.cli.session import Session
from herdbook.model.base import Value
from herdbook.model.pages import DEFAULT_LIMIT, MAX_LIMIT, Page

V = TypeVar("V", bound=Value)
F = TypeVar("F", bound=Callable[..., Any])
Fetch = Callable[[str | None, int], Page[V]]


def paged(function: F) -> F:
    """Give a command the options of a paged list."""
    for option in (
        click.option("--all", "every", is_flag=True, help="All of them, page after page."),
        click.option("--cursor", metavar="CURSOR", help="Go on where the last page ended."),
        click.option(
            "--limit", type=click.IntRange(1, MAX_LIMIT), default=DEFAULT_LIMIT, show_default=True, help="How many."
        ),
    ):
        function = option(function)
    return function


class Walk(Generic[V]):
    """Items of one page, or of all; afterwards it knows where the next page begins and the total, if it was said."""

    def __init__(self, fetch: Fetch[V], *, limit: int, cursor: str | None = None, every: bool = False) -> None:
        self.cursor = cursor
        self.total: int | None = None
        self.total_is_exact = True
        self._fetch, self._limit, self._every = fetch, limit, every

    def __iter__(self) -> Iterator[V]:
        while True:
            page = self._fetch(self.cursor, MAX_LIMIT if self._every else self._limit)
            self.cursor = page.cursor
            if page.total is not None:
                self.total, self.total_is_exact = page.total, page.total_is_exact
            yield from page.items
            if not self._every or page.cursor is None:
                return

    def tell_the_rest(self, session: Session, shown: int, verb: str = "") -> None:
        """Say on stderr how many there are and where the next page begins; with ``verb`` also when all are shown."""
        if session.output.mode == "json":
            if self.cursor is not None:
                more = More(
                    cursor=self.cursor,
                    total=self.total,
                    total_is_exact=self.total_is_exact if self.total is not None else None,
                )
                session.output.object_on_stderr(more.json_object())
            return
        if self.total is not None and (shown < self.total or verb):
            least = "" if self.total_is_exact else "at least "
            whole = f"{least}{self.total:,}" if shown == self.total else f"{shown:,} of {least}{self.total:,}"
            session.output.message("\n" + f"{whole} {verb}".rstrip())
        if self.cursor is not None:
            session.output.hint(f"more with --cursor {self.cursor}, or --all")
