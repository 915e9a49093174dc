"""Bodies that were swapped, clocks that go back, registries that may only be read."""

from __future__ import annotations

import sqlite3
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.registry.opened import Open

import herdbook
from herdbook.kernel import times
from herdbook.kernel.errors import CorruptError, DeniedError, HerdbookError, InvalidError
from herdbook.model.models import Profile
from herdbook.model.principals import Person, Principal
from herdbook.ports.registry import Registry
from herdbook.testing.registry_samples import look, prepared, put, register, replayed, say, untouched

START = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
ALICE = Principal(id="actor:" + "a" * 32, assurance="os")


class Clock:
    """A clock that can be set."""

    def __init__(self) -> None:
        self.moment = START

    def __call__(self) -> str:
        return times.write(self.moment)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def timed(open_as: Open, clock: Clock) -> Registry:
    return open_as(ALICE, clock=clock)


def _kept(folder: Path) -> list[Path]:
    return sorted(path for path in (folder / "blobs").glob("??/*") if path.is_file())


def _times(registry: Registry) -> list[str]:
    return [entry.event.time for entry in registry.journal.events("demo").items]


@pytest.mark.parametrize("back", [timedelta(microseconds=1), timedelta(hours=1), timedelta(hours=24)])
def test_a_clock_that_goes_back_a_little_never_makes_time_go_back(
    timed: Registry, clock: Clock, back: timedelta
) -> None:
    register(timed, "demo/tau/toy:V1")
    clock.moment = START - back
    register(timed, "demo/tau/toy:V2", "two")
    clock.moment = START + timedelta(seconds=1.5)
    register(timed, "demo/tau/toy:V3", "three")
    assert _times(timed) == [*["2026-11-20T09:00:00Z"] * 3, "2026-11-20T09:00:01.5Z"]


def test_a_clock_a_day_behind_is_refused_until_somebody_confirms(open_as: Open, clock: Clock) -> None:
    timed = open_as(ALICE, clock=clock)
    register(timed, "demo/tau/toy:V1")
    item = prepared(timed, "demo/tau/toy:V2", "two")
    clock.moment = START - timedelta(hours=24, seconds=1)
    with untouched(timed), pytest.raises(InvalidError) as caught:
        timed.versions.record([item])
    assert caught.value.code == "clock-behind"
    assert "HERDBOOK_ACCEPT_OLD_CLOCK" in caught.value.hint
    told = open_as(ALICE, clock=clock, accept_old_clock=True)
    told.versions.record([item])
    assert _times(told) == ["2026-11-20T09:00:00Z"] * 3


def test_times_with_and_without_a_fraction_are_compared_as_times(timed: Registry, clock: Clock) -> None:
    for seconds in (1.5, 1.25, 2, 1.999999):
        clock.moment = START + timedelta(seconds=seconds)
        register(timed, f"demo/tau/toy:V{seconds}", f"{seconds}")
    assert _times(timed)[1:] == [f"2026-11-20T09:00:0{text}Z" for text in ("1.5", "1.5", "2", "2")]


def test_bytes_whose_lease_ended_must_be_brought_again(open_as: Open) -> None:
    now = [time.time()]
    timed = open_as(ALICE, seconds=lambda: now[0])
    item = prepared(timed, "demo/tau/toy:V1")
    now[0] += 24 * 3600 + 1
    with untouched(timed), pytest.raises(HerdbookError) as caught:
        timed.versions.record([item])
    assert caught.value.code == "no-bytes"
    put(timed, b"\0\xfe\x00one")
    timed.versions.record([item])


@pytest.mark.parametrize("what", ["version", "statement", "activity"])
def test_a_swapped_body_is_never_shown_as_the_record(registry: Registry, folder: Path, what: str) -> None:
    given = prepared(registry, "demo/tau/toy:V1")
    said = say("description", {"title": "True"}, record=given.version.digest)
    activity = {
        "kind": "training",
        "status": "finished",
        "outputs": [{"record": given.version.digest, "role": "model"}],
    }
    answer = register(registry, "demo/tau/toy:V1", given.version, statements=[said], activities=[activity])
    digest = {"version": answer.record, "statement": answer.statements[0], "activity": answer.activities[0]}[what]
    body = registry.journal.bodies([digest])[digest]
    with sqlite3.connect(folder / "catalogue.sqlite") as database:
        swapped = body.replace(b"True", b"Fake").replace(b"finished", b"_failed_").replace(b"model.bin", b"model.bad")
        assert swapped != body
        done = database.execute("UPDATE bodies SET body = ? WHERE digest = ?", (swapped, bytes.fromhex(digest[7:])))
        assert done.rowcount == 1
    database.close()
    with pytest.raises(CorruptError) as caught:
        registry.versions.dossier("demo/tau/toy:V1")
    assert "doctor" in caught.value.hint


def test_a_swapped_event_is_never_shown(registry: Registry, folder: Path) -> None:
    register(registry, "demo/tau/toy:V1")
    with sqlite3.connect(folder / "catalogue.sqlite") as database:
        (body,) = database.execute("SELECT body FROM events WHERE seq = 2").fetchone()
        database.execute("UPDATE events SET body = ? WHERE seq = 2", (body.replace(b":V1", b":V2"),))
    database.close()
    with pytest.raises(CorruptError):
        registry.journal.events("demo")


def test_a_swapped_file_is_never_handed_out(registry: Registry, folder: Path) -> None:
    register(registry, "demo/tau/toy:V1")
    (path,) = _kept(folder)
    path.chmod(0o600)
    path.write_bytes(bytes(reversed(path.read_bytes())))
    with pytest.raises(CorruptError), registry.files.open("demo/tau/toy:V1", "model.bin") as stream:
        stream.read()
    assert [check.status for check in registry.files.verify("demo/tau/toy:V1")] == ["corrupt"]


def test_a_registry_that_may_only_be_read_answers_and_takes_nothing(registry: Registry, folder: Path) -> None:
    register(registry, "demo/tau/toy:V1")
    registry.close()
    with herdbook.open(str(folder), read_only=True) as only:
        before = look(only)
        files = _kept(folder)
        assert only.versions.dossier("demo/tau/toy:V1").entry.ordinal == 1
        assert only.versions.trace("demo/tau/toy:V1").nodes
        assert only.files.verify("demo/tau/toy:V1")[0].status == "ok"
        for write in (
            lambda: put(only, b"x"),
            lambda: only.versions.record(
                [prepared(registry, "demo/tau/toy:V2", only.versions.get("demo/tau/toy@1").version)]
            ),
            lambda: only.namespaces.create("other"),
            lambda: only.models.profile("demo/tau/toy", Profile(title="T")),
            lambda: only.statements.add("demo", [say("note", {"text": "n"}, name="demo/tau/toy")]),
            lambda: only.pointers.alias("demo/tau/toy", "production", "V1"),
            lambda: only.pointers.label("demo/tau/toy:V1", "V2"),
            lambda: only.versions.undo("demo/tau/toy:V1", reason="r"),
            lambda: only.people.name(Person(id=only.principal.id, name="N")),
            lambda: only.files.supply(["sha256:" + "0" * 64]),
        ):
            with pytest.raises(DeniedError) as caught:
                write()
            assert caught.value.hint
        assert look(only) == before
        assert _kept(folder) == files


def test_a_registry_that_is_not_there_is_not_made_by_reading(tmp_path: Path) -> None:
    for given in ({"create": False}, {"read_only": True}):
        with pytest.raises(HerdbookError):
            herdbook.open(str(tmp_path / "none"), **given)
        assert not (tmp_path / "none").exists()


def test_what_a_newer_herdbook_wrote_is_kept_and_does_no_harm(registry: Registry, folder: Path) -> None:
    """A body with a schema of the future: its bytes stay, it is shown as nothing, and everything else works."""
    from herdbook.kernel import canonical, digests

    register(registry, "demo/tau/toy:V1")
    body = canonical.dumps({"schema": "herdbook/statement/9", "what": "unknown"})
    digest = digests.of(body)
    with sqlite3.connect(folder / "catalogue.sqlite") as database:
        database.execute("INSERT INTO bodies SELECT max(id) + 1, ?, ? FROM bodies", (bytes.fromhex(digest[7:]), body))
    database.close()
    assert registry.journal.bodies([digest]) == {digest: body}
    with pytest.raises(HerdbookError):
        registry.statements.get(digest)
    assert registry.journal.state_digest("demo") == replayed(registry, "demo").digest()


def test_what_was_purged_is_not_registered_again(registry: Registry, folder: Path) -> None:
    """Purging is not offered yet; what a mirror or a later Herdbook purged stays so."""
    registry.namespaces.create("demo")
    item = prepared(registry, "demo/tau/toy:V1")
    with sqlite3.connect(folder / "catalogue.sqlite") as database:
        journal = database.execute("SELECT id FROM journals").fetchone()[0]
        database.execute(
            "INSERT INTO purges (digest, journal, seq) VALUES (?, ?, 1)",
            (bytes.fromhex(item.version.digest[7:]), journal),
        )
    database.close()
    with untouched(registry), pytest.raises(InvalidError) as caught:
        registry.versions.record([item])
    assert caught.value.code == "purged"
