"""``init``: a registry in a folder."""

from __future__ import annotations

import click

from herdbook.apps.cli.answers import Created
from herdbook.apps.cli.commands import Command
from herdbook.apps.cli.output import Drawing
from herdbook.apps.cli.session import Session, pass_session
from herdbook.bootstrap import discovery


@click.command(cls=Command)
@click.argument("folder", required=False, type=click.Path(path_type=str))
@click.option("--namespace", "namespaces", multiple=True, metavar="NAME", help="Begin this namespace too; repeatable.")
@click.option("--default", "as_default", is_flag=True, help="Use it from now on: write it into the configuration file.")
@pass_session
def init(session: Session, /, *, folder: str | None, namespaces: tuple[str, ...], as_default: bool) -> None:
    """Create a registry in a folder.

    Without FOLDER where `herdbook config show` says. It must be on a local disk, not on a network file system. One
    that is there already stays as it is.
    """
    from herdbook.bootstrap.open import init_registry, open_registry

    place = discovery.folder(folder if folder is not None else session.where)
    init_registry(place.location)
    written = None
    if as_default:
        from herdbook.bootstrap import settings_file

        written = str(settings_file.change({"registry": place.location}))
    with open_registry(place.location) as registry:
        for name in namespaces:
            registry.namespaces.create(name)
        answer = Created(folder=place.location, namespaces=tuple(registry.namespaces.list()), config=written)

    def view() -> Drawing:
        from herdbook.apps.cli.views import text as t

        begun = ", ".join(entry.namespace for entry in answer.namespaces)
        return t.line(("registry", t.GOOD), (answer.folder, t.HEAD), (f"namespaces {begun}" if begun else "", t.DIM))

    session.output.one(answer, view, brief=answer.folder)
    if written:
        session.output.message(f"{written} names it from now on")
    elif place.origin == "argument":
        session.output.hint(f"export HERDBOOK_REGISTRY={place.location}, or --default, uses it from now on")
