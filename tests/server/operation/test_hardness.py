"""Clients that are slow, large, many or not HTTP at all: each hears why, and the others are served meanwhile."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest
from tests.server.operation.asking import (
    ACTOR,
    API,
    eventually,
    head,
    json_of,
    problem,
    registered,
    sha256,
    wire,
    writes,
)
from tests.servers.served import Served, thread_server

from herdbook.server.bounds import LOOPBACK, Bounds
from herdbook.service.serving import Serving

QUICK = Bounds(hosts=LOOPBACK, header_s=1.0, idle_s=1.0, stop_s=5.0, json_bytes=10**6, transfers=4)
LOOK = "Content-Type: application/json"


@pytest.fixture
def quick(serving: Serving) -> Iterator[Served]:
    with thread_server(serving, bounds=QUICK) as served:
        yield served


@contextlib.contextmanager
def client(served: Served) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=served.url, headers={"Herdbook-Principal": ACTOR}, timeout=30) as made:
        yield made


def well(served: Served) -> float:
    """Return how long it takes, in seconds, to be told that all is well."""
    began = time.monotonic()
    with client(served) as http:
        assert http.get(f"{API}/namespaces").status_code == 200
    return time.monotonic() - began


def refused(answered: bytes, status: int, code: str) -> None:
    assert answered.startswith(f"HTTP/1.1 {status} ".encode()), answered[:300]
    assert json_of(answered.partition(b"\r\n\r\n")[2])["code"] == code


def test_a_hundred_that_never_end_their_headers_keep_nobody_waiting_and_are_let_go(quick: Served) -> None:
    with contextlib.ExitStack() as stack:
        slow = [stack.enter_context(wire(quick.url)) for _ in range(100)]
        for each in slow:
            each.send("GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-A: b\r\n")
        assert well(quick) < 5
        for each in slow:
            with contextlib.suppress(OSError):
                each.send("X-B: c\r\n")
        for each in slow:
            refused(each.rest(), 408, "slow-headers")


def test_headers_that_drip_get_no_more_time_than_headers_that_do_not_come(quick: Served) -> None:
    with wire(quick.url) as slow:
        with contextlib.suppress(OSError):
            for letter in "GET / HTTP/1.1\r\n" + "X" * 50:
                slow.send(letter)
                time.sleep(0.05)
        refused(slow.rest(), 408, "slow-headers")


def test_a_second_request_on_a_connection_has_its_time_too(quick: Served) -> None:
    with wire(quick.url) as slow:
        slow.send(head("GET", "/health"))
        assert slow.answer()[0] == 200
        time.sleep(1.5)  # idle between two requests is no offence
        slow.send("GET /heal")
        refused(slow.rest(), 408, "slow-headers")


def test_a_hundred_bodies_that_stand_still_take_no_thread_from_others(quick: Served) -> None:
    with contextlib.ExitStack() as stack:
        slow = [stack.enter_context(wire(quick.url)) for _ in range(100)]
        for each in slow:
            each.send(writes("POST", f"{API}/files", "Content-Length: 9999999") + "begun")
        with client(quick) as http:
            registered(http, b"others work")
        for each in slow:
            refused(each.rest(), 408, "slow-body")


def test_a_body_that_drips_is_ended_and_what_came_of_an_upload_is_kept(quick: Served) -> None:
    with client(quick) as http:
        upload = http.post(f"{API}/uploads").json()["upload"]
        with wire(quick.url) as slow:
            slow.send(writes("PATCH", f"{API}/uploads/{upload}", "Upload-Offset: 0", "Content-Length: 99999999"))
            slow.send(b"x" * 300_000)
            with contextlib.suppress(OSError):
                for _ in range(60):
                    slow.send(b"y")
                    time.sleep(0.05)
            refused(slow.rest(), 408, "slow-body")
        eventually(lambda: http.get(f"{API}/uploads/{upload}").json()["offset"] > 300_000)


def test_a_client_that_takes_nothing_is_let_go(quick: Served) -> None:
    with client(quick) as http:
        registered(http, bytes(40_000_000))
    asked = head("GET", f"{API}/version/file?reference=demo/tau/toy:v1&path=model.bin")
    with socket.socket() as lazy:
        lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        lazy.connect(quick.address)
        lazy.sendall(asked.encode())
        assert eventually(lambda: quick.state.tasks)
        eventually(lambda: not quick.state.tasks and not quick.state.connections)


@pytest.mark.parametrize("count", [101, 10_000])
def test_too_many_headers_are_refused_without_reading_them_all(served: Served, count: int) -> None:
    with wire(served.url) as many:
        with contextlib.suppress(OSError):
            many.send(head("GET", "/health", *[f"X-{n}: {n}" for n in range(count)]))
        refused(many.rest(), 431, "header-too-large")
    assert well(served) < 5


@pytest.mark.parametrize("where", ["header", "name", "address"])
def test_headers_and_addresses_without_end_are_refused(served: Served, where: str) -> None:
    begun = {"header": "GET /health HTTP/1.1\r\nX-A: ", "name": "GET /health HTTP/1.1\r\n", "address": "GET /"}[where]
    with wire(served.url) as endless:
        with contextlib.suppress(OSError):
            endless.send(begun)
            for _ in range(64):
                endless.send("a" * 65_536)
        refused(endless.rest(), 431, "header-too-large")


def test_a_hundred_megabytes_of_json_are_refused_before_they_come(served: Served) -> None:
    with wire(served.url) as large:
        large.send(writes("POST", f"{API}/versions", LOOK, f"Content-Length: {10**8}"))
        with contextlib.suppress(OSError):
            large.send(b"[" * 100_000)
        refused(large.rest(), 413, "too-large")


def test_json_in_chunks_is_counted_and_refused(quick: Served) -> None:
    with client(quick) as http:
        answer = http.post(
            f"{API}/versions",
            content=(b" " * 10_000 for _ in range(1000)),
            headers={"Content-Type": "application/json"},
        )
        problem(answer, 413, "too-large")


def test_who_asks_before_sending_a_large_body_is_told_at_once(served: Served) -> None:
    with wire(served.url) as polite:
        polite.send(writes("POST", f"{API}/versions", LOOK, f"Content-Length: {10**9}", "Expect: 100-continue"))
        began = time.monotonic()
        refused(polite.rest(), 413, "too-large")
        assert time.monotonic() - began < 1.5


@pytest.mark.parametrize("name", ["evil.example", "127.0.0.1.evil.example", "", "[::2]", "localhost.", "localhost@x"])
def test_a_name_that_is_not_this_machines_is_refused(served: Served, name: str) -> None:
    problem(httpx2.get(f"{served.url}{API}", headers={"Host": name}), 421, "bad-host")


@pytest.mark.parametrize("name", ["localhost", "LOCALHOST:1", "127.0.0.1:8765", "[::1]:9"])
def test_names_of_this_machine_are_answered_whatever_the_port(served: Served, name: str) -> None:
    assert httpx2.get(f"{served.url}{API}", headers={"Host": name}).status_code == 200


def test_one_request_too_many_is_told_to_come_again_and_health_is_still_told(serving: Serving) -> None:
    with (
        thread_server(serving, bounds=Bounds(requests=2)) as served,
        contextlib.ExitStack() as stack,
        client(served) as http,
    ):
        for _ in range(2):
            waits = stack.enter_context(wire(served.url))
            waits.send(writes("POST", f"{API}/files", "Content-Length: 10"))
        eventually(lambda: len(served.state.tasks) >= 2)
        answer = http.get(f"{API}/namespaces")
        problem(answer, 503, "busy")
        assert answer.headers["retry-after"]
        assert http.get("/health").status_code == http.get("/metrics").status_code == 200


GARBAGE = {
    "no HTTP": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "no version": b"GET /\r\n\r\n",
    "two lengths": b"POST /api/v1/files HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n"
    b"Content-Length: 2\r\n\r\nxx",
    "length and chunks": b"POST /api/v1/files HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
    "negative length": b"POST /api/v1/files HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
    "broken chunk": b"POST /api/v1/files HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    "null in a header": b"GET /health HTTP/1.1\r\nHost: localhost\r\nX: a\0b\r\n\r\n",
    "folded header": b"GET /health HTTP/1.1\r\nHost: localhost\r\nX: a\r\n b\r\n\r\n",
}


@pytest.mark.parametrize("sent", GARBAGE.values(), ids=GARBAGE.keys())
def test_what_is_no_request_never_becomes_one(served: Served, sent: bytes) -> None:
    with wire(served.url) as odd:
        odd.send(sent)
        answered = odd.rest()
    assert answered.split(b" ")[1:2] in ([b"400"], [b"401"], [b"421"]), answered[:200]
    assert well(served) < 5


@pytest.mark.parametrize(
    "path", ["/../../etc/passwd", "//etc/passwd", "/api/v1/%2e%2e/%2e%2e/etc/passwd", "/%00", "/\\"]
)
def test_no_path_leads_out_of_the_interface(served: Served, path: str) -> None:
    with wire(served.url) as odd:
        odd.send(head("GET", path, "Connection: close"))
        refused(odd.rest(), 404, "no-route")


def test_a_request_for_another_protocol_is_answered_in_this_one(served: Served) -> None:
    with wire(served.url) as upgrading:
        upgrading.send(head("GET", "/health", "Connection: Upgrade", "Upgrade: h2c"))
        assert upgrading.answer()[0] == 200


def test_of_two_who_want_one_label_for_different_files_one_hears_that_it_is_taken(served: Served) -> None:
    def want(data: bytes) -> int:
        with client(served) as http:
            assert http.post(f"{API}/files", content=data).status_code == 200
            body = {"registrations": [_registration(data)]}
            return http.post(f"{API}/versions", json=body).status_code

    with ThreadPoolExecutor(4) as threads:
        statuses = sorted(threads.map(want, [b"one", b"two", b"three", b"four"]))
    assert statuses == [200, 409, 409, 409]


def _registration(data: bytes) -> dict[str, object]:
    files = [{"path": "m", "digest": sha256(data), "size": len(data)}]
    return {"model": "demo/a/b", "label": "v1", "version": {"schema": "herdbook/version/1", "files": files}}


def test_a_hundred_requests_in_one_write_are_answered_in_their_order(served: Served) -> None:
    with wire(served.url) as pipelined:
        pipelined.send(head("GET", "/health", "X-Request-Id: n") * 99 + head("GET", "/health", "Connection: close"))
        assert pipelined.rest().count(b"HTTP/1.1 200") == 100
