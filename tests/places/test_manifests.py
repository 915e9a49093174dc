"""Manifests of many files: sorted on disk, compared as streams."""

from __future__ import annotations

import io
import random
import tracemalloc
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from herdbook.kernel.errors import CorruptError, InvalidError
from herdbook.model.datasets import ManifestLine, write_manifest
from herdbook.service import manifests


def _lines(count: int) -> Iterator[ManifestLine]:
    order = list(range(count))
    random.Random(5).shuffle(order)
    for at in order:
        yield ManifestLine(path=f"user.jane.{at:07}.root", size=at, adler32=f"{at:08x}")


def test_a_long_listing_in_any_order_gives_the_bytes_of_the_sorted_manifest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manifests, "AT_ONCE", 100)
    with manifests.kept(_lines(1234)) as kept:
        assert kept.file.read() == b"".join(write_manifest(_lines(1234)))
        assert (kept.files, kept.size, kept.events) == (1234, sum(range(1234)), None)


@pytest.mark.slow
def test_a_hundred_thousand_files_take_little_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manifests, "AT_ONCE", 5000)
    tracemalloc.start()
    try:
        with manifests.kept(_lines(100_000)) as kept:
            assert kept.files == 100_000
            differences = manifests.compare(manifests.read(kept.file), _lines(100_000))
        assert (differences.missing, differences.changed, differences.added) == (0, 0, 0)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 25e6  # the order of the test itself takes 4 MB


def test_the_same_file_twice_is_one_and_two_of_one_name_are_refused() -> None:
    line, other = ManifestLine(path="a", size=1), ManifestLine(path="a", size=2)
    with manifests.kept([line, line]) as kept:
        assert kept.files == 1
    with pytest.raises(InvalidError) as caught, manifests.kept([line, other]):
        pass
    assert caught.value.code == "paths-collide"
    with pytest.raises(InvalidError) as caught, manifests.kept([]):
        pass
    assert caught.value.code == "no-files"


_FILES = st.dictionaries(st.sampled_from("abcdefgh"), st.integers(0, 3), max_size=8)


@given(_FILES, _FILES)
def test_differences_are_those_of_the_two_sets(was: dict[str, int], now: dict[str, int]) -> None:
    def lines(files: dict[str, int]) -> list[ManifestLine]:
        return [ManifestLine(path=path, size=7, adler32=f"{value:08x}") for path, value in files.items()]

    manifest = sorted(lines(was), key=lambda line: line.path)
    found = manifests.compare(manifest, reversed(lines(now)))
    assert found.missing == len(was.keys() - now.keys())
    assert found.added == len(now.keys() - was.keys())
    assert found.changed == sum(was[path] != now[path] for path in was.keys() & now.keys())
    assert found.summed == len(was.keys() & now.keys())
    assert set(found.lacking) == {path for path in was if now.get(path) != was[path]}


def test_a_manifest_that_is_none_is_said_to_be_corrupt() -> None:
    with pytest.raises(CorruptError) as caught:
        list(manifests.read(io.BytesIO(b'{"path":"a"}\n{"path":}\n')))
    assert caught.value.code == "bad-manifest"
    assert "line 2" in caught.value.message
