"""A simulator of a bad S3 store: a proxy before a good one that does wrong what a test tells it to.

with faulty(server) as proxy:
    proxy.faults.append(Fault("lies", "PUT", "/tmp/"))
"""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import re
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from tests.servers.places import S3Server

_HOP = {"connection", "keep-alive", "transfer-encoding", "date", "server", "content-length"}


@dataclass
class Fault:
    """Something that goes wrong with the next requests that it fits.

    Attributes:
        what: ``lies`` (200, and nothing is done), ``spoils`` (another byte is stored than is told), ``flips`` (another
            byte is given out), ``cuts`` (half of the answer, then the connection ends), ``drops`` (half of the request
            is read, then the connection ends), ``loses`` (all is done, and no answer comes), ``status`` (an error and
            nothing is done), ``stale`` (an empty list), ``slow`` (``seconds`` before anything), ``holds`` (done, and
            the answer waits for ``release``).
        method: of HTTP, ``*`` for any.
        where: a pattern searched in path and query.
        times: how many requests it spoils.
        skip: how many that it fits pass before.
        honest: whether the ETag of spoilt bytes is theirs.
    """

    what: str
    method: str = "*"
    where: str = ""
    times: int = 1
    skip: int = 0
    status: int = 503
    code: str = "SlowDown"
    seconds: float = 0.0
    honest: bool = False
    happened: threading.Event = field(default_factory=threading.Event)
    release: threading.Event = field(default_factory=threading.Event)

    def fits(self, method: str, path: str) -> bool:
        """Say whether it spoils this request, and count it."""
        if self.method not in {"*", method} or not re.search(self.where, path) or not self.times:
            return False
        if self.skip:
            self.skip -= 1
            return False
        self.times -= 1
        self.happened.set()
        return True


@dataclass
class Answer:
    """What the store said."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


class FaultyS3:
    """The proxy: its end point as a server, its faults, and what was asked of it, as ``METHOD PATH?QUERY``."""

    def __init__(self, behind: S3Server, port: int) -> None:
        self.behind = behind
        self.server = S3Server(f"http://127.0.0.1:{port}", behind.key, behind.secret)
        self.faults: list[Fault] = []
        self.asked: list[str] = []
        self._lock = threading.Lock()

    def fault(self, what: str, method: str = "*", where: str = "", **more: Any) -> Fault:
        """Add a fault, and return it."""
        self.faults.append(Fault(what, method, where, **more))
        return self.faults[-1]

    def next(self, method: str, path: str) -> Fault | None:
        """Return the fault of this request, if it has one."""
        with self._lock:
            self.asked.append(f"{method} {path}")
            return next((fault for fault in self.faults if fault.fits(method, path)), None)

    def forward(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        """Ask the good store."""
        address = urlsplit(self.behind.endpoint)
        assert address.hostname is not None
        connection = http.client.HTTPConnection(address.hostname, address.port, timeout=60)
        try:
            connection.request(method, path, body=body, headers=headers)
            answer = connection.getresponse()
            return Answer(answer.status, answer.getheaders(), answer.read())
        finally:
            connection.close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60

    @property
    def proxy(self) -> FaultyS3:
        assert isinstance(self.server, _Server)
        return self.server.proxy

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        pass

    def _serve(self) -> None:
        fault = self.proxy.next(self.command, self.path)
        size = int(self.headers.get("Content-Length", 0))
        if fault is not None and fault.what == "drops":
            self.rfile.read(size // 2)
            self._hang_up()
            return
        body = self.rfile.read(size)
        if fault is not None and fault.what == "slow":
            time.sleep(fault.seconds)
        answer = self._answer(fault, body)
        if fault is not None and fault.what == "holds":
            fault.release.wait(60)
        if fault is not None and fault.what == "loses":
            self._hang_up()
            return
        with contextlib.suppress(ConnectionError):  # who asked is gone, perhaps killed
            self._say(answer, cut=fault is not None and fault.what == "cuts")

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = _serve  # noqa: N815 - the base class wants these names

    def _answer(self, fault: Fault | None, body: bytes) -> Answer:
        what = fault.what if fault is not None else ""
        etag = hashlib.md5(body, usedforsecurity=False).hexdigest()
        headers = {name: value for name, value in self.headers.items() if name.lower() != "expect"}
        if what == "lies":
            return Answer(200, [("ETag", f'"{etag}"')], _copied(etag) if "x-amz-copy-source" in headers else b"")
        if what == "status":
            assert fault is not None
            text = f"<Error><Code>{fault.code}</Code><Message>on purpose</Message></Error>"
            return Answer(fault.status, [("Content-Type", "application/xml")], text.encode())
        if what == "stale":
            return Answer(
                200, [("Content-Type", "application/xml")], b"<Result><IsTruncated>false</IsTruncated></Result>"
            )
        if what == "spoils":
            headers = {name: value for name, value in headers.items() if name.lower() != "content-md5"}
            answer = self.proxy.forward(self.command, self.path, headers, _flipped(body))
            told = {} if fault is not None and fault.honest else {"etag": f'"{etag}"'}
            answer.headers = [(name, told.get(name.lower(), value)) for name, value in answer.headers]
            return answer
        answer = self.proxy.forward(self.command, self.path, headers, body)
        if what == "flips":
            answer.body = _flipped(answer.body)
        return answer

    def _say(self, answer: Answer, *, cut: bool) -> None:
        self.send_response(answer.status)
        for name, value in answer.headers:
            if name.lower() not in _HOP:
                self.send_header(name, value)
        told = {name.lower(): value for name, value in answer.headers}.get("content-length")
        self.send_header("Content-Length", told if self.command == "HEAD" and told else str(len(answer.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body[: len(answer.body) // 2] if cut else answer.body)
        if cut:
            self._hang_up()

    def _hang_up(self) -> None:
        self.close_connection = True


def _flipped(data: bytes) -> bytes:
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :] if data else data


def _copied(etag: str) -> bytes:
    return f'<CopyObjectResult><ETag>"{etag}"</ETag></CopyObjectResult>'.encode()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    proxy: FaultyS3

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: a client that is killed, or a connection that is cut, is what this is for."""


@contextlib.contextmanager
def faulty(behind: S3Server) -> Iterator[FaultyS3]:
    """Run the proxy before a good store."""
    with _Server(("127.0.0.1", 0), _Handler) as server:
        proxy = server.proxy = FaultyS3(behind, server.server_address[1])
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, name="faulty-s3")
        thread.start()
        try:
            yield proxy
        finally:
            for fault in proxy.faults:
                fault.release.set()
            server.shutdown()
            thread.join()
