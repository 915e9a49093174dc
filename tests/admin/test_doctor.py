"""The doctor finds what is wrong, says where, and calls nothing wrong that is not."""

from __future__ import annotations

import contextlib
import io
import sqlite3
from typing import TYPE_CHECKING

import pytest
from tests.admin.registries import BERT, NAME, Place, rules

from herdbook.kernel import digests
from herdbook.kernel.errors import InvalidError
from herdbook.model.files import File
from herdbook.model.registrations import Registration
from herdbook.model.versions import Version

if TYPE_CHECKING:
    from tests.admin.conftest import Open


def spoil(place: Place, *statements: str) -> None:
    """Change the database behind its back."""
    place.context.catalogue.close()
    with contextlib.closing(sqlite3.connect(place.folder / "catalogue.sqlite")) as raw:
        for statement in statements:
            assert raw.execute(statement).rowcount != 0, statement
        raw.commit()


def test_a_registry_that_has_seen_a_bit_of_everything_is_sound(told: Place) -> None:
    steps: list[tuple[str, int, int]] = []
    report = told.admin.doctor(step=lambda *step: steps.append(step))
    assert report.sound, report.findings
    assert rules(report, "warning") == set()
    assert rules(report, "note") == {"blob-absent"}
    assert {entry.namespace for entry in report.checkpoints} == {"demo", "other"}
    for entry in report.checkpoints:
        assert report.states[entry.namespace] == told.registry.journal.state_digest(entry.namespace)
    assert report.blobs == len(list((told.folder / "blobs").glob("??/*")))
    assert steps[-1][1] == steps[-1][2] == report.blob_bytes


def test_an_empty_registry_is_sound(place: Open) -> None:
    report = place().admin.doctor()
    assert report.sound
    assert report.events == report.blobs == 0


def test_a_journal_is_held_against_checkpoints_kept_elsewhere(told: Place) -> None:
    then = str(told.registry.journal.checkpoint("demo"))
    told.register(NAME, "v9", {"m": b"nine"})
    now = str(told.registry.journal.checkpoint("demo"))
    assert told.admin.doctor(expect=[then, now], blobs=False).sound
    other = then.replace(then[-10:], "0123456789")
    assert rules(told.admin.doctor(expect=[other], blobs=False)) == {"other-history"}
    assert rules(told.admin.doctor(expect=[f"sha256:{'1' * 64}:1:sha256:{'2' * 64}"], blobs=False)) == {
        "journal-missing"
    }
    with pytest.raises(InvalidError, match="checkpoint"):
        told.admin.doctor(expect=["sha256:12:3"])


def test_a_cut_tail_shows_against_a_checkpoint_and_only_there(told: Place) -> None:
    mark = str(told.registry.journal.checkpoint("demo"))
    told.register(NAME, "v9", {"m": b"nine"})
    late = str(told.registry.journal.checkpoint("demo"))
    copy = told.folder.with_name("older")
    told.admin.backup(str(copy))
    told.register(NAME, "v10", {"m": b"ten"})
    latest = str(told.registry.journal.checkpoint("demo"))
    with Place(copy) as older:  # what somebody has who puts an older file in place: all in itself sound
        assert older.admin.doctor(expect=[mark, late]).sound
        report = older.admin.doctor(expect=[latest])
        assert rules(report) == {"cut-tail"}
        assert "its tail was cut" in report.findings[0].message


LAST = "(SELECT max(id) FROM events)"
SPOILT: dict[str, tuple[str, tuple[str, ...]]] = {
    "a swapped body": (
        "body-corrupt",
        ("UPDATE bodies SET body = (SELECT body FROM bodies WHERE id = 2) WHERE id = 1",),
    ),
    "a body that is gone": ("body-missing", ("UPDATE bodies SET body = NULL WHERE id = 2",)),
    "an event that was edited": (
        "event-corrupt",
        ("UPDATE events SET body = CAST(replace(body, 'demo/tau/toy', 'demo/tau/toi') AS BLOB) WHERE seq = 2",),
    ),
    "an event with another digest": ("event-corrupt", ("UPDATE events SET digest = randomblob(32) WHERE seq = 3",)),
    "a broken chain": ("broken-chain", ("DELETE FROM moves WHERE seq = 5", "DELETE FROM events WHERE seq = 5")),
    "a cut tail with the head left": ("head-differs", (f"DELETE FROM events WHERE id = {LAST}",)),
    "a head that was moved back": ("head-differs", ("UPDATE journals SET seq = seq - 1",)),
    "another home": ("head-differs", ("UPDATE journals SET home = 'registry:' || hex(randomblob(16)) WHERE id = 1",)),
    "another time": ("table", ("UPDATE events SET time = '2020-01-01T00:00:00Z' WHERE seq = 2",)),
    "a version that leads elsewhere": (
        "state",
        ("UPDATE versions SET record = (SELECT record FROM versions WHERE item = 2) WHERE item = 1",),
    ),
    "a version of another event": ("table", ("UPDATE versions SET seq = seq + 1 WHERE item = 1",)),
    "a version that is gone": ("state", ("DELETE FROM versions WHERE item = 2",)),
    "a label that was moved": (
        "state",
        (
            'UPDATE pointers SET "to" = (SELECT record FROM versions WHERE item = 2) WHERE id = 1',
        ),
    ),
    "a pointer to nothing": ("state", ("UPDATE pointers SET \"to\" = NULL WHERE kind = 'alias'",)),
    "a move that never was": (
        "model-table",
        ('UPDATE moves SET frm = NULL WHERE frm IS NOT NULL AND "to" IS NOT NULL',),
    ),
    "a model miscounted": ("model-table", ("UPDATE models SET versions = versions + 1 WHERE versions > 1",)),
    "a file with another digest": ("table", (f"UPDATE files SET digest = x'00{'11' * 32}' WHERE path = 'labels.txt'",)),
    "an input that is gone": ("table", ("DELETE FROM edges WHERE role = 'config'",)),
    "a dataset's name": ("dataset-table", ("UPDATE datasets SET value = 'other'",)),
    "a statement about something else": ("table", ("DELETE FROM subjects WHERE kind = 'name'",)),
    "a statement of another kind": ("table", ("UPDATE statements SET type = 'herdbook/note/1'",)),
    "a record that is known too early": ("table", ("UPDATE known SET seq = 1 WHERE seq = 2",)),
    "a statement that nobody made": (
        "state",
        ("INSERT INTO known (body, journal, op, seq) SELECT body, 2, op, 2 FROM known WHERE op = 'statement' LIMIT 1",),
    ),
    "other digests of a file": ("contents-differ", ("UPDATE contents SET md5 = randomblob(16)",)),
}  # fmt: skip


@pytest.mark.parametrize("what", SPOILT)
def test_whatever_is_changed_in_the_database_is_found(told: Place, what: str) -> None:
    rule, statements = SPOILT[what]
    spoil(told, *statements)
    report = told.admin.doctor()
    assert not report.sound
    assert rule in rules(report), report.findings


def test_bytes_that_changed_or_are_gone_are_found_and_those_never_here_are_only_noted(told: Place) -> None:
    entry = told.registry.versions.get(f"{NAME}:v1").version
    labels, model = (told.blob(entry.file(path).digest) for path in ("labels.txt", "model.bin"))  # type: ignore[union-attr]
    labels.chmod(0o644)
    labels.write_bytes(b"tau\njat\n")
    model.unlink()
    report = told.admin.doctor()
    assert rules(report) == {"blob-gone", "blob-corrupt"}
    unread = told.admin.doctor(blobs=False)
    assert rules(unread) == {"blob-gone"}
    labels.write_bytes(b"longer than before")
    assert "blob-size" in rules(told.admin.doctor(blobs=False))


def test_a_journal_whose_tables_were_emptied_does_not_stop_the_doctor(told: Place) -> None:
    spoil(told, "DELETE FROM moves", "DELETE FROM subjects", "DELETE FROM files", "DELETE FROM edges")
    report = told.admin.doctor()
    assert rules(report) >= {"table", "model-table"}


def test_a_database_with_a_broken_page_is_an_answer_and_no_crash(told: Place) -> None:
    told.many(300)
    told.context.catalogue.close()
    path = told.folder / "catalogue.sqlite"
    data = bytearray(path.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 4096] = b"\xff" * 4096
    path.write_bytes(data)
    report = told.admin.doctor(blobs=False)
    assert not report.sound
    assert "database" in rules(report)


def test_a_stale_index_is_a_warning_and_reindex_cures_it(told: Place) -> None:
    before = [entry.record for entry in told.registry.versions.search("toy identification").items]
    assert before
    with told.context.catalogue.write() as tx:
        tx.clear_derived()
    report = told.admin.doctor(blobs=False)
    assert report.sound
    assert rules(report, "warning") == {"index-stale"}
    assert not told.registry.versions.search("toy").items
    cured = told.admin.doctor(blobs=False, reindex=True)
    assert rules(cured, "warning") == set()
    assert cured.reindexed == 6
    assert [entry.record for entry in told.registry.versions.search("toy identification").items] == before


def test_others_write_while_the_index_is_built_anew(place: Open) -> None:
    ours = place()
    ours.many(1200, here=False)
    theirs = place(actor=BERT)
    said: list[str] = []

    def step(what: str, done: int, of: int) -> None:
        if what == "indexing versions" and done < of:
            said.append(theirs.register("demo/between/m", f"b{done}", {"m": b"%d" % done}).reference)

    report = ours.admin.doctor(blobs=False, reindex=True, step=step)
    assert report.sound
    assert rules(report, "warning") == set()
    assert len(said) == 2
    for reference in said:
        assert theirs.registry.versions.search(f"label:{reference.rpartition(':')[2]}").items
    assert len(theirs.registry.versions.search("label:v77").items) == 1


def test_an_unfinished_batch_is_told(place: Open) -> None:
    ours = place()
    ours.many(3)
    from herdbook.model.journal import BatchOp
    from herdbook.service.journal import Draft

    with ours.context.catalogue.write() as tx:
        draft = Draft(ours.context, tx, "demo")
        draft.ops += [BatchOp(id="0" * 32, part=1, of=2)]
        draft.commit()
    report = ours.admin.doctor()
    assert report.sound
    assert rules(report, "warning") == {"unfinished-batch"}


def test_bytes_that_another_brought_are_offered_and_not_taken(place: Open) -> None:
    anna = place()
    data = b"what Anna has lost"
    probe = place("elsewhere")
    git = probe.registry.files.put(io.BytesIO(data)).git_sha1
    version = Version.of([File(path="m", digest=git)])
    anna.registry.versions.record([Registration(model=NAME, label="old", version=version)])
    bert = place(actor=BERT)
    bert.register("other/x/y", "v1", {"n": data})
    assert not anna.registry.versions.get(f"{NAME}:old").version.resolved
    report = anna.admin.doctor()
    assert report.sound
    note = next(finding for finding in report.findings if finding.rule == "bytes-here")
    assert digests.of(data) in note.message
    assert note.where == f"{NAME}@1 m"
    anna.register(NAME, "old", {"m": data})
    assert anna.registry.versions.get(f"{NAME}:old").version.resolved
    assert rules(anna.admin.doctor(), "note") == set()


def test_a_long_list_of_the_same_finding_is_cut_and_counted(place: Open) -> None:
    ours = place()
    ours.many(120)
    for path in (ours.folder / "blobs").glob("??/*"):
        path.unlink()
    report = ours.admin.doctor()
    gone = [finding.message for finding in report.findings if finding.rule == "blob-gone"]
    assert len(gone) == 51
    assert "and 70 more like these" in gone


def test_a_registry_that_is_only_read_can_be_examined(told: Place, place: Open) -> None:
    told.close()
    assert place(told.folder.name, read_only=True).admin.doctor().sound
