"""What an error looks like and which exit status it gives."""

from __future__ import annotations

import contextlib
import errno
import sys
import traceback
import warnings
from collections.abc import Iterator
from typing import Any

import click

from herdbook.apps.cli.session import Session
from herdbook.kernel.errors import EXIT_STATUS, HerdbookError, HerdbookWarning, InvalidError, Kind, MissingError
from herdbook.kernel.errors import DeniedError as Denied
from herdbook.kernel.errors import UnavailableError as Unavailable

CANCELLED = 1
USAGE = 2
UNEXPECTED = 70  # EX_SOFTWARE of sysexits.h
INTERRUPTED = 130  # 128 + SIGINT, as shells have it
BROKEN_PIPE = 141  # 128 + SIGPIPE

_BY_ERRNO: dict[int, type[HerdbookError]] = {
    errno.ENOENT: MissingError,
    errno.EACCES: Denied,
    errno.EPERM: Denied,
    errno.EROFS: Denied,
    errno.ENOSPC: Unavailable,
    errno.EDQUOT: Unavailable,
    errno.EIO: Unavailable,
    errno.EMFILE: Unavailable,
    errno.EISDIR: InvalidError,
    errno.ENOTDIR: InvalidError,
    errno.ENAMETOOLONG: InvalidError,
}


def report(error: BaseException, session: Session) -> int:
    """Say what went wrong on stderr, in the way the run asked for; return the exit status."""
    if session.debug and not isinstance(error, click.exceptions.Abort | click.UsageError):
        click.echo("".join(traceback.format_exception(error)), err=True, nl=False)
    if isinstance(error, click.exceptions.Abort):
        interrupted = isinstance(error.__cause__, KeyboardInterrupt)
        session.output.message("interrupted" if interrupted else "nothing was changed")
        return INTERRUPTED if interrupted else CANCELLED
    if isinstance(error, click.UsageError):
        return _usage(error, session)
    known = as_known(error)
    if known is None:
        detail = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        hint = "" if session.debug else "; --debug shows where it arose"
        return _say(
            session,
            UNEXPECTED,
            kind="unexpected",
            code="unexpected",
            detail=f"this should not have happened: {detail}",
            hint=f"Please report it with the command and its output{hint}.",
        )
    return _say(
        session,
        EXIT_STATUS[known.kind],
        kind=str(known.kind),
        code=known.code,
        detail=known.message,
        hint=known.hint,
        details=dict(known.details),
    )


@contextlib.contextmanager
def warnings_shown(session: Session) -> Iterator[None]:
    """Show on stderr, while a block runs, what the library wants a person to know."""
    shown = warnings.showwarning

    def show(message: Warning | str, category: type[Warning], *where: Any, **more: Any) -> None:  # noqa: ANN401 - as the standard library calls it
        if issubclass(category, HerdbookWarning):
            session.output.warn(str(message))
        else:
            shown(message, category, *where, **more)

    with warnings.catch_warnings():
        warnings.simplefilter("always", HerdbookWarning)
        warnings.showwarning = show
        yield


def as_known(error: BaseException) -> HerdbookError | None:
    """Return the error as one of ours, or ``None`` when nobody foresaw it."""
    if isinstance(error, HerdbookError):
        return error
    if isinstance(error, OSError) and error.errno in _BY_ERRNO:
        where = f"{error.filename}: " if error.filename else ""
        return _BY_ERRNO[error.errno](f"{where}{error.strerror}", code="os-error")
    if "pydantic" in sys.modules:
        from pydantic import ValidationError

        from herdbook.model.base import invalid

        if isinstance(error, ValidationError):
            return invalid(error, error.title.lower())
    return None


def _usage(error: click.UsageError, session: Session) -> int:
    path = error.ctx.command_path if error.ctx else "herdbook"
    return _say(
        session,
        USAGE,
        kind=str(Kind.INVALID),
        code="usage",
        detail=error.format_message(),
        hint=f"See `{path} --help`.",
    )


def _say(session: Session, status: int, *, kind: str, code: str, detail: str, hint: str, details: object = None) -> int:
    if session.as_json:
        from herdbook.apps.cli.answers import Problem

        problem = Problem.read(
            {
                "type": f"urn:herdbook:error:{code}",
                "title": kind,
                "kind": kind,
                "code": code,
                "detail": detail,
                "hint": hint or None,
                "details": details or None,
                "exit_status": status,
            }
        )
        session.output.object_on_stderr(problem.json_object())
        return status
    session.output.say(detail, label="error", style="1;31")
    if hint:
        session.output.say(hint, label="hint", style="2")
    return status
