"""What a real Rucio server says of a name, and what can be learnt when it does not answer."""

from __future__ import annotations

import zlib
from pathlib import Path

import pytest
from tests.servers.rucio import OTHER_RSE, RSE, Rucio

from herdbook.kernel.errors import InvalidError, MissingError, UnavailableError
from herdbook.ports.places import Places

FILES = {"a.root": b"alpha", "b.root": b"beta and more"}


def test_a_closed_dataset_exists_with_its_files_sizes_and_checksums(rucio: Rucio, places: Places) -> None:
    uri = f"rucio:{rucio.dataset('closed.1', FILES)}"
    found = places(uri).look(uri)
    assert (found.state, found.closed, found.files, found.size_bytes) == ("exists", True, 2, 18)
    lines = {line.path: (line.size, line.adler32) for line in places(uri).listing(uri)}
    assert lines == {name: (len(data), f"{zlib.adler32(data):08x}") for name, data in FILES.items()}
    assert list(places(uri).absent(uri)) == []


def test_an_open_dataset_is_said_to_be_open(rucio: Rucio, places: Places) -> None:
    uri = f"rucio:{rucio.dataset('open.1', FILES, close=False)}"
    found = places(uri).look(uri)
    assert (found.state, found.closed) == ("exists", False)
    assert "not closed" in found.detail


def test_an_empty_dataset_exists_and_has_no_files(rucio: Rucio, places: Places) -> None:
    uri = f"rucio:{rucio.dataset('empty.1', {})}"
    assert places(uri).look(uri).files == 0
    assert list(places(uri).listing(uri)) == []


def test_a_container_is_closed_when_all_in_it_are_and_lists_their_files(rucio: Rucio, places: Places) -> None:
    rucio.dataset("part.1", {"a.root": b"alpha"})
    rucio.dataset("part.2", {"b.root": b"beta"}, close=False)
    rucio.client.add_container(rucio.scope, "inner")
    rucio.client.add_container(rucio.scope, "outer")
    rucio.client.attach_dids(rucio.scope, "inner", [{"scope": rucio.scope, "name": f"part.{n}"} for n in (1, 2)])
    rucio.client.attach_dids(rucio.scope, "outer", [{"scope": rucio.scope, "name": "inner"}])
    for name in ("inner", "outer"):
        rucio.client.close(rucio.scope, name)
    uri = f"rucio:{rucio.scope}:outer"
    assert (places(uri).look(uri).closed, places(uri).look(uri).files) == (False, 2)
    rucio.client.close(rucio.scope, "part.2")
    assert places(uri).look(uri).closed is True
    assert {line.path for line in places(uri).listing(uri)} == {"a.root", "b.root"}


def test_names_of_cms_keep_their_slashes_and_files_of_another_scope_their_scope(rucio: Rucio, places: Places) -> None:
    rucio.store({"/store/mc/x/y.root": b"cms"}, RSE)
    other = f"{rucio.scope}x"
    rucio.client.add_scope("root", other)
    rucio.store({"other.root": b"other"}, RSE, other)
    rucio.client.add_dataset(rucio.scope, "/Prim/Era-v1/MINIAODSIM")
    files = [{"scope": rucio.scope, "name": "/store/mc/x/y.root"}, {"scope": other, "name": "other.root"}]
    rucio.client.attach_dids(rucio.scope, "/Prim/Era-v1/MINIAODSIM", files)
    uri = f"rucio:{rucio.scope}:/Prim/Era-v1/MINIAODSIM"
    assert {line.path for line in places(uri).listing(uri)} == {"store/mc/x/y.root", f"{other}:other.root"}
    for path, data in (("store/mc/x/y.root", b"cms"), (f"{other}:other.root", b"other")):
        with places(uri).open(uri, path) as stream:
            assert stream.read() == data
    assert [each.rpartition("=")[2] for each in places(uri).copies(uri, "store/mc/x/y.root")] == [RSE]


def test_a_name_without_scope_takes_it_from_atlas_rule(rucio: Rucio, places: Places) -> None:
    did = rucio.dataset(f"{rucio.scope}.taus", FILES)
    assert places("rucio:").look(f"rucio:{did.partition(':')[2]}").state == "exists"


def test_what_rucio_never_had_and_what_it_erased_are_told_apart_as_far_as_it_can(rucio: Rucio, places: Places) -> None:
    never = places("rucio:").look(f"rucio:{rucio.scope}:never")
    assert (never.state, "whether it ever had one" in never.detail) == ("gone", True)
    nowhere = places("rucio:").look("rucio:user.nobody-at-all:x")
    assert (nowhere.state, "no scope" in nowhere.detail) == ("gone", True)
    did = rucio.dataset("erased", FILES)
    rucio.client.add_replication_rule([{"scope": rucio.scope, "name": "erased"}], 1, RSE)
    rucio.erase("erased")
    erased = places("rucio:").look(f"rucio:{did}")
    assert erased.state == "gone"
    assert "Rucio had it" in erased.detail


@pytest.mark.parametrize("name", ["data22_13p6TeV:data22*", "cms:/QCD_Pt_*/x/MINIAODSIM", "cms:/QCD_Pt_XtoY/x/RAW"])
def test_a_pattern_is_refused_before_anybody_is_asked(name: str, places: Places) -> None:
    with pytest.raises(InvalidError) as caught:
        places("rucio:").look(f"rucio:{name}")
    assert caught.value.code == "selector"


@pytest.mark.parametrize("uri", ["rucio:", "rucio:a b:c", "rucio:scope:", "rucio:scope:name?rse=a b", "rucio:x"])
def test_what_can_be_no_name_is_refused(uri: str, places: Places) -> None:
    with pytest.raises(InvalidError) as caught:
        places("rucio:").look(uri)
    assert caught.value.code == "bad-uri"


def test_lost_copies_are_named_and_a_file_on_two_elements_has_two(rucio: Rucio, places: Places) -> None:
    uri = f"rucio:{rucio.dataset('lost.1', FILES)}"
    rucio.store({"b.root": FILES["b.root"]}, OTHER_RSE)
    assert {each.rpartition("=")[2] for each in places(uri).copies(uri, "b.root")} == {RSE, OTHER_RSE}
    rucio.client.declare_bad_file_replicas([{"scope": rucio.scope, "name": "a.root", "rse": RSE}], "disk died")
    assert list(places(uri).absent(uri)) == ["a.root"]
    with pytest.raises(MissingError) as caught:
        places(uri).open(uri, "a.root")
    assert caught.value.code == "gone"


def test_a_copy_whose_bytes_are_away_is_passed_over_for_the_next(rucio: Rucio, places: Places) -> None:
    uri = f"rucio:{rucio.dataset('two.1', FILES)}"
    rucio.store({"b.root": FILES["b.root"]}, OTHER_RSE)
    rucio.paths("b.root", RSE)[0].unlink()
    with places(uri).open(uri, "b.root") as stream:
        assert stream.read() == FILES["b.root"]
    rucio.paths("b.root", OTHER_RSE)[0].unlink()
    with pytest.raises((MissingError, UnavailableError)):
        places(uri).open(uri, "b.root")


def test_an_expired_token_is_replaced_where_the_configuration_can(rucio: Rucio, places: Places, tmp_path: Path) -> None:
    uri = f"rucio:{rucio.dataset('token.1', FILES)}"
    (tmp_path / "rucio-client" / "token").write_text("root-ddmlab-unknown-0123456789abcdef")
    assert places(uri).look(uri).state == "exists"


def test_an_expired_token_that_cannot_be_replaced_leaves_it_unknown_and_is_not_told(
    rucio: Rucio, places: Places, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    uri = f"rucio:{rucio.dataset('token.2', FILES)}"
    file = rucio.configure(tmp_path / "oidc", monkeypatch)
    file.write_text(file.read_text().replace("userpass", "oidc"))
    (tmp_path / "oidc" / "token").write_text("an-expired-secret-token")
    found = places(uri).look(uri)
    assert found.state == "unknown"
    assert found.detail
    assert "secret-token" not in found.detail + "".join(capfd.readouterr())


@pytest.mark.parametrize("told", [{"password": "wr0ng-secret"}, {"account": "nobody"}, {"user": "stranger"}])
def test_who_is_not_let_in_learns_nothing_and_no_password_is_told(
    rucio: Rucio,
    places: Places,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    told: dict[str, str],
) -> None:
    uri = f"rucio:{rucio.dataset('private.1', FILES)}"
    rucio.configure(tmp_path / "wrong", monkeypatch, **told)
    found = places(uri).look(uri)
    assert found.state == "unknown"
    assert "does not know who asks" in found.detail
    with pytest.raises(UnavailableError) as caught:
        list(places(uri).listing(uri))
    assert caught.value.code == "not-let-in"
    assert "wr0ng-secret" not in str(caught.value) + "".join(capfd.readouterr())


def test_a_server_that_is_away_leaves_it_unknown(
    rucio: Rucio, places: Places, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    rucio.configure(tmp_path / "away", monkeypatch, port=1)
    found = places("rucio:").look(f"rucio:{rucio.scope}:x")
    assert (found.state, "cannot be reached" in found.detail) == ("unknown", True)
    with pytest.raises(UnavailableError) as caught:
        list(places("rucio:").listing(f"rucio:{rucio.scope}:x"))
    assert caught.value.code == "unreachable"
    assert "".join(capfd.readouterr()) == ""


def test_without_a_configuration_it_says_which_is_missing(
    places: Places, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("RUCIO_CONFIG", "VIRTUAL_ENV", "CONDA_PREFIX"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("RUCIO_HOME", str(tmp_path))
    found = places("rucio:").look("rucio:user.jane:x")
    assert (found.state, "configuration" in found.detail) == ("unknown", True)
