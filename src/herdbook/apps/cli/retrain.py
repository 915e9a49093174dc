"""``retrain`` and ``golden``: train a version again from what the registry knows, and by what to compare it."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import click

from herdbook.apps.cli import progress
from herdbook.apps.cli.answers import Retrained
from herdbook.apps.cli.commands import Command, Group
from herdbook.apps.cli.output import Drawing
from herdbook.apps.cli.references import complete_reference
from herdbook.apps.cli.session import Session, pass_session
from herdbook.kernel.errors import EXIT_STATUS, DeniedError, InvalidError, Kind
from herdbook.model.base import Json

_UNITS = {"k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12, "ki": 2**10, "mi": 2**20, "gi": 2**30, "ti": 2**40}
_SPANS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_STATUS = {"incomplete": Kind.MISSING, "differs": Kind.CONFLICT, "failed": Kind.UNAVAILABLE}


@click.command(cls=Command)
@click.argument("reference", shell_complete=complete_reference)
@click.option("--dry-run", is_flag=True, help="Look for everything, verify what can be, and run nothing.")
@click.option("--engine", "engine_", metavar="NAME", default="local", show_default=True, help="Where it runs.")
@click.option("--setting", "settings", multiple=True, metavar="NAME=VALUE", help="What the engine is told. Repeatable.")
@click.option("--seed", "seeds", multiple=True, metavar="NAME=N", help="Another seed, an option of the command.")
@click.option("--set", "parameters", multiple=True, metavar="PARAM=VALUE", help="Another value of a command's option.")
@click.option("--into", metavar="FOLDER", help="Where the job lies; an engine's machines must see it.")
@click.option("--as", "as_", metavar="MODEL[:LABEL]", help="Register the result here, not with the original's model.")
@click.option("--keep", is_flag=True, help="Keep the job's folder.")
@click.option("--take", is_flag=True, help="Take the result of the job in --into, which somebody handed over.")
@click.option("--limit", "limits", multiple=True, metavar="NAME=VALUE", help="wall=2h, memory=8G, cpus=4, gpus=1.")
@click.option("--repository", metavar="CLONE", help="A clone of the code, where nobody else has its commit.")
@click.option("--output", "outputs", multiple=True, metavar="PATH", help="Where the command writes the version.")
@click.option("--python", metavar="PROGRAM", help="The interpreter to run with, instead of one made for the job.")
@click.option("--no-record", is_flag=True, help="Register and say nothing.")
@pass_session
def retrain(session: Session, /, *, reference: str, **given: Any) -> None:  # noqa: ANN401 - the options above
    """Train a version again from what the registry knows, and compare.

    Code, environment, inputs and command are those that the version's training has on record, each verified. What comes
    out is registered, compared by its bytes, by predictions on golden inputs and by metrics within the tolerance, and
    the outcome is a statement about the version. Exits with 3 when something is missing, with 4 when the result
    differs, with 6 when the run failed.
    """
    from herdbook.bootstrap import places
    from herdbook.service.retraining import planning

    if given["take"] and not given["into"]:
        raise click.UsageError("--take needs --into: where the job lies.")
    edits = planning.Edits(
        seeds=_pairs(given["seeds"]),
        parameters=_pairs(given["parameters"]),
        repository=str(Path(given["repository"]).absolute()) if given["repository"] else "",
        outputs=given["outputs"],
        python=given["python"] or "",
    )
    with session.registry(read_only=given["no_record"]) as registry, places.opened() as open_:
        with progress.waiting(session.output, "looking for what it needs"):
            work = planning.make(registry, reference, open_, edits)
        session.output.message(_intent(work.plan.download_bytes))
        answer = _dry_run(session, registry, work, given) if given["dry_run"] else _run(session, registry, work, given)

    def view() -> Drawing:
        from herdbook.apps.cli.views import retrainings

        return retrainings.retrained(answer)

    session.output.one(answer, view, brief=answer.retraining.outcome)
    if kind := _STATUS.get(answer.retraining.outcome):
        raise click.exceptions.Exit(EXIT_STATUS[kind])


def _intent(count: int) -> str:
    from herdbook.apps.cli.views import text as t

    return f"{t.size(count)} to download" if count else "nothing to download"


def _dry_run(session: Session, registry: Any, work: Any, given: Json) -> Retrained:  # noqa: ANN401 - values of what is loaded late
    from herdbook.service.retraining import outcome, recording

    body = outcome.of_dry_run(work)
    statement = ""
    try:
        statement = recording.say(registry, work, body, _target(work, given))
    except DeniedError as error:
        session.output.warn(f"what was found is not said in the registry: {error}")
    return _answer(work, recording.Recorded(body, statement))


def _run(session: Session, registry: Any, work: Any, given: Json) -> Retrained:  # noqa: ANN401 - see _dry_run
    from herdbook.bootstrap import engines
    from herdbook.capture import figures
    from herdbook.service.retraining import outcome, preparing, recording, running

    engine = engines.engine(given["engine_"])
    target = _target(work, given)
    if not work.plan.runnable:
        body = outcome.of_failure(work, engine.name, work.plan.lacking(), incomplete=True)
        return _answer(work, recording.Recorded(body, recording.say(registry, work, body, target)))
    limits = _limits(given["limits"])
    means = running.Means(
        engine,
        engines.runner,
        limits,
        _pairs(given["settings"]),
        read_metrics=figures.metrics,
    )
    folder = Path(given["into"]).absolute() if given["into"] else _folder()
    with preparing.folder(folder, keep=given["keep"], take=given["take"]) as path, _steps(session) as step:
        done = running.run(registry, work, means, path, target=target, take=given["take"], step=step)
        return _answer(work, done, folder=str(path) if given["keep"] else "")


def _folder() -> Path:
    from herdbook.bootstrap import settings
    from herdbook.service.retraining import preparing

    top = Path(settings.load().text("cache")).expanduser() / "retrain"
    preparing.sweep(top)
    return top / secrets.token_hex(8)


@contextlib.contextmanager
def _steps(session: Session) -> Iterator[Any]:
    """Say what is done now, where somebody watches."""
    with contextlib.ExitStack() as now:

        def step(words: str) -> None:
            now.close()
            now.enter_context(progress.waiting(session.output, words))

        yield step


def _target(work: Any, given: Json) -> Any:  # noqa: ANN401 - see _dry_run
    from herdbook.service.retraining import recording

    return recording.Target(given["as_"] or recording.default_target(work), quiet=given["no_record"])


def _answer(work: Any, done: Any, *, folder: str = "") -> Retrained:  # noqa: ANN401 - see _dry_run
    return Retrained(
        reference=work.plan.reference,
        download_bytes=work.plan.download_bytes,
        plan=work.plan,
        retraining=done.retraining,
        statement=done.statement or None,
        registered=done.reference or None,
        folder=folder or None,
    )


def _pairs(given: Sequence[str]) -> dict[str, str]:
    found = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise click.UsageError(f"{text!r} is not NAME=VALUE.")
        found[name] = value
    return found


def _limits(given: Sequence[str]) -> Any:  # noqa: ANN401 - see _dry_run
    from herdbook.model.jobs import JobLimits

    readers: dict[str, tuple[str, Callable[[str], object]]] = {
        "wall": ("wall_s", lambda text: _scaled(text, _SPANS)),
        "memory": ("memory_bytes", lambda text: int(_scaled(text, _UNITS))),
        "output": ("output_bytes", lambda text: int(_scaled(text, _UNITS))),
        "cpus": ("cpus", int),
        "gpus": ("gpus", int),
    }
    told: Json = {}
    for name, value in _pairs(given).items():
        if name not in readers:
            raise click.UsageError(f"There is no limit {name!r}; there are: {', '.join(readers)}.")
        field, read = readers[name]
        try:
            told[field] = read(value)
        except ValueError as error:
            raise click.UsageError(f"{name}={value} is no limit.") from error
    return JobLimits.read(told)


def _scaled(text: str, units: dict[str, int]) -> float:
    lower = text.lower().removesuffix("b") if units is _UNITS else text.lower()
    for unit in sorted(units, key=len, reverse=True):
        if lower.endswith(unit):
            return float(lower.removesuffix(unit)) * units[unit]
    return float(lower)


@click.group(cls=Group)
def golden() -> None:
    """Inputs by which two versions are compared, and what each answers."""


@golden.command()
@click.argument("reference", shell_complete=complete_reference)
@click.argument("inputs", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="INPUTS.npz")
@click.argument(
    "outputs", type=click.Path(exists=True, dir_okay=False, path_type=Path), required=False, metavar="[OUTPUTS.npz]"
)
@click.option("--path", default="", metavar="PATH", help="For which file of the version, where it has several models.")
@click.option("--command", "argv", metavar="WORDS", help="How to apply it: words with {model}, {inputs}, {outputs}.")
@pass_session
def add(
    session: Session, /, *, reference: str, inputs: Path, outputs: Path | None, path: str, argv: str | None
) -> None:
    """Say what a version answers to given inputs.

    INPUTS has an array for each input tensor, by name. An ONNX model is applied to them now, in a process with limits;
    for any other give OUTPUTS and the --command of the training's code that makes them.
    """
    import shlex

    from herdbook.service.retraining import goldens

    words = shlex.split(argv) if argv else []
    if words and "{outputs}" not in words:
        raise InvalidError(
            "the command names no {outputs}", code="bad-golden", hint="It must write an .npz file there."
        )
    with session.registry() as registry:
        entry = goldens.add(registry, reference, inputs, outputs, argv=words, path=path)

    def view() -> Drawing:
        from herdbook.apps.cli.views import text as t

        return t.line(("said", t.GOOD), ("golden", t.HEAD), f"about {reference}", (t.bare(entry.digest), t.DIM))

    session.output.one(entry, view, brief=entry.digest)
