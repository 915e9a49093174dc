"""What an operator sees: log lines with ids, counts, and whether all is well."""

from __future__ import annotations

import json
from pathlib import Path

import httpx2
import pytest
from tests.server.operation.asking import ACTOR, API, eventually, problem, registered
from tests.servers.served import Served, process_server

from herdbook.kernel.errors import UnavailableError
from herdbook.service.serving import Serving


def test_each_request_has_one_line_with_its_id_and_none_of_its_secrets(tmp_path: Path) -> None:
    with process_server(tmp_path / "registry") as server:
        headers = {
            "Herdbook-Principal": ACTOR,
            "X-Request-Id": "mine-1",
            "Authorization": "Bearer abc",
            "Cookie": "abc",
        }
        asked = {"reference": "demo/secret/name:v1"}
        answer = httpx2.get(f"{server.url}{API}/version", params=asked, headers=headers)
        assert answer.headers["x-request-id"] == answer.json()["request"] == "mine-1"
        assert server.stop() == 0
        text = server.log.read_text("utf-8")
    lines = [json.loads(line) for line in text.splitlines()]
    (line,) = [line for line in lines if line.get("request") == "mine-1"]
    assert (line["method"], line["route"], line["status"]) == ("GET", f"{API}/version", 404)
    assert line["principal"] == ACTOR
    assert {"time", "level", "ms", "in", "out"} <= line.keys()
    assert "abc" not in text
    assert "secret" not in text


@pytest.mark.parametrize("given", ["", "a b", "x" * 65, "<script>", "né", "{}"])
def test_an_id_that_does_not_belong_into_a_log_is_replaced(served: Served, given: str) -> None:
    answer = httpx2.get(f"{served.url}/health", headers=[(b"X-Request-Id", given.encode("latin-1"))])
    assert len(answer.headers["x-request-id"]) == 16


def test_counts_are_by_route_and_not_by_what_was_typed(http: httpx2.Client) -> None:
    registered(http, b"counted")
    for number in range(5):
        http.get(f"{API}/version", params={"reference": f"demo/tau/toy@{number + 1}"})
        http.get(f"/nowhere/{number}")
        http.get(f"{API}/uploads/{number:032x}")
    text = http.get("/metrics").text
    assert f'herdbook_request_seconds_count{{method="GET",route="{API}/version",status="404"}} 4.0' in text
    assert 'herdbook_request_seconds_count{method="GET",route="none",status="404"} 5.0' in text
    assert f'route="{API}/uploads/{{upload}}",status="404"}} 5.0' in text
    assert 'herdbook_journal_head{namespace="demo"} ' in text
    assert f'herdbook_received_bytes_total{{route="{API}/files"}} 7.0' in text
    assert "nowhere" not in text


def test_health_is_about_the_process_and_ready_about_what_it_needs(
    http: httpx2.Client, serving: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert http.get("/health").json() == {"status": "ok"}
    assert http.get("/ready").json() == {"status": "ready", "writable": True}

    def away(_: str) -> int:
        raise UnavailableError("the store is away", code="away")

    monkeypatch.setattr(serving.context.blobs, "size", away)
    found = problem(http.get("/ready"), 503, "not-ready")
    assert found["details"]["parts"] == {"blobs": "the store is away"}
    assert http.get("/health").status_code == 200


def test_a_defect_tells_the_client_nothing_but_where_to_look(
    http: httpx2.Client, serving: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("the inside")

    monkeypatch.setattr(serving.context.catalogue, "read", broken)
    answer = http.get(f"{API}/namespaces")
    assert problem(answer, 500, "internal")["request"] == answer.headers["x-request-id"]
    assert "inside" not in answer.text


def test_who_went_away_is_counted_as_such(http: httpx2.Client, served: Served) -> None:
    from tests.server.operation.asking import wire, writes

    with wire(served.url) as leaving:
        leaving.send(writes("POST", f"{API}/files", "Content-Length: 100") + "some")
        eventually(lambda: served.state.tasks)
    eventually(lambda: 'status="499"' in http.get("/metrics").text or 'status="503"' in http.get("/metrics").text)
