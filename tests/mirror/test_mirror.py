"""A mirror is byte for byte its home's journal, follows it cheaply, and is never written over what is here."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.admin.registries import ANNA, BERT, NAME, Place, rules, story
from tests.mirror.sources import BreaksOff, Seen

from herdbook.kernel.errors import ConflictError, InvalidError, MissingError, UnavailableError
from herdbook.model.mirrors import MirrorReport
from herdbook.model.principals import Person

if TYPE_CHECKING:
    from tests.admin.conftest import Open


def same(one: Place, other: Place, namespace: str = "demo") -> None:
    """Check that two copies have the same history and the same state."""
    assert one.registry.journal.checkpoint(namespace) == other.registry.journal.checkpoint(namespace)
    assert one.registry.journal.state_digest(namespace) == other.registry.journal.state_digest(namespace)


def test_a_mirror_has_the_same_history_state_index_and_bytes(told: Place, place: Open) -> None:
    site = place("site", actor=BERT)
    report = site.admin.mirror(told.registry)
    assert [item.namespace for item in report.namespaces] == ["demo", "other"]
    assert all(item.state and item.before == 0 and item.seq == item.there for item in report.namespaces)
    for name in ("demo", "other"):
        same(told, site, name)
    doctor = site.admin.doctor()
    assert (doctor.sound, rules(doctor, "warning")) == (True, set())
    for query in ("toy identification", "state = withdrawn", "dataset = toy", "issue = yes", "alias = production"):
        ours = [entry.json_object() for entry in told.registry.versions.search(query).items]
        assert [entry.json_object() for entry in site.registry.versions.search(query).items] == ours, query
    with site.registry.files.open("demo/tau/old:v0", "1/model.graphdef") as stream:
        assert stream.read() == b"graph\n"
    # all bytes that the home has, and only a file that nobody ever brought is said to be lacking
    assert set(site.context.blobs.list()) == set(told.context.blobs.list())
    assert len(report.absent) == 1
    assert rules(report, "warning") == {"blob-lacking"}
    assert report.sound


def test_nothing_new_costs_one_call_and_a_little_costs_little(told: Place, place: Open) -> None:
    site = place("site")
    site.admin.mirror(told.registry, ["demo"])
    source = Seen(told.registry)
    report = site.admin.mirror(source, ["demo"])
    assert (report.events, report.blobs) == (0, 0)
    assert source.calls == {"journal.checkpoint": 1}
    told.register(NAME, "v9", {"m": b"nine"})
    source.calls.clear()
    report = site.admin.mirror(source, ["demo"])
    assert (report.events, report.bodies, report.blobs, report.blob_bytes) == (1, 1, 1, 4)
    assert sum(source.calls.values()) <= 9, source.calls
    assert source.calls["files.blob"] == 1
    same(told, site)


def test_a_mirror_is_only_read_and_a_mirror_of_it_knows_the_home(told: Place, place: Open) -> None:
    site, cloud = place("site"), place("cloud")
    site.admin.mirror(told.registry)
    cloud.admin.mirror(site.registry)
    for copy in (site, cloud):
        with pytest.raises(UnavailableError) as caught:
            copy.register(NAME, "v9", {"m": b"x"})
        assert caught.value.code == "not-home"
    same(told, cloud)
    told.register(NAME, "v9", {"m": b"nine"})
    assert cloud.admin.mirror(told.registry).events == 1  # from another copy, the same journal
    report = cloud.admin.mirror(site.registry)  # which is older now: nothing goes back
    assert (report.events, report.sound) == (0, True)
    assert next(item for item in report.namespaces if item.namespace == "demo").there < 20
    same(told, cloud)
    assert site.admin.mirror(cloud.registry).events == 1
    same(told, site)


def test_a_home_is_no_mirror_and_the_way_out_is_said(told: Place, place: Open) -> None:
    other = place("other")
    other.register(NAME, "mine", {"m": b"mine"})
    before = other.registry.journal.state_digest("demo")
    with pytest.raises(ConflictError) as caught:
        other.admin.mirror(told.registry, ["demo"])
    assert caught.value.code == "home-here"
    assert "herdbook adopt" in caught.value.hint
    with pytest.raises(ConflictError):
        other.admin.mirror(told.registry)  # nor is any other namespace brought
    assert other.registry.journal.state_digest("demo") == before
    assert [head.namespace for head in other.registry.namespaces.list()] == ["demo"]
    assert len(list(other.context.blobs.list())) == 1


def test_two_centres_mirror_one_another_and_each_passes_over_its_own(place: Open) -> None:
    cern, desy = place("cern"), place("desy", actor=BERT)
    cern.register("cms/m/a", "v1", {"m": b"cern"})
    desy.register("atlas/m/a", "v1", {"m": b"desy"})
    assert desy.admin.mirror(cern.registry).events > 0
    report = cern.admin.mirror(desy.registry)
    assert rules(report, "note") == {"home-here"}
    assert [item.namespace for item in report.namespaces] == ["atlas"]
    assert rules(desy.admin.mirror(cern.registry), "note") == {"home-here"}
    for name in ("cms", "atlas"):
        same(cern, desy, name)


def test_a_home_that_was_lost_is_not_made_anew_by_a_mirror(told: Place, place: Open, tmp_path: Path) -> None:
    site = place("site")
    site.admin.mirror(told.registry)
    told.admin.backup(str(tmp_path / "early"))
    with Place(tmp_path / "early") as back:  # the same registry, from a backup
        with pytest.raises(ConflictError) as caught:
            back.admin.mirror(site.registry, ["demo"])
        assert caught.value.code == "home-here"
        assert "bundle" in caught.value.hint


def test_a_journal_that_diverged_is_refused_with_the_first_difference(told: Place, place: Open, tmp_path: Path) -> None:
    site = place("site")
    told.admin.backup(str(tmp_path / "twin"))
    for number in range(5):
        told.register(NAME, f"here{number}", {"m": b"here%d" % number})
    site.admin.mirror(told.registry, ["demo"])
    with Place(tmp_path / "twin") as twin:  # somebody opened a backup, and went on writing there
        first = twin.register(NAME, "there", {"m": b"there"}).seq
        for shorter in (True, False):  # it has fewer events than the copy, then more
            with pytest.raises(ConflictError) as caught:
                site.admin.mirror(twin.registry, ["demo"])
            assert caught.value.code == "diverged"
            assert caught.value.details["seq"] == first
            here, there = (place.registry.journal.lines("demo", after=first - 1, limit=1)[0] for place in (told, twin))
            assert here != there
            if shorter:
                for number in range(8):
                    twin.register(NAME, f"more{number}", {"m": b"more%d" % number})
    same(told, site)


def test_another_journal_of_the_same_name_is_refused(told: Place, place: Open) -> None:
    site, stranger = place("site"), place("stranger")
    site.admin.mirror(told.registry, ["demo"])
    stranger.register("demo/x/y", "v1", {"m": b"x"})
    with pytest.raises(ConflictError) as caught:
        site.admin.mirror(stranger.registry)
    assert (caught.value.code, caught.value.details["seq"]) == ("diverged", 1)


def test_what_is_not_there_or_is_oneself_is_refused(told: Place, place: Open) -> None:
    site = place("site")
    with pytest.raises(MissingError):
        site.admin.mirror(told.registry, ["demo", "nowhere"])
    assert site.registry.namespaces.list() == []
    with pytest.raises(MissingError):
        told.admin.mirror(site.registry)
    with pytest.raises(InvalidError) as caught:
        told.admin.mirror(told.registry)
    assert caught.value.code == "same-registry"


def test_people_come_along_unless_told_otherwise_and_who_was_erased_stays_erased(told: Place, place: Open) -> None:
    told.admin.rename_actor(Person(id=ANNA, name="Anna", email="anna@example.org"))
    told.admin.rename_actor(Person(id=BERT, name="Bert, who is nowhere in it"))
    quiet, site = place("quiet"), place("site")
    quiet.admin.mirror(told.registry, people=False)
    assert quiet.registry.people.list() == []
    site.admin.mirror(told.registry)
    assert site.registry.people.list() == [Person(id=ANNA, name="Anna", email="anna@example.org")]
    site.admin.rename_actor(Person(id=ANNA))
    told.register(NAME, "v9", {"m": b"nine"})
    site.admin.mirror(told.registry)
    assert site.registry.people.list() == []


def test_what_the_source_lost_is_asked_for_again_until_it_is_back(told: Place, place: Open) -> None:
    site = place("site")
    version = told.registry.versions.get(f"{NAME}:v1").version
    gone, bad = (told.blob(file.digest) for file in version.files)
    kept = gone.read_bytes(), bad.read_bytes()
    gone.unlink()
    bad.chmod(0o644)
    bad.write_bytes(b"x" * len(kept[1]))
    report = site.admin.mirror(told.registry, ["demo"])
    assert set(report.absent) == {file.digest for file in version.files}
    assert (rules(report), rules(report, "warning")) == ({"blob-lacking"}, {"blob-lacking"})
    same(told, site)  # the journal stands
    assert site.admin.mirror(told.registry, ["demo"]).absent == report.absent
    gone.write_bytes(kept[0])
    bad.write_bytes(kept[1])
    report = site.admin.mirror(told.registry, ["demo"])
    assert (report.blobs, report.absent, report.findings) == (2, (), ())
    assert site.admin.doctor().sound
    assert {check.status for check in site.registry.files.verify(f"{NAME}:v1")} == {"ok"}


def test_what_a_bundle_brought_without_its_files_gets_them_from_the_next_mirror(
    told: Place, place: Open, tmp_path: Path
) -> None:
    site = place("site")
    lost = [(told.blob(sha256), told.blob(sha256).read_bytes()) for sha256, _ in list(told.context.blobs.list())[:3]]
    for path, _ in lost:
        path.unlink()
    told.admin.export_bundle(str(tmp_path / "b"), [])
    site.admin.import_bundle(str(tmp_path / "b"))
    for path, data in lost:
        path.write_bytes(data)
    report = site.admin.mirror(told.registry)
    assert (report.events, report.blobs) == (0, 3)
    assert set(site.context.blobs.list()) == set(told.context.blobs.list())


@pytest.mark.parametrize("call", ["journal.lines", "journal.bodies", "files.blob", "journal.state_digest"])
def test_a_source_that_goes_away_leaves_an_older_copy_and_nothing_comes_twice(
    told: Place, place: Open, call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("herdbook.service.replay.CHUNK_OPS", 3)
    site = place("site")
    seqs = [0]
    brought = 0
    for calls in (0, 1, 2, 3, 5, 8, 13, 21):
        source = Seen(told.registry, {call: BreaksOff(calls)})
        held = len(list(site.context.blobs.list()))
        try:
            report = site.admin.mirror(source)
        except UnavailableError:
            for head in site.registry.namespaces.list():
                events = told.registry.journal.lines(head.namespace)
                assert site.registry.journal.lines(head.namespace) == events[: head.seq]
            assert site.admin.doctor().sound
            seqs.append(sum(head.seq for head in site.registry.namespaces.list()))
        else:
            brought = report.blobs + held
            break
    assert seqs == sorted(seqs)
    site.admin.mirror(told.registry)
    same(told, site)
    same(told, site, "other")
    assert brought in {0, len(list(told.context.blobs.list()))}


def test_a_site_that_was_cut_off_for_long_catches_up(place: Open) -> None:
    home, site = place("home"), place("site")
    story(home)
    site.admin.mirror(home.registry)
    for number in range(0, 1200, 3):
        home.many(1, start=number)
        home.registry.pointers.alias(f"demo/many/m{number % 10}", "next", f"v{number}")
    report: MirrorReport = site.admin.mirror(home.registry)
    assert report.events == 800
    same(home, site)
    assert site.admin.doctor().sound
