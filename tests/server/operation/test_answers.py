"""Idempotency keys: what was done is not done twice, whoever dies in between."""

from __future__ import annotations

import contextlib
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.server.operation.asking import ACTOR, API, OTHER, problem, put, register, registered, registration, sound
from tests.servers.served import Process, process_server, thread_server

import herdbook
from herdbook.service.serving import Serving

DATA = b"a model"
KEY = "4711"


def _events(folder: str | Path) -> int:
    with herdbook.open(str(folder), read_only=True) as registry:
        return registry.journal.checkpoint("demo").seq


def test_the_same_call_with_the_same_key_is_done_once_and_answered_alike(http: httpx2.Client, serving: Serving) -> None:
    put(http, DATA)
    first = register(http, DATA, label=None, key=KEY)
    again = register(http, DATA, label=None, key=KEY)
    assert first.json()[0]["outcome"] == "registered"
    assert again.content == first.content
    assert register(http, DATA, label=None, key="another").json()[0]["outcome"] == "unchanged"
    assert serving.registry().journal.checkpoint("demo").seq == first.json()[0]["seq"]


def test_a_key_is_good_for_one_call_only_and_belongs_to_who_made_it_up(http: httpx2.Client) -> None:
    put(http, DATA)
    register(http, DATA, key=KEY)
    problem(register(http, DATA, label="v2", key=KEY), 422, "key-reused")
    problem(http.post(f"{API}/namespaces", json={"name": "demo"}, headers={"Idempotency-Key": KEY}), 422, "key-reused")
    headers = {"Idempotency-Key": KEY, "Herdbook-Principal": OTHER}
    assert http.post(f"{API}/namespaces", json={"name": "others"}, headers=headers).status_code == 200


@pytest.mark.parametrize("key", [b"", b"x" * 201, b"with space", b"tab\tbed", "ümlaut".encode()])
def test_a_key_that_is_none_is_refused(http: httpx2.Client, key: bytes) -> None:
    answer = http.post(f"{API}/namespaces", json={"name": "demo"}, headers=[(b"Idempotency-Key", key)])
    problem(answer, 422, "bad-key")


def test_a_call_that_failed_may_be_tried_again_under_its_key(http: httpx2.Client) -> None:
    problem(register(http, DATA, key=KEY), 404, "no-bytes")
    put(http, DATA)
    assert register(http, DATA, key=KEY).json()[0]["outcome"] == "registered"


def test_while_the_first_is_at_work_the_second_is_told_so(http: httpx2.Client, serving: Serving) -> None:
    entered, leave = threading.Event(), threading.Event()
    clock = serving.context.clock

    def slow() -> str:
        entered.set()
        leave.wait(20)
        return clock()

    serving.context.clock = slow
    with ThreadPoolExecutor(1) as threads:
        first = threads.submit(http.post, f"{API}/namespaces", json={"name": "demo"}, headers={"Idempotency-Key": KEY})
        assert entered.wait(20)
        second = http.post(f"{API}/namespaces", json={"name": "demo"}, headers={"Idempotency-Key": KEY})
        leave.set()
        problem(second, 409, "in-progress")
        assert first.result().status_code == 200


def test_an_answer_outlives_the_server(serving: Serving) -> None:
    with thread_server(serving) as served, _client(served.url) as http:
        put(http, DATA)
        first = register(http, DATA, key=KEY)
    with thread_server(serving) as served, _client(served.url) as http:
        assert register(http, DATA, key=KEY).content == first.content


def test_two_processes_that_are_asked_at_once_do_it_once(tmp_path: Path) -> None:
    with process_server(tmp_path / "registry", "--workers", "2") as server, _client(server.url) as http:
        put(http, DATA)

        def ask(_: int) -> int:
            with _client(server.url) as one:
                return register(one, DATA, label=None, key=KEY).status_code

        with ThreadPoolExecutor(8) as threads:
            assert set(threads.map(ask, range(24))) <= {200, 409}
        seq = register(http, DATA, label=None, key=KEY).json()[0]["seq"]
        assert server.stop() == 0
    assert _events(server.folder) == seq


def _client(url: str) -> httpx2.Client:
    return httpx2.Client(base_url=url, headers={"Herdbook-Principal": ACTOR}, timeout=30)


DYING = """
import os, sys
from herdbook.service import answers

def die(self, name, noted, marked):
    os.kill(0, 9)

answers.Answers._keep = die
from herdbook.apps.cli.main import run
run()
"""
"""A server that is killed after what was asked is done, and before it could answer; its group with it."""


@contextlib.contextmanager
def _dying(folder: str) -> Any:
    with process_server(folder, command=(sys.executable, "-c", DYING)) as server:
        yield server


def _ask(http: httpx2.Client, path: str, body: dict[str, Any]) -> httpx2.Response:
    return http.post(f"{API}{path}", json=body, headers={"Idempotency-Key": KEY})


def _lost_and_asked_again(folder: Path, path: str, body: dict[str, Any]) -> tuple[httpx2.Response, int]:
    """Ask a server that dies before it answers, then one that lives; return its answer and the events it made."""
    with _dying(str(folder)) as server, _client(server.url) as http:
        with pytest.raises(httpx2.TransportError):
            _ask(http, path, body)
        server.child.wait(30)
    done = _events(folder)
    with process_server(folder) as server, _client(server.url) as http:
        answer = _ask(http, path, body)
        again = _ask(http, path, body)
        assert again.content == answer.content
        _stop(server)
    sound(folder)
    return answer, _events(folder) - done


def _stop(server: Process) -> None:
    assert server.stop() == 0, server.log.read_text("utf-8")


@pytest.fixture
def begun(folder: Path) -> Path:
    """Return a registry in which the alias ``production`` leads to the first of two versions."""
    with thread_server(folder) as served, _client(served.url) as http:
        registered(http, DATA)
        registered(http, b"the next", label="v2")
        body = {"model": "demo/tau/toy", "alias": "production", "to": "v1"}
        assert http.post(f"{API}/pointers/alias", json=body).status_code == 200
    return folder


def test_a_registration_whose_answer_died_is_not_made_again(begun: Path) -> None:
    with thread_server(begun) as served, _client(served.url) as http:
        put(http, b"third")
    body = {"registrations": [registration(b"third", label=None)]}
    answer, more = _lost_and_asked_again(begun, "/versions", body)
    assert (answer.status_code, more) == (200, 0)
    assert answer.json()[0]["ordinal"] == 3


def test_an_alias_whose_answer_died_is_answered_from_where_it_leads_now(begun: Path) -> None:
    body = {"model": "demo/tau/toy", "alias": "production", "to": "v2", "expected": "v1", "reason": "better"}
    answer, more = _lost_and_asked_again(begun, "/pointers/alias", body)
    assert (answer.status_code, more) == (200, 0)
    assert answer.json()["reference"] == "demo/tau/toy:v2"


def test_an_alias_that_was_removed_and_whose_answer_died_is_gone_and_no_error(begun: Path) -> None:
    body = {"model": "demo/tau/toy", "alias": "production", "expected": "v1"}
    answer, more = _lost_and_asked_again(begun, "/pointers/clear", body)
    assert (answer.status_code, more) == (200, 0)
    assert "to" not in answer.json()


def test_an_undo_whose_answer_died_is_told_again_and_not_done_again(begun: Path) -> None:
    body = {"reference": "demo/tau/toy:v2", "reason": "mistaken"}
    answer, more = _lost_and_asked_again(begun, "/version/undo", body)
    assert (answer.status_code, more) == (200, 0)
    found = answer.json()
    assert (found["model"], found["ordinal"], found["outcome"]) == ("demo/tau/toy", 2, "extended")
    assert found["seq"] == _events(begun)
    with herdbook.open(str(begun), read_only=True) as registry:
        assert registry.versions.get("demo/tau/toy@2").withdrawn
        assert registry.statements.get(found["statements"][0]).statement.kind == "withdrawal"


def test_an_undo_of_one_of_several_labels_is_told_again_too(begun: Path) -> None:
    with thread_server(begun) as served, _client(served.url) as http:
        assert http.post(f"{API}/pointers/label", json={"reference": "demo/tau/toy:v2", "label": "wrong"}).is_success
    answer, more = _lost_and_asked_again(begun, "/version/undo", {"reference": "demo/tau/toy:wrong", "reason": "typo"})
    assert (answer.status_code, answer.json()["ordinal"], more) == (200, 2, 0)


def test_an_import_that_was_undone_and_whose_answer_died_is_shown(folder: Path) -> None:
    with thread_server(folder) as served, _client(served.url) as http:
        put(http, DATA)
        delivery = {"registrations": [registration(DATA)]}
        made = http.post(f"{API}/imports", json={"namespace": "demo", "delivery": delivery})
        assert made.status_code == 200, made.text
    body = {"namespace": "demo", "batch": made.json()["batch"], "reason": "mistaken"}
    answer, more = _lost_and_asked_again(folder, "/import/undo", body)
    assert (answer.status_code, more) == (200, 0)
    assert answer.json()["batch"] == made.json()["batch"]
