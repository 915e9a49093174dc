"""Upgrading on PostgreSQL: the same steps as on SQLite lead to the tables that a new catalogue gets."""

from __future__ import annotations

from contextlib import closing

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine
from tests.servers.postgres import Server, fresh

from herdbook.kernel.errors import InvalidError
from herdbook.stores.sql import opening
from herdbook.stores.sql.catalogue import SqlCatalogue
from herdbook.stores.sql.postgres import opening as postgres_opening
from herdbook.stores.sql.postgres.engine import Database
from herdbook.stores.sql.schema import REVISIONS
from herdbook.testing.events import ACTOR, TIME, named, placed, tell

TAU = "cms/tau/deeptau"
COLUMNS = """
    SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, n.collname,
           pg_get_expr(d.adbin, d.adrelid)
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
    LEFT JOIN pg_collation n ON n.oid = a.attcollation
    LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped
    ORDER BY 1, 2
"""
INDICES = "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1"
RULES = """
    SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint
    WHERE connamespace = 'public'::regnamespace ORDER BY 1
"""


def rules(url: str) -> list[list[object]]:
    """Return all columns, indices and constraints, as PostgreSQL writes them."""
    with closing(psycopg.connect(url)) as raw:
        return [list(raw.execute(question).fetchall()) for question in (COLUMNS, INDICES, RULES)]


def upgrade(url: str, revision: str = "head") -> None:
    with closing(Database(url, read_only=False)) as database:
        postgres_opening.upgrade(database, 5.0, revision)


def test_a_catalogue_that_is_made_and_one_that_was_upgraded_have_the_same_tables(
    blank_url: str, postgres_url: str
) -> None:
    upgrade(blank_url)
    assert rules(blank_url) == rules(postgres_url)


def test_the_migrations_give_what_the_code_reads(blank_url: str) -> None:
    upgrade(blank_url)
    engine = create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(blank_url))
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, opening.TABLES) == []
        assert context.get_current_revision() == REVISIONS[-1]
    engine.dispose()


def test_text_is_compared_by_code_points_everywhere(postgres_url: str) -> None:
    columns, _, _ = rules(postgres_url)
    texts = [row for row in columns if isinstance(row, tuple) and row[2] == "text"]
    assert {row[4] for row in texts} == {"C"}
    assert len(texts) > 30


def test_an_older_catalogue_is_brought_up_to_date_with_all_that_is_in_it(
    postgres_server: Server, blank_url: str
) -> None:
    upgrade(blank_url, "0001")
    digest = bytes.fromhex(named("a")[7:])
    with closing(psycopg.connect(blank_url)) as raw:
        raw.execute("UPDATE registry SET id = id")
        raw.execute("INSERT INTO registry VALUES (%s, %s, '0.0.9')", ("registry:" + "5a" * 16, TIME))
        raw.execute(
            "INSERT INTO journals VALUES (1, 'cms', 'cms', %s, %s, 2, %s, %s, true)",
            (digest, "registry:" + "5a" * 16, digest, TIME),
        )
        for seq in (1, 2):
            body = b'{"seq":%d}' % seq
            row = (seq, seq, bytes.fromhex(named(f"cms {seq}")[7:]), TIME, ACTOR, body)
            raw.execute("INSERT INTO events VALUES (%s, 1, %s, %s, %s, %s, %s)", row)
        raw.execute("INSERT INTO bodies VALUES (1, %s, 'body')", (digest,))
        raw.execute("INSERT INTO known VALUES (1, 1, 'record', 2)")
        raw.execute("INSERT INTO models VALUES (1, %s, %s, 1, 1, 1, NULL)", (TAU, TAU))
        raw.execute("INSERT INTO versions VALUES (1, 1, 1, 1, 1, 2)")
        raw.execute("INSERT INTO pointers VALUES (7, 1, 'label', 'v1', 'V1', 1, 1, 2)")
        raw.execute("SELECT setval('pointers_id_seq', 7)")
        raw.execute("INSERT INTO moves VALUES (7, 2, 3, NULL, 1, NULL)")
        raw.commit()
    with pytest.raises(InvalidError) as caught:
        SqlCatalogue.connect(blank_url)
    assert caught.value.code == "older-schema"
    assert SqlCatalogue.migrate_database(blank_url) == "0001"
    assert SqlCatalogue.migrate_database(blank_url) is None
    with fresh(postgres_server) as new:
        assert rules(blank_url) == rules(new)
    with closing(psycopg.connect(blank_url)) as raw:
        assert raw.execute("SELECT position FROM pointers").fetchall() == [(3,)]
    with closing(SqlCatalogue.connect(blank_url)) as catalogue:
        assert catalogue.check() == []
        with catalogue.write() as tx:
            tx.put_memo("a", "b", b"c")
            pointer = tx.pointer(f"label:{TAU}:V1")
            assert pointer
            assert pointer.to == named("a")


def test_an_upgrade_that_fails_leaves_everything_as_it_was(blank_url: str) -> None:
    upgrade(blank_url, "0001")
    with closing(psycopg.connect(blank_url, autocommit=True)) as raw:
        raw.execute("CREATE TABLE memos (x int)")  # in the way of what 0003 makes
    before = rules(blank_url)
    with pytest.raises(Exception, match="memos"):
        upgrade(blank_url)
    assert rules(blank_url) == before


def test_a_catalogue_goes_on_after_the_upgrade(blank_url: str) -> None:
    upgrade(blank_url)
    with closing(psycopg.connect(blank_url)) as raw:
        raw.execute("INSERT INTO registry VALUES (%s, %s, '0.0.9')", ("registry:" + "5a" * 16, TIME))
        raw.commit()
    with closing(SqlCatalogue.connect(blank_url)) as catalogue, catalogue.write() as tx:
        tell(tx, "cms", placed((TAU, 1, "a"), labels=True))
