"""What the tests of the pool share: one file read, and what became of a process."""

from __future__ import annotations

import time

import psutil

from herdbook.model.facts import Facts
from herdbook.plugins.host.pool import WorkerPool
from herdbook.ports.formats import ReadAt

MISBEHAVING = "misbehaving:Misbehaving"
README = b"# Title\n\nSome words.\n"


def one(pool: WorkerPool, path: str, file: ReadAt) -> Facts:
    (facts,) = pool.read([(path, file)], {path: file.size})
    assert facts is not None
    return facts


def worker_pid(pool: WorkerPool) -> int:
    (worker,) = pool._all
    return worker.channel.pid


def gone(pid: int) -> bool:
    """Say whether a process ends within five seconds; a zombie has ended."""
    until = time.monotonic() + 5
    while time.monotonic() < until:
        if not alive(pid):
            return True
        time.sleep(0.01)
    return False


def alive(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
