"""Adoption: versions of another registry, registered anew with the same digests, all that led to them, and evidence."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.admin.registries import BERT, NAME, Place, rules
from tests.mirror.sources import BreaksOff, Seen, rewritten

from herdbook.kernel import digests
from herdbook.kernel.errors import ConflictError, CorruptError, InvalidError, MissingError, UnavailableError
from herdbook.model.activities import Activity
from herdbook.model.files import File
from herdbook.model.mirrors import AdoptReport
from herdbook.model.statements import Said, Subject
from herdbook.model.versions import Version
from herdbook.service.adopt_select import Wish
from herdbook.service.adopting import adopt

if TYPE_CHECKING:
    from tests.admin.conftest import Open


def take(source: Place, target: Place, *references: str, dry_run: bool = False, **more: str) -> AdoptReport:
    return adopt(source.registry, target.registry, Wish(references, **more), dry_run=dry_run)


@pytest.fixture
def centre(place: Open) -> Place:
    """Return a registry with a version of its own, of another person."""
    made = place("centre", actor=BERT)
    made.register("cms/tau/other", "v1", {"m": b"other"})
    return made


def test_an_adopted_version_has_its_digest_bytes_statements_and_lineage_here(told: Place, centre: Place) -> None:
    report = take(told, centre, f"{NAME}:v1", into="cms")
    there, here = told.registry.versions.dossier(f"{NAME}:v1"), centre.registry.versions.dossier("cms/tau/toy:v1")
    assert [(item.model, item.labels, item.ordinal, item.outcome) for item in report.versions] == [
        ("cms/tau/toy", ("v1",), 1, "new")
    ]
    assert here.entry.record == there.entry.record
    assert {check.status for check in centre.registry.files.verify("cms/tau/toy:v1")} == {"ok"}
    assert [item.record for item in here.made_by] == [item.record for item in there.made_by]  # byte for byte
    assert here.said("description") == there.said("description")
    assert {node.title for node in centre.registry.versions.trace("cms/tau/toy:v1").nodes} >= {"training", "local:toy"}
    for sha256 in here.made_by[0].activity.blobs():  # what the training names came along
        centre.registry.files.blob("cms", sha256).close()
    assert centre.admin.doctor().sound
    assert len(centre.registry.imports.list("cms")) == 1  # one batch, which can be undone
    assert report.batches == (centre.registry.imports.list("cms")[0].batch,)


def test_the_original_event_and_statements_stay_as_evidence(told: Place, centre: Place) -> None:
    take(told, centre, f"{NAME}:v1", into="cms")
    entry = told.registry.versions.get(f"{NAME}:v1")
    event = told.registry.journal.events("demo", after=entry.seq - 1, limit=1).items[0]
    here = centre.registry.versions.dossier("cms/tau/toy:v1")
    origin = here.said("origin")[0]
    assert origin["commit"] == event.digest
    assert origin["author"] == event.event.principal.id
    with centre.registry.files.blob("cms", event.digest) as stream:
        assert stream.read() == event.event.canonical
    said = next(item for item in here.statements if item.statement.kind == "description")
    evidence = (said.statement.evidence or {})[""]
    assert said.statement.issuer == BERT  # who adopts says it
    assert evidence.where is not None
    original = evidence.where.partition(" ")[0]
    with centre.registry.files.blob("cms", original) as stream:  # and whose words they were stays readable
        assert stream.read() == told.registry.statements.get(original).statement.canonical
    assert {item.reference for item in centre.registry.identities.find(f"herdbook:{NAME}:v1")} == {"cms/tau/toy:v1"}
    assert centre.admin.garbage(dry_run=True).candidates == ()  # records hold them


def test_a_second_adoption_writes_nothing_and_what_is_new_comes_with_a_third(told: Place, centre: Place) -> None:
    take(told, centre, NAME, into="cms")
    head = centre.registry.journal.checkpoint("cms")
    report = take(told, centre, NAME, into="cms")
    assert (report.batches, report.statements, report.files, report.bytes) == ((), 0, 0, 0)
    assert {item.outcome for item in report.versions} == {"known"}
    assert centre.registry.journal.checkpoint("cms") == head
    record = told.registry.versions.get(f"{NAME}:v2").record
    note = Said(type="herdbook/note/1", subject=(Subject(record=record),), body={"text": "walrus"})
    told.registry.statements.add("demo", [note])
    told.registry.pointers.label(f"{NAME}:v2", "Summer18")
    told.register(NAME, "v9", {"m": b"nine"})
    report = take(told, centre, NAME, into="cms")
    assert sorted(item.outcome for item in report.versions) == ["known", "labelled", "new"]
    assert centre.registry.versions.get("cms/tau/toy:Summer18").record == record
    assert [entry.reference for entry in centre.registry.versions.search("walrus").items]
    assert centre.registry.journal.checkpoint("cms").seq == head.seq + 1


def test_a_dry_run_says_what_would_come_and_writes_nothing(told: Place, centre: Place) -> None:
    head, blobs = centre.registry.journal.checkpoint("cms"), len(list(centre.context.blobs.list()))
    plan = take(told, centre, NAME, into="cms", dry_run=True)
    assert centre.registry.journal.checkpoint("cms") == head
    assert len(list(centre.context.blobs.list())) == blobs
    done = take(told, centre, NAME, into="cms")
    for name in ("statements", "activities", "datasets", "files"):
        assert getattr(plan, name) == getattr(done, name) > 0, name
    assert [item.origin for item in plan.versions] == [item.origin for item in done.versions]


def test_all_conflicts_are_told_before_anything_is_written(told: Place, centre: Place) -> None:
    centre.register("cms/tau/toy", "v1", {"m": b"mine"})
    centre.register("cms/tau/toy", "V2", {"m": b"mine too"})
    head, blobs = centre.registry.journal.checkpoint("cms"), len(list(centre.context.blobs.list()))
    with pytest.raises(ConflictError) as caught:
        take(told, centre, NAME, into="cms")
    assert caught.value.code == "adopt-conflict"
    told_of = caught.value.details["conflicts"]
    assert isinstance(told_of, list)
    assert len(told_of) == 2
    assert take(told, centre, NAME, into="cms", dry_run=True).conflicts == tuple(told_of)
    assert centre.registry.journal.checkpoint("cms") == head
    assert len(list(centre.context.blobs.list())) == blobs
    with pytest.raises(ConflictError) as caught:
        take(told, centre, f"{NAME}:v1", as_model="cms/tau/toy/below")
    assert "cannot stand beside" in caught.value.message
    assert take(told, centre, f"{NAME}:v1", as_model="cms/tau/toy", label="theirs").versions[0].ordinal == 3


def test_a_withdrawn_version_arrives_withdrawn_and_one_taken_back_stays_there(told: Place, centre: Place) -> None:
    record = told.registry.versions.get(f"{NAME}:v2").record
    told.registry.statements.add(
        "demo", [Said(type="herdbook/withdrawal/1", subject=(Subject(record=record),), body={"reason": "wrong scale"})]
    )
    report = take(told, centre, NAME, into="cms")
    assert centre.registry.versions.get("cms/tau/toy:v2").withdrawn
    assert rules(report, "warning") == {"undone"}  # v3 was a mistake
    assert len(report.versions) == 2


def test_a_withdrawal_that_does_not_count_there_does_not_begin_to_count_here(told: Place, centre: Place) -> None:
    record = told.registry.versions.get(f"{NAME}:v2").record
    told.registry.statements.add(
        "other", [Said(type="herdbook/withdrawal/1", subject=(Subject(record=record),), body={"reason": "envy"})]
    )
    take(told, centre, f"{NAME}:v2", into="cms")
    assert not centre.registry.versions.get("cms/tau/toy:v2").withdrawn


def test_parents_are_known_by_their_records_and_the_lineage_is_whole(place: Open, centre: Place) -> None:
    laptop = place("laptop")
    parent = laptop.register("me/m/parent", "v1", {"m": b"parent"})
    file = File(path="m", digest=digests.of(b"child"), size=5)
    training = Activity.read(
        {"kind": "fine-tuning", "status": "finished", "inputs": [{"record": parent.record, "role": "parent"}],
         "outputs": [{"record": Version.of([file]).digest, "role": "model"}]}
    )  # fmt: skip
    child = laptop.register("me/m/child", "v1", {"m": b"child"}, activities=(training,))
    take(laptop, centre, "me/m/child:v1", into="cms")
    nodes = {node.id for node in centre.registry.versions.trace("cms/m/child:v1").nodes}
    assert {parent.record, child.record} <= nodes
    with pytest.raises(MissingError):
        centre.registry.models.get("cms/m/parent")
    assert centre.admin.doctor().sound
    take(laptop, centre, "me/m/parent", into="cms")  # it gets its place, and its bytes, when it is adopted too
    assert centre.registry.versions.get("cms/m/parent:v1").record == parent.record
    assert {check.status for check in centre.registry.files.verify("cms/m/parent:v1")} == {"ok"}


def test_unresolved_files_come_as_they_are_with_what_is_known_of_them(told: Place, centre: Place) -> None:
    take(told, centre, "demo/tau/old:v0", into="cms")
    entry = centre.registry.versions.get("cms/tau/old:v0")
    assert entry.record == told.registry.versions.get("demo/tau/old:v0").record
    with centre.registry.files.open("cms/tau/old:v0", "1/model.graphdef") as stream:
        assert stream.read() == b"graph\n"
    assert centre.admin.doctor().sound


def test_absent_files_are_told_and_corrupt_ones_refused(told: Place, centre: Place) -> None:
    report = take(told, centre, "other/a/b", into="cms")
    assert len(report.absent) == 1
    assert rules(report, "warning") == {"blob-lacking"}
    head = centre.registry.journal.checkpoint("cms")
    source = Seen(told.registry, {"files.blob": rewritten(lambda data: data[:-1] + b"?")})
    with pytest.raises(CorruptError) as caught:
        adopt(source, centre.registry, Wish([NAME], into="cms"))
    assert caught.value.code == "source-unsound"
    assert centre.registry.journal.checkpoint("cms") == head


def test_a_source_that_lies_about_records_is_refused(told: Place, centre: Place) -> None:
    head = centre.registry.journal.checkpoint("cms")
    for call, change in {
        "journal.bodies": lambda found: dict.fromkeys(found, b'{"schema":"x"}'),
        "journal.lines": lambda lines: [lines[0].replace(b"demo", b"Demo")] if lines else lines,
    }.items():
        source = Seen(told.registry, {call: change})
        with pytest.raises(CorruptError) as caught:
            adopt(source, centre.registry, Wish([f"{NAME}:v1"], into="cms"))
        assert caught.value.code == "source-unsound"
        assert centre.registry.journal.checkpoint("cms") == head


def test_one_that_broke_off_is_done_by_running_it_again(told: Place, centre: Place) -> None:
    head = centre.registry.journal.checkpoint("cms")
    source = Seen(told.registry, {"files.blob": BreaksOff(2)})
    with pytest.raises(UnavailableError):
        adopt(source, centre.registry, Wish([NAME], into="cms"))
    assert centre.registry.journal.checkpoint("cms") == head
    assert take(told, centre, NAME, into="cms").batches
    assert centre.admin.doctor().sound


def test_words_that_do_not_fit_are_refused(told: Place, centre: Place) -> None:
    for wish in (
        Wish([]),
        Wish([NAME], as_model="a/b/c", into="cms"),
        Wish([NAME], label="x"),
        Wish([NAME, "other/a/c"], as_model="cms/x/y"),
        Wish([NAME], into="../x"),
    ):
        with pytest.raises(InvalidError):
            adopt(told.registry, centre.registry, wish)
    with pytest.raises(MissingError):
        take(told, centre, "demo/tau/nothing:v1", into="cms")
    with pytest.raises(InvalidError):
        take(told, told, NAME, into="cms")
