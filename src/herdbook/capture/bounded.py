"""Ask a program, and wait no longer than so many seconds for no more than so many bytes."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

_CHUNK = 1 << 16


@dataclass(frozen=True)
class Answer:
    """What a program wrote to its standard output, and what went wrong, if anything.

    ``problem`` is ``absent`` (no such program), ``failed`` (exit status not 0), ``slow``, ``large`` (cut at the limit).
    """

    data: bytes = b""
    problem: Literal["absent", "failed", "slow", "large"] | None = None

    @property
    def text(self) -> str:
        """The output as text, bytes that are not UTF-8 as surrogates (`os.fsdecode`)."""
        return os.fsdecode(self.data)


def ask(
    argv: Sequence[str | bytes], *, folder: Path, variables: Mapping[str, str], limit: int, timeout_s: float
) -> Answer:
    """Run a program with nothing on its standard input; end it, and all that it started, when it takes too long."""
    try:
        process = subprocess.Popen(  # noqa: S603 — the callers name the program; no shell is between
            argv,
            cwd=folder,
            env=dict(variables),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except (OSError, ValueError):
        return Answer(problem="absent")
    deadline = time.monotonic() + timeout_s
    with process:
        answer = _collect(process, limit, deadline)
        if answer.problem is None:
            try:
                status = process.wait(max(deadline - time.monotonic(), 0.05))
            except subprocess.TimeoutExpired:
                answer = Answer(answer.data, "slow")
            else:
                return answer if status == 0 else Answer(answer.data, "failed")
        with contextlib.suppress(OSError):
            os.killpg(process.pid, signal.SIGKILL)
    return answer


def _collect(process: subprocess.Popen[bytes], limit: int, deadline: float) -> Answer:
    pipe = process.stdout
    assert pipe is not None, "it was asked for"
    data = bytearray()
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        while True:
            left = deadline - time.monotonic()
            if left <= 0 or not selector.select(left):
                return Answer(bytes(data), "slow")
            chunk = os.read(pipe.fileno(), _CHUNK)
            if not chunk:
                return Answer(bytes(data))
            data += chunk
            if len(data) > limit:
                return Answer(bytes(data[:limit]), "large")
