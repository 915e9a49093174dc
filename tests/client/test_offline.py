"""With the server away: what was asked before is answered from the cache, and says so; nothing is written."""

from __future__ import annotations

import contextlib
import os
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.client.connected import Connect
from tests.client.counting import Relay, relay
from tests.client.hostile import Answer, Asked, after_service, answering, ok
from tests.servers.served import Served

import herdbook
from herdbook.apps.cli.main import cli
from herdbook.client.registry import Options, RemoteRegistry
from herdbook.client.transport import Timeouts
from herdbook.kernel import digests
from herdbook.kernel.errors import DeniedError, HerdbookWarning, MissingError, UnavailableError
from herdbook.model.principals import Person, Principal
from herdbook.service import fetch
from herdbook.testing.registry_samples import PATH, binary, put, register, say

MODEL = "demo/tau/toy"
WHO = Principal(id=digests.new_id("actor"))
SHORT = Timeouts(connect=2.0, read=5.0, retry=0.3)


@pytest.fixture
def between(served: Served) -> Iterator[Relay]:
    with relay(served.url) as between:
        yield between


@pytest.fixture
def first(connect: Connect, between: Relay) -> RemoteRegistry:
    """Return a client that registered something and looked at it."""
    first = connect(between.url, WHO)
    register(first, f"{MODEL}:V1", "one", statements=[say("profile", {"title": "A toy"}, name=MODEL)])
    first.pointers.alias(MODEL, "production", f"{MODEL}:V1")
    for reference in (f"{MODEL}:V1", f"{MODEL}@production", MODEL, f"{MODEL}@1"):
        first.versions.get(reference)
    first.versions.dossier(f"{MODEL}@production")
    first.versions.search("toy")
    first.files.open(f"{MODEL}:V1", PATH).close()
    return first


@pytest.fixture
def away(first: RemoteRegistry, between: Relay, connect: Connect) -> RemoteRegistry:
    """Return another client of the same principal, whose server does not answer."""
    first.close()
    between.refuse = True
    return connect(between.url, WHO, timeouts=SHORT)


@contextlib.contextmanager
def warned() -> Iterator[list[str]]:
    """Collect what is warned of."""
    said: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield said
    said.extend(str(each.message) for each in caught if issubclass(each.category, HerdbookWarning))


def test_what_was_asked_before_is_answered_and_said_to_be_old_once(away: RemoteRegistry) -> None:
    with warned() as said:
        entry = away.versions.get(f"{MODEL}:V1")
        assert away.versions.search("toy").items == (entry,)
        with away.files.open(f"{MODEL}:V1", PATH) as stream:
            assert stream.read() == binary("one")
    assert entry.chosen is None
    (message,) = said
    assert message.startswith("answered from the cache of 20")
    assert f"the server {away.url} is away" in message


def test_a_name_that_moves_says_that_it_may_have_moved(away: RemoteRegistry) -> None:
    with warned():
        for reference in (f"{MODEL}@production", MODEL):
            assert "may have moved since" in str(away.versions.get(reference).chosen)
        for reference in (f"{MODEL}:V1", f"{MODEL}@1"):
            assert away.versions.get(reference).chosen is None
        dossier = away.versions.dossier(f"{MODEL}@production")
    assert "may have moved since" in str(dossier.entry.chosen)
    assert any("in the cache" in warning for warning in dossier.warnings)


def test_what_was_not_asked_before_and_every_write_say_that_the_server_is_away(away: RemoteRegistry) -> None:
    for refused in (
        lambda: away.versions.get("demo/tau/other:V1"),
        away.models.list,
        lambda: put(away, b"bytes"),
        lambda: away.pointers.alias(MODEL, "production", f"{MODEL}:V1"),
        lambda: away.statements.about([]),
        lambda: away.namespaces.create("other"),
    ):
        with pytest.raises(UnavailableError) as caught:
            refused()
        assert caught.value.code == "no-server"
        assert away.url in caught.value.message
        assert caught.value.hint


def test_a_server_that_is_away_is_waited_for_once_not_for_every_question(away: RemoteRegistry) -> None:
    with warned():
        away.versions.get(f"{MODEL}:V1")
        begun = time.monotonic()
        for _ in range(50):
            away.versions.get(f"{MODEL}:V1")
    assert time.monotonic() - begun < 2


def test_an_answer_of_an_erring_server_is_no_reason_to_use_the_cache(connect: Connect, first: RemoteRegistry) -> None:
    first.versions.undo(f"{MODEL}:V1", reason="a slip")
    with pytest.raises(MissingError):
        connect(first.url, WHO).versions.get(f"{MODEL}:V1")


def test_a_file_is_fetched_without_a_server(away: RemoteRegistry, tmp_path: Path) -> None:
    with warned():
        away.versions.get(f"{MODEL}:V1")
        assert fetch.fetch(away, f"{MODEL}:V1", tmp_path / "out") == [PATH]
    assert (tmp_path / "out" / PATH).read_bytes() == binary("one")


def test_another_principal_or_server_finds_nothing(away: RemoteRegistry, connect: Connect) -> None:
    for url, who in ((away.url, None), (away.url + "/other", WHO)):
        with pytest.raises(UnavailableError):
            connect(url, who, timeouts=SHORT).versions.get(f"{MODEL}:V1")


def test_names_of_people_are_not_kept(away: RemoteRegistry, options: Options) -> None:
    kept = b"".join(path.read_bytes() for path in (options.cache / "answers").rglob("*") if path.is_file())
    assert b"people" not in kept
    with warned():
        away.versions.get(f"{MODEL}:V1")
        assert away.people.list() == []
        assert away.people.me() == Person(id=WHO.id)


def test_an_answer_that_still_holds_is_not_sent_again(connect: Connect, first: RemoteRegistry, between: Relay) -> None:
    for number in range(30):
        first.statements.add("demo", [say("note", {"text": f"{number} " + "walrus " * 200}, name=MODEL)])
    second = connect(between.url, WHO)
    amounts = []
    for _ in range(2):
        before = between.down
        second.statements.list(MODEL)
        amounts.append(between.down - before)
    assert amounts[1] < 600
    assert amounts[0] > 2 * amounts[1]


@pytest.mark.parametrize("wrong", [b"", b"{}", b"\0\xff", b'{"address": 1}\nx'])
def test_a_kept_answer_that_is_broken_is_asked_anew(first: RemoteRegistry, options: Options, wrong: bytes) -> None:
    for path in (options.cache / "answers").rglob("*"):
        if path.is_file():
            path.write_bytes(wrong)
    assert first.versions.get(f"{MODEL}:V1").ordinal == 1


def test_kept_answers_belong_to_who_asked_alone(first: RemoteRegistry, options: Options) -> None:
    assert first.url
    for path in (options.cache / "answers").rglob("*"):
        assert path.stat().st_mode & 0o077 == 0 or path.parent == options.cache / "answers"


def test_offline_by_wish_asks_no_server(first: RemoteRegistry, between: Relay, connect: Connect) -> None:
    before = len(between.requests)
    forced = connect(first.url, WHO, offline=True)
    with warned() as said:
        assert forced.versions.get(f"{MODEL}:V1").ordinal == 1
    assert "HERDBOOK_OFFLINE" in said[0]
    for refused in (forced.models.list, lambda: forced.namespaces.create("other")):
        with pytest.raises(UnavailableError) as caught:
            refused()
        assert "HERDBOOK_OFFLINE" in caught.value.message
    assert len(between.requests) == before


def test_the_command_warns_on_stderr_and_answers(
    between: Relay, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HERDBOOK_CACHE", str(tmp_path / "commands"))
    (tmp_path / "a").write_bytes(b"0.5")

    def run(*words: str) -> tuple[int, str, str]:
        result = CliRunner().invoke(cli, ["-R", between.url, *words], prog_name="herdbook")
        return result.exit_code, result.stdout, result.stderr

    assert run("register", f"{MODEL}:V1", str(tmp_path / "a"))[0] == 0
    first = run("show", f"{MODEL}:V1", "--json")
    run("fetch", f"{MODEL}:V1", str(tmp_path / "before"))
    between.refuse = True
    assert first[0] == 0
    monkeypatch.setenv("HERDBOOK_OFFLINE", "1")
    status, out, err = run("show", f"{MODEL}:V1")
    assert (status, MODEL in out) == (0, True)
    assert err.count("warning: answered from the cache of") == 1
    status, out, err = run("fetch", f"{MODEL}:V1", str(tmp_path / "out"))
    assert status == 0
    assert (tmp_path / "out" / "a").read_bytes() == b"0.5"
    assert run("alias", "set", f"{MODEL}@production", ":V1")[0] == 6


def test_a_server_that_is_not_ready_counts_as_away(connect: Connect) -> None:
    status = [200]

    def answer(_: Asked) -> Answer:
        return ok([]) if status[0] == 200 else (status[0], {}, b"<html>maintenance</html>")

    with answering(after_service(answer)) as url:
        near = connect(url, WHO, timeouts=SHORT)
        assert near.namespaces.list() == []
        for status[0] in (502, 503, 504):
            with warned() as said:
                assert connect(url, WHO, timeouts=SHORT).namespaces.list() == []
            assert "is away" in said[0]
            with pytest.raises(UnavailableError) as caught:
                connect(url, WHO, timeouts=SHORT).models.list()
            assert caught.value.code == f"http-{status[0]}"
        status[0] = 500
        with pytest.raises(UnavailableError) as caught:
            connect(url, WHO, timeouts=SHORT).namespaces.list()
        assert caught.value.code == "http-500"


def test_a_child_that_is_forked_speaks_for_itself(first: RemoteRegistry) -> None:
    read, write = os.pipe()
    if (child := os.fork()) == 0:
        try:
            os.write(write, str(first.models.get(MODEL).name).encode())
        finally:
            os._exit(0)
    os.close(write)
    assert first.models.get(MODEL).name == MODEL
    os.waitpid(child, 0)
    with os.fdopen(read, "rb") as answer:
        assert answer.read().decode() == MODEL


def test_what_is_opened_for_reading_is_not_written(first: RemoteRegistry, connect: Connect) -> None:
    reading = connect(first.url, WHO, read_only=True)
    assert reading.versions.get(f"{MODEL}:V1").ordinal == 1
    assert reading.statements.about([]) == {}
    for refused in (
        lambda: put(reading, b"bytes"),
        lambda: put(reading, b"bytes" * 10**6),
        lambda: reading.pointers.alias(MODEL, "production", f"{MODEL}:V1"),
    ):
        with pytest.raises(DeniedError) as caught:
            refused()
        assert caught.value.code == "read-only"


def test_the_library_opens_a_server_by_its_address(served: Served) -> None:
    with herdbook.open(served.url) as registry:
        assert isinstance(registry, RemoteRegistry)
        assert registry.namespaces.list() == []
        assert registry.people.me().id == registry.principal.id
