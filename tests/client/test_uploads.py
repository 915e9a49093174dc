"""Uploads: any size and kind of source, broken connections, killed clients, files that change."""

from __future__ import annotations

import gzip
import io
import os
import subprocess
import time
from pathlib import Path

import pytest
from tests.client.connected import Connect
from tests.client.counting import Relay, relay
from tests.servers.served import HERDBOOK, Served, thread_server

from herdbook.client import uploads
from herdbook.client.registry import Options
from herdbook.kernel.errors import HerdbookError, InvalidError, UnavailableError
from herdbook.service.serving import Serving
from herdbook.testing.registry_samples import content_of
from herdbook.wire.files import SINGLE

LARGE = SINGLE * 3 + 12345


def random_file(path: Path, size: int) -> Path:
    """Write a file that cannot be compressed; a few megabytes are repeated."""
    block = os.urandom(min(size, 8 << 20))
    with path.open("wb") as file:
        for number in range(0, size, len(block) or 1):
            file.write(block[: size - number])
        file.seek(0)
        file.write(os.urandom(min(size, 64)))
    return path


@pytest.mark.parametrize("size", [0, 1, 4096, SINGLE - 1, SINGLE, SINGLE + 1, LARGE])
def test_bytes_of_every_size_arrive_with_their_digests(connect: Connect, size: int) -> None:
    data = os.urandom(size)
    told: list[int] = []
    assert connect().files.put(io.BytesIO(data), progress=told.append) == content_of(data)
    assert sum(told) == size


class Trickle(io.RawIOBase):
    """A stream that is read once, and gives a little at a time."""

    def __init__(self, data: bytes) -> None:
        self._left = memoryview(data)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # whatever takes bytes
        count = min(len(buffer), 300_000, len(self._left))
        buffer[:count] = self._left[:count]
        self._left = self._left[count:]
        return count


@pytest.mark.parametrize("size", [0, 77, SINGLE, SINGLE + 1, LARGE])
def test_a_stream_that_is_read_once_arrives_whole(connect: Connect, size: int) -> None:
    data = os.urandom(size)
    told: list[int] = []
    assert connect().files.put(Trickle(data), progress=told.append) == content_of(data)  # type: ignore[arg-type]  # a raw stream
    assert sum(told) == size


def test_a_compressed_file_is_what_it_unpacks_to_not_the_file_under_it(connect: Connect, tmp_path: Path) -> None:
    data = b"walrus" * 10**6
    with gzip.open(tmp_path / "a.gz", "wb") as packed:
        packed.write(data)
    with gzip.open(tmp_path / "a.gz") as stream:
        assert connect().files.put(stream) == content_of(data)  # type: ignore[arg-type]  # as good as a BinaryIO


def test_a_file_is_taken_from_where_its_stream_stands(connect: Connect, tmp_path: Path) -> None:
    path = random_file(tmp_path / "a", LARGE)
    with path.open("rb") as stream:
        stream.seek(1000)
        assert connect().files.put(stream) == content_of(path.read_bytes()[1000:])
        assert stream.read() == b""
    with (tmp_path / "b").open("w+b") as stream:
        stream.write(b"octopus")
        stream.seek(0)
        assert connect().files.put(stream) == content_of(b"octopus")


def test_text_and_silent_streams_are_refused(connect: Connect) -> None:
    class Silent(io.RawIOBase):
        def read(self, _size: int = -1, /) -> None:
            """Give nothing yet."""

    with pytest.raises(InvalidError, match="bytes"):
        connect().files.put(io.StringIO("text"))  # type: ignore[arg-type]  # the mistake
    with pytest.raises(InvalidError, match="nothing to give"):
        connect().files.put(Silent())  # type: ignore[arg-type]  # the mistake


def test_many_files_arrive_in_their_order(connect: Connect) -> None:
    several = [os.urandom(size) for size in (10, SINGLE + 5, 0, 3000, SINGLE * 2, 7)] + [b"%d" % n for n in range(40)]
    told: list[int] = []
    contents = connect().files.put_many([io.BytesIO(data) for data in several], progress=told.append)
    assert contents == [content_of(data) for data in several]
    assert sum(told) == sum(map(len, several))


def test_one_bad_source_among_many_ends_the_call(connect: Connect) -> None:
    class Broken(io.RawIOBase):
        def read(self, _size: int = -1, /) -> bytes:
            raise OSError(5, "Input/output error")

    sources = [io.BytesIO(os.urandom(1000)) for _ in range(20)] + [Broken()]
    with pytest.raises(UnavailableError) as caught:
        connect().files.put_many(sources)  # type: ignore[arg-type]  # as good as a BinaryIO
    assert caught.value.code == "source-unreadable"


@pytest.mark.parametrize("cut", [100, SINGLE, 2 * SINGLE, LARGE - 1])
def test_a_connection_that_breaks_costs_only_what_was_under_way(
    connect: Connect, served: Served, tmp_path: Path, cut: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "PIECE", SINGLE)
    path = random_file(tmp_path / "a", LARGE)
    with relay(served.url) as between, path.open("rb") as stream:
        between.cut_up_at = cut
        told: list[int] = []
        assert connect(between.url).files.put(stream, progress=told.append) == content_of(path.read_bytes())
        assert sum(told) == LARGE
        assert between.connections > 1
        assert between.up < LARGE * 1.4


def test_a_file_that_changes_while_it_is_sent_is_refused(connect: Connect, tmp_path: Path) -> None:
    path = random_file(tmp_path / "a", LARGE)
    grown: list[int] = []

    def grow(count: int) -> None:
        if not grown:
            with path.open("ab") as file:
                file.write(b"more")
        grown.append(count)

    with path.open("rb") as stream, pytest.raises(UnavailableError) as caught:
        connect().files.put(stream, progress=grow)
    assert caught.value.code == "changed-while-read"
    with path.open("rb") as stream, pytest.raises(UnavailableError) as caught:
        connect().files.put(stream, progress=lambda _count: os.truncate(path, 10))
    assert caught.value.code == "changed-while-read"


def _client(url: str, path: Path, home: Path) -> subprocess.Popen[bytes]:
    words = [*HERDBOOK, "-R", url, "register", "demo/tau/toy:V1", str(path)]
    return subprocess.Popen(words, env={**os.environ, "HERDBOOK_CACHE": str(home)}, stderr=subprocess.PIPE)


def _killed_and_resumed(between: Relay, path: Path, home: Path) -> float:
    """Kill a client half-way, run it once more, and return what share of the file the second sent."""
    size = path.stat().st_size
    first = _client(between.url, path, home)
    deadline = time.monotonic() + 120
    while between.up < size / 2 and first.poll() is None and time.monotonic() < deadline:
        time.sleep(0.002)
    first.kill()
    assert first.wait(30) == -9
    first.communicate()
    time.sleep(0.5)  # the server notices
    sent = between.up
    assert sent < size * 0.9, "it was killed too late for this test to say anything"
    second = _client(between.url, path, home)
    _, said = second.communicate(timeout=240)
    assert second.returncode == 0, said
    return (between.up - sent) / size


@pytest.mark.parametrize("size", [200 * 10**6, pytest.param(2 * 10**9, marks=pytest.mark.slow)])
def test_a_client_that_was_killed_half_way_sends_the_other_half(served: Served, tmp_path: Path, size: int) -> None:
    path = random_file(tmp_path / "large.bin", size)
    with relay(served.url) as between:
        share = _killed_and_resumed(between, path, tmp_path / "cache")
    assert share <= 0.55
    assert not list((tmp_path / "cache" / "uploads").iterdir())


def test_an_upload_that_the_server_lost_begins_anew(connect: Connect, serving: Serving, tmp_path: Path) -> None:
    path = random_file(tmp_path / "a", LARGE)
    registry = connect()

    def stop(_count: int) -> None:
        raise KeyboardInterrupt

    with path.open("rb") as stream, pytest.raises(KeyboardInterrupt):
        registry.files.put(stream, progress=stop)
    (note,) = (tmp_path / "cache" / "uploads").iterdir()
    serving.context.blobs.sweep(-1)
    for upload in Path(serving.context.url, "blobs").rglob("*"):
        if upload.is_file() and "upload" in str(upload):
            upload.unlink()
    with path.open("rb") as stream:
        assert registry.files.put(stream) == content_of(path.read_bytes())
    assert not note.exists()


def test_a_note_of_nonsense_is_no_note(connect: Connect, tmp_path: Path) -> None:
    path = random_file(tmp_path / "a", LARGE)
    registry = connect()
    with path.open("rb") as stream, pytest.raises(ZeroDivisionError):
        registry.files.put(stream, progress=lambda count: print(count // 0))
    (note,) = (tmp_path / "cache" / "uploads").iterdir()
    for text in (
        "",
        "{}",
        '{"upload": "../../x", "at": 1e18}',
        "\0" * 100,
        '{"upload": "' + "0" * 32 + '", "at": 1e18}',
    ):
        note.write_text(text)
        with path.open("rb") as stream:
            assert registry.files.put(stream).size == LARGE


def test_without_a_place_for_notes_uploads_work(connect: Connect, tmp_path: Path) -> None:
    (tmp_path / "a-file").write_bytes(b"")
    path = random_file(tmp_path / "a", LARGE)
    with path.open("rb") as stream:
        assert connect(cache=tmp_path / "a-file").files.put(stream).size == LARGE


def test_two_processes_may_send_one_file_at_once(served: Served, tmp_path: Path) -> None:
    path = random_file(tmp_path / "large.bin", 30 * 10**6)
    both = [_client(served.url, path, tmp_path / "cache") for _ in range(2)]
    for each in both:
        _, said = each.communicate(timeout=120)
        assert each.returncode == 0, said


def test_a_server_that_goes_and_comes_back_during_an_upload_costs_a_pause(
    folder: Path, options: Options, connect: Connect, tmp_path: Path
) -> None:
    path = random_file(tmp_path / "a", LARGE)
    with thread_server(folder) as first, relay(first.url) as between:
        registry = connect(between.url, cache=options.cache)
        seen: list[int] = []

        def away(count: int) -> None:
            seen.append(count)
            if len(seen) == 2:
                between.refuse = True
                between.cut_up_at = 0
            elif between.refuse:
                between.refuse = False

        with path.open("rb") as stream:
            try:
                registry.files.put(stream, progress=away)
            except HerdbookError as error:
                assert error.code == "no-server"  # noqa: PT017 - either is right
        between.refuse = False
        with path.open("rb") as stream:
            assert registry.files.put(stream) == content_of(path.read_bytes())
