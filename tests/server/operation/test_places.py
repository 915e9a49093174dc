"""A server on a disk that is full or read-only, and on a machine whose clock jumps: a clear error, and nothing lost."""

from __future__ import annotations

from pathlib import Path

import httpx2
import pytest
from tests.server.operation.asking import ACTOR, API, problem, put, register, registered, sha256, sound
from tests.servers.served import thread_server

from herdbook.bootstrap.open import init_registry, open_serving
from herdbook.server.options import Options
from herdbook.service.serving import Serving


def _client(url: str) -> httpx2.Client:
    return httpx2.Client(base_url=url, headers={"Herdbook-Principal": ACTOR}, timeout=30)


def test_a_full_disk_is_told_to_who_sends_and_all_that_was_there_stays(small_disk: Path) -> None:
    folder = init_registry(str(small_disk / "registry"))
    with thread_server(folder) as served, _client(served.url) as http:
        registered(http, b"it fits")
        large = bytes(10_000_000)
        problem(http.post(f"{API}/files", content=large), 503, "disk-full")
        problem(http.post(f"{API}/files", content=large[:3_900_000]), 503, "disk-full")
        upload = http.post(f"{API}/uploads").json()["upload"]
        problem(http.patch(f"{API}/uploads/{upload}", content=large, headers={"Upload-Offset": "0"}), 503, "disk-full")
        assert http.get(f"{API}/uploads/{upload}").json()["offset"] < len(large)
        assert http.delete(f"{API}/uploads/{upload}").status_code == 204
        registered(http, b"there is room again", label="v2")
        wanted = {"reference": "demo/tau/toy:v1", "path": "model.bin"}
        assert http.get(f"{API}/version/file", params=wanted).content == b"it fits"
        assert http.get("/ready").status_code == 200
    sound(folder)


def test_a_registry_that_may_only_be_read_is_served_for_reading(folder: Path, serving: Serving) -> None:
    with thread_server(serving) as served, _client(served.url) as http:
        registered(http, b"readable")
    reading = open_serving(str(folder), read_only=True)
    with thread_server(reading, options=Options(read_only=True)) as served, _client(served.url) as http:
        wanted = {"reference": "demo/tau/toy:v1", "path": "model.bin"}
        assert http.get(f"{API}/version/file", params=wanted).content == b"readable"
        problem(register(http, b"readable", label="v2"), 403, "read-only")
        problem(http.post(f"{API}/files", content=b"x"), 403, "read-only")
    with thread_server(reading) as served, _client(served.url) as http:  # the folder refuses where the server does not
        answer = register(http, b"readable", label="v2", key="k")
        assert (answer.status_code, answer.json()["kind"]) == (403, "denied")
    reading.close()


@pytest.mark.parametrize("jump", [-7200.0, 7200.0, 3600.0 * 24 * 365])
def test_a_clock_that_jumps_loses_no_answer_and_no_upload(serving: Serving, jump: float) -> None:
    seconds = serving.context.seconds
    with thread_server(serving) as served, _client(served.url) as http:
        put(http, b"timed")
        first = register(http, b"timed", key="k")
        upload = http.post(f"{API}/uploads").json()["upload"]
        http.patch(f"{API}/uploads/{upload}", content=b"half", headers={"Upload-Offset": "0"})
        serving.context.seconds = lambda: seconds() + jump
        assert register(http, b"timed", key="k").content == first.content
        http.patch(f"{API}/uploads/{upload}", content=b"way", headers={"Upload-Offset": "4"})
        done = http.post(f"{API}/uploads/{upload}/finish", json={"sha256": sha256(b"halfway")})
        assert done.status_code == 200, done.text
        assert register(http, b"halfway", label="v2").status_code == 200
        serving.context.seconds = seconds
