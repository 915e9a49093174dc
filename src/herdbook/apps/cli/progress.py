"""Progress bars, where somebody watches: on a terminal's stderr, gone when the work is done."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

from herdbook.apps.cli.output import Output
from herdbook.ports.admin import Step
from herdbook.ports.blobs import Progress


@contextlib.contextmanager
def counting_bytes(output: Output, what: str, total: int | None = None) -> Iterator[Progress | None]:
    """Show how many bytes are done; yields ``None`` where nobody watches."""
    if not output.shows_progress:
        yield None
        return
    from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn, TransferSpeedColumn
    from rich.progress import Progress as Bars

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Bars(*columns, console=output.error_console(), transient=True) as bars:
        task = bars.add_task(what, total=total)
        yield lambda count: bars.advance(task, count)


@contextlib.contextmanager
def working(output: Output, total: int) -> Iterator[tuple[Progress | None, Callable[[str], None] | None]]:
    """Show what is done now, and how many bytes are; yields two ``None`` where nobody watches."""
    if not output.shows_progress:
        yield None, None
        return
    from rich.progress import BarColumn, DownloadColumn, TextColumn, TransferSpeedColumn
    from rich.progress import Progress as Bars

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
    )
    with Bars(*columns, console=output.error_console(), transient=True) as bars:
        task = bars.add_task("importing", total=total)
        yield lambda count: bars.advance(task, count), lambda words: bars.update(task, description=words)


@contextlib.contextmanager
def stepping(output: Output) -> Iterator[Step | None]:
    """Show the steps of long work, one bar for each; yields ``None`` where nobody watches."""
    if not output.shows_progress:
        yield None
        return
    from rich.progress import BarColumn, TaskID, TaskProgressColumn, TextColumn
    from rich.progress import Progress as Bars

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.completed:,.0f}", style="dim"),
    )
    with Bars(*columns, console=output.error_console(), transient=True) as bars:
        known: dict[str, TaskID] = {}

        def step(what: str, done: int, total: int) -> None:
            if what not in known:
                known[what] = bars.add_task(what, total=None)
            bars.update(known[what], completed=done, total=total or None)

        yield step


@contextlib.contextmanager
def waiting(output: Output, what: str) -> Iterator[None]:
    """Show that something goes on of which nobody knows how long it takes."""
    if not output.shows_progress:
        yield
        return
    from rich.progress import Progress as Bars
    from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
    with Bars(*columns, console=output.error_console(), transient=True) as bars:
        bars.add_task(what, total=None)
        yield
