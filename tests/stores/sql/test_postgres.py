"""The catalogue on PostgreSQL: what the contract does not ask, and what happens when the database is in trouble."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.servers.postgres import Server, of_the_system, running

from herdbook.kernel.errors import (
    ConflictError,
    HerdbookError,
    UnavailableError,
)
from herdbook.model.principals import Person
from herdbook.model.rows import Lease, Projection
from herdbook.stores.sql.catalogue import SqlCatalogue
from herdbook.stores.sql.postgres.text import escape, unescape
from herdbook.testing.events import ACTOR, begin, content, event, named, placed, tell

TAU = "cms/tau/deeptau"


@pytest.fixture
def catalogue(postgres_url: str) -> Iterator[SqlCatalogue]:
    with closing(SqlCatalogue.connect(postgres_url)) as catalogue:
        yield catalogue


@pytest.fixture(scope="module")
def own_server() -> Iterator[Server]:
    """Give a server that may be broken; it makes durable what it says it does."""
    with running(()) as server:
        server.say("CREATE DATABASE registry")
        yield server


def database(url: str) -> str:
    return url.removeprefix("postgresql:///").partition("?")[0]


def wait_for(server: Server, question: str) -> None:
    deadline = time.monotonic() + 30
    while not server.say(question)[0][0]:
        assert time.monotonic() < deadline, question
        time.sleep(0.01)


# -- text


@given(st.text(), st.text())
def test_text_with_nul_keeps_its_order_its_prefixes_and_itself(one: str, other: str) -> None:
    assert unescape(escape(one)) == one
    assert "\0" not in escape(one)
    assert (escape(one) < escape(other)) == (one < other)
    assert escape(one + other) == escape(one) + escape(other)


def test_text_with_nul_comes_back_in_order(catalogue: SqlCatalogue) -> None:
    names = ["a", "a\0", "a\0b", "a\1", "a\1\0", "a\2", "ab", "é", "\U0010ffff"]
    with catalogue.write() as tx:
        for name in reversed(names):
            tx.put_memo("odd", name, name.encode())
        tx.put_person(Person(id=ACTOR, name="A\0\1da"))
        datasets = [(named(name), "freeform", name, "") for name in names]
        tell(tx, "cms", Projection(known=[("record", row[0]) for row in datasets], datasets=datasets))
    with catalogue.read() as look:
        assert list(look.memos("odd").items()) == [(name, name.encode()) for name in names]
        assert list(look.memos("odd", after="a\0b", limit=2)) == ["a\1", "a\1\0"]
        assert look.people([ACTOR])[ACTOR].name == "A\0\1da"
        assert {row[2] for row in look.datasets(prefix="a\0")} == {"a\0", "a\0b"}
        assert look.datasets(value="a\1")[0][2] == "a\1"


@pytest.fixture
def sorted_url(postgres_server: Server) -> Iterator[str]:
    """Give a database that orders text as English does, and numbers within it by their value."""
    make = "CREATE DATABASE sorted TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'en-US-u-kn-true' ENCODING 'UTF8'"
    with ExitStack() as stack:
        server = postgres_server
        try:
            server.say(make)
        except psycopg.errors.FeatureNotSupported:  # the wheel's
            if not of_the_system():
                pytest.skip("this PostgreSQL orders text by code points only")
            server = stack.enter_context(running(place=of_the_system()[0]))
            server.say(make)
        stack.callback(server.say, "DROP DATABASE sorted WITH (FORCE)")
        yield server.url("sorted")


def test_order_is_by_code_points_whatever_the_database_says(sorted_url: str) -> None:
    names = ["cms/a-b", "cms/aB1", "cms/a_b", "cms/ab", "cms/B", "cms/a10", "cms/a9"]
    with closing(SqlCatalogue.connect(sorted_url, create=True)) as catalogue:
        with catalogue.write() as tx:
            tell(tx, "cms", placed(*((name, n, f"{name} {n}") for name in names for n in (2, 10, 1)), labels=True))
        with catalogue.read() as look:
            assert [row.name for row in look.models()] == sorted(names)
            lines = list(look.state_lines("cms"))
            assert lines == sorted(lines)


# -- connections


def test_connections_that_were_ended_meanwhile_are_replaced_unseen(
    postgres_server: Server, postgres_url: str, catalogue: SqlCatalogue
) -> None:
    for _ in range(3):
        with catalogue.read(), catalogue.read():
            pass
        postgres_server.say(
            f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database(postgres_url)}'"
        )
        with catalogue.read() as look, catalogue.read():
            look.heads()
        postgres_server.say(
            f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database(postgres_url)}'"
        )
        with catalogue.write() as tx:
            tx.put_memo("a", "b", b"c")
        catalogue.lease([Lease(ACTOR, named("x"), 1e12)])


def test_a_session_that_ends_in_the_middle_wrote_nothing_and_the_next_may(
    postgres_server: Server, postgres_url: str, catalogue: SqlCatalogue
) -> None:
    end = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database(postgres_url)}'"

    def write() -> None:
        with catalogue.write() as tx:
            begin(tx, "cms")
            postgres_server.say(end)
            tx.heads()

    def read() -> None:
        with catalogue.read() as look:
            postgres_server.say(end)
            look.heads()

    for attempt in (write, read):
        with pytest.raises(UnavailableError) as caught:
            attempt()
        assert caught.value.code == "database-unavailable"
        assert "nothing was written" in caught.value.message
    with catalogue.write() as tx:
        assert tx.heads() == []
        begin(tx, "cms")


def test_a_server_that_stops_is_told_and_when_it_is_back_all_goes_on(own_server: Server) -> None:
    with closing(SqlCatalogue.connect(own_server.url("registry"), create=True)) as catalogue:
        with catalogue.write() as tx:
            tx.put_memo("a", "before", b"1")
        own_server.stop(signal.SIGINT)
        for attempt in (catalogue.read, catalogue.write):
            with pytest.raises(UnavailableError) as caught, attempt():
                pass
            assert caught.value.code == "database-unavailable"
        with pytest.raises(UnavailableError):
            catalogue.lease([Lease(ACTOR, named("x"), 1e12)])
        own_server.start()
        with catalogue.write() as tx:
            tx.put_memo("a", "after", b"2")
        with catalogue.read() as look:
            assert list(look.memos("a")) == ["after", "before"]


def test_a_commit_without_an_answer_is_not_said_to_have_failed(own_server: Server) -> None:
    """A standby that does not exist holds the answer back; then the session is ended: it is written all the same."""
    with closing(SqlCatalogue.connect(own_server.url("registry"), create=True)) as catalogue:
        own_server.say("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
        own_server.say("SELECT pg_reload_conf()")
        wait_for(own_server, "SELECT current_setting('synchronous_standby_names') = 'nobody'")
        caught: list[HerdbookError] = []

        def write() -> None:
            try:
                with catalogue.write() as tx:
                    tx.put_memo("unknown", "key", b"value")
            except HerdbookError as error:
                caught.append(error)

        thread = threading.Thread(target=write)
        thread.start()
        waiting = "FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
        wait_for(own_server, f"SELECT count(*) {waiting}")
        own_server.say(f"SELECT pg_terminate_backend(pid) {waiting}")
        thread.join(30)
        own_server.say("ALTER SYSTEM RESET synchronous_standby_names")
        own_server.say("SELECT pg_reload_conf()")
        assert [error.code for error in caught] == ["outcome-unknown"]
        assert "nothing was written" not in caught[0].message
        with catalogue.read() as look:
            assert look.memo("unknown", "key") == b"value"


def test_a_forked_process_has_connections_of_its_own(catalogue: SqlCatalogue) -> None:
    with catalogue.write() as tx:
        tx.put_memo("a", "parent", b"")
    with catalogue.read() as look:
        child = os.fork()
        if not child:
            status = 1
            try:
                with catalogue.write() as tx:
                    tx.put_memo("a", "child", b"")
                with catalogue.read() as own:
                    status = int(list(own.memos("a")) != ["child", "parent"])
            finally:
                os._exit(status)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert list(look.memos("a")) == ["parent"]
    with catalogue.write() as tx:
        assert list(tx.memos("a")) == ["child", "parent"]


def test_many_threads_share_few_connections_and_none_waits_for_itself(catalogue: SqlCatalogue) -> None:
    failures: list[BaseException] = []
    together = threading.Barrier(20)

    def work(number: int) -> None:
        try:
            together.wait(30)
            for turn in range(5):
                with catalogue.read() as look, catalogue.read():
                    look.heads()
                with catalogue.write() as tx, catalogue.read():
                    tx.put_memo("a", f"{number} {turn}", b"")
                    catalogue.lease([Lease(ACTOR, named(f"{number}"), 1e12)], [content("same")])
        except BaseException as error:  # noqa: BLE001  # shown by the test's own thread
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failures == []
    with catalogue.read() as look:
        assert len(look.memos("a")) == 100


# -- the one writer


def test_a_writer_that_waits_too_long_is_told_so(postgres_url: str, catalogue: SqlCatalogue) -> None:
    with closing(SqlCatalogue.connect(postgres_url, patience_s=0.2)) as waiting, catalogue.write():
        for attempt in (waiting.write, catalogue.write):  # another process's lock, and our own thread's
            with pytest.raises(UnavailableError) as caught, attempt():
                pass
            assert caught.value.code == "locked"
        with pytest.raises(UnavailableError) as caught:
            waiting.lease([Lease(ACTOR, named("x"), 1.0)])
        assert caught.value.code == "locked"
        with waiting.read() as look:
            assert look.heads() == []


def test_a_lease_within_a_write_is_part_of_it(catalogue: SqlCatalogue) -> None:
    def fail() -> None:
        with catalogue.write():
            catalogue.lease([Lease(ACTOR, named("x"), 1e12)])
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    with catalogue.read() as look:
        assert look.leases([named("x")], 0) == []


def test_what_contradicts_is_a_conflict_and_nothing_of_its_block_stays(catalogue: SqlCatalogue) -> None:
    def twice(*, swallow: bool) -> None:
        with catalogue.write() as tx:
            tell(tx, "cms", placed((TAU, 1, "a")))
            try:
                tell(tx, "cms", placed((TAU, 1, "b")))
            except HerdbookError:
                if not swallow:
                    raise
            except Exception as error:  # the database's own: not yet translated within the block
                if not swallow:
                    raise
                assert "unique" in str(error)  # noqa: PT017  # raises is for what leaves the block

    for swallow in (False, True):
        with pytest.raises(HerdbookError) as caught:
            twice(swallow=swallow)
        assert isinstance(caught.value, ConflictError)
        with catalogue.read() as look:
            assert look.heads() == []


def test_the_head_of_a_journal_is_locked_while_it_moves(postgres_url: str, catalogue: SqlCatalogue) -> None:
    """Whoever writes a journal without the writer's lock, as a program for repairs may, still cannot fork it."""
    with catalogue.write() as tx:
        head = begin(tx, "cms")
    with closing(psycopg.connect(postgres_url)) as other, catalogue.write() as tx:
        tx.append(head, event("cms", 2), Projection())
        with pytest.raises(psycopg.errors.LockNotAvailable):
            other.execute("SELECT seq FROM journals FOR UPDATE NOWAIT")
