"""XRootD as a place, by a real server and the user's own commands."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.servers.xrootd import XRootD, xrootd

from herdbook.kernel.errors import InvalidError, MissingError, UnavailableError
from herdbook.ports.places import Places

__all__ = ["xrootd"]


@pytest.fixture
def served(xrootd: XRootD) -> str:
    folder = xrootd.top / "store" / "taus"
    if not folder.is_dir():
        (folder / "deep er").mkdir(parents=True)
        (folder / "a.root").write_bytes(b"alpha")
        (folder / "deep er" / "b.root").write_bytes(b"beta and more")
        for each in (xrootd.top / "store").rglob("*"):
            each.chmod(0o755)
    return f"{xrootd.url}/store/taus"


def test_files_and_folders_are_there_are_listed_and_are_read(served: str, places: Places) -> None:
    found = places(served).look(f"{served}/a.root")
    assert (found.state, found.size_bytes, found.checked) == ("exists", 5, "size")
    assert places(served).look(served).state == "exists"
    lines = {line.path: line.size for line in places(served).listing(served)}
    assert lines == {"a.root": 5, "deep er/b.root": 13}
    for path, size in lines.items():
        (copy,) = places(served).copies(served, path)
        with places(served).open(copy) as stream:
            assert len(stream.read()) == size


def test_what_is_not_there_is_gone(served: str, places: Places) -> None:
    assert places(served).look(f"{served}/never.root").state == "gone"
    for read in (lambda: places(served).open(served, "never.root"), lambda: list(places(served).listing(served + "x"))):
        with pytest.raises(MissingError) as caught:
            read()
        assert caught.value.code == "gone"


def test_without_the_client_it_is_unknown_and_says_what_to_install(
    places: Places, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    found = places("root:").look("root://eos.example.org//x")
    assert (found.state, "not installed" in found.detail) == ("unknown", True)
    with pytest.raises(UnavailableError) as caught:
        places("root:").open("root://eos.example.org//x")
    assert caught.value.code == "no-extra"


@pytest.mark.parametrize("uri", ["root:///x", "root://host/", "root://me:secret@host//x", "root://h//a/../b", "root:x"])
def test_what_names_nothing_there_is_refused(places: Places, uri: str) -> None:
    with pytest.raises(InvalidError) as caught:
        places("root:").look(uri)
    assert caught.value.code == "bad-uri"
    assert "secret" not in str(caught.value)


def test_a_server_that_is_away_leaves_it_unknown(
    xrootd: XRootD, places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("XRD_CONNECTIONWINDOW", "XRD_CONNECTIONRETRY", "XRD_REQUESTTIMEOUT", "XRD_STREAMERRORWINDOW"):
        monkeypatch.setenv(name, "1")
    assert xrootd.port != 1
    assert places("root:").look("root://127.0.0.1:1//x").state == "unknown"
