"""What others say, and who they are, beside an import: it stays; nobody's name stands in a body; masters; verify."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from herdbook.bootstrap.open import open_admin
from herdbook.kernel.errors import ConflictError
from herdbook.model.models import Profile
from herdbook.model.principals import Person, Principal
from herdbook.model.statements import Said, Subject
from herdbook.ports.registry import Registry
from herdbook.service import drifts, importing, plans
from herdbook.testing.repositories import Repository

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # tests are no package that is installed
from tests.story.growing import bodies, bring, entries, events, identifier, opened, rules, sets, told

BERT = Principal(id="actor:" + "b" * 32, assurance="os")


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    repository = Repository(tmp_path / "nets.git")
    repository.tag("T1", repository.commit({"nets/tau_v1.pb": b"tau", "served/fat/1/a.onnx": b"no network"}))
    repository.tag("T2", repository.commit({"nets/tau_v1.pb": b"tau", "nets/jet_v1.pb": b"jet"}))
    return repository


def test_what_others_added_between_an_import_and_its_undo_stays(
    registry: Registry, repository: Repository, open_as: Any, tmp_path: Path
) -> None:
    report = bring(registry, repository)
    other = open_as(BERT)
    record = other.versions.get("toy/nets/tau:v1").record
    said = Said(type="herdbook/known-issue/1", subject=(Subject(record=record),), body={"title": "noisy"})
    (issue,) = other.statements.add("toy", [said])
    other.pointers.label("toy/nets/tau:v1", "berts")
    other.pointers.alias("toy/nets/tau", "production", "v1", reason="tested")
    (tmp_path / "weights.bin").write_bytes(b"by hand")
    other.versions.register("toy/nets/tau:v9", tmp_path / "weights.bin")
    done = registry.imports.undo("toy", report.batch, reason="wrong names")
    assert done.withdrawn
    entry = registry.versions.get("toy/nets/tau:berts")
    assert (entry.record, entry.labels, entry.withdrawn) == (record, ("berts",), True)
    assert registry.statements.get(issue.digest).current
    assert registry.versions.get("toy/nets/tau@production").record == record
    assert registry.versions.get("toy/nets/tau:v9").state == "current"
    assert registry.identities.find(identifier("nets/tau_v1.pb")) == []
    with pytest.raises(ConflictError):
        registry.imports.undo("toy", report.batch, reason="twice")
    again = bring(registry, repository)
    assert (again.outcome, again.versions) == ("applied", 3)
    assert {entry.state for entry in entries(registry)} == {"current"}
    assert set(registry.versions.get("toy/nets/tau:v1").labels) == {"v1", "berts"}
    assert registry.versions.get("toy/nets/tau:v1").record == record
    assert registry.identities.find(identifier("nets/tau_v1.pb"))[0].reference.startswith("toy/nets/tau")
    assert bring(registry, repository).outcome == "unchanged"
    assert registry.statements.get(issue.digest).current


def ranges(registry: Registry) -> list[tuple[str, str | None, str | None]]:
    found = registry.identities.find(identifier("nets/tau_v1.pb"))
    return [(each.reference.partition(":")[2], each.first, each.last) for each in found]


def test_the_second_of_two_imports_is_undone_alone(registry: Registry, repository: Repository) -> None:
    bring(registry, repository)
    before, said = sets(registry), ranges(registry)
    repository.tag("T3", repository.commit({"nets/tau_v1.pb": b"tau two"}))
    second = bring(registry, repository)
    assert ranges(registry) == [("v1_T1", "T1", "T3"), ("v1_T3", "T3", None)]
    registry.imports.undo("toy", second.batch, reason="too early")
    assert sets(registry) == before
    assert ranges(registry) == said == [("v1", "T1", None)]
    assert bring(registry, repository).outcome == "applied"
    assert [told[1:] for told in ranges(registry)] == [("T1", "T3"), ("T3", None)]
    assert bring(registry, repository).outcome == "unchanged"


def test_an_import_after_a_tag_moved_can_be_undone_and_made_again(registry: Registry, repository: Repository) -> None:
    bring(registry, repository)
    before = ranges(registry)
    moved = repository.commit({"nets/tau_v1.pb": b"tau two"})
    repository.tag("T1", moved)
    second = bring(registry, repository)
    after = [told[1:] for told in ranges(registry)]
    assert after == [("T2", "T1"), ("T1", None)]  # by the time of the commits T2 is the older one now
    registry.imports.undo("toy", second.batch, reason="that was no good idea")
    assert ranges(registry) == before
    bring(registry, repository)
    assert [told[1:] for told in ranges(registry)] == after


NAMES = [
    "Jane Doe",
    "jane.doe@example.org",
    "janedoe42",
    "Ada Lovelace",
    "ada@example.org",
    "María Peña",
    "peer-reviewer",
]


def crowded(folder: Path) -> Repository:
    """A history whose messages name people in all the ways that git and its hosts know."""
    repository = Repository(folder)
    author = f"{NAMES[0]} <{NAMES[1]}>"
    tail = f"\n\nCo-authored-by: {NAMES[5]} <maria@example.org>\nSigned-off-by: {NAMES[0]} <{NAMES[1]}>\n"
    first = repository.commit({"nets/tau_v1.pb": b"1"}, f"Better taus, thanks to @{NAMES[6]}{tail}", author=author)
    side = repository.commit({"nets/jet_v1.pb": b"2"}, f"Mail {NAMES[4]} about it", onto=first, branch="side")
    merged = {"nets/tau_v1.pb": b"1", "nets/jet_v1.pb": b"2", "nets/tau_v2.pb": b"3"}
    message = f"Merge pull request #7 from {NAMES[2]}/master\n\nNew nets"
    repository.tag("T1", repository.commit(merged, message, parents=[first, side], author=author), annotated=True)
    return repository


def test_no_name_address_or_account_stands_in_any_body(registry: Registry, tmp_path: Path) -> None:
    bring(registry, crowded(tmp_path / "r.git"))
    every = b"\n".join(bodies(registry)).decode().casefold()
    every += "".join(text.decode() for text in bodies(registry)).casefold()
    assert [name for name in NAMES if name.casefold() in every] == []
    people = {person.id: person.name for person in registry.people.list()}
    origins = registry.statements.list("toy/nets/tau:v2", kind="origin").items
    assert people[origins[0].statement.body["author"]] == NAMES[0]


def test_people_who_were_erased_stay_erased_and_cost_no_new_word(
    registry: Registry, folder: Path, tmp_path: Path
) -> None:
    repository = crowded(tmp_path / "r.git")
    bring(registry, repository)
    admin = open_admin(str(folder))
    for person in registry.people.list():
        admin.rename_actor(Person(id=person.id))
    admin.close()
    assert registry.people.list() == []
    before = events(registry)
    assert bring(registry, repository).outcome == "unchanged"
    with opened(repository) as source:
        drafts = source.drafts(rules())
        assert importing.apply(registry, source, drafts, plans.make(drafts)).outcome == "unchanged"
    assert (events(registry), registry.people.list()) == (before, [])
    author = registry.statements.list("toy/nets/tau:v2", kind="origin").items[0].statement.body["author"]
    repository.commit({"nets/tau_v3.pb": b"4"}, author=f"{NAMES[0]} <{NAMES[1]}>")
    assert bring(registry, repository).new == 1
    assert registry.statements.list("toy/nets/tau:v3", kind="origin").items[0].statement.body["author"] == author
    assert [person.name for person in registry.people.list()] == []


@pytest.mark.parametrize("master", ["registry", "source", None])
def test_only_drift_of_what_the_registry_masters_is_an_alarm(
    registry: Registry, repository: Repository, master: Any
) -> None:
    bring(registry, repository)
    registry.models.profile("toy/nets/tau", Profile(title="Taus", master=master))
    repository.commit({"nets/tau_v1.pb": b"tau changed there"})
    with opened(repository) as source:
        for compare in (drifts.status, drifts.verify):
            status = compare(registry, source, rules())
            changed = [drift for drift in status.drifts if drift.model == "toy/nets/tau"]
            assert {drift.what for drift in changed} >= {"changed"}
            assert status.alarm == (master == "registry")


def test_verify_notices_a_rotten_blob_a_changed_source_and_a_missing_version(
    registry: Registry, repository: Repository, folder: Path
) -> None:
    bring(registry, repository)
    with opened(repository) as source:
        assert drifts.verify(registry, source, rules()).drifts == ()
    file = registry.versions.get("toy/nets/tau:v1").version.files[0]
    (blob,) = [path for path in (folder / "blobs").rglob(file.digest.partition(":")[2]) if path.is_file()]
    blob.chmod(0o600)
    blob.write_bytes(b"tav")
    registry.versions.undo("toy/nets/jet:v1", reason="a mistake")
    repository.commit({"nets/tau_v1.pb": b"tau", "served/fat/1/a.onnx": b"another network"})
    with opened(repository) as source:
        found = {(drift.what, drift.reference) for drift in drifts.verify(registry, source, rules()).drifts}
    assert ("corrupt", "toy/nets/tau:v1") in found
    assert {what for what, reference in found if reference.startswith("toy/served/fat")} & {"new", "changed"}
    assert {what for what, reference in found if reference.startswith("toy/nets/jet")} & {"new", "label"}


def test_two_sources_in_one_namespace_stand_beside_each_other(
    registry: Registry, repository: Repository, tmp_path: Path
) -> None:
    second = Repository(tmp_path / "other.git")
    second.tag("X1", second.commit({"nets/tau_v1.pb": b"tau", "nets/ele_v1.pb": b"electron"}))
    alone = rules(package="Other/Nets", identity={"scheme": "cms-fileinpath", "value": "Other/Nets/data/{path}"})
    bring(registry, repository)
    first = told(registry)
    report = bring(registry, second, alone, name="toy/Other")
    assert (report.new, report.duplicate) == (1, 0)
    assert not first - told(registry)
    assert len(entries(registry)) == 4
    repository.tag("T3", repository.commit({"nets/tau_v1.pb": b"tau"}))
    bring(registry, repository)
    assert [each.first for each in registry.identities.find("cms-fileinpath:Other/Nets/data/nets/tau_v1.pb")] == ["X1"]
    batches = registry.imports.list("toy")
    assert [batch.versions for batch in batches] == [0, 1, 3]
    assert bring(registry, second, alone, name="toy/Other").outcome == "unchanged"
