"""What these tests ask a server: by a client, or, where no client would, by bytes on a socket."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from herdbook.bootstrap.open import open_admin

ACTOR = "actor:" + "a1" * 16
OTHER = "actor:" + "b2" * 16
API = "/api/v1"


def sha256(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def repr_digest(data: bytes) -> str:
    return f"sha-256=:{base64.b64encode(hashlib.sha256(data).digest()).decode()}:"


def put(http: httpx2.Client, data: bytes) -> str:
    answer = http.post(f"{API}/files", content=data)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["sha256"])


def registration(data: bytes, model: str = "demo/tau/toy", label: str | None = "v1") -> dict[str, Any]:
    files = [{"path": "model.bin", "digest": sha256(data), "size": len(data)}]
    found: dict[str, Any] = {"model": model, "version": {"schema": "herdbook/version/1", "files": files}}
    return found | ({"label": label} if label else {})


def register(
    http: httpx2.Client, data: bytes, *, label: str | None = "v1", model: str = "demo/tau/toy", key: str = ""
) -> httpx2.Response:
    headers = {"Idempotency-Key": key} if key else {}
    return http.post(f"{API}/versions", json={"registrations": [registration(data, model, label)]}, headers=headers)


def registered(http: httpx2.Client, data: bytes, **more: Any) -> dict[str, Any]:
    put(http, data)
    answer = register(http, data, **more)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()[0]
    return found


def problem(answer: httpx2.Response, status: int, code: str) -> dict[str, Any]:
    """Return a problem, once it is what was expected."""
    assert (answer.status_code, answer.headers.get("content-type")) == (status, "application/problem+json"), answer.text
    found: dict[str, Any] = answer.json()
    assert found["code"] == code, found
    return found


@dataclass
class Wire:
    """A connection on which bytes are sent as they are."""

    socket: socket.socket

    def send(self, data: bytes | str) -> None:
        self.socket.sendall(data.encode() if isinstance(data, str) else data)

    def rest(self, timeout: float = 20) -> bytes:
        """Return what comes until the server closes."""
        self.socket.settimeout(timeout)
        found = b""
        with contextlib.suppress(ConnectionResetError):
            while part := self.socket.recv(1 << 16):
                found += part
        return found

    def answer(self, timeout: float = 20) -> tuple[int, bytes]:
        """Return status and body of one answer that says its length."""
        self.socket.settimeout(timeout)
        found = b""
        while b"\r\n\r\n" not in found:
            part = self.socket.recv(1 << 16)
            assert part, found
            found += part
        head, _, body = found.partition(b"\r\n\r\n")
        size = next(int(line.partition(b":")[2]) for line in head.lower().split(b"\r\n") if b"content-length" in line)
        while len(body) < size:
            part = self.socket.recv(1 << 16)
            assert part, found
            body += part
        return int(head.split()[1]), body


@contextlib.contextmanager
def wire(url: str) -> Iterator[Wire]:
    host, port = url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=20) as made:
        yield Wire(made)


def head(method: str, path: str, *lines: str) -> str:
    """Return the head of a request."""
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", *lines, "", ""])


def writes(method: str, path: str, *lines: str) -> str:
    return head(method, path, f"Herdbook-Principal: {ACTOR}", *lines)


def json_of(data: bytes) -> Any:
    return json.loads(data)


def sound(folder: str | Path) -> None:
    """Hold a registry's folder to all that doctor checks."""
    with contextlib.closing(open_admin(str(folder))) as admin:
        report = admin.doctor()
    assert report.sound, report


def eventually(check: Any, seconds: float = 20) -> Any:
    """Return what a check gives once it gives something."""
    deadline = time.monotonic() + seconds
    while not (found := check()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)
    return found
