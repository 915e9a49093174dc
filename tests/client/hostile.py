"""A server that answers whatever a test wants, byte by byte if need be."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

SERVICE = {"herdbook": "0.1.0", "api": "v1", "registry": "registry:" + "0" * 32, "read_only": False}


@dataclass(frozen=True)
class Asked:
    """A request as it came."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


Answer = tuple[int, dict[str, str], bytes] | Callable[[socket.socket], None]
Answers = Callable[[Asked], Answer]


def ok(value: Any, **headers: str) -> Answer:
    """Return a JSON answer."""
    return 200, {"Content-Type": "application/json", **headers}, json.dumps(value).encode()


def after_service(answers: Answers) -> Answers:
    """Answer the first word as a Herdbook server does, and the rest as told."""
    return lambda asked: ok(SERVICE) if asked.path == "/api/v1" else answers(asked)


@contextlib.contextmanager
def answering(answers: Answers) -> Iterator[str]:
    """Serve on a port of loopback; give the address."""
    listening = socket.create_server(("127.0.0.1", 0))
    listening.settimeout(0.1)
    stop = threading.Event()
    threads: list[threading.Thread] = []

    def accept() -> None:
        while not stop.is_set():
            with contextlib.suppress(TimeoutError):
                sock, _ = listening.accept()
                threads.append(threading.Thread(target=_serve, args=(sock, answers, stop)))
                threads[-1].start()

    accepting = threading.Thread(target=accept)
    accepting.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        stop.set()
        accepting.join()
        for thread in threads:
            thread.join()
        listening.close()


def _serve(sock: socket.socket, answers: Answers, stop: threading.Event) -> None:
    sock.settimeout(0.1)
    with sock, contextlib.suppress(ConnectionError, BrokenPipeError):
        while (asked := _read(sock, stop)) is not None:
            answer = answers(asked)
            if callable(answer):
                with contextlib.suppress(TimeoutError):
                    answer(sock)
                return
            status, headers, body = answer
            head = {"Content-Length": str(len(body)), **headers}
            lines = [f"HTTP/1.1 {status} Whatever", *(f"{name}: {value}" for name, value in head.items())]
            sock.settimeout(5)
            sock.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + (b"" if asked.method == "HEAD" else body))
            sock.settimeout(0.1)


def _read(sock: socket.socket, stop: threading.Event) -> Asked | None:
    data = b""
    while b"\r\n\r\n" not in data:
        if (more := _some(sock, stop)) is None:
            return None
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    method, path, _ = first.split(" ", 2)
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    while len(body) < int(headers.get("content-length", "0")):
        if (more := _some(sock, stop)) is None:
            return None
        body += more
    return Asked(method, path, headers, body)


def _some(sock: socket.socket, stop: threading.Event) -> bytes | None:
    while not stop.is_set():
        try:
            return sock.recv(1 << 16) or None
        except TimeoutError:
            continue
        except OSError:
            return None
    return None
