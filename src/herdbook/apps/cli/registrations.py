"""``register``: a version of a model from files, with what is said with it; or thousands from a manifest."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from herdbook.apps.cli import documents, progress
from herdbook.apps.cli.answers import Done
from herdbook.apps.cli.commands import Command
from herdbook.apps.cli.output import Drawing
from herdbook.apps.cli.references import complete_reference
from herdbook.apps.cli.session import Session, pass_session
from herdbook.kernel.errors import HerdbookError
from herdbook.model.base import Json
from herdbook.model.models import Step
from herdbook.model.registrations import Intake

Given = dict[str, Any]


@click.command(cls=Command)
@click.argument("reference", required=False, shell_complete=complete_reference)
@click.argument("paths", nargs=-1, type=click.Path(path_type=str), metavar="PATH...")
@click.option(
    "--dataset", "datasets", multiple=True, metavar="ID", help="Trained on it: scheme:value, or a digest. Repeatable."
)
@click.option("--parent", metavar="REF", help="The version that the training began from.")
@click.option(
    "--activity", metavar="FILE", help="The training or conversion, as JSON; this version becomes its output."
)
@click.option("--title", metavar="WORDS", help="What it is, in a line.")
@click.option("--summary", metavar="WORDS", help="What it is, in a paragraph.")
@click.option("--licence", metavar="SPDX", help="The licence of the files, as Apache-2.0 or CC-BY-4.0.")
@click.option("--description", metavar="FILE", help="Title, summary, licence, contact and more, as JSON or TOML.")
@click.option(
    "--step",
    type=click.Choice([str(step) for step in Step]),
    metavar="STEP",
    help="The processing step in which it runs: " + ", ".join(Step) + ".",
)
@click.option("--task", metavar="WORDS", help="What the model does (its profile).")
@click.option("--batch", metavar="MANIFEST", help="Many versions in one event: JSON lines, or - for standard input.")
@click.option("--confirm", is_flag=True, help="These are the bytes of a version that weak digests alone name.")
@click.option("--dry-run", is_flag=True, help="Show which files are taken and which are left out, and write nothing.")
@pass_session
def register(session: Session, /, *, reference: str | None, paths: tuple[str, ...], **given: Any) -> None:  # noqa: ANN401 - the options above
    """Register a version of a model from files.

    REFERENCE is MODEL:LABEL, or MODEL for a version without label. A folder is taken with all files below it, but for
    what .herdbookignore names, .git and editors' files. Registering the same once more changes nothing; under another
    label it gives the version that label too. A label that is taken by other content is a conflict.

    A line of a MANIFEST is an object with "reference", "path" or "paths" and, where wanted, "datasets", "parent",
    "activity", "description", "profile". Relative paths start at the manifest's folder.
    """
    if given["batch"] is not None:
        if reference is not None or any(value for name, value in given.items() if name not in {"batch", "dry_run"}):
            raise click.UsageError("With --batch everything stands in the manifest.")
        if given["dry_run"]:
            raise click.UsageError("--dry-run shows one version's files; it does not go with --batch.")
        _batch(session, given["batch"])
        return
    if reference is None or not paths:
        raise click.UsageError("Say what to register: herdbook register MODEL:LABEL PATH…, or --batch MANIFEST.")
    from herdbook.service import intake

    plan = intake.plan(paths)
    if given["dry_run"]:
        _dry_run(session, plan)
        return
    taken = [item for item in plan if item.left_out is None]
    with (
        session.registry() as registry,
        progress.counting_bytes(session.output, "registering", sum(item.size for item in taken)) as count,
    ):
        wanted = intake.Wanted(
            datasets=given["datasets"],
            parent=given["parent"],
            activity=documents.read_object(given["activity"]) if given["activity"] else None,
            description=_description(given) or None,
            profile={key: given[key] for key in ("step", "task") if given[key]} or None,
            confirm=given["confirm"],
        )
        done = Done.of(intake.register(registry, reference, paths, wanted, progress=count))
    session.output.one(done, lambda: _view(done, taken), brief=done.reference)
    if left := len(plan) - len(taken):
        session.output.hint(f"{left} file{'s were' if left > 1 else ' was'} left out; --dry-run shows which and why")
    session.output.hint(f"herdbook show {done.reference}")


def _description(given: Given) -> Json:
    found = documents.read_object(given["description"]) if given["description"] else {}
    return {**found, **{key: given[key] for key in ("title", "summary", "licence") if given[key]}}


def _view(done: Done, taken: list[Intake]) -> Drawing:
    from herdbook.apps.cli.views import text as t

    held = f"{t.many(len(taken), 'file')}, {t.size(sum(item.size for item in taken))}"
    return t.line(
        (done.outcome, t.GOOD if done.outcome != "unchanged" else t.DIM),
        (done.reference, t.HEAD),
        (f"version {done.ordinal}", t.DIM),
        (t.short(done.record), t.DIM),
        (held, t.DIM),
    )


def _dry_run(session: Session, plan: list[Intake]) -> None:
    def view(entries: list[Intake]) -> Drawing:
        from herdbook.apps.cli.views import listings

        return listings.intake(entries)

    session.output.many(plan, view, brief=lambda item: "" if item.left_out else item.path, empty="There is no file.")
    taken = [item for item in plan if item.left_out is None]
    left = len(plan) - len(taken)
    session.output.message(f"\n{len(taken)} taken, {left} left out; nothing was written")


def _batch(session: Session, manifest: str) -> None:
    from herdbook.service import batches

    lines = documents.read_text_lines(manifest)
    base = "." if manifest == "-" else str(Path(manifest).parent)
    with session.registry() as registry, progress.counting_bytes(session.output, "registering") as count:
        try:
            found = [Done.of(item) for item in batches.register(registry, lines, base=base, progress=count)]
        except HerdbookError as error:
            error.hint = error.hint or "Correct the manifest, then register it again."
            raise

    def view(entries: list[Done]) -> Drawing:
        from herdbook.apps.cli.views import listings

        return listings.registered(entries)

    session.output.many(found, view, brief=lambda item: item.reference, empty="The manifest is empty.")
    outcomes: dict[str, int] = {}
    for item in found:
        outcomes[item.outcome] = outcomes.get(item.outcome, 0) + 1
    session.output.message("\n" + ", ".join(f"{count:,} {outcome}" for outcome, count in outcomes.items()))
