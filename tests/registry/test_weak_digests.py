"""A version known by a weak digest alone is completed only by a person who says so."""

from __future__ import annotations

import zlib
from pathlib import Path

import pytest

import herdbook
from herdbook.kernel.errors import ConflictError
from herdbook.model.files import File
from herdbook.model.registrations import Registration
from herdbook.model.versions import Version
from herdbook.service import intake

BYTES = b"weights of long ago"


@pytest.mark.parametrize("confirm", [False, True])
def test_adler32_proposes_and_a_person_confirms(tmp_path: Path, confirm: bool) -> None:
    waiting = Version.of([File(path="w.bin", digest=f"adler32:{zlib.adler32(BYTES):08x}")])
    (tmp_path / "found").mkdir()
    (tmp_path / "found" / "w.bin").write_bytes(BYTES)
    with herdbook.open(str(tmp_path / "registry")) as registry:
        registry.versions.record([Registration(model="demo/tau/old", label="v1", version=waiting)])
        wanted = intake.Wanted(confirm=confirm)
        if not confirm:
            with pytest.raises(ConflictError) as caught:
                intake.register(registry, "demo/tau/old:v1", [tmp_path / "found"], wanted)
            assert caught.value.code == "confirm-weak"
            assert not registry.versions.get("demo/tau/old:v1").version.resolved
            return
        done = intake.register(registry, "demo/tau/old:v1", [tmp_path / "found"], wanted)
        assert (done.outcome, done.ordinal) == ("resolved", 1)
        (resolves,) = registry.statements.list("demo/tau/old:v1", kind="resolves").items
        assert resolves.statement.evidence is not None
        assert resolves.statement.evidence["/by"].how == "asserted"


def test_other_bytes_are_not_confirmed(tmp_path: Path) -> None:
    waiting = Version.of([File(path="w.bin", digest="adler32:00000001")])
    (tmp_path / "found").mkdir()
    (tmp_path / "found" / "w.bin").write_bytes(BYTES)
    with herdbook.open(str(tmp_path / "registry")) as registry:
        registry.versions.record([Registration(model="demo/tau/old", label="v1", version=waiting)])
        with pytest.raises(ConflictError) as caught:
            intake.register(registry, "demo/tau/old:v1", [tmp_path / "found"], intake.Wanted(confirm=True))
        assert caught.value.code == "label-taken"
