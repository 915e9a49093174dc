"""A relay between client and server that counts, delays, alters and cuts what passes: the network, misbehaving."""

from __future__ import annotations

import contextlib
import select
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit


@dataclass
class Relay:
    """A relay to a server; ``up`` and ``down`` are the bytes that passed, ``limit`` cuts a connection at so many up."""

    target: str
    url: str = ""
    up: int = 0
    down: int = 0
    connections: int = 0
    cut_up_at: int | None = None
    cut_down_at: int | None = None
    refuse: bool = False
    requests: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def passed(self, data: bytes, *, up: bool) -> bool:
        """Count; say whether the connection is to be cut."""
        with self._lock:
            if up:
                self.up += len(data)
                line = data.split(b"\r\n", 1)[0]
                if line.endswith(b"HTTP/1.1"):
                    self.requests.append(line.decode())
                if self.cut_up_at is not None and self.up >= self.cut_up_at:
                    self.cut_up_at = None
                    return True
            else:
                self.down += len(data)
                if self.cut_down_at is not None and self.down >= self.cut_down_at:
                    self.cut_down_at = None
                    return True
        return False

    def gets(self, path: str) -> int:
        """Return how many GET requests for a path passed."""
        return sum(line.startswith(f"GET {path}") for line in self.requests)


@contextlib.contextmanager
def relay(target: str) -> Iterator[Relay]:
    """Relay to a server from a port of loopback."""
    made = Relay(target)
    parts = urlsplit(target)
    listening = socket.create_server(("127.0.0.1", 0), backlog=128)
    listening.settimeout(0.1)
    made.url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    stop = threading.Event()
    threads: list[threading.Thread] = []

    def serve() -> None:
        while not stop.is_set():
            try:
                near, _ = listening.accept()
            except TimeoutError:
                continue
            if made.refuse:
                near.close()
                continue
            made.connections += 1
            thread = threading.Thread(target=_pass, args=(made, near, (parts.hostname, parts.port), stop))
            threads.append(thread)
            thread.start()

    accepting = threading.Thread(target=serve)
    accepting.start()
    try:
        yield made
    finally:
        stop.set()
        accepting.join()
        for thread in threads:
            thread.join()
        listening.close()


def _pass(relay: Relay, near: socket.socket, target: tuple[str, int], stop: threading.Event) -> None:
    with near, contextlib.suppress(OSError), socket.create_connection(target) as far:
        for sock in (near, far):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while not stop.is_set():
            for sock in select.select([near, far], [], [], 0.1)[0]:
                data = sock.recv(1 << 18)
                if not data or relay.passed(data, up=sock is near):
                    return
                (far if sock is near else near).sendall(data)
