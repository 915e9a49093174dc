"""Statements: add, list, show, withdraw, supersede."""

from __future__ import annotations

import click

from herdbook.apps.cli import documents, people, subjects
from herdbook.apps.cli.commands import Group
from herdbook.apps.cli.output import Drawing
from herdbook.apps.cli.paging import Walk, paged
from herdbook.apps.cli.references import complete_namespace, complete_reference
from herdbook.apps.cli.session import Session, pass_session
from herdbook.model.base import Json
from herdbook.model.kinds import KINDS
from herdbook.model.statements import Said, StatementEntry

_IN = click.option(
    "--in", "namespace", metavar="NAMESPACE", shell_complete=complete_namespace, help="In whose journal to say it."
)
_BODY = click.option("--body", required=True, metavar="JSON|@FILE", help="What to say: an object, or @FILE, or @-.")
_SHORT = sorted(type_.split("/")[1] for type_ in KINDS)


@click.group(cls=Group)
def statement() -> None:
    """What was learnt about something."""


@statement.command()
@click.argument("subject", shell_complete=complete_reference)
@click.option("--kind", type=click.Choice(_SHORT), help="One of Herdbook's own kinds.")
@click.option("--type", "type_", metavar="TYPE", help="A type in full, as cms/validation/1.")
@_BODY
@click.option(
    "--label", "labels", multiple=True, metavar="LABEL", help="With a MODEL: only what this label means. Repeatable."
)
@click.option(
    "--unknown", multiple=True, metavar="POINTER", help="Known to be unknown, as /contact in the body. Repeatable."
)
@click.option(
    "--evidence",
    multiple=True,
    metavar="POINTER=HOW:WHERE",
    help="Where a value came from; HOW is extracted, declared, asserted or inferred. Repeatable.",
)
@_IN
@pass_session
def add(
    session: Session,
    /,
    *,
    subject: str,
    kind: str | None,
    type_: str | None,
    body: str,
    labels: tuple[str, ...],
    unknown: tuple[str, ...],
    evidence: tuple[str, ...],
    namespace: str | None,
) -> None:
    """Say something about a version, a model, a dataset, a file.

    SUBJECT is a reference for that version; a MODEL for the name with versions to come; the digest of a record, a
    statement or a file; scheme:value for a dataset or a foreign identity; or a namespace. Saying the same once more
    changes nothing.
    """
    if (kind is None) == (type_ is None):
        raise click.UsageError("Say of which --kind it is, or give a whole --type.")
    said: Json = {"type": type_ or f"herdbook/{kind}/1", "body": documents.read_word(body)}
    if unknown:
        said["unknown"] = list(unknown)
    if evidence:
        said["evidence"] = dict(map(_evidence, evidence))
    with session.registry() as registry:
        found, about = subjects.find(registry, subject, labels)
        said["subject"] = [about.json_object()]
        entry = registry.statements.add(subjects.namespace_for(namespace, found), [Said.read(said)])[0]
    _done(session, entry, "said", subject)
    if kind == "check-policy":
        from herdbook.apps.cli import checks
        from herdbook.model.checks import CheckPolicy

        checks.warn_of(session, CheckPolicy.read(said["body"]))


def _evidence(text: str) -> tuple[str, Json]:
    pointer, equals, told = text.partition("=")
    how, _, where = told.partition(":")
    if not equals:
        raise click.UsageError(f"{text!r} is no evidence; write POINTER=HOW:WHERE, as /licence=declared:LICENSE.")
    return pointer, {"how": how, "where": where} if where else {"how": how}


@statement.command(name="list")
@click.argument("subject", shell_complete=complete_reference)
@click.option("--kind", type=click.Choice(_SHORT), help="Only those of one kind.")
@click.option("--history", is_flag=True, help="Those too that were superseded or withdrawn.")
@paged
@pass_session
def list_(
    session: Session,
    /,
    *,
    subject: str,
    kind: str | None,
    history: bool,
    limit: int,
    cursor: str | None,
    every: bool,
) -> None:
    """List what is said about something."""
    with session.registry(read_only=True) as registry:
        about = subjects.whole(registry, subject)
        walk = Walk(
            lambda after, count: registry.statements.list(
                about, kind=kind or "", every=history, cursor=after, limit=count
            ),
            limit=limit,
            cursor=cursor,
            every=every,
        )
        names = people.names(registry) if session.output.mode == "text" else {}

        def view(entries: list[StatementEntry]) -> Drawing:
            from herdbook.apps.cli.views import statements

            return statements.listing(entries, names)

        shown = session.output.many(walk, view, brief=lambda entry: entry.digest)
        if not shown:
            subjects.check_known(registry, subject)
            session.output.message("Nothing was said about it.")
        walk.tell_the_rest(session, shown)


@statement.command()
@click.argument("digest")
@pass_session
def show(session: Session, /, *, digest: str) -> None:
    """Show a statement with all it says."""
    with session.registry(read_only=True) as registry:
        entry = registry.statements.get(digest)
        names = people.names(registry) if session.output.mode == "text" else {}

    def view() -> Drawing:
        from herdbook.apps.cli.views import statements

        return statements.full(entry, names)

    session.output.one(entry, view, brief=entry.digest)


@statement.command()
@click.argument("digest")
@click.option("--reason", required=True, metavar="WORDS", help="Why it no longer holds.")
@pass_session
def withdraw(session: Session, /, *, digest: str, reason: str) -> None:
    """Withdraw a statement: it stays readable, and no longer counts."""
    with session.registry() as registry:
        old = registry.statements.get(digest)
        said = Said.read(
            {"type": "herdbook/withdrawal/1", "subject": [{"statement": old.digest}], "body": {"reason": reason}}
        )
        entry = registry.statements.add(old.namespace, [said])[0]
    _done(session, entry, f"withdrawn {old.statement.kind}")


@statement.command()
@click.argument("digest")
@_BODY
@pass_session
def supersede(session: Session, /, *, digest: str, body: str) -> None:
    """Say something in place of an earlier statement; the new body replaces the whole."""
    new = documents.read_word(body)
    with session.registry() as registry:
        old = registry.statements.get(digest)
        said = Said.read(
            {
                "type": old.statement.type,
                "subject": [item.json_object() for item in old.statement.subject],
                "body": new,
                "supersedes": [old.digest],
            }
        )
        entry = registry.statements.add(old.namespace, [said])[0]
    _done(session, entry, "said in place of the earlier one")


def _done(session: Session, entry: StatementEntry, verb: str, subject: str = "") -> None:
    def view() -> Drawing:
        from herdbook.apps.cli.views import statements
        from herdbook.apps.cli.views import text as t

        about = subject or ", ".join(statements.subject(item) for item in entry.statement.subject)
        kind = entry.statement.kind.replace("-", " ")
        return t.line((verb, t.GOOD), (kind, t.HEAD), f"about {about}", (t.bare(entry.digest), t.DIM))

    session.output.one(entry, view, brief=entry.digest)
