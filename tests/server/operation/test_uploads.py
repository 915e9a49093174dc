"""Uploads over HTTP: what came is kept however the request ended; nothing is kept that is not what was announced."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest
from tests.server.operation.asking import API, eventually, problem, repr_digest, sha256, wire, writes
from tests.servers.served import Served

from herdbook.service.serving import Serving

DATA = bytes(range(253)) * 40_000


def begin(http: httpx2.Client, **more: int) -> str:
    answer = http.post(f"{API}/uploads", json=more) if more else http.post(f"{API}/uploads")
    assert answer.status_code == 200, answer.text
    assert answer.json()["offset"] == 0
    return str(answer.json()["upload"])


def append(http: httpx2.Client, upload: str, offset: int, data: bytes) -> httpx2.Response:
    return http.patch(f"{API}/uploads/{upload}", content=data, headers={"Upload-Offset": str(offset)})


def standing(http: httpx2.Client, upload: str) -> int:
    answer = http.get(f"{API}/uploads/{upload}")
    assert answer.status_code == 200, answer.text
    assert answer.headers["upload-offset"] == str(answer.json()["offset"])
    return int(answer.json()["offset"])


def test_a_file_comes_in_pieces_and_is_kept_when_it_is_what_was_announced(
    http: httpx2.Client, serving: Serving
) -> None:
    upload = begin(http, size=len(DATA))
    half = len(DATA) // 2
    assert append(http, upload, 0, DATA[:half]).json() == {"upload": upload, "offset": half}
    assert standing(http, upload) == half
    assert append(http, upload, half, DATA[half:]).json()["offset"] == len(DATA)
    assert serving.context.blobs.size(sha256(DATA)) is None
    finished = http.post(f"{API}/uploads/{upload}/finish", json={"sha256": sha256(DATA)})
    assert (finished.status_code, finished.json()["sha256"]) == (200, sha256(DATA))
    assert serving.context.blobs.size(sha256(DATA)) == len(DATA)
    problem(http.get(f"{API}/uploads/{upload}"), 404, "no-upload")


def test_a_piece_at_the_wrong_place_is_refused_with_the_right_one(http: httpx2.Client) -> None:
    upload = begin(http)
    append(http, upload, 0, b"four")
    for wrong in (0, 3, 5, 10**17):
        assert problem(append(http, upload, wrong, b"more"), 409, "wrong-offset")["details"]["offset"] == 4
    assert standing(http, upload) == 4
    problem(http.patch(f"{API}/uploads/{upload}", content=b"x"), 422, "bad-parameter")
    for bad in ("-1", "1e3", "0x4", "9" * 40, "four"):
        answer = http.patch(f"{API}/uploads/{upload}", content=b"x", headers={"Upload-Offset": bad})
        problem(answer, 422, "bad-parameter")


def test_the_whole_body_at_the_wrong_place_is_refused_before_it_was_all_sent(http: httpx2.Client) -> None:
    upload = begin(http)
    problem(append(http, upload, 7, DATA), 409, "wrong-offset")
    assert standing(http, upload) == 0


def test_what_came_before_the_client_died_is_kept(http: httpx2.Client, served: Served) -> None:
    upload = begin(http)
    with wire(served.url) as dying:
        dying.send(writes("PATCH", f"{API}/uploads/{upload}", "Upload-Offset: 0", f"Content-Length: {len(DATA)}"))
        dying.send(DATA[:3_000_000])
    here = eventually(lambda: standing(http, upload))
    assert here == 3_000_000
    assert append(http, upload, here, DATA[here:]).json()["offset"] == len(DATA)
    finished = http.post(f"{API}/uploads/{upload}/finish", json={"sha256": sha256(DATA)})
    assert finished.json()["sha256"] == sha256(DATA)


def test_other_bytes_than_announced_are_gone_with_their_upload(http: httpx2.Client, serving: Serving) -> None:
    upload = begin(http)
    append(http, upload, 0, b"these")
    problem(http.post(f"{API}/uploads/{upload}/finish", json={"sha256": sha256(b"those")}), 422, "wrong-digest")
    problem(http.get(f"{API}/uploads/{upload}"), 404, "no-upload")
    assert serving.context.blobs.size(sha256(b"these")) is None


def test_an_upload_that_was_finished_is_answered_alike_to_who_brought_it(http: httpx2.Client) -> None:
    upload = begin(http)
    append(http, upload, 0, b"bytes")
    finish = f"{API}/uploads/{upload}/finish"
    first = http.post(finish, json={"sha256": sha256(b"bytes")})
    assert http.post(finish, json={"sha256": sha256(b"bytes")}).json() == first.json()
    problem(http.post(finish), 404, "no-upload")
    other = {"Herdbook-Principal": "actor:" + "c3" * 16}
    problem(http.post(finish, json={"sha256": sha256(b"bytes")}, headers=other), 404, "no-upload")


def test_a_key_gives_the_answer_of_the_first_finish(http: httpx2.Client) -> None:
    upload = begin(http)
    append(http, upload, 0, b"keyed")
    first = http.post(f"{API}/uploads/{upload}/finish", headers={"Idempotency-Key": "k"})
    again = http.post(f"{API}/uploads/{upload}/finish", headers={"Idempotency-Key": "k"})
    assert (first.status_code, again.status_code, again.json()) == (200, 200, first.json())


def test_an_upload_that_was_abandoned_is_gone_and_abandoning_it_again_does_no_harm(http: httpx2.Client) -> None:
    upload = begin(http)
    for _ in range(2):
        assert http.delete(f"{API}/uploads/{upload}").status_code == 204
    problem(append(http, upload, 0, b"x"), 404, "no-upload")


@pytest.mark.parametrize("upload", ["0" * 32, "..%2f..%2fetc", "A" * 32, "%00", "x" * 3000, "0" * 31 + "%0a"])
def test_an_upload_that_never_was_is_missing_whatever_it_is_called(http: httpx2.Client, upload: str) -> None:
    answer = http.get(f"{API}/uploads/{upload}")
    assert answer.status_code == 404, answer.text
    assert answer.json()["code"] in {"no-upload", "no-route"}


def test_two_who_add_at_once_do_not_mix_their_bytes(http: httpx2.Client) -> None:
    upload = begin(http)
    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda n: append(http, upload, 0, bytes([n]) * 2_000_000), range(4)))
    assert min(answer.status_code for answer in answers) == 200
    assert {answer.json().get("code", "done") for answer in answers} <= {"done", "wrong-offset", "upload-busy"}
    found = http.post(f"{API}/uploads/{upload}/finish").json()["sha256"]
    assert found in {sha256(bytes([n]) * 2_000_000) for n in range(4)}


def test_a_small_file_needs_no_upload_and_many_in_parallel_all_arrive(http: httpx2.Client) -> None:
    files = [bytes([n]) * (n * 20_011) for n in range(24)]

    def send(data: bytes) -> str:
        answer = http.post(f"{API}/files", content=data, headers={"Repr-Digest": repr_digest(data)})
        return str(answer.json().get("sha256"))

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(send, files)) == [sha256(data) for data in files]
