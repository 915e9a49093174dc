"""The command ``herdbook``: finds the command that is meant, and turns every failure into words and a status."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Any

import click

from herdbook.apps.cli import failures
from herdbook.apps.cli.commands import Entry, LazyGroup
from herdbook.apps.cli.session import Session

_AT = "herdbook.apps.cli."
SECTIONS: dict[str, dict[str, Entry]] = {
    "Register and find": {
        "register": Entry(_AT + "registrations", "register", "Register a version of a model from files."),
        "show": Entry(_AT + "versions", "show", "Show a version with all that is said about it."),
        "list": Entry(_AT + "versions", "list_", "List models, or the versions of one."),
        "search": Entry(_AT + "versions", "search", "Search versions by words and fields."),
        "trace": Entry(_AT + "lineage", "trace", "Show where a version comes from, or what came of it."),
        "impact": Entry(_AT + "lineage", "impact", "Show all that descends from something that turned out bad."),
        "audit": Entry(_AT + "audits", "audit", "Say how complete it is, and how far it could be trained again."),
        "recheck": Entry(_AT + "audits", "recheck", "Ask again whether places still have data, code and files."),
        "history": Entry(_AT + "pointers", "history", "Show who moved what is in use, when and why."),
        "diff": Entry(_AT + "versions", "diff", "Compare two versions."),
    },
    "Capture": {
        "run": Entry(_AT + "captures", "run", "Run a command and capture what it does."),
        "push": Entry(_AT + "captures", "push", "Send captured runs to the registry."),
        "spool": Entry(_AT + "spool", "spool", "Captured runs that wait here."),
    },
    "Files": {
        "fetch": Entry(_AT + "files", "fetch", "Fetch a version's files, verified, into a folder."),
        "verify": Entry(_AT + "files", "verify", "Read registered files again and compare."),
        "data": Entry(_AT + "places", "data", "Where a version's bytes lie outside of registries."),
        "inspect": Entry(_AT + "files", "inspect", "Read facts of files that are not registered."),
        "preprocessing": Entry(
            _AT + "preprocessing", "preprocessing", "What is done to numbers before they enter a model."
        ),
        "check": Entry(_AT + "checks", "check", "Look for traps in a folder of a model, or in a version."),
    },
    "Bring from elsewhere": {
        "import": Entry(_AT + "imports", "import_", "What other systems hold: plan, apply, compare, take back."),
        "adopt": Entry(_AT + "adoptions", "adopt", "Register versions of another registry in this one."),
        "identity": Entry(_AT + "identities", "identity", "What other systems call a version and its files."),
        "release": Entry(_AT + "releases", "release", "Releases of software, and which versions were in them."),
    },
    "Train again": {
        "retrain": Entry(
            _AT + "retrain", "retrain", "Train a version again from what the registry knows, and compare."
        ),
        "golden": Entry(_AT + "retrain", "golden", "Inputs by which two versions are compared, and what each answers."),
    },
    "Say and link": {
        "alias": Entry(_AT + "pointers", "alias", "What is in use: names that may move."),
        "contract": Entry(_AT + "contracts", "contract", "What goes into a model and what comes out."),
        "statement": Entry(_AT + "statements", "statement", "What was learnt about something."),
        "dataset": Entry(_AT + "datasets", "dataset", "What models are trained and tested on."),
        "activity": Entry(_AT + "activities", "activity", "What turned inputs into outputs: trainings, conversions."),
        "card": Entry(_AT + "cards", "card", "Write a model card, or a dataset's datasheet, from what is known."),
        "study": Entry(_AT + "studies", "study", "How hyper-parameters were searched for."),
        "profile": Entry(_AT + "models", "profile", "What a model is for."),
        "undo": Entry(_AT + "versions", "undo", "Withdraw a mistaken registration."),
    },
    "The registry": {
        "init": Entry(_AT + "registries", "init", "Create a registry in a folder."),
        "namespace": Entry(_AT + "namespaces", "namespace", "Namespaces, their schemas and disk use."),
        "journal": Entry(_AT + "journal", "journal", "What happened, event by event."),
        "bundle": Entry(_AT + "bundles", "bundle", "Copies that prove themselves."),
        "store": Entry(_AT + "stores", "store", "Where bytes are kept: several places in an order."),
        "mirror": Entry(_AT + "mirrors", "mirror", "Keep a copy of namespaces of another registry, byte for byte."),
        "backup": Entry(_AT + "health", "backup", "Copy the registry while it is in use."),
        "move": Entry(_AT + "moving", "move", "Move the catalogue from the registry's folder into PostgreSQL."),
        "serve": Entry(_AT + "serve", "serve", "Serve the registry over HTTP."),
        "webhook": Entry(_AT + "webhooks", "webhook", "Addresses that are told of events."),
        "doctor": Entry(_AT + "health", "doctor", "Check everything, and mend what can be worked out again."),
        "gc": Entry(_AT + "health", "gc", "Find, or remove, bytes that nothing needs."),
    },
    "You and this machine": {
        "whoami": Entry(_AT + "people", "whoami", "Say who acts, and what that person is called."),
        "config": Entry(_AT + "settings", "config", "Settings, and where each comes from."),
        "cache": Entry(_AT + "cache", "cache", "Files of servers that are kept here."),
        "completion": Entry(_AT + "completion", "completion", "Print the script that completes words in a shell."),
    },
}

ABOUT = """Bookkeeping for trained inference models: where does it come from, how was it
trained, on what, and are these still its bytes?

A version is written MODEL:LABEL, MODEL@3, MODEL@sha256:4f1c…, MODEL@alias, or
MODEL for the newest."""


class Root(LazyGroup):
    """The group of all commands, which ends the process with the status that fits."""

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,  # noqa: ANN401 - what click takes
    ) -> Any:  # noqa: ANN401 - as click has it
        """Run; whatever happens becomes a message and an exit status."""
        if not standalone_mode:
            return super().main(args, prog_name, complete_var, standalone_mode=False, **extra)
        words = list(sys.argv[1:] if args is None else args)
        session = Session()
        try:
            with failures.warnings_shown(session):
                status = super().main(words, prog_name or "herdbook", complete_var, False, obj=session, **extra)
        except Exception as error:  # noqa: BLE001 - the one place where everything ends
            # A word that did not parse may have stood before --json.
            session.as_json = session.as_json or "--json" in words
            status = failures.report(error, session)
        sys.exit(status if isinstance(status, int) else 0)

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - as click has it
        """Run the command; when nobody reads on, end as quietly as other programs do."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            # What is left in the buffers has nowhere to go, also when the interpreter ends.
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, 1)
            ctx.exit(failures.BROKEN_PIPE)


def _version(context: click.Context, _parameter: click.Parameter, wanted: bool) -> None:
    if wanted and not context.resilient_parsing:
        from herdbook import __version__

        click.echo(f"herdbook {__version__}")
        context.exit()


@click.group(cls=Root, name="herdbook", help=ABOUT, sections=SECTIONS, hide_shared=False, epilog="")
@click.option(
    "--version", is_flag=True, expose_value=False, is_eager=True, callback=_version, help="Print the version and exit."
)
def cli() -> None:
    """Keep the book."""


def run() -> None:
    """Run the command with the words of this process."""
    if "_HERDBOOK_COMPLETE" in os.environ:
        from herdbook.apps.cli import completion

        completion.install()
    cli()
