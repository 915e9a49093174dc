"""A server that is stopped finishes what it has begun; one that is killed has kept all that it acknowledged."""

from __future__ import annotations

import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.server.operation.asking import (
    ACTOR,
    API,
    eventually,
    head,
    json_of,
    put,
    register,
    registered,
    registration,
    sha256,
    sound,
    wire,
    writes,
)
from tests.servers.served import process_server

import herdbook

DATA = bytes(range(249)) * 100_000
SLOW = pytest.mark.slow


def _client(url: str) -> httpx2.Client:
    return httpx2.Client(base_url=url, headers={"Herdbook-Principal": ACTOR}, timeout=60)


def test_a_stop_amid_a_slow_upload_keeps_what_came_and_the_next_server_goes_on(tmp_path: Path) -> None:
    folder = tmp_path / "registry"
    with process_server(folder) as server, _client(server.url) as http:
        upload = http.post(f"{API}/uploads", json={"size": len(DATA)}).json()["upload"]
        with wire(server.url) as slow:
            slow.send(writes("PATCH", f"{API}/uploads/{upload}", "Upload-Offset: 0", f"Content-Length: {len(DATA)}"))
            slow.send(DATA[:5_000_000])
            (part,) = eventually(lambda: list((folder / "blobs/uploads").glob("*.part")))
            eventually(lambda: part.stat().st_size >= 4_000_000)
            time.sleep(0.3)  # what is left is written in one block
            server.child.send_signal(signal.SIGTERM)
            status, body = slow.answer()
        assert (status, json_of(body)["code"]) == (503, "stopping")
        assert server.child.wait(30) == 0
    with process_server(folder) as server, _client(server.url) as http:
        here = http.get(f"{API}/uploads/{upload}").json()["offset"]
        assert here == 5_000_000
        http.patch(f"{API}/uploads/{upload}", content=DATA[here:], headers={"Upload-Offset": str(here)})
        finished = http.post(f"{API}/uploads/{upload}/finish", json={"sha256": sha256(DATA)})
        assert finished.status_code == 200, finished.text
        assert server.stop() == 0
    sound(folder)


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_stop_amid_registrations_loses_none_that_was_acknowledged(tmp_path: Path, workers: str) -> None:
    folder = tmp_path / "registry"
    with process_server(folder, "--workers", workers) as server:
        done = _registering(server.url, lambda: server.child.send_signal(signal.SIGTERM))
        assert server.child.wait(60) == 0, server.log.read_text("utf-8")
    _all_there(folder, done)


@pytest.mark.parametrize("after", [pytest.param(3, marks=SLOW), 10, pytest.param(25, marks=SLOW)])
def test_a_kill_amid_registrations_loses_none_that_was_acknowledged(tmp_path: Path, after: int) -> None:
    folder = tmp_path / "registry"
    with process_server(folder) as server:
        done = _registering(server.url, server.kill, after)
    _all_there(folder, done)


def test_a_worker_that_is_killed_is_replaced_and_what_it_acknowledged_is_there(tmp_path: Path) -> None:
    folder = tmp_path / "registry"
    with process_server(folder, "--workers", "2") as server, _client(server.url) as http:
        registered(http, b"before")
        import psutil

        for child in psutil.Process(server.child.pid).children():
            if "spawn_main" in " ".join(child.cmdline()):
                child.kill()

        def answers() -> bool:
            try:
                with _client(server.url) as other:
                    return other.get(f"{API}/version", params={"reference": "demo/tau/toy:v1"}).status_code == 200
            except httpx2.TransportError:
                return False

        assert eventually(answers, 60)
        assert server.stop() == 0
    sound(folder)


def _registering(url: str, end: Any, after: int = 8) -> list[str]:
    """Register by four clients until the server goes; return the labels of what was acknowledged."""
    done: list[str] = []
    ending = threading.Event()

    def work(lane: int) -> None:
        try:
            with _client(url) as http:
                for number in range(500):
                    label = f"v{lane}-{number}"
                    data = label.encode() * 1000
                    put(http, data)
                    if register(http, data, label=label).status_code != 200:
                        return
                    done.append(label)
                    if len(done) >= after:
                        ending.set()
        except (httpx2.TransportError, AssertionError):
            return

    with ThreadPoolExecutor(4) as threads:
        lanes = [threads.submit(work, lane) for lane in range(4)]
        assert ending.wait(60)
        end()
        for lane in lanes:
            lane.result()
    return done


def _all_there(folder: Path, labels: list[str]) -> None:
    sound(folder)
    with herdbook.open(str(folder), read_only=True) as registry:
        for label in labels:
            with registry.files.open(f"demo/tau/toy:{label}", "model.bin") as file:
                assert file.read() == label.encode() * 1000


def _sending(http: httpx2.Client, upload: str) -> None:
    for _ in range(1000):
        here = http.get(f"{API}/uploads/{upload}").json()["offset"]
        http.patch(f"{API}/uploads/{upload}", content=DATA[here : here + 500_000], headers={"Upload-Offset": str(here)})
        time.sleep(0.01)


@pytest.mark.parametrize("seconds", [pytest.param(0.02, marks=SLOW), 0.2, pytest.param(0.6, marks=SLOW)])
def test_a_kill_amid_an_upload_keeps_no_more_than_came_and_it_goes_on(tmp_path: Path, seconds: float) -> None:
    folder = tmp_path / "registry"
    with process_server(folder) as server, _client(server.url) as http:
        upload = http.post(f"{API}/uploads", json={"size": len(DATA)}).json()["upload"]
        threading.Timer(seconds, server.kill).start()
        with pytest.raises(httpx2.TransportError):
            _sending(http, upload)
        server.child.wait(30)
    with process_server(folder) as server, _client(server.url) as http:
        here = http.get(f"{API}/uploads/{upload}").json()["offset"]
        http.patch(f"{API}/uploads/{upload}", content=DATA[here:], headers={"Upload-Offset": str(here)})
        finished = http.post(f"{API}/uploads/{upload}/finish", json={"sha256": sha256(DATA)})
        assert finished.status_code == 200, finished.text
        assert register(http, DATA).status_code == 200
        assert server.stop() == 0
    sound(folder)


def test_a_stop_ends_those_who_wait_for_an_event_and_idle_connections(tmp_path: Path) -> None:
    with process_server(tmp_path / "registry") as server, _client(server.url) as http:
        http.post(f"{API}/namespaces", json={"name": "demo"})
        with wire(server.url) as waiting, wire(server.url) as silent:
            waiting.send(head("GET", f"{API}/journal?namespace=demo&after=1&wait=60"))
            silent.send("GET /hea")
            time.sleep(0.5)
            began = time.monotonic()
            server.child.send_signal(signal.SIGTERM)
            status, body = waiting.answer()
            assert (status, json_of(body)["items"]) == (200, [])
            assert server.child.wait(30) == 0
        assert time.monotonic() - began < 15


def test_memory_stays_flat_while_a_large_file_goes_up_and_comes_down(tmp_path: Path) -> None:
    import psutil

    size, block = 300_000_000, bytes(1_000_000)
    with process_server(tmp_path / "registry") as server, _client(server.url) as http:
        registered(http, b"warm")
        http.get(f"{API}/version/file", params={"reference": "demo/tau/toy:v1", "path": "model.bin"})
        before = psutil.Process(server.child.pid).memory_info().rss
        answer = http.post(
            f"{API}/files", content=(block for _ in range(size // len(block))), headers={"Content-Length": str(size)}
        )
        digest = answer.json()["sha256"]
        body = {"registrations": [registration(b"", model="demo/a/large")]}
        body["registrations"][0]["version"]["files"] = [{"path": "model.bin", "digest": digest, "size": size}]
        assert http.post(f"{API}/versions", json=body).status_code == 200
        wanted = {"reference": "demo/a/large:v1", "path": "model.bin"}
        with http.stream("GET", f"{API}/version/file", params=wanted) as down:
            assert sum(len(part) for part in down.iter_bytes()) == size
        grown = psutil.Process(server.child.pid).memory_info().rss - before
        assert grown < 60_000_000, f"{grown:,} bytes"
        assert server.stop() == 0
