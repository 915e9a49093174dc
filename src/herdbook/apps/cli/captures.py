"""``run`` and ``push``: a command under capture, and captured runs into the registry."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from herdbook.apps.cli.commands import EVERYWHERE, WIDTH, Command
from herdbook.apps.cli.output import Drawing
from herdbook.apps.cli.session import Session, pass_session

if TYPE_CHECKING:
    from herdbook.capture.running import Ran
    from herdbook.capture.wanted import Wanted
    from herdbook.model.captures import Capture, Pushed, RunEntry

Given = dict[str, Any]
UPLOADS = ("always", "clean", "never")
STRATEGIES = ("scratch", "warm-start", "fine-tuning", "continual", "threshold-only")
_RUN = {"max_content_width": WIDTH, "ignore_unknown_options": True, "allow_interspersed_args": False}


@click.command(cls=Command, context_settings=_RUN, epilog=EVERYWHERE)
@click.argument("command", nargs=-1, type=click.UNPROCESSED, required=True, metavar="[--] COMMAND...")
@click.option("--model", metavar="NS/MODEL:LABEL", help="What it makes, to be registered so by the push.")
@click.option("--namespace", metavar="NS", help="Where the activity is written, when it makes no model.")
@click.option("--kind", default="", metavar="KIND", help="training, conversion, quantisation, pruning, distillation …")
@click.option("--output", "outputs", multiple=True, metavar="[ROLE=]PATH", help="A file or folder that comes out.")
@click.option("--input", "inputs", multiple=True, metavar="[ROLE=]PATH|ID", help="A file, folder or dataset going in.")
@click.option("--dataset", "datasets", multiple=True, metavar="ID", help="A dataset: scheme:value, or a digest.")
@click.option("--parent", "parents", multiple=True, metavar="REF", help="The version that it begins from.")
@click.option("--config", "configs", multiple=True, metavar="FILE", help="A file of settings: kept, and parameters.")
@click.option("--metrics", metavar="FILE", help='JSON that it leaves, as {"test": {"auc": 0.91}}.')
@click.option("--parameter", "parameters", multiple=True, metavar="K=V", help="A hyper-parameter. Repeatable.")
@click.option("--strategy", type=click.Choice(STRATEGIES), help="How it begins from its parent.")
@click.option("--trigger", metavar="WORDS", help="What set it off, as a new calibration.")
@click.option("--window", metavar="AXIS:SINCE:UNTIL", help="The data that it sees, as run:315252:325172.")
@click.option("--setting", "settings", multiple=True, metavar="K=V", help="Of the kind: bits=8, sparsity=0.5.")
@click.option("--diff", type=click.Choice(UPLOADS), help="When the diff of a dirty tree may be uploaded.")
@click.option("--bundle", is_flag=True, help="Keep the repository's history too, for when no remote has the commit.")
@click.option("--trace-opens", is_flag=True, help="See what C code opens, too (strace); slower.")
@click.option("--accept-inputs", is_flag=True, help="All that it is seen to read are inputs.")
@click.option("--push/--no-push", default=False, help="Send it when it has ended well.")
@pass_session
def run(session: Session, /, *, command: tuple[str, ...], **given: Any) -> None:  # noqa: ANN401 - the options above
    """Run a command and capture what it does.

    Nothing needs to be installed or written for it: code, environment, machine, files, parameters, seeds and metrics
    are noticed and kept in the spool, also without a network. `herdbook push` sends them. Input, output and exit
    status are the command's own.
    """
    from herdbook.bootstrap import capturing
    from herdbook.bootstrap import settings as settings_
    from herdbook.capture import running

    known = settings_.load(registry=session.where)
    rules = capturing.policy(known)
    wanted = _wanted(session, command, given, given["diff"] or rules.upload)
    spool, note = capturing.open_spool(known)
    if note:
        session.output.warn(note)
    ran = running.run(spool, wanted, rules)
    for words in ran.notes:
        session.output.warn(words)
    if ran.capture is not None:
        _told(session, ran, given, rules.store_limit)
    if ran.signal:
        running.die_alike(ran.signal)
    if ran.status:
        raise click.exceptions.Exit(ran.status)


def _wanted(session: Session, command: tuple[str, ...], given: Given, upload: str) -> Wanted:
    from herdbook.capture import wanted as w
    from herdbook.capture.figures import parameter

    folder = Path.cwd()
    paths, named = w.inputs(given["inputs"], folder)
    kind = given["kind"] or ("fine-tuning" if given["parents"] else "training")
    made = (parameter(name, w.setting(value)) for name, value in w.pairs(given["parameters"]).items())
    return w.Wanted(
        argv=command,
        cwd=folder,
        kind=given["kind"],
        target=given["model"],
        namespace=given["namespace"],
        registry=session.where,
        inputs=paths,
        outputs=w.roles(given["outputs"], "model", folder),
        datasets=(*named, *given["datasets"]),
        parents=given["parents"],
        configs=tuple(folder / name for name in given["configs"]),
        metrics=folder / given["metrics"] if given["metrics"] else None,
        parameters=tuple(item for item in made if item is not None),
        derivation=w.derivation(kind, given["strategy"], given["trigger"], given["window"], given["settings"]),
        upload=upload,
        bundle=given["bundle"],
        trace_opens=given["trace_opens"],
    )


def _told(session: Session, ran: Ran, given: Given, store_limit: int) -> None:
    """Push where that was asked for, and say what was captured: on stderr, since stdout is the command's."""
    from herdbook.apps.cli import spool
    from herdbook.kernel.errors import HerdbookError

    assert ran.capture is not None
    assert ran.folder is not None
    pushed = None
    if given["push"] and ran.capture.status == "finished":
        from herdbook.capture import pushing
        from herdbook.capture.spool import Run

        try:
            asked = pushing.Asked(accept=given["accept_inputs"], store_limit=store_limit)
            with session.registry() as registry:
                pushed = pushing.push(registry, Run(ran.folder), asked)
        except (HerdbookError, OSError) as error:
            session.output.warn(f"it was not pushed: {error}")
    elif given["accept_inputs"]:
        _accept(ran)
    entry = spool.entry(ran.capture, ran.folder, pushed, ran.start_s, ran.end_s)
    if session.output.mode != "text":
        session.output.one(entry, lambda: None, brief=entry.id)
        return
    session.output.message(f"captured: {_brief(entry)}")
    for problem in entry.problems:
        session.output.message(f"  {problem}")
    if not given["bundle"] and _only_here(ran.capture):
        session.output.hint("no remote has this commit: push it there, or keep the code with --bundle")
    if pushed is None:
        session.output.hint(f"herdbook push {entry.id[:12]} sends it; herdbook spool show {entry.id[:12]} shows it")
    else:
        session.output.message(_sent(pushed))
        _next(session, [pushed])


def _only_here(capture: Capture) -> bool:
    """Say whether the code is in this working copy alone, so that nobody else could train it again."""
    problems = set(capture.code.problems or ()) if capture.code else set()
    return bool(problems & {"no-remote", "unpushed"})


def _accept(ran: Ran) -> None:
    from herdbook.capture import planning
    from herdbook.capture.spool import Run

    assert ran.capture is not None
    assert ran.folder is not None
    ran.capture = planning.accepted(ran.capture)
    Run(ran.folder).write(ran.capture)


def _brief(entry: RunEntry) -> str:
    seen = f" ({entry.unconfirmed} not confirmed)" if entry.unconfirmed else ""
    counts = f"{_many(entry.inputs, 'input')}{seen}, {_many(entry.metrics, 'metric')}"
    return f"{entry.kind} {entry.id[:12]}, {entry.status}: {counts}"


def _many(count: int, noun: str) -> str:
    """Return a count with its noun; what draws is not loaded for a line at the end of somebody's command."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


@click.command(cls=Command)
@click.argument("runs", nargs=-1, metavar="[RUN...]")
@click.option("--model", metavar="NS/MODEL:LABEL", help="Register the model so, in place of what the run said.")
@click.option("--namespace", metavar="NS", help="Where the activity is written, when there is no model.")
@click.option("--output", "outputs", multiple=True, metavar="[ROLE=]PATH", help="A file or folder that came out.")
@click.option("--accept-inputs", is_flag=True, help="All that it was seen to read are inputs.")
@click.option("--only", multiple=True, metavar="PATH", help="Of what it was seen to read, this alone is an input.")
@click.option("--diff", type=click.Choice(UPLOADS), help="When the diff of a dirty tree may be uploaded.")
@click.option("--store-inputs", is_flag=True, help="Store all confirmed inputs in the registry, also large ones.")
@click.option("--no-model", is_flag=True, help="Write the activity alone.")
@click.option("--again", is_flag=True, help="Without RUN: those that were pushed before, too.")
@pass_session
def push(session: Session, /, *, runs: tuple[str, ...], **given: Any) -> None:  # noqa: ANN401 - the options above
    """Send captured runs to the registry.

    RUN is the beginning of a run's id, or "last"; without one, all that have ended well and were not sent. What was
    sent already is answered with; a push that was interrupted is simply repeated.
    """
    from herdbook.apps.cli import progress
    from herdbook.bootstrap import capturing
    from herdbook.capture import pushing, spool, wanted
    from herdbook.capture.recording import after_a_crash

    place, _ = capturing.open_spool(write=False)
    folder = Path.cwd()
    chosen = [place.find(word) for word in runs]
    if not runs:
        settled = [(each, spool.settle(each, after_a_crash)) for each in place.runs()]
        ended = [each for each, capture in settled if capture.status == "finished"]
        chosen = [each for each in ended if given["again"] or each.pushed is None]
        chosen = [each for each in chosen if given["model"] or given["namespace"] or _placed(each.read())]
    limit = 2**62 if given["store_inputs"] else capturing.policy().store_limit
    done: list[Pushed] = []
    with session.registry() as registry, progress.counting_bytes(session.output, "pushing") as count:
        for each in chosen:
            asked = pushing.Asked(
                target=given["model"],
                namespace=given["namespace"],
                outputs=wanted.roles(given["outputs"], "model", folder),
                accept=given["accept_inputs"],
                only=tuple(str(Path(path).absolute()) for path in given["only"]),
                upload=given["diff"],
                store_limit=limit,
                again=given["store_inputs"],
                model=not given["no_model"],
                progress=count,
            )
            done.append(pushing.push(registry, each, asked))
    brief = "Nothing waits to be pushed."
    session.output.many(done, _pushed_view, brief=lambda item: item.reference or item.activity, empty=brief)
    _next(session, done)


def _placed(capture: Any) -> bool:  # noqa: ANN401 - a Capture, whose module is loaded late
    return bool(capture.target or capture.namespace)


def _sent(item: Pushed) -> str:
    from herdbook.apps.cli.views import text as t

    what = f"{item.outcome} {item.reference}" if item.reference else f"recorded a run that {item.status}"
    return f"{what}  activity {t.short(item.activity)}  {t.many(item.inputs, 'input')}"


def _pushed_view(items: list[Pushed]) -> Drawing:
    from rich.console import Group
    from rich.text import Text

    from herdbook.apps.cli.views import text as t

    lines = []
    for item in items:
        lines.append(
            t.line(
                (item.outcome or item.status, t.GOOD if item.outcome not in {None, "unchanged"} else t.DIM),
                (item.reference or f"activity in {item.namespace}", t.HEAD),
                (f"version {t.short(item.record)}" if item.record else "", t.DIM),
                (f"activity {t.short(item.activity)}", t.DIM),
                t.many(item.inputs, "input"),
            )
        )
        lines += [Text(f"  {problem}", style=t.WARM) for problem in item.problems]
    return Group(*lines)


def _next(session: Session, done: list[Pushed]) -> None:
    for item in done:
        if item.unconfirmed:
            seen = f"{item.unconfirmed} input{'s were' if item.unconfirmed > 1 else ' was'} seen and not confirmed"
            session.output.hint(f"{seen}: herdbook spool show {item.run[:12]} --inputs, then push --accept-inputs")
        what = item.reference or item.activity[:19]
        session.output.hint(f"herdbook {'audit' if item.reference else 'activity show'} {what}")
