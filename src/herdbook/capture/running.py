"""Running a command under capture: its own process group, signals passed on, the terminal lent, the status kept."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import shutil
import signal
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from herdbook.capture import opens
from herdbook.capture.recording import Recording
from herdbook.capture.spool import Spool
from herdbook.capture.surroundings import Policy
from herdbook.capture.wanted import Wanted
from herdbook.model.captures import Capture

CAPTURE = "HERDBOOK_CAPTURE"
"""The variable that tells the shim, and a run inside a run, where to write."""
NOT_FOUND, NOT_STARTED = 127, 126
"""Statuses that shells give for a command that is not there, or cannot be started."""
PASSED_ON = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)
SHIM = Path(__file__).parent / "shim"
"""The folder that goes to the front of PYTHONPATH; its ``sitecustomize.py`` takes it away again."""


@dataclass
class Ran:
    """How a run ended: the status for the shell, the signal that ended the command, and what was captured."""

    status: int
    capture: Capture | None = None
    signal: int = 0
    folder: Path | None = None
    notes: list[str] = field(default_factory=list)
    start_s: float = 0.0
    end_s: float = 0.0


def run(spool: Spool, wanted: Wanted, policy: Policy, variables: Mapping[str, str] | None = None) -> Ran:
    """Run the command of ``wanted`` and record it; stdin, stdout and stderr are this process's own.

    Raises:
        InvalidError: when what is wanted cannot be.
        DeniedError: when the working tree is not clean and the settings refuse that.
    """
    began = time.perf_counter()
    variables = dict(os.environ if variables is None else variables)
    if shutil.which(wanted.argv[0], path=variables.get("PATH")) is None:
        there = (wanted.cwd / wanted.argv[0]).exists() and "/" in wanted.argv[0]
        words = "cannot be started" if there else "is not there"
        return Ran(NOT_STARTED if there else NOT_FOUND, notes=[f"the command {wanted.argv[0]!r} {words}"])
    recording = Recording(spool, wanted, policy)
    _tell_outer(variables.get(CAPTURE), recording)
    argv, trace, notes = _traced(wanted, recording)
    environment = _environment(variables, recording.folder)
    recording.start(variables)
    before = time.perf_counter()
    with _Group(argv, environment) as group:
        status = group.wait()
    after = time.perf_counter()
    if trace is not None:
        notes += opens.gather(trace, recording.run.seen)
    code = os.waitstatus_to_exitcode(status)
    exception = f"signal {signal.Signals(-code).name}" if code < 0 else None
    capture = recording.finish("finished" if code == 0 else "failed", exit_=code, exception=exception)
    if recording.trouble:
        notes.append(f"the spool failed ({recording.trouble}); what was captured is not complete")
    return Ran(
        status=128 - code if code < 0 else code,
        capture=capture,
        signal=-min(code, 0),
        folder=recording.folder,
        notes=notes,
        start_s=before - began,
        end_s=time.perf_counter() - after,
    )


def die_alike(number: int) -> None:
    """End this process by the signal that ended the command, so that who waits sees the same."""
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
        sys.stdout.flush()
        sys.stderr.flush()
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)


def _environment(variables: Mapping[str, str], folder: Path) -> dict[str, str]:
    told = dict(variables)
    told[CAPTURE] = str(folder)
    before = told.get("PYTHONPATH")
    paths = [path for path in (before or "").split(os.pathsep) if path and path != str(SHIM)]
    told["PYTHONPATH"] = os.pathsep.join([str(SHIM), *paths])
    return told


def _tell_outer(outer: str | None, recording: Recording) -> None:
    """Tell the run that this one is started in, so that it sees what is opened here too."""
    if not outer or not (Path(outer) / "seen").is_dir():
        return
    line = {"what": "run", "t": time.time(), "pid": os.getpid(), "folder": str(recording.folder)}
    with contextlib.suppress(OSError):
        target = Path(outer) / "seen" / f"{os.getpid()}-{recording.run.id[:8]}.ndjson"
        target.write_text(json.dumps(line) + "\n", "utf-8")
    workflow = {"within": f"herdbook-run:{Path(outer).name}"}
    recording.capture = recording.capture.model_copy(update={"workflow": workflow})


def _traced(wanted: Wanted, recording: Recording) -> tuple[Sequence[str], Path | None, list[str]]:
    if not wanted.trace_opens:
        return wanted.argv, None, []
    problem = opens.problem()
    if problem or not recording.folder.is_dir():
        return wanted.argv, None, [f"opens by C code are not seen: {problem or 'the spool failed'}"]
    trace = recording.folder / "trace"
    return opens.command(wanted.argv, trace), trace, []


class _Group:
    """A command in a process group of its own, which has the terminal while it runs in the foreground."""

    def __init__(self, argv: Sequence[str], environment: Mapping[str, str]) -> None:
        self._argv = list(argv)
        self._environment = dict(environment)
        self._old: dict[int, object] = {}
        self._early: list[int] = []
        """Signals that came before the command was there."""
        self.pid = 0

    def __enter__(self) -> _Group:
        # The handlers stand first: a signal would end this process and leave the command alone. To block signals
        # would not do, since any other thread takes them.
        for number in (*PASSED_ON, signal.SIGTSTP):
            if signal.getsignal(number) is not signal.SIG_IGN:
                self._old[number] = signal.signal(number, self._pass_on)
        try:
            self.pid = os.posix_spawnp(
                self._argv[0],
                self._argv,
                self._environment,
                setpgroup=0,
                setsigmask=[],
                setsigdef=[signal.SIGPIPE, signal.SIGXFSZ],
            )
        except BaseException:
            self._restore()
            raise
        self._lend()
        for early in self._early:
            self._pass_on(early, None)
        return self

    def __exit__(self, *exc: object) -> None:
        _hand_over(self.pid, os.getpgrp())
        self._restore()

    def _restore(self) -> None:
        for number, old in self._old.items():
            signal.signal(number, old)  # type: ignore[arg-type]  # what signal() returned before

    def wait(self) -> int:
        """Wait for the end; when the command is stopped, stop too, and let it go on when this process does."""
        while True:
            _, status = os.waitpid(self.pid, os.WUNTRACED)
            if not os.WIFSTOPPED(status):
                return status
            asked = os.WSTOPSIG(status) in {signal.SIGTTIN, signal.SIGTTOU}
            if not (asked and self._lend()):  # it wanted the terminal before it had it
                _hand_over(self.pid, os.getpgrp())
                os.kill(os.getpid(), signal.SIGSTOP)
                self._lend()
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGCONT)

    def _pass_on(self, number: int, _frame: FrameType | None) -> None:
        if not self.pid:
            self._early.append(number)
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)

    def _lend(self) -> bool:
        """Give the terminal to the command, if this process has it; say whether it did."""
        return _hand_over(os.getpgrp(), self.pid)


def _hand_over(giver: int, taker: int) -> bool:
    """Make another process group the terminal's foreground one, if a certain one is; say whether it was."""
    for handle in (0, 2, 1):
        with contextlib.suppress(OSError):
            if os.isatty(handle) and os.tcgetpgrp(handle) == giver:
                with _quiet_ttou():
                    os.tcsetpgrp(handle, taker)
                return True
    return False


@contextlib.contextmanager
def _quiet_ttou() -> Iterator[None]:
    """Let a process group that does not have the terminal take it, without being stopped for it."""
    old = signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGTTOU, old)
