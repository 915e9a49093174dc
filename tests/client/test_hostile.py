"""Servers that lie, dawdle, flood and send elsewhere: a clear error, in bounded time and memory."""

from __future__ import annotations

import gzip
import hashlib
import json
import socket
import threading
import time
import tracemalloc
from collections.abc import Callable

import pytest
from tests.client.connected import Connect
from tests.client.hostile import SERVICE, Answer, Asked, after_service, answering, ok

from herdbook.client import transport
from herdbook.client.registry import RemoteRegistry
from herdbook.client.transport import Timeouts
from herdbook.kernel.errors import (
    ConflictError,
    CorruptError,
    DeniedError,
    HerdbookError,
    InvalidError,
    MissingError,
    UnavailableError,
)

SHORT = Timeouts(connect=1.0, read=1.0, retry=0.5)
DATA = b"walrus" * 1000
DIGEST = "sha256:" + hashlib.sha256(DATA).hexdigest()
ENTRY = {
    "model": "demo/tau/toy",
    "ordinal": 1,
    "record": "sha256:" + "1" * 64,
    "version": {
        "schema": "herdbook/version/1",
        "files": [{"path": "a", "digest": DIGEST, "size": len(DATA)}],
    },
    "labels": ["V1"],
    "registered": "2026-11-21T10:00:00Z",
    "seq": 2,
}


def raised(connect: Connect, answers: Callable[[Asked], Answer], call: str = "list") -> HerdbookError:
    """Return the error of a call to a server that answers so."""
    with answering(answers) as url:
        registry = connect(url, timeouts=SHORT)
        with pytest.raises(HerdbookError) as caught:
            _ask(registry, call)
    assert caught.value.hint
    return caught.value


def _ask(registry: RemoteRegistry, call: str) -> None:
    if call == "list":
        registry.namespaces.list()
    elif call == "models":
        registry.models.list()
    else:
        registry.files.open("demo/tau/toy:V1", "a")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"<html>Welcome to nginx!</html>", "bad-answer"),
        (b"", "bad-answer"),
        (b"[]", "bad-answer"),
        (b"null", "bad-answer"),
        (b"[" * 100_000, "bad-answer"),
        (json.dumps({**SERVICE, "api": "v2"}).encode(), "other-version"),
    ],
)
def test_what_is_no_server_of_ours_is_called_so_at_the_first_word(connect: Connect, body: bytes, code: str) -> None:
    error = raised(connect, lambda _: (200, {}, body))
    assert error.code == code
    if code == "other-version":
        assert "v2" in error.message
        assert "v1" in error.message


def test_a_newer_server_that_does_not_speak_ours_names_both_versions(connect: Connect) -> None:
    error = raised(connect, lambda _: (404, {"Herdbook-Server": "3.1.4"}, b"{}"))
    assert (error.code, type(error)) == ("other-version", UnavailableError)
    assert "3.1.4" in error.message


def test_an_address_with_nothing_of_ours_is_no_missing_model(connect: Connect) -> None:
    assert raised(connect, lambda _: (404, {}, b"<html>Not found</html>")).code == "bad-answer"


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, InvalidError),
        (401, DeniedError),
        (403, DeniedError),
        (404, MissingError),
        (407, InvalidError),
        (409, ConflictError),
        (413, InvalidError),
        (429, UnavailableError),
        (500, UnavailableError),
        (502, UnavailableError),
        (504, UnavailableError),
    ],
)
def test_a_page_of_a_proxy_is_an_error_by_its_status(connect: Connect, status: int, kind: type[HerdbookError]) -> None:
    error = raised(connect, after_service(lambda _: (status, {"Server": "nginx"}, b"<html>no</html>")))
    assert (type(error), error.code) == (kind, f"http-{status}")
    assert "nginx" in error.message


def test_unknown_codes_kinds_and_fields_of_a_newer_server_stay_readable(connect: Connect) -> None:
    told = {
        "code": "quota",
        "kind": "exhausted",
        "detail": "no room",
        "status": 403,
        "colour": "red",
        "details": [1],
        "hint": "Pay.",
    }
    error = raised(connect, after_service(lambda _: (403, {}, json.dumps(told).encode())))
    assert (type(error), error.code, error.message) == (DeniedError, "quota", "no room")


@pytest.mark.parametrize("details", [{"message": "x", "code": "y", "hint": "z"}, {"self": 1}, {"": 2}])
def test_details_cannot_take_the_place_of_what_they_detail(connect: Connect, details: dict[str, object]) -> None:
    told = {"code": "label-taken", "kind": "conflict", "detail": "taken", "hint": "Another.", "details": details}
    error = raised(connect, after_service(lambda _: (409, {}, json.dumps(told).encode())))
    assert (type(error), error.code, error.message, error.hint) == (ConflictError, "label-taken", "taken", "Another.")


def test_a_redirect_is_not_followed(connect: Connect) -> None:
    asked: list[Asked] = []

    def elsewhere(request: Asked) -> Answer:
        asked.append(request)
        return 200, {}, b"[]"

    with answering(elsewhere) as other:
        for status in (301, 302, 303, 307, 308):
            told = raised(connect, after_service(lambda _, status=status: (status, {"Location": other}, b"")))  # type: ignore[misc]  # bound now
            assert told.code == "bad-answer"
            assert other in told.message
    assert not asked


def test_a_small_answer_that_unpacks_without_end_is_dropped(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "MAX_ANSWER", 8 << 20)
    bomb = gzip.compress(b"[" + b" " * (400 << 20) + b"]", 9)
    tracemalloc.start()
    try:
        error = raised(connect, after_service(lambda _: (200, {"Content-Encoding": "gzip"}, bomb)))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert error.code == "bad-answer"
    assert peak < 60 << 20


def test_packed_nonsense_is_a_bad_answer(connect: Connect) -> None:
    error = raised(connect, after_service(lambda _: (200, {"Content-Encoding": "gzip"}, b"walrus")))
    assert error.code == "bad-answer"


def test_a_page_of_more_than_was_asked_for_is_a_bad_answer(connect: Connect) -> None:
    page = {"items": [{"name": f"demo/tau/m{n}", "versions": 1} for n in range(51)]}
    answer = ok(page)
    assert raised(connect, after_service(lambda _: answer), "models").code == "bad-answer"


def _endless(head: bytes, piece: bytes, pause: float) -> Callable[[socket.socket], None]:
    def answer(sock: socket.socket) -> None:
        sock.settimeout(2)
        sock.sendall(head)
        end = time.monotonic() + 8
        while time.monotonic() < end:
            sock.sendall(piece)
            time.sleep(pause)

    return answer


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def test_an_answer_without_end_is_cut_off(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "MAX_ANSWER", 4 << 20)
    flood = _endless(CHUNKED, b"10000\r\n" + b" " * 0x10000 + b"\r\n", 0)
    assert raised(connect, after_service(lambda _: flood)).code == "bad-answer"


def test_headers_without_end_are_cut_off(connect: Connect) -> None:
    flood = _endless(b"HTTP/1.1 200 OK\r\n", b"X-Walrus: " + b"a" * 1000 + b"\r\n", 0)
    assert raised(connect, after_service(lambda _: flood)).code == "bad-answer"


def test_silence_ends_in_an_error_in_bounded_time(connect: Connect) -> None:
    begun = time.monotonic()
    error = raised(connect, after_service(lambda _: lambda _sock: time.sleep(3)))
    assert error.code == "no-server"
    assert "in time" in error.message
    assert time.monotonic() - begun < 12


def test_a_body_that_drips_ends_in_an_error(connect: Connect) -> None:
    with answering(after_service(lambda _: _endless(CHUNKED, b"1\r\n \r\n", 0.05))) as url:
        registry = connect(url, timeouts=Timeouts(connect=1.0, read=0.1, retry=0.1))
        with pytest.raises(UnavailableError) as caught:
            registry.namespaces.list()
    assert caught.value.code == "no-server"


@pytest.mark.parametrize(
    "said",
    [b"SSH-2.0-OpenSSH_9.6\r\n", b"\x16\x03\x01\x00\x00", b"HTTP/1.1 abc\r\n\r\n", b"HTTP/1.1 200 OK\r\nA\r\n\r\n"],
)
def test_what_does_not_speak_http_is_said_not_to(connect: Connect, said: bytes) -> None:
    assert raised(connect, lambda _: lambda sock: sock.sendall(said)).code in {"bad-answer", "no-server"}


def test_an_answer_that_stops_short_is_asked_for_again(connect: Connect) -> None:
    turns: list[int] = []

    def answer(_: Asked) -> Answer:
        turns.append(1)
        return ok([]) if len(turns) > 1 else (200, {"Content-Length": "999999"}, b"[]")

    def cut(asked: Asked) -> Answer:
        found = answer(asked)
        if len(turns) > 1:
            return found
        return lambda sock: sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n[")

    with answering(after_service(cut)) as url:
        assert connect(url, timeouts=SHORT).namespaces.list() == []
    assert len(turns) == 2


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_busy_server_is_asked_again_a_write_with_the_same_key(connect: Connect, status: int) -> None:
    asked: list[Asked] = []

    def answer(request: Asked) -> Answer:
        asked.append(request)
        if len(asked) % 2:
            return status, {"Retry-After": "0"}, b""
        return ok({"namespace": "demo", "journal": "sha256:" + "1" * 64, "seq": 1, "head": "sha256:" + "2" * 64})

    with answering(after_service(answer)) as url:
        registry = connect(url, timeouts=Timeouts(retry=5.0))
        registry.namespaces.create("demo")
        registry.namespaces.create("demo")
    keys = [request.headers["idempotency-key"] for request in asked]
    assert keys[0] == keys[1] != keys[2] == keys[3]
    assert asked[0].body == asked[1].body


def test_a_server_that_asks_for_longer_than_one_waits_is_not_waited_for(connect: Connect) -> None:
    begun = time.monotonic()
    error = raised(connect, after_service(lambda _: (503, {"Retry-After": "3600"}, b"")))
    assert error.code == "http-503"
    assert time.monotonic() - begun < 3


def test_a_write_that_is_still_at_work_is_waited_for(connect: Connect) -> None:
    asked: list[Asked] = []
    busy = {"code": "in-progress", "kind": "conflict", "detail": "at work"}

    def answer(request: Asked) -> Answer:
        asked.append(request)
        if len(asked) < 4:
            return 409, {}, json.dumps(busy).encode()
        return ok({"namespace": "demo", "journal": "sha256:" + "1" * 64, "seq": 1, "head": "sha256:" + "2" * 64})

    with answering(after_service(answer)) as url:
        assert connect(url, timeouts=SHORT).namespaces.create("demo").seq == 1
    assert len({request.headers["idempotency-key"] for request in asked}) == 1


FILE_ANSWERS: list[tuple[str, Answer]] = [
    ("other bytes", (200, {"ETag": f'"{DIGEST}"'}, b"octopus" * 857 + b"o")),
    ("a byte more", (200, {"ETag": f'"{DIGEST}"'}, DATA + b"x")),
    ("a byte less", (200, {"ETag": f'"{DIGEST}"'}, DATA[:-1])),
    ("no length", lambda sock: sock.sendall(CHUNKED + b"5\r\nwalru\r\n0\r\n\r\n")),
    ("a part that was not asked for", (206, {"Content-Range": "bytes 5-9/6000"}, DATA[5:10])),
    ("packed", (200, {"Content-Encoding": "gzip"}, gzip.compress(DATA))),
    ("nothing new", (304, {}, b"")),
    ("nothing", (204, {}, b"")),
    ("elsewhere", (302, {"Location": "http://127.0.0.1:9/"}, b"")),
]


@pytest.mark.parametrize(("what", "answer"), FILE_ANSWERS, ids=[what for what, _ in FILE_ANSWERS])
def test_a_file_that_is_not_what_its_digest_says_is_never_handed_out(
    connect: Connect, what: str, answer: Answer
) -> None:
    def answers(asked: Asked) -> Answer:
        return answer if "/version/file" in asked.path else ok(ENTRY)

    error = raised(connect, after_service(answers), "file")
    assert isinstance(error, CorruptError), what
    assert error.code in {"wrong-bytes", "bad-answer"}


def test_a_file_without_end_fills_no_disk(connect: Connect) -> None:
    def answers(asked: Asked) -> Answer:
        flood = _endless(b"HTTP/1.1 200 OK\r\nContent-Length: 999999999999\r\n\r\n", b" " * 10**6, 0)
        return flood if "/version/file" in asked.path else ok(ENTRY)

    assert raised(connect, after_service(answers), "file").code == "bad-answer"


def test_a_part_that_lies_about_its_tag_is_noticed(connect: Connect) -> None:
    """The first answer breaks off, the second goes on with other bytes; the third is right."""
    turns: list[Asked] = []

    def answers(asked: Asked) -> Answer:
        if "/version/file" not in asked.path:
            return ok(ENTRY)
        turns.append(asked)
        if len(turns) == 1:
            head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(DATA)}\r\n\r\n".encode()
            return lambda sock: sock.sendall(head + DATA[:3000])
        if len(turns) == 2:
            return 206, {"Content-Range": f"bytes 3000-5999/{len(DATA)}"}, b"o" * 3000
        return 200, {"ETag": '"sha256:lies"'}, DATA

    with (
        answering(after_service(answers)) as url,
        connect(url, timeouts=SHORT).files.open("demo/tau/toy:V1", "a") as stream,
    ):
        assert stream.read() == DATA
    assert turns[1].headers["range"] == "bytes=3000-"
    assert turns[1].headers["if-range"] == f'"{DIGEST}"'
    assert "range" not in turns[2].headers


def test_a_refused_connection_is_tried_for_as_long_as_was_said(connect: Connect) -> None:
    begun = time.monotonic()
    with pytest.raises(UnavailableError) as caught:
        connect("http://127.0.0.1:9", timeouts=Timeouts(retry=1.0)).namespaces.list()
    assert 0.1 < time.monotonic() - begun < 3
    assert caught.value.code == "no-server"
    assert "127.0.0.1:9" in caught.value.message
    assert "attempts" in caught.value.message


def test_a_name_that_nobody_knows_is_no_server(connect: Connect) -> None:
    with pytest.raises(UnavailableError) as caught:
        connect("http://walrus.invalid", timeouts=SHORT).namespaces.list()
    assert caught.value.code == "no-server"


def test_threads_share_a_client(connect: Connect) -> None:
    with answering(after_service(lambda _: ok([]))) as url:
        registry = connect(url, timeouts=Timeouts())
        failed: list[Exception] = []

        def ask() -> None:
            try:
                for _ in range(10):
                    assert registry.namespaces.list() == []
            except Exception as error:  # noqa: BLE001 - it is told of by the test
                failed.append(error)

        threads = [threading.Thread(target=ask) for _ in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert not failed


@pytest.mark.parametrize("text", ["\udcff", "demo/tau/\ud800toy"])
def test_text_that_is_no_text_is_refused_here(connect: Connect, text: str) -> None:
    registry = connect("http://127.0.0.1:9", timeouts=SHORT)
    with answering(after_service(lambda _: ok([]))) as url:
        registry = connect(url, timeouts=SHORT)
        for call in (lambda: registry.versions.get(text), lambda: registry.namespaces.create(text)):
            with pytest.raises(InvalidError):
                call()
