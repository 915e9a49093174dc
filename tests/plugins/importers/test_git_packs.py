"""Packs written by hand: deltas of every kind, large objects in flat memory, chains that lead nowhere."""

from __future__ import annotations

import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator
from hashlib import sha1
from itertools import pairwise
from pathlib import Path

import pytest
from dulwich.pack import apply_delta as reference
from dulwich.pack import create_delta, write_pack_index_v1, write_pack_index_v2
from hypothesis import given
from hypothesis import strategies as st

from herdbook.kernel.errors import CorruptError, MissingError
from herdbook.plugins.importers import git_objects
from herdbook.plugins.importers.git import GitSource
from herdbook.plugins.importers.git_stream import apply_delta
from herdbook.testing.repositories import Repository

Opener = Callable[..., GitSource]
MIB = 1 << 20
BLOB, OFFSET_DELTA, ID_DELTA = 3, 6, 7


def name_of(data: bytes) -> str:
    return sha1(b"blob %d\0" % len(data) + data).hexdigest()


def number(value: int) -> bytes:
    out = bytearray()
    while value >= 128:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


class HandPack:
    """A pack that is written entry by entry, true or false."""

    def __init__(self, repository: Repository) -> None:
        self.path = repository.folder / "objects/pack/pack-hand.pack"
        self.entries: list[tuple[bytes, int, int]] = []
        self.stream = self.path.open("wb")
        self.stream.write(b"PACK\0\0\0\2\0\0\0\0")

    def add(self, kind: int, pieces: Iterator[bytes], size: int, digest: str, base: int | str = 0) -> int:
        """Write an entry; ``base`` is an offset or an id. Return its own offset."""
        at = self.stream.tell()
        head, left = bytearray([kind << 4 | size & 15]), size >> 4
        while left:
            head[-1] |= 128
            head.append(left & 127)
            left >>= 7
        if kind == OFFSET_DELTA and isinstance(base, int):
            back = at - base
            far = [back & 127]
            while back := back >> 7:
                back -= 1
                far.append(back & 127 | 128)
            head += bytes(reversed(far))
        if isinstance(base, str):
            head += bytes.fromhex(base)
        self.stream.write(head)
        engine = zlib.compressobj(1)
        for piece in pieces:
            self.stream.write(engine.compress(piece))
        self.stream.write(engine.flush())
        self.entries.append((bytes.fromhex(digest), at, 0))
        return at

    def close(self, *, version: int = 2) -> None:
        self.stream.write(b"\0" * 20)
        self.stream.close()
        write = write_pack_index_v1 if version == 1 else write_pack_index_v2
        with self.path.with_suffix(".idx").open("wb") as stream:
            write(stream, sorted(self.entries), b"\0" * 20)


def delta(base: bytes, result: bytes) -> bytes:
    return b"".join(create_delta(base, result))


def content(source: GitSource, digest: str) -> bytes:
    with source.open(f"git-sha1:{digest}") as stream:
        return stream.read()


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("small", [0, 1 << 20], ids=["over files", "in memory"])
def test_deltas_upon_deltas_give_the_bytes(
    repository: Repository, opened: Opener, monkeypatch: pytest.MonkeyPatch, version: int, small: int
) -> None:
    monkeypatch.setattr(git_objects, "SMALL", small)
    states = [
        b"".join(b"line %d of %d\n" % (line, max(state, line)) for line in range(300)) for state in range(0, 60, 9)
    ]
    pack = HandPack(repository)
    at = pack.add(BLOB, iter([states[0]]), len(states[0]), name_of(states[0]))
    for before, after in pairwise(states):
        made = delta(before, after)
        if len(pack.entries) % 2:
            at = pack.add(OFFSET_DELTA, iter([made]), len(made), name_of(after), at)
        else:
            at = pack.add(ID_DELTA, iter([made]), len(made), name_of(after), name_of(before))
    pack.close(version=version)
    source = opened(repository)
    for state in states:
        assert source.history.size(f"git-sha1:{name_of(state)}") == len(state)
        assert content(source, name_of(state)) == state


def test_deltas_that_stand_on_one_another_or_on_nothing_end(repository: Repository, opened: Opener) -> None:
    one, two, lost = "1" * 40, "2" * 40, "3" * 40
    pack = HandPack(repository)
    pack.add(ID_DELTA, iter([b"\1\1\1x"]), 4, one, two)
    pack.add(ID_DELTA, iter([b"\1\1\1x"]), 4, two, one)
    pack.add(ID_DELTA, iter([b"\1\1\1x"]), 4, lost, "4" * 40)
    pack.close()
    source = opened(repository)
    with pytest.raises(CorruptError):
        source.open(f"git-sha1:{one}")
    assert source.history.size(f"git-sha1:{two}") is None
    assert source.history.size(f"git-sha1:{lost}") is None
    with pytest.raises(MissingError):
        source.open(f"git-sha1:{lost}")


@pytest.mark.parametrize("small", [0, 1 << 20], ids=["over files", "in memory"])
@pytest.mark.parametrize(
    "commands",
    [
        number(4) + number(4) + b"\x04ab",
        number(4) + number(4) + b"\x00",
        number(4) + number(4) + b"\x91\x03\x04",
        number(4) + number(9) + b"\x90\x04",
        number(4) + number(2) + b"\x90\x04",
        number(5) + number(4) + b"\x90\x04",
        number(4) + number(1 << 50) + b"\x90\x04",
        number(4) + b"\xff" * 20,
        b"\x80",
    ],
)
def test_a_delta_that_lies_is_an_error(
    repository: Repository, opened: Opener, monkeypatch: pytest.MonkeyPatch, commands: bytes, small: int
) -> None:
    monkeypatch.setattr(git_objects, "SMALL", small)
    pack = HandPack(repository)
    at = pack.add(BLOB, iter([b"base"]), 4, name_of(b"base"))
    pack.add(OFFSET_DELTA, iter([commands]), len(commands), "5" * 40, at)
    pack.close()
    with pytest.raises(CorruptError) as caught:
        content(opened(repository), "5" * 40)
    assert caught.value.code == "corrupt-source"


@given(
    base=st.binary(max_size=2000), edits=st.lists(st.tuples(st.integers(0, 2000), st.binary(max_size=300)), max_size=5)
)
def test_deltas_are_applied_as_dulwich_applies_them(base: bytes, edits: list[tuple[int, bytes]]) -> None:
    result = base
    for at, data in edits:
        result = result[:at] + data + result[at + len(data) // 2 :]
    made = delta(base, result)
    assert b"".join(reference(base, made)) == result
    cut = [made[at : at + 3] for at in range(0, len(made), 3)]
    assert b"".join(apply_delta(lambda offset, length: base[offset : offset + length], len(base), iter(cut))) == result


_MEASURE = """
import hashlib, resource, sys
from herdbook.plugins.importers.git import Git
source = Git().open(sys.argv[1])
source.open("git-sha1:" + sys.argv[2]).read()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for digest in sys.argv[3:]:
    hasher, size = hashlib.sha1(), source.history.size("git-sha1:" + digest)
    hasher.update(b"blob %d\\0" % size)
    with source.open("git-sha1:" + digest) as stream:
        while chunk := stream.read(1 << 18):
            hasher.update(chunk)
    assert hasher.hexdigest() == digest
source.close()
scale = 1 << 20 if sys.platform == "darwin" else 1 << 10
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / scale)
"""


def test_memory_stays_flat_in_the_size_of_a_blob(repository: Repository, tmp_path: Path) -> None:
    size, block = 200, bytes(range(256)) * 4096
    hasher = sha1(b"blob %d\0" % (size * MIB))
    longer = sha1(b"blob %d\0" % (size * MIB + 5))
    for _ in range(size):
        hasher.update(block)
        longer.update(block)
    longer.update(b"after")
    big, bigger, small = hasher.hexdigest(), longer.hexdigest(), repository.put("blob", b"small")
    path = repository.loose(big)
    path.parent.mkdir()
    engine = zlib.compressobj(1)
    with path.open("wb") as stream:
        stream.write(engine.compress(b"blob %d\0" % (size * MIB)))
        for _ in range(size):
            stream.write(engine.compress(block))
        stream.write(engine.flush())
    copies = b"".join(
        bytes([0xFF, *(at * MIB).to_bytes(4, "little"), *MIB.to_bytes(3, "little")]) for at in range(size)
    )
    commands = number(size * MIB) + number(size * MIB + 5) + copies + b"\5after"
    other = Repository(tmp_path / "packed.git")
    other.put("blob", b"small")
    pack = HandPack(other)
    at = pack.add(BLOB, (block for _ in range(size)), size * MIB, big)
    pack.add(OFFSET_DELTA, iter([commands]), len(commands), bigger, at)
    pack.close()
    for folder, digests in ((repository.folder, [big]), (other.folder, [big, bigger])):
        ran = subprocess.run(
            [sys.executable, "-c", _MEASURE, str(folder), small, *digests], capture_output=True, text=True, check=True
        )
        assert float(ran.stdout) < 40, f"{folder.name}: {ran.stdout} MiB above the baseline"
