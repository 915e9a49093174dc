"""Settings: where each value comes from, what a bad file says, and that the actor's id is made once."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from herdbook.bootstrap import discovery, principals, settings, settings_file
from herdbook.kernel.errors import DeniedError, HerdbookError, InvalidError

ACTOR = "actor:" + "0" * 31 + "7"


def _write(text: str) -> Path:
    path = settings.config_file()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    return path


def test_an_argument_wins_over_the_environment_it_over_the_file_it_over_the_default(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert settings.load()["registry"].origin == "default"
    path = _write('registry = "/from/file"\n')
    assert settings.load()["registry"] == settings.Setting("registry", "/from/file", "file", str(path))
    monkeypatch.setenv("HERDBOOK_REGISTRY", "/from/environment")
    assert settings.load()["registry"].source == "HERDBOOK_REGISTRY"
    assert settings.load(registry="/from/argument")["registry"].origin == "argument"
    assert discovery.find("/from/argument").said_by == "argument --registry"
    assert discovery.find().location == "/from/environment"


def test_an_empty_variable_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HERDBOOK_REGISTRY", "")
    assert settings.load()["registry"].origin == "default"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('registry = "x"\nactor = = 3\n', "line 2"),
        ('[readers]\nworkers = "many"\n', "readers.workers"),
        ("[readers]\nworkers = 0\n", "readers.workers"),
        ("registry = 3\n", "registry"),
        ('[actor]\nid = "me"\n', "actor"),
        ('[actor]\nkind = "robot"\n', "person, service, group"),
    ],
)
def test_a_bad_file_says_which_line_or_key_is_wrong(text: str, said: str) -> None:
    path = _write(text)
    with pytest.raises(InvalidError) as caught:
        settings.load()
    assert said in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_file_that_is_not_utf8_or_not_readable_is_an_error_with_its_name() -> None:
    path = _write("")
    path.write_bytes(b'registry = "\xff"')
    with pytest.raises(InvalidError, match="UTF-8"):
        settings.load()
    path.unlink()
    path.mkdir()
    with pytest.raises(DeniedError, match=r"config\.toml"):
        settings.load()


def test_a_key_of_a_newer_herdbook_is_kept_and_shown_as_unknown() -> None:
    _write('later = true\n[readers]\nworkers = 3\ncolour = "red"\n')
    found = settings.load()
    assert found.unknown == ("later", "readers.colour")
    assert found.number("readers.workers") == 3
    settings_file.change({"registry": "/there"})
    assert settings.load().unknown == ("later", "readers.colour")


def test_a_change_keeps_the_rest_is_for_the_owner_only_and_can_be_taken_back() -> None:
    path = settings_file.change({"registry": "/there", "readers.workers": "4"})
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert settings.load().number("readers.workers") == 4
    settings_file.change({"readers.workers": None})
    assert settings.load()["readers.workers"].origin == "default"
    assert settings.load().text("registry") == "/there"
    assert [item.name for item in path.parent.iterdir()] == ["config.toml"]


def test_a_change_that_does_not_fit_leaves_the_file_as_it_was() -> None:
    path = _write('registry = "/there"\n')
    for values in ({"nothing": "1"}, {"readers.workers": "-1"}, {"actor.id": "me"}):
        with pytest.raises(InvalidError):
            settings_file.change({"cache": "/elsewhere", **values})
    assert path.read_text("utf-8") == 'registry = "/there"\n'


def test_a_file_that_is_a_link_stays_one(tmp_path: Path) -> None:
    real = tmp_path / "dotfiles.toml"
    real.write_text("", "utf-8")
    path = settings.config_file()
    path.parent.mkdir(parents=True)
    path.symlink_to(real)
    settings_file.change({"registry": "/there"})
    assert path.is_symlink()
    assert "/there" in real.read_text("utf-8")


def test_processes_that_change_settings_at_once_lose_nothing() -> None:
    code = "import sys; from herdbook.bootstrap.settings_file import change; change({sys.argv[1]: sys.argv[2]})"
    wanted = {"registry": "/a", "cache": "/b", "actor.name": "c", "readers.workers": "5", "readers.seconds": "6"}
    running = [subprocess.Popen([sys.executable, "-c", code, *item]) for item in wanted.items()]
    assert [child.wait(60) for child in running] == [0] * len(wanted)
    assert {name: settings.load().text(name) for name in wanted} == wanted


def test_processes_that_need_an_actor_at_once_become_the_same_one() -> None:
    code = "from herdbook.bootstrap import settings; print(settings.load().actor().text)"
    running = [subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) for _ in range(6)]
    said = {child.communicate(timeout=60)[0].strip() for child in running}
    assert len(said) == 1
    path = principals.path_beside(settings.config_file())
    assert path.read_text("ascii").strip() in said
    assert [item.name for item in path.parent.iterdir()] == ["actor"]


def test_the_assurance_is_os_only_where_this_account_alone_can_write_the_id(monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings.load().principal().assurance == "os"
    principals.path_beside(settings.config_file()).chmod(0o666)
    assert settings.load().principal().assurance == "claimed"
    monkeypatch.setenv("HERDBOOK_ACTOR", ACTOR)
    assert settings.load().principal().json_object() == {"id": ACTOR, "kind": "person", "assurance": "claimed"}


def test_an_id_that_is_no_actor_names_where_it_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    path = principals.path_beside(settings.config_file())
    path.parent.mkdir(parents=True)
    path.write_text("me\n", "utf-8")
    with pytest.raises(InvalidError, match=r"config/herdbook/actor"):
        settings.load().actor()
    monkeypatch.setenv("HERDBOOK_ACTOR", "actor:ME")
    with pytest.raises(InvalidError, match="HERDBOOK_ACTOR"):
        settings.load()


def test_a_home_that_cannot_be_written_says_what_to_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("", "utf-8")
    monkeypatch.setenv("HERDBOOK_CONFIG", str(tmp_path / "file" / "below" / "config.toml"))
    with pytest.raises(DeniedError, match="HERDBOOK_ACTOR"):
        principals.keep(tmp_path / "file" / "below" / "actor")
    with pytest.raises(DeniedError, match="HERDBOOK_CONFIG"):
        settings_file.change({"registry": "/there"})


@pytest.mark.parametrize(
    ("where", "location"),
    [
        ("/a/b", "/a/b"),
        ("file:///a%20b/c", "/a b/c"),
        ("file:/a", "/a"),
        ("FILE://localhost/a", "/a"),
    ],
)
def test_a_folder_and_its_file_url_mean_the_same(where: str, location: str) -> None:
    assert discovery.find(where).location == location


def test_a_relative_folder_and_a_home_are_made_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert discovery.find("reg").location == str(tmp_path / "reg")
    assert discovery.find("~/reg").location == os.environ["HOME"] + "/reg"
    assert discovery.find("./a:b").location == str(tmp_path / "a:b")


@pytest.mark.parametrize(
    ("where", "location"),
    [
        ("http://127.0.0.1:8765", "http://127.0.0.1:8765"),
        ("HTTP://127.0.0.1:8765/", "http://127.0.0.1:8765"),
        ("https://example.org/herdbook/", "https://example.org/herdbook"),
        ("http://[::1]:80", "http://[::1]:80"),
    ],
)
def test_the_address_of_a_server_is_a_registry_and_no_folder(where: str, location: str) -> None:
    found = discovery.find(where)
    assert (found.kind, found.location) == ("server", location)
    with pytest.raises(DeniedError) as caught:
        discovery.folder(where)
    assert caught.value.code == "not-here"
    assert location in caught.value.message


@pytest.mark.parametrize(
    ("where", "kind"),
    [
        ("https://walrus:secret@example.org", InvalidError),
        ("https://", InvalidError),
        ("http://example.org:0", InvalidError),
        ("http://example.org:tau", InvalidError),
        ("http://example.org/?query", InvalidError),
        ("http://example.org/a b", InvalidError),
        ("http://example.org/../b", InvalidError),
        ("s3://bucket", InvalidError),
        ("file://other-machine/a", InvalidError),
        ("file:a", InvalidError),
        ("", InvalidError),
        ("a\0b", InvalidError),
    ],
)
def test_what_is_no_place_for_a_registry_is_refused_with_a_way_out(where: str, kind: type[HerdbookError]) -> None:
    with pytest.raises(kind) as caught:
        discovery.find(where)
    assert caught.value.hint
