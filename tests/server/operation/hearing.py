"""Addresses that are told of events: real HTTP servers of this process that remember, and answer as they are told."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.server.operation.asking import json_of


@dataclass
class Heard:
    """What came to one address. ``statuses`` are the next answers; then 204."""

    url: str = ""
    statuses: list[int] = field(default_factory=list)
    came: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    silent: threading.Event = field(default_factory=threading.Event)

    @property
    def messages(self) -> list[dict[str, Any]]:
        return [json_of(body) for _, body in self.came]

    @property
    def seqs(self) -> list[int]:
        return [message["data"]["seq"] for message in self.messages]


@contextlib.contextmanager
def hearing(*statuses: int, silent: bool = False) -> Iterator[Heard]:
    """Listen; ``silent``: take what is sent, and answer only at the end."""
    heard = Heard(statuses=list(statuses))

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            heard.came.append(({name.lower(): value for name, value in self.headers.items()}, body))
            if silent:
                heard.silent.wait(60)
            status = heard.statuses.pop(0) if heard.statuses else 204
            self.send_response(status)
            if status in {301, 302, 307, 308}:
                self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    heard.url = f"http://127.0.0.1:{server.server_port}/hook"
    try:
        yield heard
    finally:
        heard.silent.set()
        server.shutdown()
        thread.join()
        server.server_close()
