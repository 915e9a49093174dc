"""Webhooks: in order, signed, at least once, and none waits for a dead one."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.server.operation.asking import ACTOR, API, eventually, registered, sound
from tests.server.operation.hearing import Heard, hearing
from tests.servers.served import process_server

from herdbook.kernel.errors import InvalidError, MissingError
from herdbook.model.statements import Said, Subject
from herdbook.server.hooks import HttpSender
from herdbook.service import webhooks
from herdbook.service.serving import Serving
from herdbook.service.webhooks import Courier, Hook

SECRET = bytes(range(32))
WRITTEN = "whsec_" + base64.b64encode(SECRET).decode()


@pytest.fixture
def sender() -> Iterator[HttpSender]:
    with HttpSender() as made:
        yield made


def courier(serving: Serving, heard: Heard, sender: HttpSender, name: str = "one", **more: Any) -> Courier:
    hook = Hook(name, heard.url, SECRET, more.pop("namespaces", ()), more.pop("kinds", ()))
    made = Courier(serving.context.catalogue, hook, sender, **more)
    assert made.lead()
    made.deliver()  # seen for the first time: it hears of what comes
    return made


def verified(headers: dict[str, str], body: bytes) -> dict[str, Any]:
    """Return a message, once its signature fits: a receiver's own few lines."""
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    mac = base64.b64encode(hmac.new(SECRET, signed, hashlib.sha256).digest()).decode()
    assert any(hmac.compare_digest(f"v1,{mac}", each) for each in headers["webhook-signature"].split())
    found: dict[str, Any] = json.loads(body)
    return found


def test_the_signature_is_that_of_the_specification() -> None:
    # Source: Standard Webhooks 1.0.0, the example of its libraries' tests.
    secret = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    body = b'{"test": 2432232314}'
    found = webhooks.signature(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body)
    assert found == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_withdrawal_is_heard_of_with_what_it_is_about_and_without_what_was_written(
    http: httpx2.Client, serving: Serving, sender: HttpSender
) -> None:
    made = registered(http, b"to be withdrawn")
    with hearing() as heard:
        one = courier(serving, heard, sender)
        http.post(f"{API}/version/undo", json={"reference": "demo/tau/toy:v1", "reason": "Anna's mistake"})
        one.deliver()
        ((headers, body),) = heard.came
    message = verified(headers, body)
    data = message["data"]
    (said,) = data["statements"]
    assert (message["type"], said["kind"]) == ("journal.event", "withdrawal")
    assert said["subjects"] == [
        {"kind": "record", "subject": made["record"], "references": ["demo/tau/toy@1"]},
    ]
    assert data["namespace"] == "demo"
    assert b"Anna" not in body
    assert ACTOR.encode() not in body
    assert headers["webhook-id"] == "evt_" + data["event"].removeprefix("sha256:")
    assert headers["content-type"] == "application/json"


def test_events_come_in_order_and_one_that_was_not_taken_comes_again_before_the_next(
    http: httpx2.Client, serving: Serving, sender: HttpSender
) -> None:
    with hearing(204, 500, 503) as heard:
        one = courier(serving, heard, sender)
        seqs = [registered(http, str(n).encode(), label=f"v{n}")["seq"] for n in range(4)]
        one.deliver()  # the journal's first event is taken, the next is not
        assert len(heard.came) == 2
        one.deliver()
        assert len(heard.came) == 2  # it rests
        one.deliver(rested=False)
        one.deliver(rested=False)
    assert [seq for seq in heard.seqs if seq > 1] == [seqs[0], seqs[0], *seqs]
    ids = [headers["webhook-id"] for headers, _ in heard.came]
    assert ids[1] == ids[2] == ids[3]
    assert len(set(ids)) == 5


def test_pauses_grow_are_spread_and_bounded() -> None:
    for failures in range(1, 60):
        full = min(webhooks.LONGEST_PAUSE_S, 2.0**failures)
        assert full / 2 <= webhooks.pause(failures) <= full


def test_it_goes_on_where_it_was_after_a_restart_and_tells_nothing_twice(
    http: httpx2.Client, serving: Serving, sender: HttpSender
) -> None:
    with hearing() as heard:
        first = courier(serving, heard, sender)
        registered(http, b"a")
        first.deliver()
        first.yield_lead()
        registered(http, b"b", label="v2")
        second = courier(serving, heard, sender)
        second.deliver()
    assert heard.seqs == sorted(set(heard.seqs)) == list(range(1, heard.seqs[-1] + 1))


def test_a_webhook_that_is_new_hears_of_what_comes_and_of_a_new_namespace_from_its_first_event(
    http: httpx2.Client, serving: Serving, sender: HttpSender
) -> None:
    registered(http, b"long ago")
    with hearing() as heard:
        one = courier(serving, heard, sender)
        assert heard.came == []
        registered(http, b"new", model="fresh/a/b")
        one.deliver()
        assert [(message["data"]["namespace"], message["data"]["seq"]) for message in heard.messages] == [
            ("fresh", 1),
            ("fresh", 2),
        ]


def test_it_hears_only_of_the_namespaces_and_kinds_that_it_asked_for(
    http: httpx2.Client, serving: Serving, sender: HttpSender
) -> None:
    with hearing() as heard:
        one = courier(serving, heard, sender, namespaces=("demo",), kinds=("withdrawal",))
        registered(http, b"x", model="other/a/b")
        made = registered(http, b"y")
        serving.registry().statements.add(
            "demo", [Said(type="herdbook/note/1", subject=(Subject(record=made["record"]),), body={"text": "hm"})]
        )
        one.deliver()
        assert heard.came == []
        http.post(f"{API}/version/undo", json={"reference": "demo/tau/toy:v1", "reason": "r"})
        one.deliver()
    assert [message["data"]["statements"][0]["kind"] for message in heard.messages] == ["withdrawal"]


def test_a_redirect_is_not_followed(http: httpx2.Client, serving: Serving, sender: HttpSender) -> None:
    with hearing(302, 307) as heard:
        one = courier(serving, heard, sender)
        registered(http, b"x")
        one.deliver()
        one.deliver(rested=False)
        assert len(heard.came) == 2
        assert {standing.trouble for _, standing in one.standings()} == {"it answered 307"}


def test_one_of_several_processes_delivers_and_another_takes_over(serving: Serving, sender: HttpSender) -> None:
    with hearing() as heard:
        hook = Hook("one", heard.url, SECRET)
        couriers = [Courier(serving.context.catalogue, hook, sender) for _ in range(3)]
        assert [each.lead() for each in couriers] == [True, False, False]
        couriers[0].yield_lead()
        assert [each.lead() for each in couriers[1:]] == [True, False]


def test_an_address_that_does_not_answer_keeps_no_other_waiting(
    http: httpx2.Client, serving: Serving, sender: HttpSender
) -> None:
    stop = threading.Event()
    with hearing(silent=True) as dead, hearing() as alive:
        couriers = [courier(serving, dead, sender, "dead"), courier(serving, alive, sender, "alive")]
        threads = [threading.Thread(target=each.run, args=(stop,)) for each in couriers]
        for thread in threads:
            thread.start()
        registered(http, b"x")
        eventually(lambda: len(alive.came) >= 2)
        assert len(dead.came) == 1
        stop.set()
        dead.silent.set()
        for thread in threads:
            thread.join(30)


def test_a_large_event_is_told_of_in_part_and_says_so(serving: Serving, sender: HttpSender) -> None:
    with hearing() as heard:
        one = courier(serving, heard, sender)
        said = [
            Said(type="herdbook/note/1", subject=(Subject(name=f"demo/many/n{n}"),), body={"text": str(n)})
            for n in range(1500)
        ]
        serving.registry().namespaces.create("demo")
        serving.registry().statements.add("demo", said)
        one.deliver()
        data = heard.messages[-1]["data"]
    assert (len(data["statements"]), data["more"]) == (1000, True)


def _registry_with(folder: Path, url: str, **more: str) -> str:
    from herdbook.bootstrap.open import init_registry

    lines = ["[[webhooks]]", 'name = "trigger"', f'url = "{url}"', 'secret = "HOOK_SECRET"']
    where = init_registry(str(folder))
    (Path(where) / "registry.toml").write_text("\n".join([*lines, *(f"{k} = {v}" for k, v in more.items())]), "utf-8")
    return where


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_server_delivers_by_itself_and_each_event_once(tmp_path: Path, workers: str) -> None:
    with hearing() as heard:
        folder = _registry_with(tmp_path / "registry", heard.url)
        with process_server(folder, "--workers", workers, env={"HOOK_SECRET": WRITTEN}) as server:
            with httpx2.Client(base_url=server.url, headers={"Herdbook-Principal": ACTOR}, timeout=30) as http:
                eventually(lambda: _seen(folder), 40)
                for number in range(3):
                    last = registered(http, str(number).encode(), label=f"v{number}")["seq"]
                eventually(lambda: heard.came and heard.seqs[-1] == last, 40)
                verified(*heard.came[0])
            assert server.stop() == 0
    assert heard.seqs == list(range(1, last + 1))
    sound(folder)


def _seen(folder: str) -> bool:
    from herdbook.stores.sql.catalogue import SqlCatalogue

    catalogue = SqlCatalogue.open(Path(folder) / "catalogue.sqlite", read_only=True)
    with catalogue.read() as tx:
        found = tx.memo(webhooks.SCOPE, "seen trigger")
    catalogue.close()
    return found is not None


@pytest.mark.parametrize(
    ("secret", "error"),
    [
        ("", MissingError),
        ("plain", InvalidError),
        ("whsec_", InvalidError),
        ("whsec_c2hvcnQ=", InvalidError),
        ("whsec_???", InvalidError),
    ],
)
def test_a_secret_that_is_none_is_named_before_anything_is_sent(
    tmp_path: Path, secret: str, error: type[Exception]
) -> None:
    from herdbook.bootstrap import webhooks as bootstrap

    folder = _registry_with(tmp_path / "registry", "https://hooks.example.org/")
    with pytest.raises(error, match="HOOK_SECRET") as raised:
        bootstrap.hooks(folder, {"HOOK_SECRET": secret})
    assert not (said := secret.removeprefix("whsec_")) or said not in str(raised.value)


def test_an_address_that_is_no_address_of_the_web_is_refused(tmp_path: Path) -> None:
    from herdbook.bootstrap import webhooks as bootstrap

    folder = _registry_with(tmp_path / "registry", "file:///etc/passwd")
    with pytest.raises(InvalidError):
        bootstrap.hooks(folder, {"HOOK_SECRET": WRITTEN})
