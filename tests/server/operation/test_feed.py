"""The feed: who waits hears of an event at once, holds no thread, and is let go in time."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import httpx2
from tests.server.operation.asking import ACTOR, API, eventually, head, problem, registered, wire
from tests.servers.served import Served

FEED = f"{API}/journal"


def _begun(http: httpx2.Client) -> int:
    return int(http.post(f"{API}/namespaces", json={"name": "demo"}).json()["seq"])


def test_who_waits_hears_of_an_event_when_it_happens(http: httpx2.Client, served: Served) -> None:
    after = _begun(http)
    with ThreadPoolExecutor(1) as threads, httpx2.Client(base_url=served.url, timeout=60) as other:
        waiting = threads.submit(other.get, FEED, params={"namespace": "demo", "after": after, "wait": 50})
        time.sleep(0.3)
        assert not waiting.done()
        began = time.monotonic()
        made = registered(http, b"news")
        answer = waiting.result()
    assert time.monotonic() - began < 10
    assert [item["event"]["seq"] for item in answer.json()["items"]] == [made["seq"]]


def test_in_vain_one_waits_as_long_as_one_said_and_no_longer(http: httpx2.Client) -> None:
    after = _begun(http)
    began = time.monotonic()
    answer = http.get(FEED, params={"namespace": "demo", "after": after, "wait": 0.5})
    assert answer.json()["items"] == []
    assert 0.4 < time.monotonic() - began < 10


def test_what_is_there_comes_at_once(http: httpx2.Client) -> None:
    _begun(http)
    began = time.monotonic()
    assert len(http.get(FEED, params={"namespace": "demo", "wait": 60}).json()["items"]) == 1
    assert time.monotonic() - began < 5


def test_a_namespace_that_is_not_here_is_not_waited_for(http: httpx2.Client) -> None:
    problem(http.get(FEED, params={"namespace": "nothing", "wait": 60}), 404, "no-namespace")
    for wait in ("61", "-1", "nan", "inf", "soon"):
        problem(http.get(FEED, params={"namespace": "demo", "wait": wait}), 422, "bad-parameter")


def test_two_hundred_who_wait_keep_nobody_else_waiting_and_all_hear(http: httpx2.Client, served: Served) -> None:
    after = _begun(http)
    waiting = [wire(served.url) for _ in range(200)]
    wires = [each.__enter__() for each in waiting]
    for each in wires:
        each.send(head("GET", f"{FEED}?namespace=demo&after={after}&wait=60"))
    eventually(lambda: len(served.state.tasks) >= 200)
    began = time.monotonic()
    registered(http, b"for all")
    assert time.monotonic() - began < 10
    for each, manager in zip(wires, waiting, strict=True):
        assert each.answer()[0] == 200
        manager.__exit__(None, None, None)


def test_who_goes_away_is_not_waited_for(http: httpx2.Client, served: Served) -> None:
    after = _begun(http)
    with wire(served.url) as leaving:
        leaving.send(head("GET", f"{FEED}?namespace=demo&after={after}&wait=60"))
        eventually(lambda: served.operation.watch._waiting)
    eventually(lambda: not served.operation.watch._waiting)


def test_another_process_is_heard_of_too(http: httpx2.Client, served: Served) -> None:
    import herdbook
    from herdbook.model.models import Profile

    after = _begun(http)
    with ThreadPoolExecutor(1) as threads, httpx2.Client(base_url=served.url, timeout=60) as other:
        waiting = threads.submit(other.get, FEED, params={"namespace": "demo", "after": after, "wait": 50})
        with herdbook.open(served.folder) as registry:
            registry.models.profile("demo/a/b", Profile(title="b"))
        assert len(waiting.result().json()["items"]) == 1
    assert ACTOR
