"""A registry in a folder moves into PostgreSQL and S3, as the page says, and what is refused on the way."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.house import test_docs as pages
from tests.servers.postgres import TEMPLATE, Server, fresh

import herdbook
from herdbook.bootstrap import moving
from herdbook.bootstrap import open as opening
from herdbook.kernel.errors import ConflictError, HerdbookError, InvalidError, MissingError
from herdbook.service.admin import LocalAdmin

if TYPE_CHECKING:
    from tests.servers.places import S3Place

PAGE = pages.ROOT / "docs" / "how-to" / "move-to-postgresql.md"


def _register(folder: Path, label: str) -> None:
    with herdbook.open(str(folder)) as registry:
        (folder.parent / "model.bin").write_text(label, "utf-8")
        registry.versions.register(f"demo/tau/toy:{label}", str(folder.parent / "model.bin"))


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """Return a registry in a folder, with two versions and a person."""
    folder = tmp_path / "registry"
    opening.init_registry(str(folder))
    _register(folder, "v1")
    _register(folder, "v2")
    return folder


def _admin(folder: str) -> LocalAdmin:
    admin = opening.open_admin(folder)
    assert isinstance(admin, LocalAdmin)
    return admin


def _name(folder: Path, url: str) -> None:
    (folder / "registry.toml").write_text(f'catalogue = "{url}"\n', "utf-8")


def test_the_page_is_played(
    small: Path, blank_url: str, s3_place: S3Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = PAGE.read_text("utf-8")
    monkeypatch.setenv("HERDBOOK_REGISTRY", str(small))
    monkeypatch.setenv("BACKUP", str(tmp_path / "backup"))
    (tmp_path / "reader").mkdir()
    for block in pages._blocks(page):
        if block.language == "toml":
            told = block.text.replace("postgresql://herdbook@db.example.org/herdbook", blank_url)
            told = told.replace("s3://models/herdbook", f"s3://{s3_place.bucket}/{s3_place.prefix}")
            told = told.replace("https://s3.example.org", s3_place.endpoint)
            (small / "registry.toml").write_text(told, "utf-8")
        elif block.language == "console":
            pages._play(block, PAGE, tmp_path / "reader")
    _register(small, "v3")
    with _admin(str(small)) as admin:
        assert admin.doctor().sound


def test_id_home_history_and_answers_are_what_they_were(small: Path, blank_url: str) -> None:
    with herdbook.open(str(small)) as registry:
        was = [registry.journal.state_digest("demo"), *registry.journal.lines("demo")]
        found = registry.versions.search("toy", limit=10).items
    with _admin(str(small)) as admin:
        id_ = admin._context.catalogue.registry
    _name(small, blank_url)
    report = moving.move_catalogue(str(small))
    assert [str(point.namespace) for point in report.checkpoints] == ["demo"]
    with herdbook.open(str(small)) as registry:
        assert [registry.journal.state_digest("demo"), *registry.journal.lines("demo")] == was
        assert registry.versions.search("toy", limit=10).items == found
    with _admin(str(small)) as admin:
        assert admin._context.catalogue.registry == id_
        assert admin.doctor().sound
    _register(small, "v3")  # the namespace has its home here still


def test_until_the_move_is_done_nobody_opens_the_registry_under_two_catalogues(small: Path, blank_url: str) -> None:
    _name(small, blank_url)
    for open_ in (herdbook.open, opening.open_admin, opening.init_registry):
        with pytest.raises(ConflictError) as caught:
            open_(str(small))
        assert caught.value.code == "two-catalogues"


def test_who_has_the_old_file_open_cannot_write_it_any_more(small: Path, blank_url: str) -> None:
    with herdbook.open(str(small)) as registry:
        _name(small, blank_url)
        moving.move_catalogue(str(small))
        (small.parent / "late.bin").write_bytes(b"late")
        with pytest.raises(HerdbookError):
            registry.versions.register("demo/tau/toy:late", str(small.parent / "late.bin"))
    with herdbook.open(str(small)) as registry:
        assert not registry.versions.search("label = late").items


def test_the_old_file_is_read_under_its_old_name_and_not_written(small: Path, blank_url: str) -> None:
    _name(small, blank_url)
    moving.move_catalogue(str(small))
    (small / "registry.toml").unlink()
    (small / "catalogue.sqlite.moved").rename(small / "catalogue.sqlite")
    with herdbook.open(str(small)) as registry:
        assert len(registry.versions.search("toy").items) == 2
    with pytest.raises(HerdbookError, match="moved into PostgreSQL"):
        _register(small, "late")


def test_a_database_with_another_registry_is_refused_and_neither_is_changed(
    small: Path, postgres_server: Server
) -> None:
    with fresh(postgres_server, TEMPLATE) as url:
        _name(small, url)
        with pytest.raises(ConflictError) as caught:
            moving.move_catalogue(str(small))
        assert caught.value.code == "not-empty"
    (small / "registry.toml").unlink()
    _register(small, "v3")


def test_what_moves_is_held_against_what_was_there_and_a_difference_stops_it(small: Path, blank_url: str) -> None:
    _name(small, blank_url)
    with closing(sqlite3.connect(small / "catalogue.sqlite")) as raw:
        raw.execute("UPDATE journals SET seq = seq + 1")
        raw.commit()
    moving.move_catalogue(str(small))  # the same nonsense in both is no difference
    (small / "catalogue.sqlite.moved").rename(small / "catalogue.sqlite")
    with closing(sqlite3.connect(small / "catalogue.sqlite")) as raw:
        raw.execute("UPDATE journals SET seq = seq - 1")
        raw.commit()
    with pytest.raises(HerdbookError) as caught:
        moving.move_catalogue(str(small))
    assert caught.value.code == "copy-differs"
    assert (small / "catalogue.sqlite").exists()


def test_a_move_that_broke_off_is_done_again(small: Path, blank_url: str) -> None:
    _name(small, blank_url)
    kill = (
        "import os; from herdbook.stores.sql import {module}; from herdbook.bootstrap.moving import move_catalogue\n"
        "{module}.{name} = lambda *_: os._exit(9)\n"
        f"move_catalogue({str(small)!r})"
    )
    for module, name in (("carry", "compare"), ("moving", "_close")):
        done = subprocess.run([sys.executable, "-c", kill.format(module=module, name=name)], check=False)
        assert done.returncode == 9
        assert (small / "catalogue.sqlite").exists()
    moving.move_catalogue(str(small))
    with _admin(str(small)) as admin:
        assert admin.doctor().sound


def test_without_a_place_or_a_catalogue_there_is_nothing_to_move(small: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidError, match="names no database"):
        moving.move_catalogue(str(small))
    (tmp_path / "empty").mkdir()
    _name(tmp_path / "empty", "postgresql:///nowhere")
    with pytest.raises(MissingError, match=r"no catalogue\.sqlite"):
        moving.move_catalogue(str(tmp_path / "empty"))


def test_there_and_back_again_a_registry_is_the_same(small: Path, blank_url: str, tmp_path: Path) -> None:
    with herdbook.open(str(small)) as registry:
        was = registry.journal.state_digest("demo")
    _name(small, blank_url)
    moving.move_catalogue(str(small))
    with _admin(str(small)) as admin:
        admin.backup(str(tmp_path / "back"))
    with herdbook.open(str(tmp_path / "back")) as registry:
        assert registry.journal.state_digest("demo") == was
    _register(tmp_path / "back", "v3")
    with _admin(str(tmp_path / "back")) as admin:
        assert admin.doctor().sound
