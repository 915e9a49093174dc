"""Files of this machine as a place: there, gone, or not to be asked; never guessed."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from herdbook.bootstrap import places as bootstrap
from herdbook.bootstrap.places import open_places
from herdbook.kernel.errors import InvalidError, MissingError, UnavailableError


def test_a_file_and_a_folder_are_there_with_their_sizes_and_are_read(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a%b.csv").write_bytes(b"abc")
    (tmp_path / "b.csv").write_bytes(b"de")
    place = open_places()(tmp_path.as_uri())
    one = place.look((tmp_path / "b.csv").as_uri())
    assert (one.state, one.files, one.size_bytes, one.checked) == ("exists", 1, 2, "size")
    whole = place.look(tmp_path.as_uri())
    assert (whole.state, whole.files, whole.size_bytes) == ("exists", 2, 5)
    assert {(line.path, line.size) for line in place.listing(tmp_path.as_uri())} == {("b.csv", 2), ("in/a%25b.csv", 3)}
    assert [line.path for line in place.listing(str(tmp_path / "b.csv"))] == ["b.csv"]
    with place.open(tmp_path.as_uri(), "in/a%25b.csv") as stream:
        assert stream.read() == b"abc"
    with place.open((tmp_path / "in" / "a%b.csv").as_uri()) as stream:
        assert stream.read() == b"abc"


def test_what_is_not_there_is_gone_and_reading_it_says_so(tmp_path: Path) -> None:
    place = open_places()("file:///")
    assert place.look((tmp_path / "x").as_uri()).state == "gone"
    (tmp_path / "f").write_text("")
    assert place.look(f"{tmp_path}/f/inside").state == "gone"
    for read in (lambda: place.open(f"{tmp_path}/x"), lambda: list(place.listing(f"{tmp_path}/x"))):
        with pytest.raises(MissingError) as caught:
            read()
        assert caught.value.code == "gone"


@pytest.mark.parametrize(
    "uri", ["file://another.host.example/data/x", "/eos-not-here/x", "/cvmfs/no.such.repository/x", "/eos/nowhere/x"]
)
def test_another_machine_and_what_is_not_mounted_are_unknown_and_never_gone(uri: str) -> None:
    place = open_places()(uri)
    found = place.look(uri)
    assert found.state == "unknown"
    assert found.detail
    with pytest.raises(UnavailableError):
        place.open(uri)


def test_a_pipe_is_no_file_and_does_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)
    place = open_places()(str(tmp_path))
    assert place.look(f"{tmp_path}/pipe").state == "unknown"
    with pytest.raises(UnavailableError) as caught:
        place.open(str(tmp_path), "pipe")
    assert caught.value.code == "not-a-file"
    assert list(place.listing(str(tmp_path))) == []


def test_a_path_cannot_climb_out_of_its_whole(tmp_path: Path) -> None:
    with pytest.raises(InvalidError):
        open_places()(str(tmp_path)).open(str(tmp_path), "../x")


@pytest.mark.parametrize("uri", ["file:relative", "file:///a?b=c", "file:///a%00b", "file://me:secret@/a"])
def test_a_uri_that_names_no_file_is_refused(uri: str) -> None:
    with pytest.raises(InvalidError) as caught:
        open_places()(uri).look(uri)
    assert caught.value.code == "bad-uri"
    assert "secret" not in str(caught.value)


def test_a_scheme_that_nobody_serves_says_which_there_are() -> None:
    with pytest.raises(UnavailableError) as caught:
        open_places()("gopher://old/x")
    assert caught.value.code == "no-place"
    assert "rucio" in caught.value.hint
    with pytest.raises(InvalidError):
        open_places()("relative/path")


def test_one_object_serves_all_schemes_of_its_class(tmp_path: Path) -> None:
    with bootstrap.opened() as places:
        assert places(f"file://{tmp_path}") is places(str(tmp_path))
