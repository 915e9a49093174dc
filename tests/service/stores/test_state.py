"""Random puts, rots, losses, copies, verifications and repairs, beside a small model of which copies are sound.

While one sound copy of a blob exists, it is read right, whatever the others are; and no wrong byte is ever read.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from tests.service.stores.places import NAMES, Stores

from herdbook.kernel import digests
from herdbook.kernel.errors import CorruptError, MissingError, UnavailableError
from herdbook.service import tier_stream
from herdbook.testing.blobs import sample

_NUMBER = st.integers(0, 4)
_NAME = st.sampled_from(NAMES)


class Copies(RuleBasedStateMachine):
    base: Path

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(dir=self.base))
        self.stores = Stores(self.folder / "registry")
        self.data: dict[str, bytes] = {}
        self.sound: dict[str, set[str]] = {}  # by digest, the stores with a sound copy
        self.rotten: dict[str, set[str]] = {}

    def _known(self, number: int) -> str | None:
        sha256 = digests.of(sample(900 * number + 1, number))
        return sha256 if sha256 in self.data else None

    @rule(number=_NUMBER)
    def put(self, number: int) -> None:
        data = sample(900 * number + 1, number)
        (sha256,) = self.stores.keep(data)
        self.data[sha256] = data
        self.sound.setdefault(sha256, set())
        self.rotten.setdefault(sha256, set())
        if "first" not in self.rotten[sha256]:
            self.sound[sha256].add("first")

    @rule(number=_NUMBER, name=_NAME, at=st.integers(0, 3000))
    def rot(self, number: int, name: str, at: int) -> None:
        sha256 = self._known(number)
        if sha256 and name in self.sound[sha256]:
            self.stores.flip(name, sha256, at % len(self.data[sha256]))
            self.sound[sha256].discard(name)
            self.rotten[sha256].add(name)

    @rule(number=_NUMBER, name=_NAME)
    def lose(self, number: int, name: str) -> None:
        sha256 = self._known(number)
        if sha256 and name in self.sound[sha256] | self.rotten[sha256]:
            self.stores.lose(name, sha256)
            self.sound[sha256].discard(name)
            self.rotten[sha256].discard(name)

    @rule(number=_NUMBER)
    def reopen(self, number: int) -> None:
        del number
        self.stores.close()
        self.stores = Stores(self.folder / "registry")

    @rule(source=_NAME, goal=_NAME)
    def copy(self, source: str, goal: str) -> None:
        if source == goal:
            return
        report = self.stores.admin.copy_store(source, goal)
        failed = 0
        for sha256, where in self.sound.items():
            if goal in where | self.rotten[sha256]:
                continue
            if source in where:
                where.add(goal)
            else:
                failed += 1
        assert report.missing == failed

    @rule()
    def verify(self) -> None:
        for report in self.stores.admin.verify_stores():
            rotten = {sha256 for sha256, names in self.rotten.items() if report.store in names}
            have = {sha256 for sha256, names in self.sound.items() if report.store in names}
            assert (report.ok, report.corrupt) == (len(have), len(rotten))
            assert report.missing == len(self.data) - len(have) - len(rotten)

    @precondition(lambda self: bool(self.data))
    @rule()
    def mend(self) -> None:
        self.stores.admin.verify_stores()
        empty = [name for name in NAMES if not any(self._has(sha256, name) for sha256 in self.data)]
        if empty:
            with pytest.raises(UnavailableError):
                self.stores.admin.repair_stores()
            return
        self.stores.admin.repair_stores()
        for sha256, where in self.sound.items():
            if where:
                where.update(NAMES)
                self.rotten[sha256].clear()

    def _has(self, sha256: str, name: str) -> bool:
        return name in self.sound[sha256] | self.rotten[sha256]

    @invariant()
    def what_is_sound_somewhere_is_read_right_and_nothing_is_read_wrong(self) -> None:
        for sha256, data in self.data.items():
            if self.sound[sha256]:
                assert self._read(sha256) == data
                assert self.stores.context.blobs.size(sha256) == len(data)
            elif self.rotten[sha256]:
                with pytest.raises(CorruptError):
                    self._read(sha256)
            else:
                with pytest.raises(MissingError):
                    self._read(sha256)

    def _read(self, sha256: str) -> bytes:
        blob = self.stores.context.blobs.open(sha256)
        try:
            with blob.stream() as stream:
                return stream.read()
        finally:
            blob.close()

    def teardown(self) -> None:
        self.stores.close()
        shutil.rmtree(self.folder)


@pytest.mark.parametrize("longer", [False, pytest.param(True, marks=pytest.mark.slow)])
@pytest.mark.parametrize("small", [tier_stream.SMALL, 0])
def test_random_misfortunes(tmp_path: Path, small: int, longer: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tier_stream, "SMALL", small)
    machine = type("CopiesHere", (Copies,), {"base": tmp_path})
    run_state_machine_as_test(
        machine, settings=settings(max_examples=60 if longer else 5, stateful_step_count=25, deadline=None)
    )
