"""`data put` into a real Rucio, and `fetch` from its copies: every byte verified, a lying copy passed over."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.cli.conftest import run_here
from tests.servers.rucio import OTHER_RSE, ROAMING_RSE, RSE, Rucio

import herdbook
from herdbook.kernel.errors import ConflictError, CorruptError, HerdbookError, MissingError
from herdbook.model.places import Tried
from herdbook.model.statements import Said, Subject
from herdbook.ports.places import Places
from herdbook.ports.registry import Registry
from herdbook.service import placing, sending
from herdbook.service.fetch import fetch

MODEL = "demo/tau/net"
FILES = {"model.onnx": b"weights" * 1000, "1/deep er/model.onnx": b"other weights", "réadme.txt": b"words"}


@pytest.fixture
def files(tmp_path: Path) -> Path:
    folder = tmp_path / "files"
    for path, data in FILES.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    return folder


@pytest.fixture
def book(tmp_path: Path, files: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Registry]:
    monkeypatch.setenv("HERDBOOK_REGISTRY", str(tmp_path / "book"))
    run_here("init", "--namespace", "demo")
    run_here("register", f"{MODEL}:v1", str(files))
    with herdbook.open(str(tmp_path / "book")) as registry:
        yield registry


def _lose_blobs(tmp_path: Path) -> None:
    for blob in (tmp_path / "book" / "blobs").rglob("*"):
        if blob.is_file() and len(blob.name) == 64:
            blob.unlink()


def _content(folder: Path) -> dict[str, bytes]:
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def test_a_version_is_put_as_a_closed_dataset_and_fetched_from_it_when_the_registry_lost_it(
    rucio: Rucio, book: Registry, places: Places, tmp_path: Path
) -> None:
    sent = sending.put(book, places, f"{MODEL}:v1", RSE, scope=rucio.scope)
    assert sent.location.uri == f"rucio:{rucio.scope}:demo.tau.net.v1"
    assert (sent.files, sent.location.closed) == (3, True)
    there = {
        file["name"]: (file["bytes"], file["adler32"])
        for file in rucio.client.list_files(rucio.scope, "demo.tau.net.v1")
    }
    assert sorted(there.values()) == sorted((len(data), f"{zlib.adler32(data):08x}") for data in FILES.values())
    record = book.versions.get(f"{MODEL}:v1").record
    assert [each.location.uri for each in placing.known(book, record)] == [sent.location.uri]
    _lose_blobs(tmp_path)
    with pytest.raises(MissingError):
        fetch(book, f"{MODEL}:v1", tmp_path / "without")
    tried: list[Tried] = []
    fetch(book, f"{MODEL}:v1", tmp_path / "out", places=places, tried=tried.append)
    assert _content(tmp_path / "out") == FILES
    assert {each.problem for each in tried} == {None}


def test_putting_again_and_going_on_after_a_break_bring_only_what_is_not_there(
    rucio: Rucio, book: Registry, places: Places
) -> None:
    first = sending.put(book, places, f"{MODEL}:v1", RSE, scope=rucio.scope)
    again = sending.put(book, places, f"{MODEL}:v1", RSE, scope=rucio.scope)
    assert again.location.uri == first.location.uri
    files = list(rucio.client.list_files(rucio.scope, "demo.tau.net.v1"))
    # As after a break: the bytes are there and known, the dataset holds none of them.
    rucio.client.add_dataset(rucio.scope, "broken.off")
    assert len(files) == 3
    rucio.client.add_dataset(rucio.scope, "half")
    half = sending.put(book, places, f"{MODEL}:v1", RSE, scope=rucio.scope, name="half")
    assert (half.files, half.location.closed) == (3, True)


def test_a_dataset_of_that_name_with_other_files_is_left_alone(rucio: Rucio, book: Registry, places: Places) -> None:
    rucio.dataset("taken", {"x.root": b"x"})
    with pytest.raises(ConflictError) as caught:
        sending.put(book, places, f"{MODEL}:v1", RSE, scope=rucio.scope, name="taken")
    assert caught.value.code == "other-content"
    assert [file["name"] for file in rucio.client.list_files(rucio.scope, "taken")] == ["x.root"]


def test_a_storage_element_or_scope_that_is_not_there_is_named(rucio: Rucio, book: Registry, places: Places) -> None:
    with pytest.raises(HerdbookError) as caught:
        sending.put(book, places, f"{MODEL}:v1", "NOWHERE", scope=rucio.scope)
    assert caught.value.code == "no-rse"
    with pytest.raises(HerdbookError) as caught:
        sending.put(book, places, f"{MODEL}:v1", RSE, scope="user.nobody-here")
    assert caught.value.code in {"gone", "not-let-in"}
    assert placing.known(book, book.versions.get(f"{MODEL}:v1").record) == []


def test_a_lying_copy_is_passed_over_with_a_finding_and_the_next_is_taken(
    rucio: Rucio, book: Registry, places: Places, tmp_path: Path
) -> None:
    sending.put(book, places, f"{MODEL}:v1", RSE, scope=rucio.scope)
    _copy_elsewhere(rucio, "demo.tau.net.v1")
    good = FILES["model.onnx"]
    lies = _same_adler32(good)
    name = next(
        file["name"] for file in rucio.client.list_files(rucio.scope, "demo.tau.net.v1") if file["bytes"] == len(good)
    )
    first = next(iter(places("rucio:").copies(f"rucio:{rucio.scope}:{name}"))).rpartition("=")[2]
    rucio.paths(name, first)[0].write_bytes(lies)
    _lose_blobs(tmp_path)
    tried: list[Tried] = []
    fetch(book, f"{MODEL}:v1", tmp_path / "out", places=places, tried=tried.append)
    assert _content(tmp_path / "out") == FILES
    (problem,) = [each for each in tried if each.problem]
    assert problem.uri.endswith(f"?rse={first}")
    assert "not what was registered" in (problem.problem or "")
    for at in (RSE, OTHER_RSE):
        rucio.paths(name, at)[0].write_bytes(lies)
    with pytest.raises(MissingError):
        fetch(book, f"{MODEL}:v1", tmp_path / "none", places=places)
    assert not (tmp_path / "none").exists()


def test_a_corrupt_blob_is_replaced_by_a_copy_on_the_way_out(
    rucio: Rucio, book: Registry, places: Places, tmp_path: Path
) -> None:
    sending.put(book, places, f"{MODEL}:v1", RSE, scope=rucio.scope)
    for blob in (tmp_path / "book" / "blobs").rglob("*"):
        if blob.is_file() and blob.stat().st_size == len(FILES["model.onnx"]):
            blob.chmod(0o644)
            blob.write_bytes(b"wrong!!" * 1000)
    with pytest.raises(CorruptError):
        fetch(book, f"{MODEL}:v1", tmp_path / "wrong")
    fetch(book, f"{MODEL}:v1", tmp_path / "out", places=places)
    assert _content(tmp_path / "out") == FILES


def test_files_that_lie_there_already_are_compared_and_registered_where_they_lie(
    rucio: Rucio, book: Registry, places: Places, tmp_path: Path
) -> None:
    folder = rucio.storage(ROAMING_RSE) / rucio.scope
    for path, data in FILES.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    at = f"file://localhost{folder}"
    sent = sending.put(book, places, f"{MODEL}:v1", ROAMING_RSE, scope=rucio.scope, name="lying", at=at)
    assert sent.files == 3
    _lose_blobs(tmp_path)
    fetch(book, f"{MODEL}:v1", tmp_path / "out", places=places)
    assert _content(tmp_path / "out") == FILES
    (folder / "model.onnx").write_bytes(b"other")
    with pytest.raises(CorruptError) as caught:
        sending.put(book, places, f"{MODEL}:v1", ROAMING_RSE, scope=rucio.scope, name="lying2", at=at)
    assert caught.value.code == "other-bytes"


@pytest.mark.usefixtures("book")
def test_the_command_puts_says_where_and_fetches_from_the_replica(rucio: Rucio, tmp_path: Path) -> None:
    uri = run_here("data", "put", f"{MODEL}:v1", "--rse", RSE, "--scope", rucio.scope, "--quiet").out.strip()
    assert run_here("data", "where", f"{MODEL}:v1", "--quiet").out.strip() == f"exists {uri}"
    said = run_here("fetch", f"{MODEL}:v1", str(tmp_path / "out"), "--from-replica", "--json").json
    assert {each["path"] for each in said["tried"]} == set(FILES)
    assert _content(tmp_path / "out") == FILES
    for name in [file["name"] for file in rucio.client.list_files(rucio.scope, "demo.tau.net.v1")]:
        rucio.paths(name)[0].write_bytes(b"lies")
    failed = run_here("fetch", f"{MODEL}:v1", str(tmp_path / "no"), "--from-replica", status=3)
    assert "passed over the copy" in failed.err


def test_places_other_than_rucio_serve_too_each_in_its_turn(
    book: Registry, places: Places, files: Path, tmp_path: Path
) -> None:
    record = book.versions.get(f"{MODEL}:v1").record
    wrong = tmp_path / "wrong"
    for path, data in FILES.items():
        (wrong / path).parent.mkdir(parents=True, exist_ok=True)
        (wrong / path).write_bytes(b"?" * len(data))
    uris = [wrong.as_uri(), "gopher://nobody/serves", "git+https://example.org/x@" + "0" * 40, files.as_uri()]
    for number, uri in enumerate(reversed(uris)):
        body = {"uri": uri, "state": "exists", "asked": f"2026-11-0{number + 1}T00:00:00Z"}
        book.statements.add("demo", [Said(type=placing.TYPE, subject=(Subject(record=record),), body=body)])
    _lose_blobs(tmp_path)
    tried: list[Tried] = []
    fetch(book, f"{MODEL}:v1", tmp_path / "out", places=places, tried=tried.append)
    assert _content(tmp_path / "out") == FILES
    assert {each.uri for each in tried if each.problem and each.path == "model.onnx"} == {
        f"{wrong.as_uri()}/model.onnx",
        "gopher://nobody/serves",
    }
    assert list(tmp_path.glob("**/.herdbook-*")) == []


def _copy_elsewhere(rucio: Rucio, dataset: str) -> None:
    for file in list(rucio.client.list_files(rucio.scope, dataset)):
        data = rucio.paths(file["name"])[0].read_bytes()
        rucio.store({file["name"]: data}, OTHER_RSE)


def _same_adler32(data: bytes) -> bytes:
    """Return other bytes of equal length and adler32: neighbours moved against each other leave both sums alone."""
    made = bytearray(data)
    made[0], made[1], made[2], made[3] = made[0] + 1, made[1] - 1, made[2] - 1, made[3] + 1
    assert zlib.adler32(bytes(made)) == zlib.adler32(data)
    assert bytes(made) != data
    return bytes(made)
