"""``with herdbook.training(…) as run:``: capture inside the process that trains."""

from __future__ import annotations

import json
import os
import time
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from herdbook.capture.inside import Inside
from herdbook.capture.recording import Recording
from herdbook.capture.spool import Spool
from herdbook.capture.surroundings import Policy
from herdbook.capture.wanted import Wanted
from herdbook.kernel.errors import HerdbookError, HerdbookWarning
from herdbook.model.captures import Capture, Pushed

if TYPE_CHECKING:  # a run under capture waits for what is loaded here
    from herdbook.ports.registry import Registry


class Training:
    """A training that is being captured. What is told here is added to what is noticed by itself.

    A block that ends in an exception is a failed run; what was captured is kept.
    """

    def __init__(
        self,
        spool: Spool,
        wanted: Wanted,
        policy: Policy,
        *,
        note: str = "",
        opening: Callable[[], Registry] | None = None,
    ) -> None:
        self._spool, self._wanted, self._policy = spool, wanted, policy
        self._note, self._opening = note, opening
        self._recording: Recording | None = None
        self._inside: Inside | None = None
        self.pushed: Pushed | None = None

    def __repr__(self) -> str:
        if self._recording is None:
            return f"<training {self._wanted.target or ''}, not begun>"
        found = self.capture
        into = f" for {found.target}" if found.target else ""
        held = f"{len(found.inputs)} inputs, {len(found.parameters)} parameters, {len(found.metrics)} metrics"
        return f"<training {self.id[:12]}{into}, {found.status}: {held}>"

    @property
    def id(self) -> str:
        """The run's id, 32 hex digits."""
        return self._running.run.id

    @property
    def folder(self) -> Path:
        """The run's folder in the spool."""
        return self._running.folder

    @property
    def capture(self) -> Capture:
        """What is known of the run until now; all of it when the block has ended."""
        return self._running.capture

    @property
    def _running(self) -> Recording:
        if self._recording is None:
            raise RuntimeError("the training has not begun: use it in a `with` statement")
        return self._recording

    def __enter__(self) -> Self:
        self._recording = Recording(self._spool, self._wanted, self._policy)
        if self._note:
            warnings.warn(self._note, HerdbookWarning, stacklevel=2)
        self._recording.start(dict(os.environ), own=True)
        self._inside = Inside(self._recording.folder)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        recording = self._running
        ended_well = kind is None or (kind is SystemExit and getattr(error, "code", None) in {None, 0})
        exception = None if ended_well or kind is None else f"{kind.__name__}: {error}".rstrip(": ")
        if self._inside is not None:
            self._inside.stop(exception)
        recording.finish("finished" if ended_well else "failed", exception=exception)
        if recording.trouble:
            words = f"the spool failed ({recording.trouble}); what was captured is not complete"
            warnings.warn(words, HerdbookWarning, stacklevel=2)
        if self._opening is not None:
            self._push(self._opening)

    def _push(self, opening: Callable[[], Registry]) -> None:
        from herdbook.capture import pushing  # noqa: PLC0415 - see above
        from herdbook.capture.pushing import Asked  # noqa: PLC0415 - see above

        try:
            with opening() as registry:
                self.pushed = pushing.push(registry, self._running.run, Asked(store_limit=self._policy.store_limit))
        except (HerdbookError, OSError) as error:
            words = f"the run was not pushed ({error}); `herdbook push {self.id[:12]}` does it later"
            warnings.warn(words, HerdbookWarning, stacklevel=3)

    def parameter(self, name: str, value: object) -> None:
        """Tell a hyper-parameter; the last value counts."""
        self._tell("parameter", name=name, text=_text(value), type=type(value).__name__, source="")

    def parameters(self, values: Mapping[str, object]) -> None:
        """Tell several hyper-parameters."""
        for name, value in values.items():
            self.parameter(name, value)

    def metric(self, name: str, value: float, *, split: str | None = None, step: int | None = None) -> None:
        """Tell a figure of merit, in its own unit; with ``step`` it is a point of the history, too."""
        told: dict[str, Any] = {"name": name, "value": float(value), "source": ""}
        self._tell("metric", **told, **({"split": split} if split else {}), **({} if step is None else {"step": step}))

    def seed(self, name: str, value: int) -> None:
        """Tell a seed."""
        self._tell("seed", name=name, text=str(int(value)))

    def input(self, path: str | os.PathLike[str], role: str = "train") -> None:
        """Tell a file that goes in."""
        self._running.add_input(role, Path(path).absolute())

    def output(self, path: str | os.PathLike[str], role: str = "model") -> None:
        """Tell a file or folder that comes out."""
        self._running.add_output(role, Path(path).absolute())

    def _tell(self, what: str, **told: object) -> None:
        line = json.dumps({"what": what, "t": time.time(), "pid": os.getpid(), **told})
        path = self._running.run.seen / f"{os.getpid()}-told.ndjson"
        try:
            with path.open("a", encoding="utf-8") as stream:
                stream.write(line + "\n")
        except OSError as error:
            self._running.trouble = self._running.trouble or str(error)


def _text(value: object) -> str:
    return value if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else repr(value)
