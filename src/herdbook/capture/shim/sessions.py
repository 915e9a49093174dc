"""Where lines go: one session per run's folder, with what it was told already and how much it takes."""

from __future__ import annotations

import _thread
import os
import sys
import time

from .lines import describe, encode, is_secret, masked, number
from .writer import Writer

TYPE_CHECKING = False
if TYPE_CHECKING:  # the module typing is not imported into a training
    from collections.abc import Iterable
    from typing import Any

LIMITS = {"open": 100_000, "metric": 500_000, "parameter": 10_000, "seed": 1_000}
"""So many lines of a sort are written by one process; then a line ``limit`` says that there were more."""
OTHER_LIMIT = 10_000
_LARGEST = sys.float_info.max
MOST_SOURCES = 16
"""So many different settings of one source are told: estimators, optimisers, data loaders of one class."""


class Session:
    """One run's folder, as one process writes to it."""

    def __init__(self, folder: str, thread: int | None) -> None:
        self.folder = os.path.abspath(folder)
        self.thread = thread
        """The thread that began it; what is noticed there goes to its own sessions. None: it hears every thread."""
        self._begin(_how_started())

    def _begin(self, how: str | None) -> None:
        """Begin a file. ``how`` this process was started, None when by no method of ``multiprocessing``."""
        seen = os.path.join(self.folder, "seen")
        if os.path.isdir(self.folder) and not os.path.isdir(seen):
            try:
                os.mkdir(seen)
            except OSError:
                pass
        self.pid = os.getpid()
        self.how = how
        self.trained = False
        self._writer = Writer(seen)
        self._counts: dict[str, int] = {}
        self._known: set[object] = set()
        self._groups: dict[str, int] = {}
        argv = masked([str(word) for word in getattr(sys, "orig_argv", None) or [sys.executable, *_argv()]])
        more: dict[str, Any] = {} if how is None else {"start_method": how}
        self.put(
            "process",
            later=how == "fork",  # a fork that only executes another program has nothing to tell
            ppid=os.getppid(),
            argv=argv,
            executable=sys.executable,
            python=".".join(map(str, sys.version_info[:3])),
            cwd=_cwd(),
            **more,
        )

    def forked(self) -> None:
        """Begin a file of its own in a process that was forked: what waited in the parent's is the parent's."""
        self._begin("fork")

    def put(self, what: str, *, later: bool = False, **fields: object) -> None:
        """Write a line, unless there were too many of its sort."""
        count = self._counts[what] = self._counts.get(what, 0) + 1
        limit = LIMITS.get(what, OTHER_LIMIT)
        if count > limit:
            if count > limit + 1:
                return
            fields, what = {"name": what, "count": limit}, "limit"
        head = {"what": what, "t": time.time(), "pid": self.pid}
        head.update(fields)
        self._writer.add(encode(head), later=later)

    def once(self, what: str, key: object, **fields: Any) -> None:
        """Write a line, unless the same process has told this before."""
        key = (what, key)
        if key not in self._known:
            if self._counts.get(what, 0) <= LIMITS.get(what, OTHER_LIMIT):
                self._known.add(key)
            self.put(what, **fields)

    def knows(self, what: str, key: object) -> bool:
        """Say whether it was told, or whether no more of its sort is taken."""
        return (what, key) in self._known or self._counts.get(what, 0) > LIMITS.get(what, OTHER_LIMIT)

    def parameters(self, source: str, items: Iterable[tuple[str, object]]) -> None:
        """Write the settings of one source; different ones of the same class get ``[2]``, ``[3]`` … behind it."""
        told = []
        for name, value in items:
            text, kind = ("***", "secret") if isinstance(value, str) and is_secret(name) else describe(value)
            told.append((str(name), text, kind))
        key = (source, tuple(told))
        if not told or ("group", key) in self._known:
            return
        count = self._groups[source] = self._groups.get(source, 0) + 1
        if count > MOST_SOURCES:
            return
        self._known.add(("group", key))
        for name, text, kind in told:
            behind = source if count == 1 else f"{source}[{count}]"
            self.put("parameter", name=name, text=text, type=kind, source=behind)

    def parameter(self, name: str, value: object, source: str = "herdbook") -> None:
        """Write one parameter that the training itself tells."""
        text, kind = ("***", "secret") if isinstance(value, str) and is_secret(name) else describe(value)
        self.put("parameter", name=str(name), text=text, type=kind, source=source)

    def metric(
        self, name: str, value: object, split: str | None = None, step: int | None = None, source: str = "herdbook"
    ) -> None:
        """Write a metric; with a step it is a point of the history. What is no number is passed over."""
        found = number(value)
        if not isinstance(found, (int, float)) or (isinstance(found, int) and abs(found) > _LARGEST):
            return
        fields: dict[str, Any] = {"name": str(name), "value": found, "split": split, "source": source}
        if step is not None:
            fields["step"] = number(step)
        self.put("metric", **fields)

    def flush(self, wait: float = 1.0) -> None:
        """Write what waits."""
        self._writer.flush(wait)


active: list[Session] = []
"""The sessions of this process, the outermost first. It is changed in place."""


def told() -> list[Session]:
    """Return the sessions that hear of what this thread does.

    A thread that began a training has its own; one that did not (a loader's) may work for any.
    """
    if len(active) < 2:
        return active
    mine = _thread.get_ident()
    if any(session.thread == mine for session in active):
        return [session for session in active if session.thread is None or session.thread == mine]
    return list(active)


def _argv() -> list[str]:
    return list(getattr(sys, "argv", []))


def _cwd() -> str | None:
    try:
        return os.getcwd()
    except OSError:
        return None


def _how_started() -> str | None:
    """Say by which method of ``multiprocessing`` or ``joblib`` this interpreter was started, None when by neither."""
    words = " ".join([str(word) for word in getattr(sys, "orig_argv", None) or _argv()])
    if "multiprocessing.forkserver" in words:
        return "forkserver"
    if "--multiprocessing-fork" in words or "multiprocessing.spawn" in words:
        return "spawn"
    return "loky" if "joblib.externals.loky" in words else None
