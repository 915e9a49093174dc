"""Reading from several stores: one that lacks a blob, is away or has wrong bytes is passed over, and no lie is told."""

from __future__ import annotations

import io
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import pytest

from herdbook.kernel import digests
from herdbook.kernel.errors import CorruptError, HerdbookError, MissingError, UnavailableError
from herdbook.ports.blobs import Progress
from herdbook.service import tier_stream
from herdbook.service.tiers import Tiers, open_sized
from herdbook.stores.disk.blobs import DiskBlobs
from herdbook.stores.disk.reading import DiskBlob
from herdbook.stores.disk.staged import DiskStaged
from herdbook.testing.blobs import LARGE, put, sample

NAMES = ("first", "second", "third")
DATA = sample(LARGE)
SHA256 = digests.of(DATA)


class Told(list[tuple[str, str]]):
    """Which store was passed over, and the code why."""

    def __call__(self, name: str, sha256: str, error: HerdbookError) -> None:
        assert sha256
        self.append((name, error.code))


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def stores(tmp_path: Path) -> dict[str, DiskBlobs]:
    return {name: DiskBlobs(tmp_path / name) for name in NAMES}


@pytest.fixture
def tiers(stores: dict[str, DiskBlobs], told: Told) -> Tiers:
    return Tiers(stores, note=told)


@pytest.fixture
def far(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bytes are given out as they come, as from a store at the other end of a network."""
    monkeypatch.setattr(tier_stream, "SMALL", 0)
    monkeypatch.setattr(tier_stream, "NEAR", 0)


@pytest.fixture(params=["near", "far"])
def distance(request: pytest.FixtureRequest) -> str:
    if request.param == "far":
        request.getfixturevalue("far")
    return str(request.param)


anywhere = pytest.mark.usefixtures("distance")


def place(store: DiskBlobs, sha256: str = SHA256) -> Path:
    return store.root / sha256[7:9] / sha256[7:]


def flip(store: DiskBlobs, at: int, sha256: str = SHA256) -> None:
    path = place(store, sha256)
    path.chmod(0o600)
    with path.open("r+b") as file:
        file.seek(at)
        byte = file.read(1)
        file.seek(at)
        file.write(bytes([byte[0] ^ 1]))


def read(tiers: Tiers, sha256: str = SHA256, step: int = 100_000) -> bytes:
    blob = tiers.open(sha256)
    sink = io.BytesIO()
    with blob.stream() as stream:
        shutil.copyfileobj(stream, sink, step)
    blob.close()
    return sink.getvalue()


@anywhere
def test_what_the_first_lacks_comes_from_the_next_and_nobody_is_bothered(
    stores: dict[str, DiskBlobs], tiers: Tiers, told: Told
) -> None:
    put(stores["second"], DATA)
    assert read(tiers) == DATA
    assert tiers.size(SHA256) == LARGE
    tiers.verify(SHA256)
    assert told == []


def test_new_bytes_go_to_the_first_alone(stores: dict[str, DiskBlobs], tiers: Tiers) -> None:
    put(tiers, DATA)
    upload = tiers.uploads.begin()
    tiers.uploads.append(upload, 0, io.BytesIO(b"piece by piece"))
    tiers.uploads.finish(upload).keep()
    assert [sum(1 for _ in store.list()) for store in stores.values()] == [2, 0, 0]


@pytest.mark.parametrize("size", [1, 100_000, LARGE])
def test_a_near_copy_that_rotted_is_never_seen_and_told_once(
    stores: dict[str, DiskBlobs], tiers: Tiers, told: Told, size: int
) -> None:
    data = sample(size)
    sha256 = digests.of(data)
    for name in ("first", "third"):
        put(stores[name], data)
    flip(stores["first"], size // 2, sha256)
    for _ in range(3):
        assert read(tiers, sha256) == data
    assert told == [("first", "blob-corrupt")]


@pytest.mark.usefixtures("far")
def test_a_far_copy_whose_end_is_wrong_is_gone_on_with_from_the_next(
    stores: dict[str, DiskBlobs], tiers: Tiers, told: Told
) -> None:
    put(stores["first"], DATA)
    put(stores["third"], DATA)
    flip(stores["first"], LARGE - 1)
    assert read(tiers) == DATA
    assert told == [("first", "blob-corrupt")]


@pytest.mark.usefixtures("far")
def test_a_far_copy_that_was_wrong_where_it_was_given_out_is_taken_back_and_right_the_next_time(
    stores: dict[str, DiskBlobs], tiers: Tiers, told: Told
) -> None:
    put(stores["first"], DATA)
    put(stores["second"], DATA)
    flip(stores["first"], 1000)
    blob, sink = tiers.open(SHA256), io.BytesIO()
    with blob.stream() as stream:
        with pytest.raises(CorruptError) as caught:
            shutil.copyfileobj(stream, sink, 100_000)
        assert caught.value.code == "bytes-taken-back"
        assert "once more" in caught.value.hint
        assert sink.tell() < LARGE, "the last bytes never come"
        stream.seek(0)
        with pytest.raises(CorruptError):
            stream.read(1)
    blob.close()
    assert read(tiers) == DATA
    assert told == [("first", "blob-corrupt")]


@anywhere
@pytest.mark.parametrize("rest", [0, 1, LARGE // 2, LARGE - 1])
def test_a_copy_that_was_cut_is_passed_over(stores: dict[str, DiskBlobs], tiers: Tiers, rest: int) -> None:
    put(stores["first"], DATA)
    put(stores["second"], DATA)
    os.truncate(place(stores["first"]), rest)
    assert read(tiers) == DATA


@pytest.mark.parametrize("rest", [0, 100, LARGE - 1])
def test_with_the_size_known_a_copy_that_was_cut_is_not_even_opened(
    stores: dict[str, DiskBlobs], tiers: Tiers, told: Told, rest: int
) -> None:
    put(stores["first"], DATA)
    put(stores["second"], DATA)
    os.truncate(place(stores["first"]), rest)
    blob = open_sized(tiers, SHA256, LARGE)
    assert blob.size == LARGE
    assert blob.read_at(5, 5) == DATA[5:10]
    blob.close()
    assert told == [("first", "blob-size")]
    stores["second"].delete(SHA256)
    with pytest.raises(CorruptError) as caught:
        open_sized(tiers, SHA256, LARGE)
    assert "herdbook store" in caught.value.hint


@anywhere
def test_a_copy_that_goes_while_it_is_read_is_gone_on_with_from_the_next(
    stores: dict[str, DiskBlobs], tiers: Tiers
) -> None:
    put(stores["first"], DATA)
    put(stores["second"], DATA)
    blob = tiers.open(SHA256)
    with blob.stream() as stream:
        start = stream.read(1_000_000)
        os.truncate(place(stores["first"]), 1_200_000)
        assert start + stream.read() == DATA
    blob.close()


@anywhere
def test_after_a_seek_every_byte_is_right_whatever_the_first_store_has(
    stores: dict[str, DiskBlobs], tiers: Tiers
) -> None:
    put(stores["first"], DATA)
    put(stores["second"], DATA)
    flip(stores["first"], 5)
    blob = tiers.open(SHA256)
    with blob.stream() as stream:
        stream.seek(LARGE // 2)
        assert stream.read(10) == DATA[LARGE // 2 :][:10]
        stream.seek(0)
        assert stream.read() == DATA
    blob.close()


def test_ranges_come_from_the_next_store_when_one_breaks_off(stores: dict[str, DiskBlobs], tiers: Tiers) -> None:
    put(stores["first"], DATA)
    put(stores["second"], DATA)
    blob = tiers.open(SHA256)
    assert blob.read_at(0, 10) == DATA[:10]
    os.truncate(place(stores["first"]), 100)
    assert blob.read_at(1000, 10) == DATA[1000:1010]
    assert blob.size == LARGE
    blob.close()


class Away(DiskBlobs):
    """A store that is away for as long as it is said to be."""

    away = False
    asked = 0

    def open(self, sha256: str) -> DiskBlob:
        self._ask()
        return super().open(sha256)

    def size(self, sha256: str) -> int | None:
        self._ask()
        return super().size(sha256)

    def stage(self, source: BinaryIO, *, progress: Progress | None = None) -> DiskStaged:
        self._ask()
        return super().stage(source, progress=progress)

    def _ask(self) -> None:
        self.asked += 1
        if self.away:
            raise UnavailableError("no answer", code="store-away", hint="Look whether it runs.")


@pytest.fixture
def away(tmp_path: Path) -> Away:
    return Away(tmp_path / "away")


def test_a_store_that_is_away_is_passed_over_and_asked_last_for_a_while(
    away: Away, stores: dict[str, DiskBlobs], told: Told
) -> None:
    tiers = Tiers({"away": away, **stores}, note=told)
    put(stores["second"], DATA)
    away.away = True
    for _ in range(5):
        assert read(tiers) == DATA
    assert away.asked == 1
    assert told == [("away", "store-away")]


def test_what_may_be_in_a_store_that_is_away_is_not_called_missing(
    away: Away, stores: dict[str, DiskBlobs], told: Told
) -> None:
    tiers = Tiers({**stores, "away": away}, note=told)
    away.away = True
    asks: list[Callable[[], object]] = [lambda: tiers.open(SHA256), lambda: tiers.size(SHA256)]
    for ask in asks:
        with pytest.raises(UnavailableError):
            ask()
    away.away = False
    assert tiers.size(SHA256) is None
    with pytest.raises(MissingError):
        tiers.open(SHA256)


def test_nothing_is_written_elsewhere_when_the_first_store_is_away(
    away: Away, stores: dict[str, DiskBlobs], told: Told
) -> None:
    tiers = Tiers({"away": away, **stores}, note=told)
    away.away = True
    with pytest.raises(UnavailableError):
        put(tiers, DATA)
    assert [sum(1 for _ in store.list()) for store in stores.values()] == [0, 0, 0]


def test_deleting_deletes_all_copies_and_says_how_much_all_of_them_were(
    stores: dict[str, DiskBlobs], tiers: Tiers
) -> None:
    for name in ("first", "third"):
        put(stores[name], DATA)
    assert tiers.delete(SHA256) == 2 * LARGE
    assert list(tiers.list()) == []


def test_a_list_has_each_blob_once_in_order(stores: dict[str, DiskBlobs], tiers: Tiers) -> None:
    for number in range(40):
        for name in NAMES[: 1 + number % 3]:
            put(stores[name], sample(number, number))
    found = list(tiers.list())
    assert found == sorted(set(found))
    assert len(found) == 40


def test_files_that_cannot_be_read_are_passed_over(stores: dict[str, DiskBlobs], tiers: Tiers, told: Told) -> None:
    put(stores["first"], DATA)
    put(stores["second"], DATA)
    path = place(stores["first"])
    path.unlink()
    path.mkdir()  # a folder where a blob should be: no permission bits stop root
    assert read(tiers) == DATA
    assert told == [("first", "not-a-plain-file")]
