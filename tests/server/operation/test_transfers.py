"""Bytes of files over HTTP: whole, in parts, under conditions, and never a wrong one taken for right."""

from __future__ import annotations

import http.client
from pathlib import Path

import httpx2
import pytest
from tests.server.operation.asking import (
    ACTOR,
    API,
    json_of,
    problem,
    put,
    registered,
    repr_digest,
    sha256,
    wire,
    writes,
)
from tests.servers.served import Served

from herdbook.service.serving import Serving

DATA = bytes(range(256)) * 40
FILE = f"{API}/version/file"
WANTED = {"reference": "demo/tau/toy:v1", "path": "model.bin"}
LARGE = bytes(range(251)) * 20_000


@pytest.fixture
def kept(http: httpx2.Client) -> httpx2.Client:
    registered(http, DATA)
    return http


def test_bytes_that_were_put_come_back_and_their_tag_is_their_digest(kept: httpx2.Client) -> None:
    answer = kept.get(FILE, params=WANTED)
    assert answer.content == DATA
    assert answer.headers["etag"] == f'"{sha256(DATA)}"'
    assert answer.headers["repr-digest"] == repr_digest(DATA)
    assert answer.headers["accept-ranges"] == "bytes"
    assert answer.headers["content-disposition"].startswith("attachment")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "content-encoding" not in answer.headers


def test_the_same_bytes_come_by_their_digest_through_a_namespace_that_names_them(kept: httpx2.Client) -> None:
    wanted = {"namespace": "demo", "digest": sha256(DATA)}
    assert kept.get(f"{API}/blob", params=wanted).content == DATA
    problem(kept.get(f"{API}/blob", params=wanted | {"digest": sha256(b"other")}), 404, "no-bytes")
    problem(kept.get(f"{API}/blob", params=wanted | {"digest": "../../etc/passwd"}), 422, "bad-digest")


def test_head_says_all_and_sends_nothing(kept: httpx2.Client) -> None:
    answer = kept.head(FILE, params=WANTED, headers={"Range": "bytes=0-1"})
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-length"] == str(len(DATA))
    assert answer.headers["etag"] == f'"{sha256(DATA)}"'


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=10-19", 10, 20),
        ("bytes=10-", 10, len(DATA)),
        ("bytes=-5", len(DATA) - 5, len(DATA)),
        ("bytes=-99999999", 0, len(DATA)),
        ("bytes=5-99999999999", 5, len(DATA)),
        ("bytes=0-", 0, len(DATA)),
        ("BYTES = 3-4", 3, 5),
    ],
)
def test_a_range_gives_just_those_bytes(kept: httpx2.Client, asked: str, start: int, end: int) -> None:
    answer = kept.get(FILE, params=WANTED, headers={"Range": asked})
    assert answer.status_code == 206
    assert answer.content == DATA[start:end]
    assert answer.headers["content-range"] == f"bytes {start}-{end - 1}/{len(DATA)}"


@pytest.mark.parametrize(
    "asked",
    [
        *("bytes=0-1,3-4", "bytes=5-3", "bytes=", "bytes=-", "bytes=a-b", "lines=0-1", "bytes=--5", "bytes=0-1;"),
        "bytes=" + ",".join(f"{n}-{n}" for n in range(3000)),
        "bytes=" + "9" * 5000 + "-",
        "bytes=0-" + "9" * 5000,
        "bytes=1-2-3",
        "bytes=0x1-0x2",
        "bytes=１-２",
    ],
)
def test_a_range_that_is_abused_gives_the_whole_once(kept: httpx2.Client, asked: str) -> None:
    answer = kept.get(FILE, params=WANTED, headers=[(b"Range", asked.encode())])
    assert (answer.status_code, answer.content) == (200, DATA)


@pytest.mark.parametrize("asked", [f"bytes={len(DATA)}-", "bytes=-0", f"bytes={10**17}-"])
def test_a_range_beyond_the_end_is_refused_with_the_size(kept: httpx2.Client, asked: str) -> None:
    answer = kept.get(FILE, params=WANTED, headers={"Range": asked})
    problem(answer, 416, "bad-range")
    assert answer.headers["content-range"] == f"bytes */{len(DATA)}"


def test_conditions_are_kept(kept: httpx2.Client) -> None:
    tag = f'"{sha256(DATA)}"'
    assert kept.get(FILE, params=WANTED, headers={"If-None-Match": f'"x", W/{tag}'}).status_code == 304
    assert kept.get(FILE, params=WANTED, headers={"If-None-Match": "*"}).status_code == 304
    assert kept.get(FILE, params=WANTED, headers={"If-Match": tag}).status_code == 200
    problem(kept.get(FILE, params=WANTED, headers={"If-Match": f"W/{tag}"}), 412, "precondition")
    part = {"Range": "bytes=1-2"}
    assert kept.get(FILE, params=WANTED, headers=part | {"If-Range": tag}).status_code == 206
    assert kept.get(FILE, params=WANTED, headers=part | {"If-Range": '"old"'}).status_code == 200
    assert kept.get(FILE, params=WANTED, headers=part | {"If-Range": f"W/{tag}"}).status_code == 200


@pytest.mark.parametrize("path", ["../model.bin", "/etc/passwd", "model.bin/", "model.bin%00", "", "MODEL.BIN", "a\nb"])
def test_a_path_is_only_looked_up_among_the_versions_files(kept: httpx2.Client, path: str) -> None:
    problem(kept.get(FILE, params=WANTED | {"path": path}), 404, "no-file")


def test_an_empty_file_and_one_of_many_blocks_come_whole(http: httpx2.Client) -> None:
    registered(http, b"", label="empty", model="demo/a/empty")
    registered(http, LARGE, label="large", model="demo/a/large")
    assert http.get(FILE, params={"reference": "demo/a/empty:empty", "path": "model.bin"}).content == b""
    assert http.get(FILE, params={"reference": "demo/a/large:large", "path": "model.bin"}).content == LARGE


def _spoil(serving: Serving, data: bytes, at: int) -> None:
    name = sha256(data).removeprefix("sha256:")
    path = Path(serving.context.url) / "blobs" / name[:2] / name
    path.chmod(0o600)
    with path.open("r+b") as file:
        file.seek(at)
        file.write(b"!")


def test_a_corrupt_small_file_is_an_error_and_no_bytes(kept: httpx2.Client, serving: Serving) -> None:
    _spoil(serving, DATA, 17)
    problem(kept.get(FILE, params=WANTED), 500, "blob-corrupt")
    assert "blob-corrupt" in kept.get("/metrics").text


def test_a_corrupt_large_file_never_comes_to_its_end(http: httpx2.Client, served: Served, serving: Serving) -> None:
    registered(http, LARGE)
    _spoil(serving, LARGE, 3)
    connection = http_connection(served)
    connection.request("GET", f"{FILE}?reference=demo/tau/toy:v1&path=model.bin")
    answer = connection.getresponse()
    with pytest.raises(http_client.IncompleteRead):
        answer.read()
    connection.close()


http_client = http.client


def http_connection(served: Served) -> http.client.HTTPConnection:
    host, port = served.address
    return http.client.HTTPConnection(host, port, timeout=20)


def test_bytes_that_are_not_what_was_announced_are_not_kept(http: httpx2.Client, serving: Serving) -> None:
    for data in (b"some bytes", LARGE):
        answer = http.post(f"{API}/files", content=data, headers={"Repr-Digest": repr_digest(b"others")})
        problem(answer, 422, "wrong-digest")
        assert serving.context.blobs.size(sha256(data)) is None
        right = http.post(f"{API}/files", content=data, headers={"Repr-Digest": f"sha-512=:AA==:, {repr_digest(data)}"})
        assert right.json()["sha256"] == sha256(data)
    problem(http.post(f"{API}/files", content=b"x", headers={"Repr-Digest": "sha-256=:AAAA:"}), 422, "bad-repr-digest")


def test_a_body_without_a_known_length_is_taken_to_its_end(http: httpx2.Client) -> None:
    answer = http.post(f"{API}/files", content=iter([LARGE, DATA, b"end"]))
    assert answer.json()["sha256"] == sha256(LARGE + DATA + b"end")
    assert answer.json()["size"] == len(LARGE) + len(DATA) + 3


def test_a_body_of_the_wrong_size_is_not_taken_for_a_file(served: Served, serving: Serving) -> None:
    with wire(served.url) as shorter:
        shorter.send(writes("POST", f"{API}/files", "Content-Length: 100") + "only this")
    with wire(served.url) as longer:
        longer.send(writes("POST", f"{API}/files", "Content-Length: 4") + "four and more")
        status, body = longer.answer()
        assert (status, json_of(body)["sha256"]) == (200, sha256(b"four"))
        assert longer.rest() == b""  # what follows is no request: it ends
    with wire(served.url) as unsaid:
        unsaid.send(writes("POST", f"{API}/files"))
        assert unsaid.answer()[0] == 411
    assert serving.context.blobs.size(sha256(b"only this")) is None


def test_who_is_not_named_stores_nothing(served: Served) -> None:
    answer = httpx2.post(f"{served.url}{API}/files", content=b"x")
    problem(answer, 401, "no-principal")


def test_bytes_are_under_a_lease_before_they_have_their_name(http: httpx2.Client, serving: Serving) -> None:
    digest = put(http, b"leased")
    with serving.context.catalogue.read() as tx:
        leases = tx.leases([digest], 0.0)
    assert [lease.principal for lease in leases] == [ACTOR]
