"""Files: fetch them, verify them, read facts of those that are not registered."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import click

from herdbook.apps.cli import progress, stores
from herdbook.apps.cli.answers import Fetched, Inspected, Verified
from herdbook.apps.cli.commands import Command
from herdbook.apps.cli.output import Drawing
from herdbook.apps.cli.references import complete_reference
from herdbook.apps.cli.session import Session, pass_session
from herdbook.kernel.errors import EXIT_STATUS, Kind
from herdbook.model.places import Tried


@click.command(cls=Command)
@click.argument("reference", shell_complete=complete_reference)
@click.argument("folder", type=click.Path(path_type=str))
@click.option("--link", is_flag=True, help="Of a server: link files from the cache, read-only, instead of copying.")
@click.option("--from-replica", is_flag=True, help="Not the registry's bytes: those of places that have copies.")
@pass_session
def fetch(session: Session, /, *, reference: str, folder: str, link: bool, from_replica: bool) -> None:
    """Fetch a version's files, verified, into a folder.

    No byte is handed out that is not as registered. A file that is there already and is the same stays; one that
    differs is never overwritten. What the registry does not have, or has wrong, comes from places of which a statement
    says that they have it, in Rucio for one; a copy there that is wrong is passed over, and named.
    """
    from herdbook.bootstrap.places import opened
    from herdbook.service import fetch as service

    tried: list[Tried] = []
    with session.registry(read_only=True) as registry, opened() as places:
        entry = registry.versions.get(reference)
        with (
            progress.counting_bytes(session.output, "fetching", entry.version.size) as count,
            _passed_over(session, tried),
        ):
            files = service.fetch(
                registry,
                reference,
                folder,
                link=link,
                progress=count,
                places=places,
                from_replica=from_replica,
                tried=tried.append,
            )
    answer = Fetched(reference=entry.reference, folder=folder, files=tuple(files), tried=tuple(tried))

    def view() -> Drawing:
        from herdbook.apps.cli.views import text as t

        return t.line(
            ("fetched", t.GOOD),
            (entry.reference, t.HEAD),
            (f"{t.many(len(files), 'file')}, {t.size(entry.version.size)}", t.DIM),
            (f"into {folder}", ""),
        )

    session.output.one(answer, view, brief=folder)
    if entry.chosen:
        session.output.message(entry.chosen)
    if entry.withdrawn:
        session.output.warn(f"{entry.reference} was withdrawn; herdbook show {entry.reference} says why")


@contextlib.contextmanager
def _passed_over(session: Session, tried: list[Tried]) -> Iterator[None]:
    """Warn of copies that were no good, whatever came of it."""
    try:
        yield
    finally:
        for each in tried:
            if each.problem is not None:
                session.output.warn(f"passed over the copy of {each.path} at {each.uri}: {each.problem}")


@click.command(cls=Command)
@click.argument("references", nargs=-1, metavar="[REFERENCE]...", shell_complete=complete_reference)
@click.option("--all", "every", is_flag=True, help="All that records need, in every blob store; by its owner.")
@stores.RATE
@stores.NO_RESUME
@pass_session
def verify(
    session: Session, /, *, references: tuple[str, ...], every: bool, rate: float | None, no_resume: bool
) -> None:
    """Read registered files again and compare.

    Exits with 7 when a file's bytes are not what was registered, with 3 when there are files whose bytes are not here
    and so could not be read. --all does what `herdbook store verify` does: interrupted, it goes on where it was.
    """
    if every != (not references):
        raise click.UsageError("Name versions, or give --all.")
    if every:
        stores.verify_all(session, (), rate=rate, no_resume=no_resume)
        return
    if rate is not None or no_resume:
        raise click.UsageError("--rate and --no-resume go with --all.")
    found: list[Verified] = []
    with session.registry(read_only=True) as registry:
        for reference in references:
            entry = registry.versions.get(reference)
            with progress.counting_bytes(session.output, entry.reference, entry.version.size) as count:
                checks = registry.files.verify(reference, progress=count)
            found += [Verified(reference=entry.reference, **check.json_object()) for check in checks]

    def view(entries: list[Verified]) -> Drawing:
        from herdbook.apps.cli.views import reports

        return reports.verified(entries)

    session.output.many(found, view, brief=lambda item: f"{item.status} {item.reference} {item.path}")
    statuses = {item.status for item in found}
    if "corrupt" in statuses:
        raise click.exceptions.Exit(EXIT_STATUS[Kind.CORRUPT])
    if statuses - {"ok"}:
        raise click.exceptions.Exit(EXIT_STATUS[Kind.MISSING])


@click.command(cls=Command)
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=str), metavar="PATH...")
@pass_session
def inspect(session: Session, /, *, paths: tuple[str, ...]) -> None:
    """Read facts of files that are not registered.

    Format, inputs, outputs, parameters and what else the reader of the format finds. Nothing is executed, and no
    registry is needed.
    """
    from herdbook.bootstrap.open import open_readers
    from herdbook.service import inspection

    def view(entries: list[Inspected]) -> Drawing:
        from herdbook.apps.cli.views import reports

        return reports.inspected(entries)

    with contextlib.closing(open_readers()) as readers:
        found = (Inspected.read(item) for item in inspection.inspect(readers, paths))
        session.output.many(found, view, brief=lambda item: f"{item.format} {item.path}", empty="There is no file.")
