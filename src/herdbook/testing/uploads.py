"""The contract of a blob store's uploads. A back-end's author writes a subclass with two fixtures.

class TestMyUploads(UploadsContract):
    @pytest.fixture
    def store(self, tmp_path): return MyBlobs(tmp_path)

    @pytest.fixture
    def reopen(self, tmp_path): return lambda: MyBlobs(tmp_path)
"""

from __future__ import annotations

import io
import re
import tracemalloc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from herdbook.kernel.errors import ConflictError, HerdbookError, InvalidError, MissingError
from herdbook.testing.blobs import LARGE, expected, put, sample
from herdbook.testing.streams import OnlyRead, Trickle, Zeros

if TYPE_CHECKING:
    from herdbook.ports.blobs import BlobStore

Reopen = Callable[[], "BlobStore"]
"""Opens the same place once more, as another process would."""

NOBODYS = "0" * 32
PIECES = [
    pytest.param((), id="nothing"),
    pytest.param((0,), id="an-empty-piece"),
    pytest.param((1,), id="one-byte"),
    pytest.param((10, 0, 20), id="small"),
    pytest.param((1000,) * 20, id="many"),
    pytest.param((LARGE, 1), id="large-and-one"),
    pytest.param((1, LARGE, 4096), id="one-large-some"),
    pytest.param((6 << 20, 6 << 20, 8 << 20), id="several-large"),
    pytest.param((8 << 20,), id="a-round-number"),
]


def add(store: BlobStore, upload: str, data: bytes, *sizes: int) -> int:
    """Append ``data`` in pieces of these sizes; return the offset that was told last."""
    at = store.uploads.offset(upload)
    for size in sizes or (len(data),):
        at = store.uploads.append(upload, at, io.BytesIO(data[at : at + size]))
    return at


def begun(store: BlobStore, data: bytes) -> str:
    """Return an upload that has these bytes."""
    upload = store.uploads.begin()
    assert add(store, upload, data) == len(data)
    return upload


def gone(store: BlobStore, upload: str) -> bool:
    """Say whether nothing is known of an upload any more."""
    for ask in (
        lambda: store.uploads.offset(upload),
        lambda: store.uploads.append(upload, 0, io.BytesIO(b"x")),
        lambda: store.uploads.finish(upload),
    ):
        with pytest.raises(MissingError) as caught:
            ask()
        assert caught.value.code == "no-upload"
        assert caught.value.hint
    store.uploads.abandon(upload)
    return True


class UploadsContract:
    """What the uploads of every blob store do. Give the fixtures ``store`` (empty) and ``reopen``."""

    @pytest.fixture
    def store(self) -> BlobStore:
        raise NotImplementedError

    @pytest.fixture
    def reopen(self) -> Reopen:
        raise NotImplementedError

    # -- from begin to keep

    def test_an_upload_begins_empty_under_an_id_of_its_own(self, store: BlobStore) -> None:
        first, second = store.uploads.begin(), store.uploads.begin()
        assert re.fullmatch("[0-9a-f]{32}", first)
        assert first != second
        assert store.uploads.offset(first) == 0
        assert list(store.list()) == []

    @pytest.mark.parametrize("sizes", PIECES)
    def test_pieces_become_what_they_are_together(self, store: BlobStore, sizes: tuple[int, ...]) -> None:
        data, upload, at = sample(sum(sizes)), store.uploads.begin(), 0
        for size in sizes:
            assert store.uploads.append(upload, at, io.BytesIO(data[at : at + size])) == at + size
            at += size
            assert store.uploads.offset(upload) == at
        staged = store.uploads.finish(upload)
        assert staged.content.model_dump() == expected(data)
        assert staged.keep()
        store.verify(staged.content.sha256)
        blob = store.open(staged.content.sha256)
        assert blob.read_at(0, len(data)) == data
        blob.close()
        assert gone(store, upload)

    def test_before_it_is_kept_nothing_is_there_under_its_digest(self, store: BlobStore) -> None:
        upload = begun(store, b"not yet")
        assert list(store.list()) == []
        staged = store.uploads.finish(upload)
        assert store.size(staged.content.sha256) is None
        assert list(store.list()) == []
        assert staged.keep()
        assert list(store.list()) == [(staged.content.sha256, 7)]

    def test_bytes_that_were_here_already_are_not_new(self, store: BlobStore) -> None:
        data = sample(LARGE)
        put(store, data)
        upload = begun(store, data)
        assert not store.uploads.finish(upload).keep()
        assert gone(store, upload)

    @pytest.mark.parametrize("size", [0, 10, LARGE])
    def test_progress_of_finishing_adds_up_to_the_size(self, store: BlobStore, size: int) -> None:
        seen: list[int] = []
        store.uploads.finish(begun(store, sample(size)), progress=seen.append).discard()
        assert sum(seen) == size

    def test_a_stream_that_only_reads_will_do_and_one_is_taken_from_where_it_stands(self, store: BlobStore) -> None:
        upload, source = store.uploads.begin(), io.BytesIO(b"header, body")
        source.seek(8)
        only: io.BytesIO = OnlyRead(b"start ")  # type: ignore[assignment]  # on purpose less than a BinaryIO
        assert store.uploads.append(upload, 0, only) == 6
        assert store.uploads.append(upload, 6, source) == 10
        staged = store.uploads.finish(upload)
        assert staged.content.model_dump() == expected(b"start body")
        staged.discard()

    def test_uploads_at_the_same_time_do_not_mix(self, store: BlobStore) -> None:
        def send(seed: int) -> bool:
            data, upload = sample(700_000, seed), store.uploads.begin()
            add(store, upload, data, 300_000, 300_000, 100_000)
            staged = store.uploads.finish(upload)
            return staged.keep() and staged.content.model_dump() == expected(data)

        with ThreadPoolExecutor(4) as pool:
            assert all(pool.map(send, range(4)))
        assert sum(size for _, size in store.list()) == 4 * 700_000

    # -- interrupted, and gone on with

    @pytest.mark.parametrize("there", [0, 1, LARGE, 9 << 20])
    def test_another_process_goes_on_where_the_first_ended(self, store: BlobStore, reopen: Reopen, there: int) -> None:
        data = sample(there + 1000)
        upload = begun(store, data[:there])
        other = reopen()
        assert other.uploads.offset(upload) == there
        assert other.uploads.append(upload, there, io.BytesIO(data[there:-1])) == there + 999
        assert store.uploads.append(upload, there + 999, io.BytesIO(data[-1:])) == there + 1000
        staged = reopen().uploads.finish(upload)
        assert staged.content.model_dump() == expected(data)
        assert staged.keep()
        assert gone(store, upload)

    @pytest.mark.parametrize("fail_at", [0, 1000, LARGE, 9 << 20])
    def test_what_came_before_a_source_broke_off_may_stay_and_the_rest_follows(
        self, store: BlobStore, fail_at: int
    ) -> None:
        data = sample(fail_at + 5000)
        upload = begun(store, data[:100])
        with pytest.raises((OSError, HerdbookError)):
            store.uploads.append(upload, 100, io.BufferedReader(Trickle(data[100:], 4000, fail_at)))
        at = store.uploads.offset(upload)
        assert 100 <= at <= len(data)
        store.uploads.append(upload, at, io.BytesIO(data[at:]))
        staged = store.uploads.finish(upload)
        assert staged.content.model_dump() == expected(data)
        staged.discard()

    def test_a_text_stream_is_refused_with_advice_and_adds_nothing(self, store: BlobStore) -> None:
        upload = begun(store, b"bytes")
        with pytest.raises(InvalidError) as caught:
            store.uploads.append(upload, 5, OnlyRead("text"))  # type: ignore[arg-type]  # that is the mistake
        assert "binary" in caught.value.hint
        assert store.uploads.offset(upload) == 5
        store.uploads.abandon(upload)

    # -- refused

    @pytest.mark.parametrize("wrong", [-1, 0, 9, 11, 1 << 40])
    def test_a_wrong_offset_is_a_conflict_that_says_the_right_one(
        self, store: BlobStore, reopen: Reopen, wrong: int
    ) -> None:
        upload = begun(store, b"0123456789")
        for opened in (store, reopen()):
            source = io.BytesIO(b"more")
            with pytest.raises(ConflictError) as caught:
                opened.uploads.append(upload, wrong, source)
            assert caught.value.code == "wrong-offset"
            assert caught.value.details["offset"] == 10
            assert caught.value.hint
            assert source.tell() == 0, "nothing is read from a source that cannot be taken"
            assert opened.uploads.offset(upload) == 10
        store.uploads.abandon(upload)

    @pytest.mark.parametrize(
        "upload", [NOBODYS, "", "0" * 31, "A" * 32, "../" + "0" * 29, NOBODYS + "\n", "/" + "0" * 31, "*" * 32]
    )
    def test_an_upload_that_is_not_there_is_missing_whatever_its_name(self, store: BlobStore, upload: str) -> None:
        store.uploads.begin()
        assert gone(store, upload)

    # -- finished, and what then

    def test_finishing_twice_gives_the_same_and_it_is_kept_once(self, store: BlobStore, reopen: Reopen) -> None:
        data = sample(LARGE)
        upload = begun(store, data)
        first, second = store.uploads.finish(upload), reopen().uploads.finish(upload)
        assert first.content == second.content
        assert first.keep()
        assert not second.keep()
        assert not first.keep()
        first.discard()
        second.discard()
        assert gone(store, upload)
        store.verify(first.content.sha256)

    def test_a_finished_upload_is_there_until_it_is_kept_though_its_process_ended(
        self, store: BlobStore, reopen: Reopen
    ) -> None:
        upload = begun(store, b"finished")
        staged = store.uploads.finish(upload)
        del staged  # without a word, as by an error that nobody foresaw
        other = reopen()
        assert other.uploads.offset(upload) == 8
        assert other.sweep(0) == 0
        assert other.uploads.finish(upload).keep()
        assert gone(store, upload)

    def test_nothing_is_added_to_what_is_finished(self, store: BlobStore, reopen: Reopen) -> None:
        upload = begun(store, b"finished")
        staged = store.uploads.finish(upload)
        for opened in (store, reopen()):
            with pytest.raises(ConflictError) as caught:
                opened.uploads.append(upload, 8, io.BytesIO(b", or not"))
            assert caught.value.code == "upload-finished"
            assert caught.value.hint
            assert opened.uploads.offset(upload) == 8
        assert staged.content.model_dump() == expected(b"finished")
        assert staged.keep()
        store.verify(staged.content.sha256)

    def test_discarding_drops_the_upload(self, store: BlobStore) -> None:
        upload = begun(store, b"unwanted")
        staged = store.uploads.finish(upload)
        staged.discard()
        staged.discard()
        assert gone(store, upload)
        with pytest.raises(InvalidError):
            staged.keep()
        assert list(store.list()) == []

    @pytest.mark.parametrize("size", [0, 10, 9 << 20])
    def test_abandoning_drops_the_upload(self, store: BlobStore, reopen: Reopen, size: int) -> None:
        upload = begun(store, sample(size))
        reopen().uploads.abandon(upload)
        assert gone(store, upload)
        assert list(store.list()) == []

    def test_a_finished_upload_may_be_abandoned(self, store: BlobStore) -> None:
        upload = begun(store, b"finished")
        staged = store.uploads.finish(upload)
        store.uploads.abandon(upload)
        assert gone(store, upload)
        with pytest.raises(HerdbookError):
            staged.keep()
        assert list(store.list()) == []

    # -- upkeep

    def test_a_sweep_leaves_alone_what_was_begun_this_week(self, store: BlobStore, reopen: Reopen) -> None:
        upload, empty = begun(store, sample(LARGE)), store.uploads.begin()
        assert store.sweep(0) == 0
        assert reopen().sweep(0) == 0
        assert store.uploads.offset(upload) == LARGE
        assert store.uploads.offset(empty) == 0

    def test_an_upload_is_no_blob_and_is_not_listed(self, store: BlobStore) -> None:
        sha256 = put(store, b"a blob").sha256
        begun(store, b"an upload")
        store.uploads.finish(begun(store, b"a finished one"))
        assert list(store.list()) == [(sha256, 6)]

    def test_memory_stays_flat_while_bytes_are_added_and_finished(self, store: BlobStore) -> None:
        upload = store.uploads.begin()
        tracemalloc.start()
        try:
            store.uploads.append(upload, 0, io.BufferedReader(Zeros(64 << 20), 1 << 20))
            store.uploads.finish(upload).discard()
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert peak < 40 << 20
