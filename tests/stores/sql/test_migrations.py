"""Upgrading: an older registry's rows are all there afterwards, its copy is kept, and the schema is the one we make."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine

from herdbook.kernel.errors import CorruptError, HerdbookError, UnavailableError
from herdbook.model.rows import EdgeRow, PointerRow
from herdbook.stores.sql import opening as shared
from herdbook.stores.sql.catalogue import SqlCatalogue
from herdbook.stores.sql.migrations.upgrade import upgrade
from herdbook.stores.sql.schema import REVISIONS
from herdbook.stores.sql.sqlite import opening
from herdbook.testing.events import ACTOR, TIME, named, placed, tell

TAU = "cms/tau/deeptau"


def make_0001(path: Path) -> None:
    """Write a registry as the first schema did: rows are written out here, not by today's code."""
    path.parent.mkdir(parents=True, exist_ok=True)
    raw = sqlite3.connect(path)
    raw.execute("PRAGMA journal_mode=WAL")
    raw.execute(f"PRAGMA application_id={opening.APPLICATION_ID}")
    raw.close()
    upgrade(path, 1.0, "0001")
    digests = [bytes.fromhex(named(text)[7:]) for text in ("a", "b", "run", "said", "cms 1", "cms 2")]
    rows: dict[str, Sequence[tuple[object, ...]]] = {
        "registry": [("registry:" + "5a" * 16, TIME, "0.0.9")],
        "journals": [(1, "cms", "cms", digests[4], "registry:" + "5a" * 16, 2, digests[5], TIME, 1)],
        "events": [(n, 1, n, digests[3 + n], TIME, ACTOR, b'{"seq":%d}' % n) for n in (1, 2)],
        "bodies": [(n + 1, digest, b"body %d" % n) for n, digest in enumerate(digests[:4])],
        "known": [(n, 1, "statement" if n == 4 else "record", 2) for n in (1, 2, 3, 4)],
        "models": [(1, TAU, TAU, 1, 2, 2, None)],
        "versions": [(1, 1, 1, 1, 1, 2), (2, 1, 2, 2, 1, 2)],
        "pointers": [
            (1, 1, "label", "v1", "V1", 1, 1, 2),
            (2, 1, "label", "v2", "V2", 1, 2, 2),
            (3, 1, "alias", "prod", "prod", 1, None, 2),
        ],
        "moves": [(2, 2, 0, None, 2, None), (1, 2, 1, None, 1, None), (3, 2, 2, None, 1, None), (3, 2, 3, 1, None, 4)],
        "statements": [(4, "herdbook/note/1", b"\x04" + bytes.fromhex("7f" * 16), b"\0" + digests[3])],
        "subjects": [("record", b"\0" + digests[0], 4)],
        "activities": [(3, digests[2], "training", "finished", b"\0" + digests[2])],
        "edges": [(3, 0, "out", "record", b"\0" + digests[0], "model", None)],
        "datasets": [],
        "files": [(1, 0, "m.onnx", b"\0" + digests[0], 4), (2, 0, "m.onnx", b"\x02" + b"\x0b" * 16, None)],
        "purges": [(digests[1], 1, 2)],
        "people": [(ACTOR, "Ada", None)],
        "leases": [(digests[0], ACTOR, 1e12)],
    }
    with closing(sqlite3.connect(path)) as raw:
        for table, values in rows.items():
            for row in values:
                raw.execute(f"INSERT INTO {table} VALUES ({','.join('?' * len(row))})", row)
        raw.commit()


def test_everything_that_the_first_schema_wrote_is_read_after_the_upgrade(path: Path) -> None:
    make_0001(path)
    with pytest.raises(HerdbookError) as caught:
        SqlCatalogue.open(path)
    assert caught.value.code == "older-schema"
    copy = SqlCatalogue.migrate(path)
    assert copy == path.with_name("catalogue.sqlite.0001")
    with closing(sqlite3.connect(copy)) as raw:
        assert raw.execute("SELECT version_num FROM alembic_version").fetchall() == [("0001",)]
        assert raw.execute("SELECT count(*) FROM moves").fetchall() == [(4,)]
    with closing(SqlCatalogue.open(path)) as catalogue:
        assert catalogue.registry == "registry:" + "5a" * 16
        assert catalogue.check() == []
        with catalogue.read() as look:
            assert [(row.ordinal, row.record) for row in look.versions(TAU)] == [(1, named("a")), (2, named("b"))]
            newest = [(row.pointer, row.to) for row in look.pointers([TAU])[TAU]]
            assert newest == [  # the order of the moves within their event, which the first schema did not tell
                (f"alias:{TAU}@prod", ""),
                (f"label:{TAU}:V1", named("a")),
                (f"label:{TAU}:V2", named("b")),
            ]
            assert [row.reason for row in look.moves(f"alias:{TAU}@prod")] == ["", named("said")]
            assert look.activities(kind="training") == [named("run")]
            assert look.edges([named("run")]) == [EdgeRow(named("run"), "out", "record", named("a"), "model")]
            assert [row.issuer for row in look.statements([("record", named("a"))])] == [ACTOR]
            assert look.files_named(["md5:" + "0b" * 16])[0].record == named("b")
            assert look.purged("cms", [named("b")]) == {named("b")}
            assert look.people()[ACTOR].name == "Ada"
            assert len(look.leases([named("a")], 0)) == 1
            assert len(list(look.state_lines("cms"))) == 10
        with catalogue.write() as tx:
            tell(tx, "cms", placed((TAU, 3, "c"), labels=True))
            assert tx.pointer(f"label:{TAU}:V3") == PointerRow(f"label:{TAU}:V3", "cms", TAU, named("c"), 3)
    assert SqlCatalogue.migrate(path) is None


def rules(path: Path) -> dict[str, list[str]]:
    """Return, by name, what makes each table and index, without the order and the quotes of its parts."""
    with closing(sqlite3.connect(path)) as raw:
        rows = raw.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")
        return {
            name: sorted(line.strip().rstrip(",").replace('"', "") for line in sql.splitlines()) for name, sql in rows
        }


def test_a_registry_that_is_made_and_one_that_was_upgraded_have_the_same_schema(path: Path, tmp_path: Path) -> None:
    SqlCatalogue.open(path, create=True).close()
    upgrade(tmp_path / "empty.sqlite", 1.0)
    make_0001(tmp_path / "old.sqlite")
    upgrade(tmp_path / "old.sqlite", 1.0)
    assert rules(tmp_path / "empty.sqlite") == rules(path)
    assert rules(tmp_path / "old.sqlite") == rules(path)


def test_the_migrations_give_what_the_code_reads(tmp_path: Path) -> None:
    upgrade(tmp_path / "empty.sqlite", 1.0)
    engine = create_engine(f"sqlite:///{tmp_path / 'empty.sqlite'}")
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, shared.TABLES) == []
        assert context.get_current_revision() == REVISIONS[-1]
    engine.dispose()


def test_an_upgrade_that_fails_leaves_everything_as_it_was(path: Path) -> None:
    make_0001(path)
    with closing(sqlite3.connect(path)) as raw:
        raw.execute("PRAGMA foreign_keys=OFF")
        raw.execute("UPDATE versions SET record = 99 WHERE item = 2")  # a row that refers to none
        raw.commit()
    before = rules(path)
    with pytest.raises(CorruptError):
        SqlCatalogue.migrate(path)
    assert rules(path) == before
    with pytest.raises(HerdbookError) as caught:
        SqlCatalogue.open(path)
    assert caught.value.code == "older-schema"


def test_an_upgrade_waits_for_nobody_for_ever(path: Path) -> None:
    make_0001(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as raw:
        raw.execute("BEGIN IMMEDIATE")
        with pytest.raises(UnavailableError):
            opening.migrate(path, patience_s=0.2)


def test_opening_and_making_a_registry_needs_no_alembic(path: Path) -> None:
    script = (
        "import sys; from herdbook.stores.sql.catalogue import SqlCatalogue as C; "
        f"C.open({str(path)!r}, create=True).close(); C.open({str(path)!r}).close(); "
        "print([name for name in sys.modules if name.split('.')[0] in ('alembic', 'mako')])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "[]\n"
