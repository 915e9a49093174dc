"""What `herdbook import KIND` does: look, write the plan, or apply it."""

from __future__ import annotations

import contextlib
import json
import shlex
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from herdbook.apps.cli import documents, progress
from herdbook.apps.cli.import_sources import Opened, opened
from herdbook.apps.cli.output import Drawing
from herdbook.apps.cli.session import Session
from herdbook.kernel.errors import EXIT_STATUS, InvalidError, Kind, MissingError

if TYPE_CHECKING:
    from herdbook.model.drafts import Drafts
    from herdbook.model.imports import Report
    from herdbook.model.plans import PlanRow
    from herdbook.ports.registry import Registry


_NO_REGISTRY = {"no-catalogue", "no-registry"}


@dataclass(frozen=True)
class Given:
    """The options of `herdbook import KIND`."""

    plan: str | None = None
    apply: bool = False
    rules: str | None = None
    name: str | None = None
    namespace: str | None = None
    report: str | None = None


def run(session: Session, kind: str, place: str, given: Given) -> None:
    """Do what the options say; a report of a form that is not known is refused before anything is read."""
    if given.report and Path(given.report).suffix not in {".md", ".json"}:
        raise InvalidError(
            f"{given.report} is no form of a report", code="bad-report", hint="Name a file that ends in .md or .json."
        )
    named = {"--name": given.name, "--namespace": given.namespace, "--rules": given.rules}
    words = ["herdbook", "import", kind, place, *(word for pair in named.items() if pair[1] for word in pair)]
    command = shlex.join(filter(None, words))
    with opened(place, kind, name=given.name, rules=given.rules, namespace=given.namespace) as it:
        if given.apply:
            _apply(session, it, given)
        elif given.plan:
            _plan(session, it, given, f"{command} --plan {shlex.quote(given.plan)} --apply")
        else:
            _look(session, it, given, command)


def _drafts(session: Session, it: Opened) -> Drafts:
    with progress.waiting(session.output, f"reading {it.source.name}"):
        return it.source.drafts(it.rules)


@contextlib.contextmanager
def _reading(session: Session) -> Iterator[Registry]:
    """Open the registry for reading; where there is none yet, an empty one that is gone afterwards."""
    with contextlib.ExitStack() as stack:
        try:
            registry = stack.enter_context(session.registry(read_only=True))
        except MissingError as error:
            if error.code not in _NO_REGISTRY:
                raise
            from herdbook.bootstrap.open import open_registry

            folder = stack.enter_context(tempfile.TemporaryDirectory())
            registry = stack.enter_context(contextlib.closing(open_registry(folder)))
        yield registry


def _look(session: Session, it: Opened, given: Given, command: str) -> None:
    from herdbook.service import importing, plans

    drafts = _drafts(session, it)
    plan = plans.make(drafts)
    with _reading(session) as registry:
        report = importing.preview(registry, drafts, plan)
        rows = plans.table(plan, importing.known(registry, drafts, plan))

    def view() -> Drawing:
        from herdbook.apps.cli.views import imports

        return imports.preview(plan, rows, report)

    session.output.one(report, view, brief=_brief(rows))
    _write(session, report, given.report)
    session.output.message("\nnothing was written")
    session.output.hint(f"{command} --plan FILE writes this down to be edited; --apply does it as it stands")


def _plan(session: Session, it: Opened, given: Given, command: str) -> None:
    from herdbook.service import importing, plan_file, plans

    assert given.plan is not None
    file = Path(given.plan)
    drafts = _drafts(session, it)
    plan = plans.make(drafts)
    there = file.exists()
    if there:
        plan = plans.merge(plan_file.read(file), plan)
    plan_file.write(file, plan)
    with _reading(session) as registry:
        rows = plans.table(plan, importing.known(registry, drafts, plan))

    def view() -> Drawing:
        from herdbook.apps.cli.views import imports

        return imports.plan(plan, rows)

    session.output.one(plan, view, brief=_brief(rows))
    what = "planned again, what you edited stays" if there else "planned"
    session.output.message(f"\n{what}: {file}; nothing was written to the registry")
    if plan.conflicts:
        session.output.hint(f"decide each conflict in {file}, and delete its entry; then {command}")
        raise click.exceptions.Exit(EXIT_STATUS[Kind.CONFLICT])
    session.output.hint(f"edit {file}, then {command}")


def _apply(session: Session, it: Opened, given: Given) -> None:
    from herdbook.service import importing, plan_file, plans

    edited = plan_file.read(Path(given.plan)) if given.plan else None
    with session.registry() as registry:
        report = importing.unchanged(registry, it.source, it.rules, edited)
        if report is None:
            drafts = _drafts(session, it)
            plan = edited or plans.make(drafts)
            plans.check(plan, drafts)
            total = sum(blob.size or 0 for blob in drafts.blobs if blob.fate == "taken")
            with progress.working(session.output, total) as (count, step):
                report = importing.apply(registry, it.source, drafts, plan, progress=count, step=step)

    def view() -> Drawing:
        from herdbook.apps.cli.views import imports

        return imports.report(report)

    session.output.one(report, view, brief=report.batch)
    _write(session, report, given.report)
    if report.outcome == "applied":
        session.output.hint(f"{'herdbook list; ' if report.versions else ''}herdbook import show {report.batch[:12]}")


def _brief(rows: Sequence[PlanRow]) -> str:
    """Return the references that a plan would make, one a line."""
    kept = (row for row in rows if row.state != "skip")
    return "\n".join(f"{row.model}:{row.labels[0]}" if row.labels else row.model for row in kept)


def _write(session: Session, report: Report, name: str | None) -> None:
    if name is None:
        return
    file = Path(name)
    if file.suffix == ".json":
        text = json.dumps(report.json_object(), indent=1, ensure_ascii=False) + "\n"
    else:
        from herdbook.service import reports

        text = reports.markdown(report)
    documents.replace(file, text)
    session.output.message(f"the whole report: {file}")
