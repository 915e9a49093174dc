"""The spool: captured runs that wait here; list, show, drop."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from herdbook.apps.cli.commands import Group
from herdbook.apps.cli.output import Drawing
from herdbook.apps.cli.session import Session, pass_session
from herdbook.kernel.errors import CorruptError
from herdbook.model.captures import Capture, CapturedFile, Pushed, RunEntry

if TYPE_CHECKING:
    from herdbook.capture.spool import Run


@click.group(cls=Group)
def spool() -> None:
    """Captured runs that wait here."""


def entry(
    capture: Capture,
    folder: Path,
    pushed: Pushed | None = None,
    start_s: float | None = None,
    end_s: float | None = None,
) -> RunEntry:
    """Return a run in brief."""
    return RunEntry(
        id=capture.id,
        folder=str(folder),
        kind=capture.kind,
        status=capture.status,
        started=capture.started or "",
        ended=capture.ended,
        exit=capture.exit,
        argv=capture.command.argv if capture.command else (),
        target=capture.target,
        namespace=capture.namespace,
        inputs=len(capture.inputs) + len(capture.told_inputs) + len(capture.datasets) + len(capture.parents),
        unconfirmed=sum(not item.confirmed for item in capture.inputs),
        outputs=len(capture.outputs),
        metrics=len(capture.metrics),
        problems=capture.problems,
        pushed=pushed,
        start_s=start_s,
        end_s=end_s,
    )


def _entry(run: Run) -> RunEntry:
    from herdbook.capture import spool as spool_
    from herdbook.capture.recording import after_a_crash

    try:
        capture = spool_.settle(run, after_a_crash)
    except CorruptError as error:
        return RunEntry(
            id=run.id, folder=str(run.folder), kind="unknown", status="unreadable", problems=(error.message,)
        )
    told = run.pushed
    return entry(capture, run.folder, Pushed.read(told) if told else None)


@spool.command(name="list")
@pass_session
def list_(session: Session, /) -> None:
    """List captured runs, oldest first."""
    from herdbook.bootstrap import capturing

    place, _ = capturing.open_spool(write=False)
    shown = session.output.many(
        map(_entry, place.runs()), _listing, brief=lambda item: item.id, empty=f"No run is in {place.folder}."
    )
    if shown:
        session.output.hint("herdbook push sends them; herdbook spool drop --pushed removes what was sent")


@spool.command()
@click.argument("run", metavar="RUN")
@click.option("--inputs", "which", flag_value="inputs", help="The files that it read, alone.")
@click.option("--outputs", "which", flag_value="outputs", help="The files that it wrote, alone.")
@pass_session
def show(session: Session, /, *, run: str, which: str | None) -> None:
    """Show all that is known of a run; RUN is the beginning of its id, or "last"."""
    from herdbook.bootstrap import capturing
    from herdbook.capture import spool as spool_
    from herdbook.capture.recording import after_a_crash

    place, _ = capturing.open_spool(write=False)
    found = place.find(run)
    capture = spool_.settle(found, after_a_crash)
    if which:
        files = capture.inputs if which == "inputs" else capture.outputs
        session.output.many(
            files, lambda items: _files(items, capture.root), brief=lambda item: item.path, empty=f"It has no {which}."
        )
        if which == "inputs" and any(not item.confirmed for item in files):
            session.output.hint(f"herdbook push {found.id[:12]} --accept-inputs, or --only PATH, confirms them")
        return
    session.output.one(capture, lambda: _page(found, capture), brief=capture.id)


@spool.command()
@click.argument("runs", nargs=-1, metavar="[RUN...]")
@click.option("--pushed", is_flag=True, help="All that were pushed.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@pass_session
def drop(session: Session, /, *, runs: tuple[str, ...], pushed: bool, yes: bool) -> None:
    """Remove captured runs from this machine; what was pushed stays in the registry."""
    from herdbook.bootstrap import capturing
    from herdbook.kernel.errors import ConflictError

    if bool(runs) == pushed:
        raise click.UsageError("Name the runs, or say --pushed.")
    place, _ = capturing.open_spool(write=False)
    chosen = [place.find(word) for word in runs] or [run for run in place.runs() if run.pushed is not None]
    busy = [run.id[:12] for run in chosen if run.alive]
    if busy:
        raise ConflictError(
            f"the run {busy[0]} is still at work", code="run-busy", hint="Wait until it has ended, or stop it."
        )
    waiting = [run.id[:12] for run in chosen if run.pushed is None]
    if waiting:
        session.confirm(f"Remove {', '.join(waiting)}, which nobody has pushed?", yes=yes)
    entries = [_entry(run) for run in chosen]
    for run in chosen:
        run.drop()
    session.output.many(entries, _listing, brief=lambda item: item.id, empty="Nothing was removed.")


def _listing(items: list[RunEntry]) -> Drawing:
    from rich.text import Text

    from herdbook.apps.cli.views import text as t

    table = t.table("run", "began (UTC)", "kind", "status", "inputs", "metrics", "where to", "command")
    for item in items:
        seen = f" ({item.unconfirmed}?)" if item.unconfirmed else ""
        sent = f"pushed {item.pushed.reference or ''}".strip() if item.pushed else item.target or item.namespace or ""
        table.add_row(
            Text(item.id[:12], style=t.HEAD),
            t.when(item.started) if item.started else "",
            item.kind,
            Text(item.status, style="" if item.status == "finished" else t.WARM),
            f"{item.inputs}{seen}",
            str(item.metrics),
            sent,
            Text(" ".join(item.argv)[:60], style=t.DIM),
        )
    return table


def _files(items: list[CapturedFile], root: str | None) -> Drawing:
    from rich.text import Text

    from herdbook.apps.cli.views import text as t
    from herdbook.capture.telling import told_path

    table = t.table("role", "path", "size", "sha256", "known by", "")
    for item in items:
        known = "the author" if item.confirmed else f"seen ({item.via or 'open'}), not confirmed"
        digest = t.bare(item.sha256) if item.sha256 else "" if item.role == "output" else "at the push"
        state = Text("CHANGED", style=t.LOUD) if item.changed else Text()
        table.add_row(item.role, t.place(told_path(item.path, root)), t.size(item.size), digest, known, state)
    return table


def _page(run: Run, capture: Capture) -> Drawing:
    from rich.console import Group as Stack
    from rich.text import Text

    from herdbook.apps.cli.views import text as t

    code, environment = capture.code, capture.environment
    rows = [
        ("command", " ".join(capture.command.argv) if capture.command else ""),
        ("began", f"{t.when(capture.started)} UTC" if capture.started else ""),
        ("ended", f"{t.when(capture.ended)} UTC" if capture.ended else ""),
        ("exit", str(capture.exit) if capture.exit is not None else ""),
        ("goes to", capture.target or capture.namespace or "nowhere yet: push --model or --namespace"),
        ("code", t.compact(code.json_object(), 200) if code else ""),
        ("environment", t.compact(environment.json_object(), 200) if environment else ""),
        ("seeds", ", ".join(f"{seed.name} {seed.text}" for seed in capture.seeds)),
        ("ids", ", ".join(map(str, capture.ids))),
        ("problems", ", ".join(capture.problems)),
        ("folder", str(run.folder)),
    ]
    head = t.line((capture.kind, t.HEAD), (capture.status, ""), (run.id[:12], t.DIM))
    parts: list[Drawing] = [head, t.pairs((name, Text(value)) for name, value in rows if value)]
    sections: Iterable[tuple[str, Iterable[CapturedFile]]] = (("Inputs", capture.inputs), ("Outputs", capture.outputs))
    parts += [t.section(title, _files(list(files), capture.root)) for title, files in sections if files]
    if capture.parameters:
        parts.append(t.section("Parameters", t.pairs((item.name, Text(item.text)) for item in capture.parameters)))
    if capture.metrics:
        figures = (Text(t.metric(item.json_object())) for item in capture.metrics)
        parts.append(t.section("Metrics", Stack(*figures)))
    return Stack(*parts)
