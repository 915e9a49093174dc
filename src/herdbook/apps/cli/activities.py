"""Activities: register, show, list."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from herdbook.apps.cli import documents, lineage
from herdbook.apps.cli.captures import STRATEGIES
from herdbook.apps.cli.commands import Group
from herdbook.apps.cli.output import Drawing
from herdbook.apps.cli.paging import Walk, paged
from herdbook.apps.cli.references import complete_namespace
from herdbook.apps.cli.session import Session, pass_session
from herdbook.model.activities import Activity, ActivityEntry, Part

if TYPE_CHECKING:
    from herdbook.capture.adding import Afterwards


@click.group(cls=Group)
def activity() -> None:
    """What turned inputs into outputs: trainings, conversions."""


@activity.command()
@click.argument("namespace", shell_complete=complete_namespace)
@click.argument("file", type=click.Path(path_type=str, allow_dash=True))
@pass_session
def register(session: Session, /, *, namespace: str, file: str) -> None:
    """Write down an activity that ended, from its JSON; - is standard input.

    One with the same kind and ids, or equal but for its times, is answered with what is there.
    """
    value = Activity.read(documents.read_object(file))
    with session.registry() as registry:
        entry = registry.activities.register(namespace, value)

    def view() -> Drawing:
        from herdbook.apps.cli.views import text as t

        return t.line(("registered", t.GOOD), (entry.activity.kind, t.HEAD), (t.short(entry.record), t.DIM))

    session.output.one(entry, view, brief=entry.record)


@activity.command()
@click.argument("namespace", shell_complete=complete_namespace)
@click.option("--from", "sources", multiple=True, metavar="WHAT", help="A run of the spool, JSON, or MLflow's folder.")
@click.option("--kind", default="", metavar="KIND", help="training, conversion, quantisation, pruning, distillation …")
@click.option("--status", type=click.Choice(["finished", "failed", "unknown"]), help="How it ended.")
@click.option("--started", metavar="TIME", help="When it began, in UTC, as 2026-11-20T09:01:00Z.")
@click.option("--ended", metavar="TIME", help="When it ended.")
@click.option("--command", metavar="WORDS", help="What was typed.")
@click.option("--code", type=click.Path(path_type=Path), metavar="FOLDER", help="Its working tree, read as it is now.")
@click.option("--config", "configs", multiple=True, metavar="FILE", help="A file of settings: kept, and parameters.")
@click.option("--lock", type=click.Path(path_type=Path), metavar="FILE", help="The lock file of its environment.")
@click.option("--metrics", metavar="FILE", help='JSON, as {"test": {"auc": 0.91}}.')
@click.option("--parameter", "parameters", multiple=True, metavar="K=V", help="A hyper-parameter. Repeatable.")
@click.option("--seed", "seeds", multiple=True, metavar="NAME=NUMBER", help="A seed. Repeatable.")
@click.option("--input", "inputs", multiple=True, metavar="[ROLE=]PATH|ID", help="A file, folder or dataset going in.")
@click.option("--parent", "parents", multiple=True, metavar="REF", help="The version that it began from.")
@click.option("--output", "outputs", multiple=True, metavar="REF", help="A registered version that came out.")
@click.option("--strategy", type=click.Choice(STRATEGIES), help="How it began from its parent.")
@click.option("--trigger", metavar="WORDS", help="What set it off.")
@click.option("--window", metavar="AXIS:SINCE:UNTIL", help="The data that it saw, as run:315252:325172.")
@click.option("--setting", "settings", multiple=True, metavar="K=V", help="Of the kind: bits=8, sparsity=0.5.")
@click.option("--id", "ids", multiple=True, metavar="SCHEME:VALUE", help="What another system calls it.")
@pass_session
def add(session: Session, /, *, namespace: str, **given: Any) -> None:  # noqa: ANN401 - the options above
    """Tell of an activity afterwards, from files that are there.

    The record is the one that `herdbook run` makes. Saying the same once more changes nothing.
    """
    from herdbook.bootstrap import capturing
    from herdbook.capture import adding, pushing

    rules = capturing.policy()
    place, _ = capturing.open_spool()
    with session.registry() as registry:
        records = [registry.versions.get(reference).record for reference in given["outputs"]]
        said = _afterwards(namespace, records, rules.upload, given)
        run = adding.make(place, said, rules)
        pushed = pushing.push(registry, run, pushing.Asked(store_limit=rules.store_limit))
        entry = registry.activities.get(pushed.activity)

    def view() -> Drawing:
        from herdbook.apps.cli.views import text as t

        return t.line(("recorded", t.GOOD), (entry.activity.kind, t.HEAD), (t.short(entry.record), t.DIM))

    session.output.one(entry, view, brief=entry.record)
    session.output.hint(f"herdbook activity show {entry.record[:19]}")


def _afterwards(namespace: str, records: list[str], upload: str, given: dict[str, Any]) -> Afterwards:
    from herdbook.capture import adding
    from herdbook.capture import wanted as w
    from herdbook.capture.figures import parameter
    from herdbook.model.identifiers import Identifier

    folder = Path.cwd()
    paths, datasets = w.inputs(given["inputs"], folder)
    made = (parameter(name, w.setting(value)) for name, value in w.pairs(given["parameters"]).items())
    wanted = w.Wanted(
        cwd=folder,
        kind=given["kind"],
        namespace=namespace,
        inputs=paths,
        datasets=datasets,
        parents=given["parents"],
        configs=tuple(folder / name for name in given["configs"]),
        metrics=folder / given["metrics"] if given["metrics"] else None,
        parameters=tuple(item for item in made if item is not None),
        derivation=w.derivation(given["kind"], given["strategy"], given["trigger"], given["window"], given["settings"]),
        upload=upload,
    )
    return adding.Afterwards(
        wanted=wanted,
        sources=given["sources"],
        status=given["status"],
        started=given["started"],
        ended=given["ended"],
        command=given["command"],
        code=folder / given["code"] if given["code"] else None,
        lock=folder / given["lock"] if given["lock"] else None,
        seeds=w.pairs(given["seeds"]),
        ids=tuple(map(Identifier.parse, given["ids"])),
        outputs=tuple(Part(record=record, role="model") for record in records),
    )


@activity.command()
@click.argument("reference", metavar="SCHEME:VALUE|DIGEST")
@pass_session
def show(session: Session, /, *, reference: str) -> None:
    """Show an activity with all that is known of it."""
    with session.registry(read_only=True) as registry:
        entry = registry.activities.get(reference)
        text = session.output.mode == "text"
        said = registry.statements.list(entry.record).items if text else ()
        nodes = lineage.neighbours(registry, [entry]) if text else {}

    def view() -> Drawing:
        from herdbook.apps.cli.views import activities

        return activities.activity(entry, nodes, said)

    session.output.one(entry, view, brief=entry.record)
    session.output.hint(f"herdbook trace {entry.record[:19]} shows what it came from")


@activity.command(name="list")
@click.option("--kind", default="", metavar="KIND", help="Only those of one kind, as training.")
@paged
@pass_session
def list_(session: Session, /, *, kind: str, limit: int, cursor: str | None, every: bool) -> None:
    """List activities."""
    with session.registry(read_only=True) as registry:
        walk = Walk(
            lambda after, count: registry.activities.list(kind=kind, cursor=after, limit=count),
            limit=limit,
            cursor=cursor,
            every=every,
        )

        def view(entries: list[ActivityEntry]) -> Drawing:
            from herdbook.apps.cli.views import listings

            return listings.activities(entries)

        shown = session.output.many(walk, view, brief=lambda entry: entry.record, empty="There is no activity.")
        walk.tell_the_rest(session, shown)
