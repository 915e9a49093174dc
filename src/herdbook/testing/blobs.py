"""The contract of a blob store. A back-end's author writes a subclass with two fixtures, and pytest does the rest.

class TestMyBlobs(BlobStoreContract):
    @pytest.fixture
    def store(self, tmp_path): return MyBlobs(tmp_path)

    @pytest.fixture
    def spoil(self, store): return lambda sha256, data: store.overwrite_behind_its_back(sha256, data)
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import shutil
import threading
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, BinaryIO, Final

import pytest

from herdbook.kernel import digests
from herdbook.kernel.errors import CorruptError, HerdbookError, InvalidError, MissingError
from herdbook.testing.streams import OnlyRead, Trickle, Zeros

if TYPE_CHECKING:
    from herdbook.model.files import Content
    from herdbook.ports.blobs import BlobStore

Spoil = Callable[[str, bytes], None]
"""Puts other bytes in the place of a kept blob, behind the store's back."""

LARGE: Final = 5 * (1 << 20) + 12345
"""More than any buffer, and a multiple of nothing."""
SIZES: Final = (0, 1, 4095, 4096, 65536, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, LARGE)
ABSENT: Final = "sha256:" + "0" * 64


def sample(size: int, seed: int = 0) -> bytes:
    """Return bytes that do not repeat, the same for the same seed."""
    return hashlib.shake_128(b"%d" % seed).digest(size)


def expected(data: bytes) -> dict[str, object]:
    """Return what a store must say of these bytes, computed the plain way."""
    return {
        "size": len(data),
        "sha256": "sha256:" + hashlib.sha256(data).hexdigest(),
        "md5": "md5:" + hashlib.md5(data, usedforsecurity=False).hexdigest(),
        "adler32": f"adler32:{zlib.adler32(data):08x}",
        "git_sha1": "git-sha1:" + hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest(),
    }


def put(store: BlobStore, data: bytes) -> Content:
    """Stage and keep."""
    staged = store.stage(io.BytesIO(data))
    staged.keep()
    return staged.content


class BlobStoreContract:
    """What every blob store does. Subclass it, and give the fixtures ``store`` (empty) and, if it can be, ``spoil``."""

    @pytest.fixture
    def store(self) -> BlobStore:
        raise NotImplementedError

    @pytest.fixture
    def spoil(self) -> Spoil:
        pytest.skip("this store's bytes cannot be spoilt from here")

    # -- staging and keeping

    @pytest.mark.parametrize("size", SIZES)
    def test_all_four_digests_and_the_size_are_those_of_the_bytes(self, store: BlobStore, size: int) -> None:
        data = sample(size)
        assert put(store, data).model_dump() == expected(data)

    @pytest.mark.parametrize("size", [0, 1000, LARGE])
    def test_a_pipe_gives_the_same_digests_as_a_file(self, store: BlobStore, size: int) -> None:
        data = sample(size)
        staged = store.stage(io.BufferedReader(Trickle(data)))
        assert staged.content.model_dump() == expected(data)
        staged.discard()

    @pytest.mark.parametrize("size", [0, 1000, LARGE])
    def test_a_stream_that_only_reads_will_do(self, store: BlobStore, size: int) -> None:
        data = sample(size)
        staged = store.stage(OnlyRead(data))  # type: ignore[arg-type]  # on purpose less than a BinaryIO
        assert staged.content.model_dump() == expected(data)
        staged.discard()

    def test_a_stream_is_taken_from_where_it_stands(self, store: BlobStore) -> None:
        source = io.BytesIO(b"header" + b"body")
        source.seek(6)
        staged = store.stage(source)
        assert staged.content.model_dump() == expected(b"body")
        staged.discard()

    def test_a_text_stream_is_refused_with_advice(self, store: BlobStore) -> None:
        with pytest.raises(InvalidError) as caught:
            store.stage(OnlyRead("text"))  # type: ignore[arg-type]  # that is the mistake
        assert "binary" in caught.value.hint

    @pytest.mark.parametrize("size", [10, LARGE])
    def test_progress_adds_up_to_the_size(self, store: BlobStore, size: int) -> None:
        seen: list[int] = []
        store.stage(io.BytesIO(sample(size)), progress=seen.append).discard()
        assert sum(seen) == size

    def test_keeping_says_once_that_bytes_are_new(self, store: BlobStore) -> None:
        first, second = store.stage(io.BytesIO(b"same")), store.stage(io.BytesIO(b"same"))
        assert first.keep()
        assert not second.keep()
        assert not first.keep()
        first.discard()
        second.discard()
        assert list(store.list()) == [(first.content.sha256, 4)]

    def test_staged_bytes_are_not_there_before_they_are_kept(self, store: BlobStore) -> None:
        staged = store.stage(io.BytesIO(b"not yet"))
        assert store.size(staged.content.sha256) is None
        assert list(store.list()) == []
        staged.discard()
        staged.discard()
        with pytest.raises(InvalidError):
            staged.keep()
        assert list(store.list()) == []

    @pytest.mark.parametrize("fail_at", [0, 1000, LARGE - 5])
    def test_a_source_that_fails_leaves_nothing(self, store: BlobStore, fail_at: int) -> None:
        with pytest.raises(HerdbookError) as caught:
            store.stage(io.BufferedReader(Trickle(sample(LARGE), 4096, fail_at)))
        assert caught.value.hint
        assert list(store.list()) == []
        assert store.sweep(0) == 0

    def test_many_writers_of_the_same_bytes_all_succeed_and_one_was_first(self, store: BlobStore) -> None:
        data, start = sample(300_000), threading.Barrier(6)

        def write(_: int) -> bool:
            staged = store.stage(io.BytesIO(data))
            start.wait(30)
            return staged.keep()

        with ThreadPoolExecutor(6) as pool:
            assert sum(pool.map(write, range(6))) == 1
        store.verify(digests.of(data))

    # -- reading

    @pytest.mark.parametrize("size", SIZES)
    def test_what_was_kept_comes_back(self, store: BlobStore, size: int) -> None:
        data = sample(size)
        sha256 = put(store, data).sha256
        assert store.size(sha256) == size
        store.verify(sha256)
        blob = store.open(sha256)
        assert blob.size == size
        assert blob.read_at(0, size) == data
        with blob.stream() as stream:
            assert stream.read() == data
        blob.close()

    def test_ranges_end_where_the_blob_ends(self, store: BlobStore) -> None:
        blob = store.open(put(store, b"0123456789").sha256)
        assert blob.read_at(3, 4) == b"3456"
        assert blob.read_at(8, 100) == b"89"
        assert blob.read_at(10, 1) == blob.read_at(99, 1) == blob.read_at(0, 0) == b""
        with pytest.raises(InvalidError):
            blob.read_at(-1, 5)
        with pytest.raises(InvalidError):
            blob.read_at(0, -5)
        blob.close()

    def test_a_stream_outlives_its_blob(self, store: BlobStore) -> None:
        blob = store.open(put(store, b"still here").sha256)
        stream = blob.stream()
        blob.close()
        blob.close()
        assert stream.read() == b"still here"
        stream.close()
        stream.close()
        assert stream.closed

    def test_a_stream_works_as_files_do(self, store: BlobStore) -> None:
        data = b"".join(b"line %d\n" % number for number in range(200_000))
        with self._stream(store, data) as stream:
            assert stream.readable()
            assert stream.seekable()
            assert not stream.writable()
            assert stream.readline() == b"line 0\n"
            assert stream.tell() == 7
            assert stream.seek(0, 2) == len(data)
            assert stream.read(1) == b""
            assert stream.seek(-9, 1) == len(data) - 9
            assert stream.read() == data[-9:]
            stream.seek(5)
            assert sum(1 for _ in stream) == 200_000
            stream.seek(0)
            target = io.BytesIO()
            shutil.copyfileobj(stream, target)
            assert target.getvalue() == data
            with pytest.raises(ValueError, match="negative"):
                stream.seek(-1)
        with pytest.raises(ValueError, match="closed"):
            stream.read(1)

    def test_a_zip_file_is_read_from_a_stream(self, store: BlobStore) -> None:
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("weights.bin", sample(3_000_000))
        with self._stream(store, packed.getvalue()) as stream, zipfile.ZipFile(stream) as archive:
            assert archive.read("weights.bin") == sample(3_000_000)

    def _stream(self, store: BlobStore, data: bytes) -> BinaryIO:
        blob = store.open(put(store, data).sha256)
        stream = blob.stream()
        blob.close()
        return stream

    def test_what_is_not_here_is_missing_and_the_error_names_it(self, store: BlobStore) -> None:
        for ask in (store.open, store.verify):
            with pytest.raises(MissingError) as caught:
                ask(ABSENT)
            assert ABSENT in str(caught.value)
            assert caught.value.hint
        assert store.size(ABSENT) is None
        assert store.delete(ABSENT) == 0

    @pytest.mark.parametrize(
        "bad",
        ["", "sha256:", "0" * 64, "sha256:" + "A" * 64, "md5:" + "0" * 32, "sha256:../" + "0" * 61, ABSENT + "\n"],
    )
    def test_what_is_no_sha256_digest_is_refused(self, store: BlobStore, bad: str) -> None:
        for ask in (store.open, store.verify, store.size, store.delete):
            with pytest.raises(InvalidError):
                ask(bad)

    # -- bytes that went bad

    def test_a_changed_byte_is_never_the_last_word(self, store: BlobStore, spoil: Spoil) -> None:
        data = sample(LARGE)
        sha256 = put(store, data).sha256
        spoil(sha256, data[:-1] + bytes([data[-1] ^ 1]))
        with pytest.raises(CorruptError):
            store.verify(sha256)
        blob = store.open(sha256)
        with blob.stream() as stream:
            sink = io.BytesIO()
            with pytest.raises(CorruptError) as caught:
                shutil.copyfileobj(stream, sink, 100_000)
            assert sink.tell() < LARGE
            assert caught.value.hint
            stream.seek(0)
            with pytest.raises(CorruptError):
                stream.read(1)
        with blob.stream() as stream, pytest.raises(CorruptError):
            stream.read()
        blob.close()

    def test_after_a_seek_not_one_byte_of_a_bad_file_is_handed_out(self, store: BlobStore, spoil: Spoil) -> None:
        data = sample(LARGE)
        sha256 = put(store, data).sha256
        spoil(sha256, data[:-1] + bytes([data[-1] ^ 1]))
        blob = store.open(sha256)
        with blob.stream() as stream:
            with contextlib.suppress(CorruptError):
                stream.read(10)  # the start, in order, may come
            stream.seek(4)
            for take in (lambda: stream.read(1), stream.readline, lambda: stream.readinto(bytearray(5))):  # type: ignore[attr-defined]  # BinaryIO's stub lacks readinto
                with pytest.raises(CorruptError):
                    take()
        blob.close()

    def test_a_file_cut_short_is_never_handed_out(self, store: BlobStore, spoil: Spoil) -> None:
        data = sample(100_000)
        sha256 = put(store, data).sha256
        for rest in (b"", data[:-1], data[:50_000]):
            spoil(sha256, rest)
            with pytest.raises(CorruptError):
                store.verify(sha256)
            blob = store.open(sha256)
            for take in (lambda stream: stream.read(), lambda stream: shutil.copyfileobj(stream, io.BytesIO(), 9000)):
                with blob.stream() as stream, pytest.raises(CorruptError):
                    take(stream)
            blob.close()

    def test_bytes_that_come_again_mend_a_file_that_was_cut(self, store: BlobStore, spoil: Spoil) -> None:
        data = sample(100_000)
        sha256 = put(store, data).sha256
        spoil(sha256, data[:7])
        put(store, data)
        store.verify(sha256)

    # -- upkeep

    def test_list_is_sorted_and_complete(self, store: BlobStore) -> None:
        wanted = sorted((put(store, sample(number, number)).sha256, number) for number in range(1, 60))
        assert list(store.list()) == wanted

    def test_delete_says_how_many_bytes_it_freed_and_the_bytes_may_come_again(self, store: BlobStore) -> None:
        data = sample(LARGE)
        sha256 = put(store, data).sha256
        assert store.delete(sha256) == LARGE
        assert store.delete(sha256) == 0
        assert store.size(sha256) is None
        with pytest.raises(MissingError):
            store.open(sha256)
        assert put(store, data).sha256 == sha256
        store.verify(sha256)

    def test_a_sweep_leaves_alone_what_a_living_writer_staged(self, store: BlobStore) -> None:
        staged = store.stage(io.BytesIO(b"mine"))
        assert store.sweep(0) == 0
        assert staged.keep()
        store.verify(staged.content.sha256)

    def test_memory_stays_flat(self, store: BlobStore) -> None:
        size = 64 << 20
        tracemalloc.start()
        try:
            staged = store.stage(io.BufferedReader(Zeros(size), 1 << 20))
            staged.keep()
            sha256 = staged.content.sha256
            store.verify(sha256)
            blob = store.open(sha256)
            with blob.stream() as stream:
                stream.seek(size // 2)
                assert stream.read(3) == bytes(3)
            blob.close()
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert peak < 40 << 20
