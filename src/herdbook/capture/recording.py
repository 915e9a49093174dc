"""Recording a run into its folder: what is read at its start, what is noticed beside it, what is told at its end."""

from __future__ import annotations

import contextlib
import os
import queue
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from herdbook.capture import assembling, digesting, noise, surroundings
from herdbook.capture.digesting import Look
from herdbook.capture.seen import Lines, Seen
from herdbook.capture.spool import Run, Spool, new_id
from herdbook.capture.surroundings import Policy, Source
from herdbook.capture.usage import Watch
from herdbook.capture.wanted import Wanted
from herdbook.kernel import times
from herdbook.kernel.errors import HerdbookError
from herdbook.model.activities import Command
from herdbook.model.base import Json
from herdbook.model.captures import Capture
from herdbook.model.identifiers import Identifier

LOOK_S = 1.0
"""Seconds between two looks at what the shim wrote."""
SAMPLE_S = 120.0
REST_S = 0.3
"""Seconds at the end for digests of what a short command read; the others are left for the push."""
PATIENCE_S = 30.0
"""Seconds that the end waits for what is still being read around the command."""
SCHEME = "herdbook-run"


@dataclass
class Beside:
    """What happens beside the command, in a thread of the lowest priority: looks, digests, the environment."""

    run: Run
    capture: Capture
    wanted: Wanted
    source: Source
    variables: Mapping[str, str]
    watch: Watch
    seen: Seen = field(default_factory=Seen)
    looks: dict[str, Look] = field(default_factory=dict)
    around: Json = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._lines = Lines(self.run.seen)
        self._within: dict[str, Lines] = {}
        self._stop = threading.Event()
        self._read = threading.Event()
        self._todo: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._asked: set[str] = set()
        self._threads = [
            threading.Thread(target=self._surround, name="herdbook-around", daemon=True),
            threading.Thread(target=self._follow, name="herdbook-beside", daemon=True),
        ]

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End, when all lines that were written are read; digests that are not finished are left for the push."""
        self._stop.set()
        for thread in self._threads:
            thread.join(PATIENCE_S)
        if not self._read.is_set():
            self.problems.append("surroundings-unread")
        self._take()
        until = time.monotonic() + REST_S
        self._digest(lambda: time.monotonic() < until)

    def _surround(self) -> None:
        try:
            self.around = surroundings.around(self.run, self.capture, self.variables, top=self.source.state.top)
            commit = self.capture.code.commit if self.capture.code else None
            if self.wanted.bundle and commit:
                problem = surroundings.bundle(self.run, self.source.root, commit)
                self.problems += [problem] if problem else []
        except (OSError, HerdbookError) as error:
            self.problems.append(assembling.trouble(error))
        finally:
            self._read.set()

    def _follow(self) -> None:
        digesting.be_modest()
        sampled = time.monotonic()
        for item in self.capture.inputs:
            self._ask(item.path)
        while not self._stop.is_set():
            self._take()
            if time.monotonic() - sampled > SAMPLE_S:
                sampled = time.monotonic()
                self.watch.sample()
            self._digest(lambda: not self._stop.is_set())
            self._stop.wait(LOOK_S)

    def _take(self) -> None:
        """Read what was written since the last time, also by runs that were started inside this one."""
        self.seen.take(self._lines.new())
        for folder in self.seen.within:
            lines = self._within.setdefault(folder, Lines(Path(folder) / "seen"))
            self.seen.take({**item, "from": f"{folder}/{item['from']}"} for item in lines.new())
        prefixes = assembling.prefixes(self.seen, self.run)
        for path, opened in list(self.seen.opened.items()):
            if opened.read and not opened.written and path not in self._asked:
                if noise.sort_of(path, opened.size, prefixes=prefixes) in {"data", "config"}:
                    self._ask(path)
                else:
                    self._asked.add(path)

    def _ask(self, path: str) -> None:
        if path not in self._asked:
            self._asked.add(path)
            self._todo.put(path)

    def _digest(self, go_on: Callable[[], bool]) -> None:
        while go_on():
            try:
                path = self._todo.get_nowait()
            except queue.Empty:
                return
            found = digesting.read(path, go_on)
            if found is not None:
                self.looks[path] = found
            elif not go_on():
                self._todo.put(path)  # for what is left of the time at the end


class Recording:
    """One run that is being recorded; ``capture`` is what is known of it until now.

    Where the spool fails (a full disk), the run goes on, and ``trouble`` says what was in the way.
    """

    def __init__(self, spool: Spool, wanted: Wanted, policy: Policy) -> None:
        self.wanted = wanted.checked()
        self.policy = policy
        self.trouble = ""
        self.source = surroundings.code(wanted.cwd, policy)
        self.run = Run(spool.folder / new_id())
        self._held = contextlib.ExitStack()
        inputs, outputs = assembling.declared(wanted)
        self.capture = Capture.read(
            {
                "id": self.run.id,
                "kind": wanted.activity_kind,
                "namespace": wanted.namespace,
                "target": wanted.target,
                "registry": wanted.registry,
                "upload": wanted.upload,
                "started": times.now(),
                "parents": wanted.parents,
                "datasets": wanted.datasets,
                "derivation": wanted.derivation,
                "inputs": inputs,
                "outputs": outputs,
                "parameters": wanted.parameters,
                "ids": [Identifier(scheme=SCHEME, value=self.run.id)],
            }
        )
        if wanted.argv:
            command = Command(argv=wanted.argv, cwd=str(wanted.cwd))
            self.capture = self.capture.model_copy(update={"command": command})
        self._make(spool)
        self.watch: Watch | None = None
        self.beside: Beside | None = None

    def _make(self, spool: Spool) -> None:
        try:
            spool.new(self.capture)
            self._held.enter_context(self.run.held())
            self.capture = surroundings.told_code(self.source, self.run, self.capture)
            self.capture = assembling.with_configs(self.capture, self.wanted, self.run)
            self.run.write(self.capture)
        except OSError as error:
            self.trouble = assembling.trouble(error)

    @property
    def folder(self) -> Path:
        """Where the shim writes."""
        return self.run.folder

    def start(self, variables: Mapping[str, str], *, own: bool = False) -> None:
        """Begin to look; ``own`` says that the training happens in this process."""
        self.watch = Watch(own=own)
        if self.run.folder.is_dir():
            self.beside = Beside(self.run, self.capture, self.wanted, self.source, variables, self.watch)
            self.beside.start()

    def add_input(self, role: str, path: Path) -> None:
        """Name an input while the run goes on.

        Raises:
            InvalidError: when it is not there.
        """
        inputs, _ = assembling.declared(replace(self.wanted, inputs=((role, path),)).checked())
        self.capture = self.capture.model_copy(update={"inputs": (*self.capture.inputs, *inputs)})

    def add_output(self, role: str, path: Path) -> None:
        """Name an output while the run goes on."""
        _, outputs = assembling.declared(replace(self.wanted, inputs=(), outputs=((role, path),)))
        self.capture = self.capture.model_copy(update={"outputs": (*self.capture.outputs, *outputs)})

    def finish(self, status: str, *, exit_: int | None = None, exception: str | None = None) -> Capture:
        """End: put together what was noticed, and write it down."""
        usage = self.watch.stop() if self.watch else {}
        ended = times.now()
        if self.beside is not None:
            self.beside.stop()
        self.capture = self.capture.model_copy(
            update={"status": status, "exit": exit_, "ended": ended, "usage": usage or None}
        )
        for path in self.run.seen.glob("*.quiet-*"):  # the shim could not write, and said so
            self.trouble = self.trouble or f"{self.run.folder}: {os.strerror(int(path.name.rpartition('-')[2]))}"
        try:
            if self.beside is not None:
                found = assembling.Found(
                    seen=self.beside.seen,
                    looks=self.beside.looks,
                    around=self.beside.around,
                    problems=list(self.beside.problems),
                )
                if exception:
                    found.seen.exception = exception
                self.capture = assembling.told(self.capture, self.wanted, self.run, found)
            self._write()
        except OSError as error:
            self.trouble = self.trouble or assembling.trouble(error)
        finally:
            self._held.close()
        return self.capture

    def _write(self) -> None:
        if not self.run.folder.is_dir():
            return
        if self.trouble:
            problems = tuple(dict.fromkeys((*self.capture.problems, "spool-failed")))
            self.capture = self.capture.model_copy(update={"problems": problems})
        self.run.write(self.capture)


def after_a_crash(run: Run, capture: Capture) -> Capture:
    """Return the capture of a run that nobody told to its end, with what the shim had written until then."""
    seen = Seen()
    seen.take(Lines(run.seen).new())
    wanted = Wanted(cwd=Path((capture.command and capture.command.cwd) or capture.root or "/"))
    with contextlib.suppress(OSError):
        return assembling.told(capture, wanted, run, assembling.Found(seen=seen))
    return capture
