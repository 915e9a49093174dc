"""Files of web servers as a place: a real server of the standard library, well behaved or not."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from herdbook.kernel.errors import InvalidError, MissingError, UnavailableError
from herdbook.ports.places import Places

BYTES = b"0123456789" * 100


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self._answer(head=True)

    def do_GET(self) -> None:
        self._answer(head=False)

    def _answer(self, *, head: bool) -> None:
        where = self.path.partition("?")[0]
        port = self.connection.getsockname()[1]
        if where == "/no-head/x.root" and head:
            self._send(405)
        elif where.endswith("/x.root") and self.headers.get("Range") == "bytes=0-0":
            self._send(206, b"0", {"Content-Range": f"bytes 0-0/{len(BYTES)}"})
        elif where.endswith("/x.root"):
            self._send(200, b"" if head else BYTES, {"Content-Length": str(len(BYTES))})
        elif where == "/moved":
            self._send(302, headers={"Location": "/data/x.root"})
        elif where == "/round":
            self._send(302, headers={"Location": "/round"})
        elif where == "/to-file":
            self._send(302, headers={"Location": "file:///etc/hostname"})
        elif where == "/to-away":
            self._send(302, headers={"Location": f"ftp://127.0.0.1:{port}/x"})
        elif where == "/empty":
            self._send(416 if self.headers.get("Range") else 200)
        elif where.startswith("/status/"):
            self._send(int(where.rpartition("/")[2]))
        else:
            self._send(404)

    def _send(self, status: int, body: bytes = b"", headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        given = {"Content-Length": str(len(body)), **(headers or {})}
        for name, value in given.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_request(self, code: object = "-", size: object = "-") -> None:
        """Say nothing."""


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize("path", ["/data/x.root", "/no-head/x.root", "/moved"])
def test_a_file_is_there_with_its_size_also_where_heads_are_not_told(web: str, places: Places, path: str) -> None:
    found = places(web).look(web + path)
    assert (found.state, found.size_bytes, found.checked) == ("exists", len(BYTES), "size")


@pytest.mark.parametrize(
    ("status", "state"), [(404, "gone"), (410, "gone"), (401, "unknown"), (403, "unknown"), (500, "unknown")]
)
def test_only_what_the_server_says_is_away_is_gone(web: str, places: Places, status: int, state: str) -> None:
    found = places(web).look(f"{web}/status/{status}")
    assert (found.state, str(status) in found.detail) == (state, True)


def test_an_empty_file_is_there(web: str, places: Places) -> None:
    assert places(web).look(f"{web}/empty").size_bytes == 0


@pytest.mark.parametrize("path", ["/round", "/to-file", "/to-away"])
def test_redirects_are_few_and_lead_to_web_servers_only(web: str, places: Places, path: str) -> None:
    assert places(web).look(web + path).state == "unknown"
    with pytest.raises(UnavailableError):
        places(web).open(web + path)


def test_a_file_and_a_file_of_a_folder_are_read(web: str, places: Places) -> None:
    for uri, path in ((f"{web}/data/x.root", ""), (f"{web}/data/", "a b/x.root")):
        with contextlib.closing(places(web).open(uri, path)) as stream:
            assert stream.read() == BYTES
    assert list(places(web).copies(f"{web}/data", "a b/x.root")) == [f"{web}/data/a%20b/x.root"]
    with pytest.raises(MissingError) as caught:
        places(web).open(f"{web}/data", "other")
    assert caught.value.code == "gone"


def test_a_server_that_is_away_leaves_it_unknown(places: Places) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        uri = f"http://127.0.0.1:{probe.getsockname()[1]}/x"
    assert places(uri).look(uri).state == "unknown"
    with pytest.raises(UnavailableError):
        places(uri).open(uri)


@pytest.mark.parametrize(
    "uri", ["https://me:secret@example.org/x", "http:///x", "https://example.org/a b", "http://[/x"]
)
def test_what_is_no_address_is_refused_and_no_password_is_told(places: Places, uri: str) -> None:
    with pytest.raises(InvalidError) as caught:
        places("https:").look(uri)
    assert caught.value.code == "bad-uri"
    assert "secret" not in str(caught.value)


def test_a_web_server_has_no_listing(places: Places) -> None:
    with pytest.raises(InvalidError) as caught:
        places("https:").listing("https://example.org/x/")
    assert caught.value.code == "no-listing"
