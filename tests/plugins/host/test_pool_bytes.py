"""Bytes over the pipe: all of them, in few round trips, and never past a limit."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any

import pytest

from herdbook.kernel.errors import CorruptError, UnavailableError
from herdbook.plugins.host.pool import WorkerPool

from .workers import README, one

Memory = Callable[[bytes], Any]


@pytest.mark.parametrize("size", [1, 1000, 65_536, 65_537, 3_000_001, 9_500_000])
@pytest.mark.parametrize("deed", ["whole", "backwards"])
def test_a_reader_gets_every_byte_as_it_is(pool: WorkerPool, in_memory: Memory, size: int, deed: str) -> None:
    data = os.urandom(size)
    assert one(pool, f"deed.{deed}", in_memory(data)).values["said"] == sum(data)


def test_reading_past_the_end_gives_what_there_is(pool: WorkerPool, in_memory: Memory) -> None:
    assert one(pool, "deed.past_the_end", in_memory(bytes(100_000))).values["said"] == [0, 0, 3, 0]
    assert one(pool, "deed.negative", in_memory(b"x")).findings[0].rule == "bad-range"


def test_many_small_reads_are_few_round_trips(pool: WorkerPool, in_memory: Memory) -> None:
    data = b"".join(b"\x0a\x02ab" for _ in range(500_000))
    file = in_memory(b"\x08\x08\x3a\x80\x89\x7a" + data)
    one(pool, "many.onnx", file)
    assert file.reads < 40


class Trouble:
    """A file whose store fails behind the first bytes."""

    size = 1_000_000

    def __init__(self, error: Exception) -> None:
        self.error = error

    def read_at(self, offset: int, length: int) -> bytes:
        if offset + length > 100_000:
            raise self.error
        return bytes(length)


@pytest.mark.parametrize("error", [CorruptError("not what it was"), UnavailableError("S3 is down"), OSError(5, "I/O")])
def test_a_store_that_fails_is_a_finding_that_names_the_store_not_the_reader(
    pool: WorkerPool, in_memory: Memory, error: Exception
) -> None:
    facts = one(pool, "deed.whole", Trouble(error))
    assert facts.format == "unreadable"
    assert [finding.rule for finding in facts.findings] == ["bytes-unavailable"]
    assert str(error) in facts.findings[0].message
    assert one(pool, "README", in_memory(README)).format == "readme"


class Slow:
    """A store that needs its time."""

    size = 300_000

    def read_at(self, offset: int, length: int) -> bytes:
        time.sleep(0.2)
        return bytes(min(length, self.size - offset))


def test_time_that_the_store_needs_is_not_the_readers(pool: WorkerPool) -> None:
    assert one(pool, "deed.backwards", Slow()).values["said"] == 0


def test_a_reader_that_reads_for_ever_is_ended(pool: WorkerPool, in_memory: Memory) -> None:
    assert one(pool, "deed.forever", in_memory(bytes(3_000_000))).findings[0].rule == "reader-hung"


def test_a_bug_in_the_callers_file_is_raised_and_leaves_no_worker_in_the_middle(
    pool: WorkerPool, in_memory: Memory
) -> None:
    with pytest.raises(ZeroDivisionError):
        one(pool, "deed.whole", Trouble(ZeroDivisionError("mine")))
    assert one(pool, "README", in_memory(README)).format == "readme"
