"""Begins and ends a session: for a whole interpreter, or for a part of one as ``herdbook.training`` does."""

from __future__ import annotations

import _thread
import atexit
import os
import sys

from .ending import end, failure
from .guard import local, quietly
from .importing import start
from .importlib_bootstrap import around
from .opens import FOLDER, forget, hook
from .sessions import Session, active, told

VARIABLE = "HERDBOOK_CAPTURE"
"""The variable that names the folder of a run; without it nothing is noticed."""


class _Process:
    """What is done once in an interpreter, and what it was told of its end."""

    hooked = False
    exit: object = None


_before: dict[str, str | None] = {}
"""The variables as they were before the first training that is open in this interpreter."""


def begin(folder: str) -> None:
    """Notice all that this interpreter does, until it ends."""
    if any("resource_tracker" in str(word) for word in getattr(sys, "orig_argv", None) or sys.argv):
        return  # a servant of multiprocessing, which opens nothing of the training's
    _hook()
    quietly(_begin, folder)
    sys.exit = around(sys.exit, _leaving)  # the status is kept nowhere else


def _begin(folder: str) -> None:
    forget()
    active.append(Session(folder, None))


def install(folder: str | os.PathLike[str]) -> Session:
    """Begin to notice, for a training inside a running interpreter.

    Trainings may nest and follow one another. What a thread does is told to those that it began, and to the whole
    interpreter's; what a thread does that began none is told to all that are open. Interpreters that are started
    meanwhile (``multiprocessing`` by spawn) write to the training that began last.

    Args:
        folder: of the run; lines go to ``seen`` in it.

    Returns:
        The session, to be given to ``stop``; with ``metric`` and ``parameter`` that write to it alone.
    """
    _hook()
    forget()
    session = Session(os.fspath(folder), _thread.get_ident())
    for other in told() if any(other.thread == session.thread for other in active) else list(active):
        other.put("run", folder=session.folder)
    active.append(session)
    quietly(_environment)
    return session


def stop(session: Session | None = None, status: str = "finished", exception: str | None = None) -> None:
    """End a session: tell libraries and flags, and how it ended. Ending it twice does nothing.

    Args:
        session: None ends the one that began last.
        status: ``finished`` or ``failed``.
        exception: what ended it.
    """
    if session is None and active:
        session = active[-1]
    if session not in active:
        return
    busy, local.busy = local.busy, True
    try:
        end(session, status, exception)
    except Exception:
        pass
    finally:
        local.busy = busy
        active.remove(session)
        forget()
    if session.thread is not None:
        quietly(_environment)


def metric(name: str, value: object, split: str | None = None, step: int | None = None) -> None:
    """Tell a metric of all trainings that this thread is in; with a step it is a point of the history."""
    for session in list(told()):
        quietly(session.metric, name, value, split, step)


def parameter(name: str, value: object, source: str = "herdbook") -> None:
    """Tell a parameter of all trainings that this thread is in."""
    for session in list(told()):
        quietly(session.parameter, name, value, source)


def _hook() -> None:
    """Let the interpreter tell of opens, forks, imports and its end; once."""
    if _Process.hooked:
        return
    _Process.hooked = True
    for step in (
        lambda: atexit.register(_ends),
        lambda: os.register_at_fork(after_in_child=_forked),
        lambda: setattr(os, "_exit", around(os._exit, _leaving_at_once)),
        lambda: sys.addaudithook(hook),
    ):
        quietly(step)
    try:
        start()
    except Exception:
        pass


def _forked() -> None:
    """Begin files of their own in a forked process."""
    local.busy = False
    forget()
    for session in list(active):
        quietly(session.forked)


def _leaving(args: tuple[object, ...], _kwargs: dict[str, object]) -> None:
    _Process.exit = args[0] if args else None


def _leaving_at_once(args: tuple[object, ...], kwargs: dict[str, object]) -> None:
    """End the files of a process that leaves without cleaning up, as forked workers do."""
    status = args[0] if args else kwargs.get("status", 0)
    for session in list(active):
        failed = status != 0
        end(session, "failed" if failed else "finished", f"exit status {status}" if failed else None)
    del active[:]


def _ends() -> None:
    """End what is open when the interpreter ends."""
    exception = failure()
    if exception is None and _Process.exit not in (None, 0, False):
        exception = (
            f"SystemExit: {_Process.exit if isinstance(_Process.exit, (int, str)) else type(_Process.exit).__name__}"
        )
    for session in reversed(list(active)):
        stop(session, "failed" if exception else "finished", exception)


def _environment() -> None:
    """Let interpreters that are started from here write to the training that began last."""
    mine = [session for session in active if session.thread is not None]
    if mine and not _before:
        _before.update((name, os.environ.get(name)) for name in (VARIABLE, "PYTHONPATH"))
    wanted = dict(_before)
    if mine:
        paths = [path for path in (wanted.get("PYTHONPATH") or "").split(os.pathsep) if path and path != FOLDER]
        wanted = {VARIABLE: mine[-1].folder, "PYTHONPATH": os.pathsep.join([FOLDER, *paths])}
    else:
        _before.clear()
    for name, value in wanted.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
