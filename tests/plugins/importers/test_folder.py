"""A folder of plain files as a source."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from herdbook.kernel.errors import ConflictError, MissingError
from herdbook.model.histories import Blob
from herdbook.plugins.importers.folder import Folder, FolderSource


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    top = tmp_path / "taus"
    (top / "models/core").mkdir(parents=True)
    (top / "models/core/a.pb").write_bytes(b"weights")
    (top / "README.md").write_bytes(b"read me")
    return top


def source(place: Path | str, name: str = "") -> FolderSource:
    found = Folder().open(str(place), name=name)
    assert isinstance(found, FolderSource)
    return found


def sha256(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def test_a_folder_is_one_state_of_all_its_files(folder: Path) -> None:
    found = source(folder)
    assert [(commit.id, commit.parents) for commit in found.history.commits] == [("", ())]
    assert list(found.history.tags) == []
    changes = found.history.changes(None, "")
    assert [(change.path, change.new) for change in changes] == [
        ("README.md", Blob(sha256(b"read me"))),
        ("models/core/a.pb", Blob(sha256(b"weights"))),
    ]
    assert found.history.changes("", "") == []
    assert [change.new for change in found.history.changes("", None)] == [None, None]
    assert found.history.size(sha256(b"weights")) == 7
    with found.open(sha256(b"weights")) as stream:
        assert stream.read() == b"weights"
    assert found.name == "taus"
    assert source(folder, "mine").name == "mine"


def test_a_single_file_is_a_source(folder: Path) -> None:
    (change,) = source(folder / "README.md").history.changes(None, "")
    assert (change.path, change.new) == ("README.md", Blob(sha256(b"read me")))


def test_the_state_is_the_same_wherever_the_files_lie_and_moves_with_them(folder: Path, tmp_path: Path) -> None:
    before = source(folder).state()
    other = tmp_path / "elsewhere" / "taus"
    other.parent.mkdir()
    folder.rename(other)
    os.utime(other / "README.md", (1, 1))
    assert source(other).state() == before
    (other / "README.md").rename(other / "readme")
    assert source(other).state() != before


def test_what_registering_leaves_out_is_left_out_here_too(folder: Path) -> None:
    (folder / ".git").mkdir()
    (folder / ".git/config").write_bytes(b"x")
    (folder / "a.pyc").write_bytes(b"x")
    (folder / "big.log").write_bytes(b"x")
    (folder / ".herdbookignore").write_text("*.log\n")
    assert [change.path for change in source(folder).history.changes(None, "")] == ["README.md", "models/core/a.pb"]


def test_links_inside_are_links_and_others_are_told(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"secret")
    (folder / "alias").symlink_to("models/core")
    (folder / "models/up").symlink_to("../README.md")
    (folder / "models/absolute").symlink_to(folder / "README.md")
    (folder / "out").symlink_to("../secret")
    (folder / "passwd").symlink_to("/etc/passwd")
    (folder / "nothing").symlink_to("nowhere")
    (folder / "loop").symlink_to("loop")
    os.mkfifo(folder / "pipe")
    found = source(folder)
    links = {c.path: c.new.digest for c in found.history.changes(None, "") if c.new is not None and c.new.link}
    texts = {"alias": b"models/core", "models/up": b"../README.md", "models/absolute": b"../README.md"}
    assert links == {path: sha256(text) for path, text in texts.items()}
    assert found.open(sha256(b"models/core")).read() == b"models/core"
    assert found.history.size(sha256(b"models/core")) == 11
    assert sorted((trouble.code, trouble.where) for trouble in found.history.troubles) == [
        ("link-dangling", "loop"),
        ("link-dangling", "nothing"),
        ("link-out", "out"),
        ("link-out", "passwd"),
        ("special-file", "pipe"),
    ]


def test_a_name_that_is_no_text_is_escaped(folder: Path) -> None:
    Path(os.fsdecode(os.fsencode(folder) + b"/\xff%.pb")).write_bytes(b"x")
    assert source(folder).history.changes(None, "")[0].path == "%FF%25.pb"


@pytest.mark.parametrize("data", [b"WEIGHTS", b"longer weights", None])
def test_a_file_that_changes_after_it_was_listed_is_refused(folder: Path, data: bytes | None) -> None:
    found = source(folder)
    found.state()
    path = folder / "models/core/a.pb"
    path.unlink()
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(ConflictError) as caught:
        found.open(sha256(b"weights")).read()
    assert caught.value.code == "changed-while-read"


def test_a_file_that_grows_while_it_is_read_is_refused(folder: Path) -> None:
    path = folder / "models/core/a.pb"
    path.write_bytes(b"x" * 1_000_000)
    found = source(folder)
    stream = found.open(sha256(b"x" * 1_000_000))
    stream.read(10)
    with path.open("ab") as more:
        more.write(b"y")
    with pytest.raises(ConflictError):
        stream.read()
    stream.close()


def test_what_is_not_here_is_missing(folder: Path) -> None:
    assert source(folder).history.size(sha256(b"other")) is None
    with pytest.raises(MissingError):
        source(folder).open(sha256(b"other"))
    with pytest.raises(MissingError):
        Folder().open(str(folder / "none"))
