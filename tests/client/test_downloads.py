"""Downloads through the cache: shared, resumed, verified, bounded; and without a cache where there can be none."""

from __future__ import annotations

import hashlib
import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.client.connected import Connect
from tests.client.counting import Relay, relay
from tests.servers.served import Served

from herdbook.client.cache import Cache
from herdbook.client.registry import RemoteRegistry
from herdbook.kernel.errors import CorruptError, HerdbookWarning, MissingError
from herdbook.service import fetch
from herdbook.testing.registry_samples import PATH, put, register, unresolved

REFERENCE = "demo/tau/toy:V1"
FILE = "/api/v1/version/file"
LARGE = 5 * 10**6 + 321


@pytest.fixture
def data() -> bytes:
    return os.urandom(LARGE)


@pytest.fixture
def registry(connect: Connect, data: bytes) -> RemoteRegistry:
    registry = connect()
    register(registry, REFERENCE, {PATH: data, "empty": b"", "small": b"octopus"})
    return registry


@pytest.fixture
def between(served: Served) -> Iterator[Relay]:
    with relay(served.url) as between:
        yield between


def blobs(cache: Path) -> list[Path]:
    return sorted(path for path in (cache / "blobs").glob("*/*") if path.is_file())


def test_a_file_is_brought_once_and_read_from_the_cache_from_then_on(
    connect: Connect, registry: RemoteRegistry, between: Relay, data: bytes, tmp_path: Path
) -> None:
    assert registry.url
    near = connect(between.url)
    for _ in range(3):
        with near.files.open(REFERENCE, PATH) as stream:
            assert stream.read() == data
    assert between.gets(FILE) == 1
    (path,) = blobs(tmp_path / "cache")
    assert path.name == hashlib.sha256(data).hexdigest()
    assert path.stat().st_mode & 0o777 == 0o444


def test_the_stream_is_seekable_and_reads_like_any_file(registry: RemoteRegistry, data: bytes) -> None:
    with registry.files.open(REFERENCE, PATH) as stream:
        assert stream.seek(-100, io.SEEK_END) == LARGE - 100
        assert stream.read() == data[-100:]
        stream.seek(7)
        assert stream.read(10) == data[7:17]
        assert not stream.closed
    for path, wanted in (("empty", b""), ("small", b"octopus")):
        with registry.files.open(REFERENCE, path) as stream:
            assert stream.read() == wanted


def test_what_is_not_there_is_missing_as_in_an_embedded_registry(registry: RemoteRegistry) -> None:
    for reference, path, code in ((REFERENCE, "nothing", "no-file"), ("demo/tau/no:V1", PATH, "no-model")):
        with pytest.raises(MissingError) as caught:
            registry.files.open(reference, path).close()
        assert caught.value.code == code


def test_bytes_known_by_a_weaker_digest_are_found_and_held_against_it(connect: Connect) -> None:
    registry, data = connect(), b"\0\1 came later"
    register(registry, REFERENCE, unresolved(data))
    with pytest.raises(MissingError):
        registry.files.open(REFERENCE, PATH).close()
    registry.files.supply([put(registry, data).sha256])
    with registry.files.open(REFERENCE, PATH) as stream:
        assert stream.read() == data


def test_a_blob_is_given_to_who_may_have_it_only_cached_or_not(registry: RemoteRegistry, data: bytes) -> None:
    digest = "sha256:" + hashlib.sha256(data).hexdigest()
    register(registry, "other/tau/toy:V1", "another")
    for _ in range(2):
        with registry.files.blob("demo", digest) as stream:
            assert stream.read() == data
        with pytest.raises(MissingError) as caught:
            registry.files.blob("other", digest)
        assert caught.value.code == "no-bytes"


@pytest.mark.parametrize("cut", [10_000, 2 * 10**6, LARGE - 5])
def test_a_download_that_breaks_off_goes_on_where_it_was(
    connect: Connect, registry: RemoteRegistry, between: Relay, data: bytes, cut: int
) -> None:
    assert registry.url
    near = connect(between.url)
    near.versions.get(REFERENCE)
    between.down, between.cut_down_at = 0, cut
    told: list[int] = []
    with near.files.open(REFERENCE, PATH, progress=told.append) as stream:
        assert stream.read() == data
    assert sum(told) == LARGE
    assert between.gets(FILE) == 2
    assert between.down < LARGE * 1.2 + 10**6


CLIENT = """
import hashlib, sys, herdbook
with herdbook.open(sys.argv[1]) as registry, registry.files.open(sys.argv[2], sys.argv[3]) as stream:
    print(hashlib.file_digest(stream, "sha256").hexdigest(), flush=True)
"""


def client(url: str, cache: Path, path: str = PATH) -> subprocess.Popen[str]:
    words = [sys.executable, "-c", CLIENT, url, REFERENCE, path]
    return subprocess.Popen(words, env={**os.environ, "HERDBOOK_CACHE": str(cache)}, stdout=subprocess.PIPE, text=True)


def large(connect: Connect, size: int, tmp_path: Path) -> str:
    """Register a large file; return its sha256."""
    block = os.urandom(8 << 20)
    with (tmp_path / "large").open("wb") as file:
        for number in range(0, size, len(block)):
            file.write(block[: size - number])
    connect().versions.register(REFERENCE, tmp_path / "large")
    with (tmp_path / "large").open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@pytest.mark.parametrize("size", [200 * 10**6, pytest.param(10**9, marks=pytest.mark.slow)])
def test_sixteen_processes_that_want_one_file_bring_it_once(
    connect: Connect, between: Relay, tmp_path: Path, size: int
) -> None:
    digest = large(connect, size, tmp_path)
    several = [client(between.url, tmp_path / "shared", "large") for _ in range(16)]
    for each in several:
        said, _ = each.communicate(timeout=280)
        assert said.strip() == digest
    assert between.gets(FILE) == 1
    assert between.down < size * 1.1


def test_a_process_that_is_killed_leaves_its_part_and_its_lock_to_the_next(
    connect: Connect, served: Served, tmp_path: Path
) -> None:
    size = 100 * 10**6
    digest = large(connect, size, tmp_path)
    part = tmp_path / "shared" / "blobs" / digest[:2] / f"{digest}.part"
    first = client(served.url, tmp_path / "shared", "large")
    while first.poll() is None and not (part.exists() and part.stat().st_size > size / 5):
        time.sleep(0.001)
    first.send_signal(signal.SIGKILL)
    first.communicate()
    kept = part.stat().st_size
    with relay(served.url) as between:
        second = client(between.url, tmp_path / "shared", "large")
        assert second.communicate(timeout=100)[0].strip() == digest
    assert kept > size / 5
    assert between.down < size - kept + 10**6


def test_a_part_of_wrong_bytes_is_noticed_and_brought_anew(
    registry: RemoteRegistry, tmp_path: Path, data: bytes
) -> None:
    name = hashlib.sha256(data).hexdigest()
    folder = tmp_path / "cache" / "blobs" / name[:2]
    folder.mkdir(parents=True)
    for wrong in (b"\0" * 1000, b"\0" * LARGE, b"\0" * (LARGE + 7)):
        (folder / f"{name}.part").write_bytes(wrong)
        with registry.files.open(REFERENCE, PATH) as stream:
            assert stream.read() == data
        (folder / name).unlink()


@pytest.mark.parametrize("wrong", [b"", b"short", None])
def test_a_rotten_file_of_the_cache_is_brought_anew(
    registry: RemoteRegistry, tmp_path: Path, data: bytes, wrong: bytes | None
) -> None:
    registry.files.open(REFERENCE, PATH).close()
    (path,) = blobs(tmp_path / "cache")
    path.chmod(0o644)
    path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]) if wrong is None else wrong)
    with registry.files.open(REFERENCE, PATH) as stream:
        assert stream.read() == data
    assert path.read_bytes() == data


def test_what_was_not_used_longest_goes_first_and_nothing_that_is_in_use(connect: Connect, tmp_path: Path) -> None:
    registry = connect(cache_bytes=3 * 10**6)
    files = {f"{number}": os.urandom(10**6) for number in range(6)}
    register(registry, REFERENCE, files)
    in_use = registry.files.open(REFERENCE, "0")
    for number in range(1, 6):
        registry.files.open(REFERENCE, f"{number}").close()
        registry.files.open(REFERENCE, "1").close()
        time.sleep(0.02)
    kept = {path.read_bytes() for path in blobs(tmp_path / "cache")}
    assert files["0"] in kept
    assert files["1"] in kept
    assert files["2"] not in kept
    assert len(kept) <= 4
    assert in_use.read() == files["0"]
    in_use.close()


def test_a_cache_that_cannot_be_written_is_said_once_and_done_without(
    connect: Connect, registry: RemoteRegistry, tmp_path: Path, data: bytes
) -> None:
    assert registry.url
    (tmp_path / "a-file").write_bytes(b"")
    near = connect(cache=tmp_path / "a-file")
    with pytest.warns(HerdbookWarning, match="cannot be used"):
        first = near.files.open(REFERENCE, PATH)
    for stream in (first, near.files.open(REFERENCE, PATH)):  # a second warning would be an error here
        with stream:
            assert stream.read() == data


def test_a_full_disk_under_the_cache_costs_the_cache_not_the_file(
    connect: Connect, registry: RemoteRegistry, small_disk: Path, data: bytes
) -> None:
    assert registry.url
    near = connect(cache=small_disk / "cache")
    near.files.open(REFERENCE, "small").close()
    with near.files.open(REFERENCE, PATH) as stream:
        assert stream.read() == data


def test_a_cache_without_locks_works(registry: RemoteRegistry, data: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise OSError(37, "No locks available")

    monkeypatch.setattr("fcntl.flock", refused)
    for _ in range(2):
        with registry.files.open(REFERENCE, PATH) as stream:
            assert stream.read() == data


def test_fetch_writes_files_whole_and_tells_of_each_byte_once(
    registry: RemoteRegistry, tmp_path: Path, data: bytes
) -> None:
    for folder in ("first", "second"):  # from the server, from the cache
        told: list[int] = []
        assert sorted(fetch.fetch(registry, REFERENCE, tmp_path / folder, progress=told.append)) == [
            "empty",
            PATH,
            "small",
        ]
        assert (tmp_path / folder / PATH).read_bytes() == data
        assert sum(told) == LARGE + len(b"octopus")


def test_a_linked_file_takes_no_room_and_cannot_be_written_by_accident(
    registry: RemoteRegistry, tmp_path: Path, data: bytes
) -> None:
    assert PATH in fetch.fetch(registry, REFERENCE, tmp_path / "linked", link=True)
    target = tmp_path / "linked" / PATH
    assert target.read_bytes() == data
    (cached,) = (path for path in blobs(tmp_path / "cache") if path.stat().st_size == LARGE)
    assert target.samefile(cached)
    assert target.stat().st_mode & 0o222 == 0
    assert fetch.fetch(registry, REFERENCE, tmp_path / "linked", link=True) == []
    target.unlink()
    assert fetch.fetch(registry, REFERENCE, tmp_path / "linked", link=True) == [PATH]


def test_what_cannot_be_linked_is_copied(registry: RemoteRegistry, small_disk: Path) -> None:
    register(registry, "demo/tau/small:V1", {"a": b"walrus"})
    assert fetch.fetch(registry, "demo/tau/small:V1", small_disk / "out", link=True) == ["a"]
    assert (small_disk / "out" / "a").stat().st_mode & 0o777 == 0o644


def test_the_cache_is_looked_through_and_cleaned(registry: RemoteRegistry, tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache", 10**9)
    assert cache.held() == []
    for path in (PATH, "small"):
        registry.files.open(REFERENCE, path).close()
    assert sum(held.size for held in cache.held()) == LARGE + 7
    assert all(sound for _, sound in cache.verify())
    small = next(held for held in cache.held() if held.size == 7)
    cache.path(small.sha256).chmod(0o644)
    cache.path(small.sha256).write_bytes(b"walruss")
    assert [held.sha256 for held, sound in cache.verify() if not sound] == [small.sha256]
    assert cache.shrink(0) == LARGE
    assert cache.held() == []


def test_wrong_bytes_from_the_server_are_never_handed_out(
    registry: RemoteRegistry, served: Served, data: bytes
) -> None:
    name = hashlib.sha256(data).hexdigest()
    (path,) = Path(served.folder, "blobs").rglob(name)
    path.chmod(0o644)
    path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    with pytest.raises(CorruptError) as caught:
        registry.files.open(REFERENCE, PATH)
    assert caught.value.code == "wrong-bytes"
