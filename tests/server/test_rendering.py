"""Answers are not sent again to who has them, are compressed where that is welcome, and say what they depend on."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient
from tests.server.filled import MODEL

from herdbook.model.models import Profile
from herdbook.ports.registry import Registry
from herdbook.wire.routes import PREFIX

LONG, SHORT = f"{PREFIX}/versions/search", f"{PREFIX}/journal/checkpoint?namespace=demo"


def test_who_has_an_answer_is_not_sent_it_again(client: TestClient) -> None:
    first = client.get(LONG)
    tag = first.headers["etag"]
    for header in (tag, tag.removeprefix("W/"), f'"other", {tag}', "*"):
        again = client.get(LONG, headers={"if-none-match": header})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    assert client.get(LONG, headers={"if-none-match": '"other"'}).content == first.content
    assert first.headers["cache-control"] == "private, no-cache"
    assert "Herdbook-Principal" in first.headers["vary"]


def test_a_write_changes_the_tag(client: TestClient, local: Registry) -> None:
    address = f"{PREFIX}/model?name={MODEL}"
    before = client.get(address).headers["etag"]
    local.models.profile(MODEL, Profile(title="Another"))
    after = client.get(address, headers={"if-none-match": before})
    assert (after.status_code, after.json()["profile"]["title"]) == (200, "Another")


@pytest.mark.parametrize("header", ["gzip", "br, gzip;q=0.5", "*", "GZIP"])
def test_a_long_answer_is_compressed_for_who_takes_that(client: TestClient, header: str) -> None:
    plain = client.get(LONG, headers={"accept-encoding": "identity"})
    packed = client.get(LONG, headers={"accept-encoding": header})
    assert (packed.headers["content-encoding"], packed.content) == ("gzip", plain.content)
    assert int(packed.headers["content-length"]) < int(plain.headers["content-length"]) / 2
    assert packed.headers["etag"] == plain.headers["etag"]
    assert "Accept-Encoding" in packed.headers["vary"]


@pytest.mark.parametrize("header", ["identity", "gzip;q=0", "gzip; q=0.000", "br", "x-gzip2", ""])
def test_it_is_not_for_who_does_not_take_it(client: TestClient, header: str) -> None:
    assert "content-encoding" not in client.get(LONG, headers={"accept-encoding": header}).headers


def test_a_short_answer_is_not_compressed(client: TestClient) -> None:
    answer = client.get(SHORT, headers={"accept-encoding": "gzip"})
    assert "content-encoding" not in answer.headers
    assert answer.headers["content-type"] == "application/json"


def test_lines_of_a_journal_are_bytes_as_they_are_kept(client: TestClient, local: Registry) -> None:
    answer = client.get(f"{PREFIX}/journal/lines?namespace=demo&after=2", headers={"accept-encoding": "gzip"})
    assert answer.headers["content-type"] == "application/jsonl"
    assert answer.content == b"".join(line + b"\n" for line in local.journal.lines("demo", after=2))


def test_a_head_has_the_headers_of_a_get(client: TestClient) -> None:
    got, head = client.get(SHORT), client.head(SHORT)
    assert (head.status_code, head.headers["etag"]) == (200, got.headers["etag"])
    assert client.head(f"{PREFIX}/model?name=no/model").status_code == 404
