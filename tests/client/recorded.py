"""Exchanges between a client and a server: recorded, replayed to a client, and sent once more to a server."""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.client.hostile import Answer, Asked, answering

FOLDER = Path(__file__).resolve().parent / "recorded"
REQUEST = ("content-type", "upload-offset", "range", "if-range", "if-none-match", "repr-digest", "herdbook-principal")
"""Headers of requests that are recorded: those that the client decides about."""
ANSWER = ("content-type", "etag", "content-range", "accept-ranges", "repr-digest", "upload-offset", "herdbook-server")
"""Headers of answers that are recorded: those that mean something to a client."""
_UNIT = 16


def packed(body: bytes) -> Any:
    """Return a body as JSON: parsed, in base64, or, where it is one text over and over, that text and its length."""
    if not body:
        return None
    if len(body) > 1000 and (body[:_UNIT] * (len(body) // _UNIT + 1))[: len(body)] == body:
        return {"unit": base64.b64encode(body[:_UNIT]).decode(), "size": len(body)}
    with contextlib.suppress(ValueError):
        return {"json": json.loads(body)}
    return {"base64": base64.b64encode(body).decode()}


def unpacked(told: Any) -> bytes:
    """Return a body."""
    if told is None:
        return b""
    if "json" in told:
        return json.dumps(told["json"]).encode()
    if "unit" in told:
        unit, size = base64.b64decode(str(told["unit"])), int(told["size"])
        return (unit * (size // len(unit) + 1))[:size]
    return base64.b64decode(str(told["base64"]))


def send(url: str, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, str], bytes]:
    """Send one request plainly."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=30)
    try:
        connection.request(method, path, body or None, headers | ({} if body else {"Content-Length": "0"}))
        response = connection.getresponse()
        return response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()
    finally:
        connection.close()


@contextlib.contextmanager
def recording(target: str) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Stand before a server; give the address and the list that is filled."""
    exchanges: list[dict[str, Any]] = []
    lock = threading.Lock()

    def answer(asked: Asked) -> Answer:
        told = {name: value for name, value in asked.headers.items() if name not in {"accept-encoding", "host"}}
        status, headers, body = send(target, asked.method, asked.path, told, asked.body)
        exchange = {
            "request": {
                "method": asked.method,
                "path": asked.path,
                "headers": {name: told[name] for name in REQUEST if name in told},
                "body": packed(asked.body),
            },
            "answer": {
                "status": status,
                "headers": {name: headers[name] for name in ANSWER if name in headers},
                "body": packed(body),
            },
        }
        with lock:
            exchanges.append(exchange)
        length = {"Content-Length": headers["content-length"]} if asked.method == "HEAD" else {}
        return status, {name: headers[name] for name in ANSWER if name in headers} | length, body

    with answering(answer) as url:
        yield url, exchanges


Change = Callable[[dict[str, Any]], dict[str, Any]]


def unchanged(answer: dict[str, Any]) -> dict[str, Any]:
    return answer


@dataclass
class Replay:
    """A server that knows recorded requests only; ``unknown`` are those that it did not."""

    exchanges: list[dict[str, Any]]
    unknown: list[Asked]

    def answer(self, asked: Asked, change: Change) -> Answer:
        for exchange in self.exchanges:
            request = exchange["request"]
            same = (request["method"], request["path"]) == (asked.method, asked.path)
            if same and request["body"] == packed(asked.body):
                if asked.path != "/api/v1":
                    self.exchanges.remove(exchange)
                told = change(exchange["answer"])
                return told["status"], dict(told["headers"]), unpacked(told["body"])
        self.unknown.append(asked)
        return 500, {}, b"not recorded"


@contextlib.contextmanager
def replaying(exchanges: list[dict[str, Any]], change: Change = unchanged) -> Iterator[tuple[str, Replay]]:
    """Answer as was recorded."""
    replay = Replay(list(exchanges), [])
    lock = threading.Lock()

    def answer(asked: Asked) -> Answer:
        with lock:
            return replay.answer(asked, change)

    with answering(answer) as url:
        yield url, replay
