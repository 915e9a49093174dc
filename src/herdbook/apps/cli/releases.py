"""Releases of software, and which versions were in them."""

from __future__ import annotations

import click
from click.shell_completion import CompletionItem

from herdbook.apps.cli.answers import ShownRelease
from herdbook.apps.cli.commands import Group
from herdbook.apps.cli.output import Drawing
from herdbook.apps.cli.references import LIMIT, complete_reference
from herdbook.apps.cli.session import Session, pass_session
from herdbook.model.releases import Released, ReleaseEntry
from herdbook.ports.registry import Registry


@click.group(cls=Group)
def release() -> None:
    """Releases of software, and which versions were in them."""


def _complete(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    try:
        with context.ensure_object(Session).registry(read_only=True) as registry:
            return [CompletionItem(entry.name) for entry in registry.releases.list(incomplete)[:LIMIT]]
    except Exception:  # noqa: BLE001 - a person who presses Tab wants no error
        return []


@release.command(name="list")
@click.argument("prefix", required=False, default="", metavar="[BEGINNING]", shell_complete=_complete)
@pass_session
def list_(session: Session, /, *, prefix: str) -> None:
    """List releases by name."""
    with session.registry(read_only=True) as registry:
        entries = registry.releases.list(prefix)

    def view(found: list[ReleaseEntry]) -> Drawing:
        from herdbook.apps.cli.views import identities

        return identities.releases(found)

    empty = f"No release's name begins with {prefix}." if prefix else "No release is known here."
    session.output.many(entries, view, brief=lambda entry: entry.name, empty=empty)
    if not entries and not prefix:
        session.output.hint("herdbook import folder FOLDER --rules cmsdist brings release lists")


@release.command()
@click.argument("name", shell_complete=_complete)
@click.option("--package", default="", metavar="PACKAGE", help="Only versions that this package brought.")
@click.option("--packages", is_flag=True, help="Every package and its tag too, also those that brought no version.")
@pass_session
def show(session: Session, /, *, name: str, package: str, packages: bool) -> None:
    """Show which versions were in a release, by which package and tag."""
    with session.registry(read_only=True) as registry:
        entry = registry.releases.get(name)
        answer = ShownRelease(release=entry, versions=tuple(registry.releases.versions(entry.name, package=package)))

    def view() -> Drawing:
        from herdbook.apps.cli.views import identities

        return identities.release(entry, answer.versions, packages=packages)

    session.output.one(
        answer, view, brief="\n".join(dict.fromkeys(item.identity.reference for item in answer.versions))
    )
    if not answer.versions:
        session.output.message("No version that was in it is known here.")


@release.command()
@click.argument("reference", shell_complete=complete_reference)
@pass_session
def of(session: Session, /, *, reference: str) -> None:
    """List the releases that a version was in."""
    with session.registry(read_only=True) as registry:
        entries = registry.releases.of(reference)
        lists = _lists(registry, entries) if session.output.mode == "text" else {}

    def view(found: list[Released]) -> Drawing:
        from herdbook.apps.cli.views import identities

        return identities.released(found, lists)

    shown = session.output.many(
        entries, view, brief=lambda entry: entry.release, empty="It is known to be in no release."
    )
    if not shown:
        session.output.hint("herdbook release list shows the releases that are known")


def _lists(registry: Registry, entries: list[Released]) -> dict[str, ReleaseEntry]:
    """Return, by name, the releases that the answers are about: they know the line of each package."""
    return {name: registry.releases.get(name) for name in dict.fromkeys(entry.release for entry in entries)}
