"""The catalogue on PostgreSQL: how it is opened, who may what, and how its errors are said."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from tests.servers.postgres import Server

from herdbook.kernel.errors import (
    ConflictError,
    CorruptError,
    DeniedError,
    HerdbookError,
    InvalidError,
    MissingError,
    UnavailableError,
)
from herdbook.model.rows import Lease
from herdbook.stores.sql.catalogue import SqlCatalogue
from herdbook.stores.sql.postgres import trouble
from herdbook.testing.events import ACTOR, TIME, begin, named, placed, tell

TAU = "cms/tau/deeptau"


@pytest.fixture
def catalogue(postgres_url: str) -> Iterator[SqlCatalogue]:
    with closing(SqlCatalogue.connect(postgres_url)) as catalogue:
        yield catalogue


def database(url: str) -> str:
    return url.removeprefix("postgresql:///").partition("?")[0]


# -- opening


def test_a_registry_is_made_once_by_whoever_comes_first(blank_url: str) -> None:
    with pytest.raises(MissingError) as caught:
        SqlCatalogue.connect(blank_url)
    assert caught.value.code == "no-catalogue"
    found: list[str] = []

    def make() -> None:
        with closing(SqlCatalogue.connect(blank_url, create=True)) as catalogue:
            found.append(catalogue.registry)

    threads = [threading.Thread(target=make) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(found) == 4
    assert len(set(found)) == 1


def test_what_cannot_be_opened_says_why(postgres_server: Server, blank_url: str, tmp_path: Path) -> None:
    cases: list[tuple[str, type[HerdbookError], str]] = [
        (postgres_server.url("never"), MissingError, "no-catalogue"),
        (f"postgresql:///x?host={tmp_path}&user=herdbook", UnavailableError, "database-unavailable"),
        ("postgresql://127.0.0.1:1/x", UnavailableError, "database-unavailable"),
        (postgres_server.url("postgres").replace("user=herdbook", "user=never"), DeniedError, "database-denied"),
        ("postgresql:///x?nonsense=1", InvalidError, "bad-settings"),
    ]
    for url, kind, code in cases:
        with pytest.raises(kind) as caught:
            SqlCatalogue.connect(url, create=True)
        assert caught.value.code == code
        assert caught.value.hint
    postgres_server.say("CREATE TABLE alembic_version (version_num text)", database(blank_url))
    with pytest.raises(InvalidError) as other:
        SqlCatalogue.connect(blank_url, create=True)
    assert other.value.code == "not-a-catalogue"


def test_a_database_that_cannot_hold_all_text_is_refused(postgres_server: Server) -> None:
    postgres_server.say("CREATE DATABASE ascii TEMPLATE template0 ENCODING 'SQL_ASCII'")
    try:
        with pytest.raises(InvalidError) as caught:
            SqlCatalogue.connect(postgres_server.url("ascii"), create=True)
        assert caught.value.code == "bad-encoding"
    finally:
        postgres_server.say("DROP DATABASE ascii")


def test_a_password_is_in_no_message() -> None:
    with pytest.raises(HerdbookError) as caught:
        SqlCatalogue.connect("postgresql://me:s3cret@127.0.0.1:1/x")
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(("revision", "code"), [("0002", "older-schema"), ("0999", "newer-schema")])
def test_another_schema_is_noticed_at_opening_and_beneath_an_open_catalogue(
    postgres_server: Server, postgres_url: str, catalogue: SqlCatalogue, revision: str, code: str
) -> None:
    postgres_server.say(f"UPDATE alembic_version SET version_num = '{revision}'", database(postgres_url))
    with pytest.raises(InvalidError) as caught:
        SqlCatalogue.connect(postgres_url)
    assert caught.value.code == code
    for attempt in (catalogue.read, catalogue.write):
        with pytest.raises(InvalidError) as caught, attempt():
            pass
        assert caught.value.code == code


def test_who_may_only_read_reads_and_is_refused_to_write(postgres_server: Server, postgres_url: str) -> None:
    name = database(postgres_url)
    postgres_server.say("DROP ROLE IF EXISTS guest")
    postgres_server.say("CREATE ROLE guest LOGIN")
    try:
        as_guest = postgres_url.replace("user=herdbook", "user=guest")
        with pytest.raises(DeniedError) as caught:
            SqlCatalogue.connect(as_guest)
        assert caught.value.code == "database-denied"
        postgres_server.say("GRANT SELECT ON ALL TABLES IN SCHEMA public TO guest", name)
        with closing(SqlCatalogue.connect(as_guest)) as catalogue:
            with catalogue.read() as look:
                assert look.heads() == []
            with pytest.raises(DeniedError), catalogue.write() as tx:
                tx.put_memo("a", "b", b"")
        postgres_server.say("GRANT INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO guest", name)
        with closing(SqlCatalogue.connect(as_guest)) as catalogue:
            catalogue.lease([Lease(ACTOR, named("x"), 1e12)])
        postgres_server.say("ALTER ROLE guest SET default_transaction_read_only = on")
        with closing(SqlCatalogue.connect(as_guest)) as catalogue:
            assert catalogue.read_only
            with pytest.raises(DeniedError) as caught, catalogue.write():
                pass
            assert caught.value.code == "read-only"
    finally:
        postgres_server.say("REVOKE ALL ON ALL TABLES IN SCHEMA public FROM guest", name)
        postgres_server.say("DROP OWNED BY guest", name)
        postgres_server.say("DROP ROLE guest")


def test_without_the_driver_the_extra_is_named() -> None:
    script = (
        "import sys; sys.modules['psycopg'] = None\n"
        "from herdbook.stores.sql.catalogue import SqlCatalogue\n"
        "try:\n    SqlCatalogue.connect('postgresql:///x')\n"
        "except Exception as error:\n    print(error.code, error.hint)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "no-extra Install herdbook[postgres].\n"


# -- trouble, checks, backup


@pytest.mark.parametrize(
    ("raised", "kind", "code"),
    [
        (psycopg.errors.DiskFull("could not extend file"), UnavailableError, "disk-full"),
        (psycopg.errors.LockNotAvailable("timeout"), UnavailableError, "locked"),
        (psycopg.errors.SerializationFailure("conflict with recovery"), UnavailableError, "busy"),
        (psycopg.errors.DeadlockDetected("deadlock"), UnavailableError, "busy"),
        (psycopg.errors.ReadOnlySqlTransaction("read-only"), DeniedError, "read-only"),
        (psycopg.errors.UniqueViolation("duplicate key"), ConflictError, "constraint"),
        (psycopg.errors.InsufficientPrivilege("denied"), DeniedError, "database-denied"),
        (psycopg.errors.TooManyConnections("too many"), UnavailableError, "database-unavailable"),
        (psycopg.errors.OutOfMemory("memory"), UnavailableError, "database-unavailable"),
        (psycopg.errors.QueryCanceled("statement timeout"), UnavailableError, "database-unavailable"),
        (psycopg.errors.CannotConnectNow("starting up"), UnavailableError, "database-unavailable"),
        (psycopg.errors.UndefinedTable("no table"), MissingError, "no-catalogue"),
        (psycopg.errors.NumericValueOutOfRange("bigint"), InvalidError, "bad-value"),
        (psycopg.errors.DataCorrupted("page"), CorruptError, "catalogue-corrupt"),
        (psycopg.errors.SyntaxError("syntax"), CorruptError, "catalogue-corrupt"),
    ],
)
def test_what_postgresql_says_is_said_in_our_words(raised: psycopg.Error, kind: type[HerdbookError], code: str) -> None:
    found = trouble.translate(raised, "database x at y")
    assert (type(found), found.code) == (kind, code)
    assert found.hint


def test_a_check_finds_what_an_owner_broke(postgres_server: Server, postgres_url: str, catalogue: SqlCatalogue) -> None:
    with catalogue.write() as tx:
        tell(tx, "cms", placed((TAU, 1, "a")))
    assert catalogue.check() == []
    name = database(postgres_url)
    postgres_server.say("DROP INDEX ix_versions_record", name)
    postgres_server.say("ALTER TABLE versions DROP CONSTRAINT fk_versions_record", name)
    postgres_server.say("UPDATE versions SET record = 99", name)
    postgres_server.say("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'ix_files_digest'::regclass", name)
    assert sorted(catalogue.check()) == [
        "1 rows of versions refer to a row of bodies that is not there",
        "ix_versions_record is missing",
        "the index ix_files_digest is not valid: REINDEX makes it anew",
        "the reference fk_versions_record is not enforced",
    ]


def test_a_backup_is_a_file_that_opens_without_a_server(catalogue: SqlCatalogue, tmp_path: Path) -> None:
    with catalogue.write() as tx:
        tell(tx, "cms", placed((TAU, 1, "a"), (TAU, 2, "b"), labels=True))
        lines = list(tx.state_lines("cms"))
    catalogue.backup(str(tmp_path))
    with closing(SqlCatalogue.open(tmp_path / "catalogue.sqlite")) as copy:
        assert copy.registry == catalogue.registry
        assert copy.check() == []
        with copy.read() as look:
            assert list(look.state_lines("cms")) == lines


def test_times_are_what_they_were(catalogue: SqlCatalogue) -> None:
    with catalogue.write() as tx:
        assert begin(tx, "cms").time == TIME
