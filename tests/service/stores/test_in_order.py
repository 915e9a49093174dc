"""Work by several threads, and its pace."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from herdbook.kernel.errors import UnavailableError
from herdbook.service.in_order import Pace, in_order


def test_results_come_in_the_order_of_the_things_though_they_end_in_another() -> None:
    def work(number: int) -> int:
        time.sleep(0.02 if number % 3 == 0 else 0)
        return number * number

    assert list(in_order(work, range(100), threads=5)) == [(number, number * number) for number in range(100)]


def test_things_are_taken_as_they_are_needed_and_no_more_when_nobody_listens() -> None:
    taken: list[int] = []

    def endless() -> Iterator[int]:
        while True:
            taken.append(len(taken))
            yield taken[-1]

    stopped = threading.Event()
    found = in_order(lambda number: number, endless(), stop=stopped.set, threads=2)
    assert next(found) == (0, 0)
    found.close()  # type: ignore[attr-defined]  # it is a generator
    assert len(taken) < 100
    assert stopped.is_set()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("herdbook-work")]


def test_an_error_comes_when_it_is_its_turn_and_ends_the_work() -> None:
    begun: list[int] = []

    def work(number: int) -> int:
        begun.append(number)
        if number == 5:
            raise UnavailableError("away")
        return number

    found = in_order(work, range(10_000), threads=2)
    assert [next(found)[0] for _ in range(5)] == [0, 1, 2, 3, 4]
    with pytest.raises(UnavailableError):
        next(found)
    assert len(begun) < 100


def test_a_pace_is_kept_and_idle_time_is_not_saved_up() -> None:
    pace = Pace(1e6)
    time.sleep(0.3)
    begun = time.monotonic()
    for _ in range(10):
        pace(30_000)
    assert 0.28 <= time.monotonic() - begun < 5


def test_whoever_waits_for_a_slow_pace_is_let_go_when_it_is_stopped() -> None:
    pace, ended = Pace(1.0), threading.Event()

    def wait() -> None:
        with pytest.raises(UnavailableError):
            pace(10**9)
        ended.set()

    thread = threading.Thread(target=wait)
    thread.start()
    pace.stop()
    assert ended.wait(5)
    thread.join()
