"""Opening: what is there is told from what is not a catalogue, is another's, or may only be read."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from tests.stores.sql.conftest import Script

from herdbook.kernel.errors import CorruptError, DeniedError, HerdbookError, InvalidError, MissingError
from herdbook.stores.sql.catalogue import SqlCatalogue
from herdbook.stores.sql.sqlite import mounts
from herdbook.testing.events import begin, named, placed, tell


def lying_in(folder: Path) -> dict[str, bytes]:
    """Return what files hold, but for SQLite's shared memory and its log, which it makes when it looks."""
    return {item.name: item.read_bytes() for item in folder.glob("*") if not item.name.endswith(("-shm", "-wal"))}


def refused(path: Path, **how: bool) -> HerdbookError:
    before = lying_in(path.parent)
    with pytest.raises(HerdbookError) as caught:
        SqlCatalogue.open(path, **how)
    assert lying_in(path.parent) == before, "what is refused stays as it was"
    assert caught.value.hint
    return caught.value


def test_what_is_not_there_is_not_made_by_looking(path: Path) -> None:
    error = refused(path)
    assert isinstance(error, MissingError)
    assert error.code == "no-catalogue"


def test_the_id_stays_and_making_it_again_changes_nothing(path: Path) -> None:
    ids = []
    for _ in range(2):
        catalogue = SqlCatalogue.open(path, create=True)
        ids.append(catalogue.registry)
        catalogue.close()
    assert ids[0] == ids[1]
    assert [item.name for item in path.parent.iterdir()] == [path.name], "closing leaves one file"


def test_an_empty_file_is_filled_only_when_asked(path: Path) -> None:
    path.parent.mkdir()
    path.touch()
    assert refused(path).code == "not-a-catalogue"
    SqlCatalogue.open(path, create=True).close()
    SqlCatalogue.open(path).close()


@pytest.mark.parametrize("create", [False, True])
def test_a_text_file_is_no_catalogue_and_is_not_touched(path: Path, create: bool) -> None:
    path.parent.mkdir()
    path.write_text("model: deeptau\n" * 500)
    error = refused(path, create=create)
    assert isinstance(error, CorruptError)


@pytest.mark.parametrize("create", [False, True])
def test_another_programs_database_is_not_touched(path: Path, create: bool) -> None:
    path.parent.mkdir()
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE experiments (id)")
    other.commit()
    other.close()
    error = refused(path, create=create)
    assert isinstance(error, InvalidError)
    assert error.code == "not-a-catalogue"


def rewrite(path: Path, *statements: str) -> None:
    raw = sqlite3.connect(path)
    for statement in statements:
        raw.execute(statement)
    raw.commit()
    raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    raw.close()


@pytest.mark.parametrize("read_only", [False, True])
def test_a_newer_schema_says_which_herdbook_it_needs(path: Path, catalogue: SqlCatalogue, read_only: bool) -> None:
    catalogue.close()
    rewrite(path, "UPDATE alembic_version SET version_num = '0907'", "UPDATE registry SET written_by = '9.7'")
    error = refused(path, read_only=read_only)
    assert isinstance(error, InvalidError)
    assert error.code == "newer-schema"
    assert "9.7" in error.hint


def test_an_older_schema_says_how_it_is_brought_up_to_date(path: Path, catalogue: SqlCatalogue) -> None:
    catalogue.close()
    rewrite(path, "UPDATE alembic_version SET version_num = '0001'")
    error = refused(path)
    assert error.code == "older-schema"
    assert "--migrate" in error.hint


def test_a_damaged_page_is_told_and_not_read_as_data(path: Path, catalogue: SqlCatalogue) -> None:
    with catalogue.write() as tx:
        tell(tx, "cms", placed(*(("cms/a/b", n, f"{n}") for n in range(1, 2000)), labels=True))
    catalogue.close()
    data = bytearray(path.read_bytes())
    for start in range(4096 * 40, len(data), 4096):
        data[start : start + 64] = b"\xff" * 64
    path.write_bytes(data)
    problems = []
    try:
        with closing(SqlCatalogue.open(path)) as damaged:
            problems = damaged.check()
    except CorruptError as error:  # when the damage is where it must look to open
        problems = [str(error)]
    assert problems


def test_processes_that_make_the_same_registry_at_once_agree_on_its_id(path: Path, script: Script) -> None:
    text = "c = SqlCatalogue.open(path, create=True); print(c.registry); c.close()"
    told = [process.communicate(timeout=60)[0] for process in [script(text, path) for _ in range(4)]]
    assert len(set(told)) == 1, told
    assert told[0].startswith("registry:")


# -- places where nothing can be written

_LOOK = """
try:
    c = SqlCatalogue.open(path)
    with c.read() as look:
        print("seq", look.head("cms").seq, flush=True)
    try:
        with c.write():
            print("wrote")
    except HerdbookError as error:
        print(error.code, error.hint)
    try:
        c.lease([Lease("actor:" + "0" * 32, named("x"), 1e12)])
        print("leased")
    except HerdbookError as error:
        print(error.code)
    c.close()
except HerdbookError as error:
    print(error.code, error.hint)
"""


def make_read_only(folder: Path) -> None:
    for item in folder.iterdir():
        item.chmod(0o444)
    folder.chmod(0o555)


def test_in_a_read_only_folder_one_can_read(open_folder: Path, other_user: int | None, script: Script) -> None:
    path = open_folder / "catalogue.sqlite"
    catalogue = SqlCatalogue.open(path, create=True)
    with catalogue.write() as tx:
        begin(tx, "cms")
    catalogue.close()
    make_read_only(open_folder)
    told = script(_LOOK, path, user=other_user).communicate(timeout=60)[0].splitlines()
    assert told[0] == "seq 1"
    assert told[1].startswith("read-only ")
    assert told[2] == "read-only"


def test_beside_a_writer_one_reads_what_it_just_wrote(
    open_folder: Path, other_user: int | None, script: Script
) -> None:
    if other_user is None:
        pytest.skip("needs two users: the writer's, and one who may only read")
    path = open_folder / "catalogue.sqlite"
    catalogue = SqlCatalogue.open(path, create=True)
    with catalogue.write() as tx:
        begin(tx, "cms")
        tell(tx, "cms", placed(("cms/a/b", 1, "a")))
    told = script(_LOOK, path, user=other_user).communicate(timeout=60)[0].splitlines()
    catalogue.close()
    assert told[0] == "seq 2"


def test_a_read_only_copy_whose_last_writes_are_in_its_log_is_not_read_without_them(
    open_folder: Path, other_user: int | None, script: Script
) -> None:
    path = open_folder / "catalogue.sqlite"
    text = "c = SqlCatalogue.open(path, create=True)\nwith c.write() as tx: begin(tx, 'cms')\nos._exit(0)"
    script(text, path).wait(timeout=60)
    (open_folder / "catalogue.sqlite-shm").unlink()
    make_read_only(open_folder)
    told = script(_LOOK, path, user=other_user).communicate(timeout=60)[0]
    assert told.startswith("log-not-folded Copy ")


def test_without_locks_a_change_is_seen_at_the_next_look(
    path: Path, catalogue: SqlCatalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    with catalogue.write() as tx:
        begin(tx, "cms")
    catalogue.close()
    monkeypatch.setattr(mounts, "_MOUNTS", path.parent / "mounts")
    (path.parent / "mounts").write_text(f"server:/x {path.parent} nfs4 rw 0 0\n")
    reader = SqlCatalogue.open(path, read_only=True)
    with reader.read() as look:
        assert [head.seq for head in look.heads()] == [1]
    monkeypatch.undo()
    writer = SqlCatalogue.open(path)
    with writer.write() as tx:
        tell(tx, "cms", placed(("cms/a/b", 1, "a")))
    writer.close()
    with reader.read() as look:
        assert [head.seq for head in look.heads()] == [2]
    reader.close()


def test_on_a_network_file_system_nothing_is_written(
    path: Path, catalogue: SqlCatalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalogue.close()
    table = path.parent / "mounts"
    table.write_text(f"/dev/sda1 / ext4 rw 0 0\nserver:/home {path.parent} nfs4 rw 0 0\n")
    monkeypatch.setattr(mounts, "_MOUNTS", table)
    for other in (path, path.parent / "new" / "catalogue.sqlite"):
        with pytest.raises(DeniedError) as caught:
            SqlCatalogue.open(other, create=True)
        assert caught.value.code == "network-filesystem"
        assert "nfs4" in str(caught.value)
        assert "init" in caught.value.hint
    assert not (path.parent / "new").exists()
    reader = SqlCatalogue.open(path, read_only=True)
    assert reader.check() == []
    reader.close()


# -- copies


def test_a_backup_is_a_whole_registry_in_one_file(path: Path, catalogue: SqlCatalogue) -> None:
    with catalogue.write() as tx:
        tell(tx, "cms", placed(("cms/a/b", 1, "a"), labels=True))
    with catalogue.read():
        catalogue.backup(str(path.parent / "copy"))
        catalogue.backup(str(path.parent / "copy"))
    assert [item.name for item in (path.parent / "copy").iterdir()] == ["catalogue.sqlite"]
    copy = SqlCatalogue.open(path.parent / "copy" / "catalogue.sqlite")
    assert (copy.registry, copy.check()) == (catalogue.registry, [])
    with copy.write() as tx:
        assert tx.pointer("label:cms/a/b:v1")
        tell(tx, "cms", placed(("cms/a/b", 2, "b")))
    copy.close()
    with pytest.raises(InvalidError):
        catalogue.backup(str(path.parent))


def test_a_forked_process_opens_its_own_connections(catalogue: SqlCatalogue) -> None:
    with catalogue.write() as tx:
        begin(tx, "cms")
    with catalogue.read() as look:
        assert look.head("cms")
    child = os.fork()
    if child == 0:
        try:
            with catalogue.write() as tx:
                tell(tx, "cms", placed(("cms/a/b", 1, named("a"))))
            with catalogue.read() as look:
                os._exit(0 if look.model("cms/a/b") else 3)
        finally:
            os._exit(4)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    with catalogue.write() as tx:
        tell(tx, "cms", placed(("cms/a/b", 2, "b")))
        assert tx.last_ordinals(["cms/a/b"]) == {"cms/a/b": 2}
