"""Random operations on the disk store and on a dictionary; both must agree after each."""

from __future__ import annotations

import io
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from herdbook.kernel import digests
from herdbook.kernel.errors import MissingError
from herdbook.stores.disk.blobs import DiskBlobs
from herdbook.stores.disk.staged import DiskStaged
from herdbook.testing.blobs import sample

_CONTENT = st.integers(0, 5).map(lambda number: sample(number * 700, number))


class Blobs(RuleBasedStateMachine):
    base: Path

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(dir=self.base))
        self.store = DiskBlobs(self.folder / "blobs")
        self.kept: dict[str, bytes] = {}
        self.staged: list[tuple[DiskStaged, bytes]] = []

    @rule(data=_CONTENT)
    def stage(self, data: bytes) -> None:
        self.staged.append((self.store.stage(io.BytesIO(data)), data))

    @rule(last=st.booleans())
    def keep(self, last: bool) -> None:
        if self.staged:
            staged, data = self.staged.pop(-1 if last else 0)
            assert staged.keep() == (staged.content.sha256 not in self.kept)
            self.kept[staged.content.sha256] = data

    @rule()
    def discard(self) -> None:
        if self.staged:
            self.staged.pop()[0].discard()

    @rule(data=_CONTENT)
    def delete(self, data: bytes) -> None:
        assert self.store.delete(digests.of(data)) == len(self.kept.pop(digests.of(data), b""))

    @rule(data=_CONTENT, offset=st.integers(0, 4000), length=st.integers(0, 4000))
    def read(self, data: bytes, offset: int, length: int) -> None:
        sha256 = digests.of(data)
        if sha256 not in self.kept:
            with pytest.raises(MissingError):
                self.store.open(sha256)
            return
        with self.store.open(sha256) as blob, blob.stream() as stream:
            assert blob.read_at(offset, length) == data[offset : offset + length]
            stream.seek(offset)
            assert stream.read(length) == data[offset : offset + length]

    @rule(data=_CONTENT, rest=st.integers(0, 600))
    def the_disk_cuts_a_file_and_the_bytes_come_again(self, data: bytes, rest: int) -> None:
        sha256 = digests.of(data)
        if data and sha256 in self.kept:
            path = self.store.root / sha256[7:9] / sha256[7:]
            path.chmod(0o600)
            path.write_bytes(data[:rest])
            assert self.store.stage(io.BytesIO(data)).keep()

    @rule()
    def sweep(self) -> None:
        assert self.store.sweep(0) == 0

    @rule()
    def begin_anew(self) -> None:
        """Another process would see the same; what is staged stays good."""
        self.store = DiskBlobs(self.store.root)

    @invariant()
    def the_same_blobs(self) -> None:
        assert list(self.store.list()) == sorted((sha256, len(data)) for sha256, data in self.kept.items())

    def teardown(self) -> None:
        for sha256 in self.kept:
            self.store.verify(sha256)
        for staged, _ in self.staged:
            staged.discard()
        assert not list(self.folder.glob("blobs/tmp/*.part"))
        shutil.rmtree(self.folder)


def test_the_store_does_what_a_dictionary_does(tmp_path: Path) -> None:
    Blobs.base = tmp_path
    run_state_machine_as_test(Blobs, settings=settings(settings(), stateful_step_count=25))
