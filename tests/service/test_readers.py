"""A reader that hangs, dies or eats memory: the registration is done, with a finding."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.registry.opened import Lent, Open

from herdbook.plugins.host.pool import WorkerPool
from herdbook.plugins.host.worker import Limits
from herdbook.ports.registry import Registry
from herdbook.testing.registry_samples import events_made, references, register, replayed

DEEDS = {"hang": "reader-hung", "die": "reader-died", "eat": "reader-out-of-memory", "fail": "reader-failed"}


@pytest.fixture
def hostile(open_as: Open, monkeypatch: pytest.MonkeyPatch) -> Iterator[Registry]:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    limits = Limits(seconds=4.0, memory=256 << 20)  # time enough for good readers on a busy machine
    with WorkerPool(limits=limits, formats=["misbehaving:Misbehaving"]) as pool:
        yield open_as(make_readers=lambda: Lent(pool))


def test_readers_that_misbehave_are_findings_of_a_registration_that_is_done(hostile: Registry) -> None:
    files = {f"deed.{deed}": b"\0" + deed.encode() for deed in (*DEEDS, "good")}
    files["README.md"] = b"# A walrus among wolves\n"
    with events_made(hostile, "demo", 2):
        assert register(hostile, "demo/tau/toy:V1", files).outcome == "registered"
    dossier = hostile.versions.dossier("demo/tau/toy:V1")
    facts = {view.path: view.facts for view in dossier.files}
    for deed, rule in DEEDS.items():
        told = facts[f"deed.{deed}"]
        assert told is not None
        assert told.format == "unreadable"
        assert [finding.rule for finding in told.findings] == [rule]
        assert any(warning.startswith(f"deed.{deed}:") for warning in dossier.warnings)
    good = facts["deed.good"]
    assert good is not None
    assert good.format == "deed"
    assert references(hostile, "walrus format = deed") == ["demo/tau/toy@1"]
    assert [check.status for check in hostile.files.verify("demo/tau/toy:V1")] == ["ok"] * 6
    assert hostile.journal.state_digest("demo") == replayed(hostile, "demo").digest()


def test_a_pool_that_does_not_start_leaves_the_registration_done_and_the_file_unread(open_as: Open) -> None:
    closed = WorkerPool()
    closed.close()
    without = open_as(make_readers=lambda: Lent(closed))
    assert register(without, "demo/tau/toy:V1", {"README.md": b"# A walrus\n"}).outcome == "registered"
    assert references(without, "walrus") == []
    whole = open_as()
    register(whole, "demo/tau/toy:V2", {"README.md": b"# A walrus\n", "more": b"\0"})
    assert "demo/tau/toy@2" in references(whole, "walrus")
