"""Versions: show, list, search, compare, undo."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import click

from herdbook.apps.cli import lineage, people
from herdbook.apps.cli.answers import Count, Done, Facets, FacetValue, FoundDossier, FoundVersion
from herdbook.apps.cli.commands import Command
from herdbook.apps.cli.output import Drawing
from herdbook.apps.cli.paging import Walk, paged
from herdbook.apps.cli.references import complete_reference
from herdbook.apps.cli.session import Session, pass_session
from herdbook.kernel.errors import InvalidError, MissingError
from herdbook.model.models import ModelEntry
from herdbook.model.pages import Page
from herdbook.model.query import Order
from herdbook.model.versions import Entry
from herdbook.ports.registry import Registry

Counted = Mapping[str, Sequence[tuple[str, int]]]
"""By field, its most common values with counts."""


@click.command(cls=Command)
@click.argument("reference", shell_complete=complete_reference)
@click.option("--all", "every", is_flag=True, help="Notes about the model's name too, as why its aliases moved.")
@pass_session
def show(session: Session, /, *, reference: str, every: bool) -> None:
    """Show a version with all that is said about it.

    Files, interface, licence, what it is for, how it was made, evaluations, known issues, withdrawal.
    """
    with session.registry(read_only=True) as registry:
        dossier = registry.versions.dossier(reference)
        text = session.output.mode == "text"
        names = people.names(registry) if text else {}
        nodes = lineage.neighbours(registry, dossier.made_by) if text else {}

    def view() -> Drawing:
        from herdbook.apps.cli.views import dossiers

        return dossiers.dossier(dossier, names, nodes, every=every)

    session.output.one(FoundDossier.of(dossier), view, brief=dossier.entry.reference)


@click.command(cls=Command, name="list")
@click.argument("what", required=False, default="", metavar="[PREFIX|MODEL]", shell_complete=complete_reference)
@paged
@pass_session
def list_(session: Session, /, *, what: str, limit: int, cursor: str | None, every: bool) -> None:
    """List models, or the versions of one.

    Without a word all models; with the name of a model its versions, newest first; with any other word the models
    whose name begins so.
    """
    with session.registry(read_only=True) as registry:
        if what and _is_model(registry, what):
            _versions(
                session,
                Walk(
                    lambda after, count: registry.versions.list(what, cursor=after, limit=count),
                    limit=limit,
                    cursor=cursor,
                    every=every,
                ),
            )
            return
        walk = Walk(
            lambda after, count: registry.models.list(what, cursor=after, limit=count),
            limit=limit,
            cursor=cursor,
            every=every,
        )
        empty = f"No model's name begins with {what}." if what else "There is no model here yet."
        shown = session.output.many(walk, _models_view, brief=lambda entry: entry.name, empty=empty)
        walk.tell_the_rest(session, shown)
        if not shown and not what:
            session.output.hint("herdbook register NAMESPACE/NAME:LABEL PATH… registers the first")


def _is_model(registry: Registry, what: str) -> bool:
    try:
        registry.models.get(what)
    except (MissingError, InvalidError):
        return False
    return True


def _models_view(entries: list[ModelEntry]) -> Drawing:
    from herdbook.apps.cli.views import listings

    return listings.models(entries)


def _versions(
    session: Session,
    walk: Walk[Entry],
    empty: str = "There is no version.",
    verb: str = "",
    counted: Counted | None = None,
) -> None:
    def view(entries: list[FoundVersion]) -> Drawing:
        from herdbook.apps.cli.views import listings

        return listings.versions(entries)

    found = (FoundVersion.of(entry) for entry in walk)
    shown = session.output.many(found, view, brief=lambda entry: entry.reference, empty=empty)
    if counted and (shown or session.output.mode == "json"):
        _facets(session, counted)
    walk.tell_the_rest(session, shown, verb if shown else "")


@click.command(cls=Command)
@click.argument("query", nargs=-1)
@click.option("--facet", "facets", multiple=True, metavar="FIELD", help="Count a field's values below; repeatable.")
@click.option("--count", "only_count", is_flag=True, help="Say how many match, and nothing else.")
@click.option(
    "--order",
    type=click.Choice([str(order) for order in Order]),
    default="newest",
    show_default=True,
    help="Which come first.",
)
@paged
@pass_session
def search(
    session: Session,
    /,
    *,
    query: tuple[str, ...],
    facets: tuple[str, ...],
    only_count: bool,
    order: str,
    limit: int,
    cursor: str | None,
    every: bool,
) -> None:
    """Search versions by words and fields.

    Words stand in names, labels, texts, inputs, datasets; fields are compared, as in
    'taus step = trigger size > 1e6', 'format IN (onnx, keras) NOT has(licence)' or 'metric.auc >= 0.97'. A digest, or
    its beginning, finds a file. docs/reference/query.md has the whole language.
    """
    text = " ".join(query)
    with session.registry(read_only=True) as registry:

        def fetch(after: str | None, count: int) -> Page[Entry]:
            return registry.versions.search(
                text, order=Order(order), cursor=after, limit=count, total=only_count or (not every and after is None)
            )

        if only_count:
            page = fetch(None, 1)
            count = Count(total=page.total or 0, exact=page.total_is_exact)
            least = "" if count.exact else "at least "
            session.output.one(count, lambda: f"{least}{count.total:,}", brief=str(count.total))
            return
        # Asked before anything is printed, so that a field that is none leaves no half of an answer.
        counted = registry.versions.facets(text, facets) if facets else {}
        walk = Walk(fetch, limit=limit, cursor=cursor, every=every)
        _versions(session, walk, empty="Nothing matches.", verb="found", counted=counted)


def _facets(session: Session, counted: Counted) -> None:
    answer = Facets(
        facets={
            field: tuple(FacetValue(value=value, count=count) for value, count in counts)
            for field, counts in counted.items()
        }
    )

    def view() -> Drawing:
        from herdbook.apps.cli.views import listings

        return listings.facets(counted)

    session.output.one(answer, view)


@click.command(cls=Command)
@click.argument("before", shell_complete=complete_reference)
@click.argument("after", shell_complete=complete_reference)
@click.option("--exit-code", is_flag=True, help="Exit with 1 when they differ.")
@pass_session
def diff(session: Session, /, *, before: str, after: str, exit_code: bool) -> None:
    """Compare two versions.

    Files, facts, parameters of the training, datasets, metrics, statements.
    """
    from herdbook.service.compare import compare

    with session.registry(read_only=True) as registry:
        found = compare(registry, before, after)

    def view() -> Drawing:
        from herdbook.apps.cli.views import reports

        return reports.diff(found)

    session.output.one(found, view)
    if exit_code and found.changes:
        raise click.exceptions.Exit(1)


@click.command(cls=Command)
@click.argument("reference", shell_complete=complete_reference)
@click.option("--reason", required=True, metavar="WORDS", help="Why; it stays in the journal's statements.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@pass_session
def undo(session: Session, /, *, reference: str, reason: str, yes: bool) -> None:
    """Withdraw a mistaken registration.

    Its labels are cleared and may be set once more. Nothing is deleted: whoever holds the digest still gets the
    bytes, and sees that they were withdrawn.
    """
    with session.registry() as registry:
        entry = registry.versions.get(reference)
        session.confirm(f"Withdraw {entry.reference} (version {entry.ordinal}) and clear its labels?", yes=yes)
        done = Done.of(registry.versions.undo(reference, reason=reason))
    session.output.one(done, lambda: f"withdrawn: {done.model}@{done.ordinal}", brief=done.reference)
    session.output.hint("the label is free again: herdbook register sets it once more")
