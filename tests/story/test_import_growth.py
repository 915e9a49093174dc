"""A source that grows, and one whose history is rewritten: what is new is brought, and every path leads right."""

from __future__ import annotations

import random
import shutil
import sys
from pathlib import Path

import pytest

import herdbook
from herdbook.ports.registry import Registry
from herdbook.service import drifts, importing, plans
from herdbook.testing.repositories import Repository

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # tests are no package that is installed
from tests.counting import calls
from tests.story.growing import (
    bring,
    content,
    events,
    identifier,
    leads,
    opened,
    planned,
    rules,
    sets,
    trees,
)

PATHS = ["nets/tau_v1.pb", "nets/tau_v1_core.pb", "nets/tau_v2.pb", "nets/jet_v1.pb", "served/fat/1/a.onnx"]
READMES = ["served/fat/README.md"]
NEW = {"nets/tau_v1.pb": b"tau two"}


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "nets.git")


def check_paths(registry: Registry, repository: Repository) -> None:
    """Ask for every path in every tag, and compare with the trees."""
    for tag, tree in trees(repository).items():
        for path in PATHS:
            wanted = {tree[path]} if path in tree else set()
            assert content(registry, path, tag) == wanted, (path, tag)
        for path in READMES:
            assert content(registry, path, tag) <= {tree.get(path, "")}, (path, tag)


def check_silent(registry: Registry, repository: Repository) -> None:
    """Import once more, from the first byte on, and find that nothing is written."""
    before = events(registry)
    assert bring(registry, repository).outcome == "unchanged"
    with opened(repository) as source:
        drafts = source.drafts(rules())
        assert importing.apply(registry, source, drafts, plans.make(drafts)).outcome == "unchanged"
        assert drifts.status(registry, source, rules()).drifts == ()
    assert events(registry) == before


class Growing:
    """A repository to which commits, branches and tags are added at random, and, rewriting, taken away."""

    def __init__(self, folder: Path, seed: int, *, rewriting: bool) -> None:
        self.repository = Repository(folder)
        self.rng = random.Random(seed)
        self.rewriting = rewriting
        self.tips: dict[str, str] = {}
        self.commits: list[str] = []

    def grow(self) -> None:
        for _ in range(self.rng.randint(1, 4)):
            self.commit()
        if self.rewriting:
            self.rewrite()

    def commit(self) -> None:
        rng = self.rng
        branch = rng.choice(["master", "master", "dev"])
        onto = self.tips.get(branch)
        if self.rewriting and self.commits and rng.random() < 0.3:  # as after a push by force
            onto = rng.choice(self.commits)
        edits = {path: rng.choice([None, b"1", b"2", b"3"]) for path in rng.sample(PATHS + READMES, rng.randint(1, 3))}
        message = rng.choice(["A change", "Fix a bug", f"training {rng.randrange(3):032x}"])
        made = self.repository.commit(edits, message, branch=branch, onto=onto, parents=[onto] if onto else [])
        self.tips[branch] = made
        self.commits.append(made)
        if rng.random() < 0.5:
            where = rng.choice(self.commits) if self.rewriting else made
            self.repository.tag(f"T{len(self.commits):02}", where, annotated=rng.random() < 0.3)

    def rewrite(self) -> None:
        tags = sorted((self.repository.folder / "refs" / "tags").iterdir())
        if tags and self.rng.random() < 0.5:
            self.repository.ref(f"refs/tags/{self.rng.choice(tags).name}", self.rng.choice(self.commits))
        if tags and self.rng.random() < 0.4:
            self.rng.choice(tags).unlink()


SEEDS = [(seed, False) for seed in (0, 102)] + [(seed, True) for seed in (3, 101, 102, 106)]
MORE = [pytest.param(seed, bool(seed % 4), marks=pytest.mark.slow) for seed in range(200, 260)]


@pytest.mark.parametrize(("seed", "rewriting"), [*SEEDS, *MORE])
def test_what_is_imported_bit_by_bit_is_what_is_imported_at_once(
    empty: Path, tmp_path: Path, seed: int, rewriting: bool
) -> None:
    growing = Growing(tmp_path / "nets.git", seed, rewriting=rewriting)
    folders = [Path(shutil.copytree(empty, tmp_path / name)) for name in ("bits", "once")]
    with herdbook.open(str(folders[0])) as bits, herdbook.open(str(folders[1])) as once:
        for _ in range(3):
            growing.grow()
            bring(bits, growing.repository)
            check_paths(bits, growing.repository)
            check_silent(bits, growing.repository)
        bring(once, growing.repository)
        assert sets(bits).keys() >= sets(once).keys()
        if not rewriting:
            assert sets(bits).keys() == sets(once).keys()
        for tag in trees(growing.repository):
            for path in PATHS + READMES:
                assert leads(bits, path, tag) == leads(once, path, tag), (path, tag)


def test_a_tag_that_ends_an_open_range_brings_the_end_and_what_came_after(
    registry: Registry, repository: Repository
) -> None:
    first = repository.commit({"nets/tau_v1.pb": b"tau", "nets/jet_v1.pb": b"jet"})
    repository.tag("T1", first)
    assert bring(registry, repository).new == 2
    second = repository.commit({"nets/tau_v1.pb": b"tau two", "nets/jet_v1.pb": b"jet"})
    assert bring(registry, repository).new == 1  # it stands on a branch, in no tag
    repository.tag("T2", second)
    before = sets(registry)
    report = bring(registry, repository)
    assert (report.new, report.outcome) == (0, "applied")
    assert sets(registry).keys() == before.keys()
    found = registry.identities.find(identifier("nets/tau_v1.pb"))
    assert [(each.first, each.last) for each in found] == [("T1", "T2"), ("T2", None)]
    batch = registry.imports.get("toy", report.batch)
    assert (batch.versions, batch.records) == (0, 0)
    check_paths(registry, repository)
    check_silent(registry, repository)


def test_a_label_that_is_taken_stays_where_it_is_and_the_new_version_gets_its_own(
    registry: Registry, repository: Repository
) -> None:
    repository.tag("T1", repository.commit({"nets/tau_v1.pb": b"tau"}))
    bring(registry, repository)
    old = registry.versions.get("toy/nets/tau:v1")
    repository.tag("T2", repository.commit(NEW))
    report = bring(registry, repository)
    assert registry.versions.get("toy/nets/tau:v1").record == old.record
    assert registry.versions.get("toy/nets/tau:v1_T1").record == old.record
    assert registry.versions.get("toy/nets/tau:v1_T2").ordinal == 2
    assert "label-held" in {finding.code for finding in report.findings}
    check_paths(registry, repository)


def test_a_tag_that_moves_takes_what_its_path_led_to_with_it(registry: Registry, repository: Repository) -> None:
    first = repository.commit({"nets/tau_v1.pb": b"tau"})
    second = repository.commit(NEW)
    repository.tag("T1", first)
    bring(registry, repository)
    repository.tag("T1", second)
    bring(registry, repository)
    check_paths(registry, repository)
    check_silent(registry, repository)
    repository.tag("T1", first)  # and back
    bring(registry, repository)
    check_paths(registry, repository)
    check_silent(registry, repository)


def test_a_tag_that_is_deleted_opens_the_range_that_it_ended(registry: Registry, repository: Repository) -> None:
    repository.tag("T1", repository.commit({"nets/tau_v1.pb": b"tau"}))
    second = repository.commit(NEW)
    bring(registry, repository)
    for there in (True, False, True, False):
        if there:
            repository.tag("T2", second)
        else:
            (repository.folder / "refs/tags/T2").unlink()
        bring(registry, repository)
        check_paths(registry, repository)
        check_silent(registry, repository)
        found = registry.identities.find(identifier("nets/tau_v1.pb"))
        assert [(each.first, each.last) for each in found] == (
            [("T1", "T2"), ("T2", None)] if there else [("T1", None)]
        )


def test_commits_that_are_dropped_leave_their_versions_here_and_are_told(
    registry: Registry, repository: Repository
) -> None:
    base = repository.commit({"nets/tau_v1.pb": b"tau"})
    lost = repository.commit({"nets/tau_v1.pb": b"tau", "nets/jet_v1.pb": b"jet"})
    repository.tag("T1", lost)
    bring(registry, repository)
    repository.commit({"nets/tau_v1.pb": b"tau", "nets/tau_v2.pb": b"tau two"}, parents=[base])
    (repository.folder / "refs/tags/T1").unlink()
    with opened(repository) as source:
        told = drifts.status(registry, source, rules()).drifts
        assert {(drift.what, drift.reference) for drift in told} == {
            ("new", "toy/nets/tau:v2"),
            ("gone", "toy/nets/jet:v1"),
        }
    bring(registry, repository)
    assert registry.versions.get("toy/nets/jet:v1").state == "current"
    assert registry.identities.find(identifier("nets/jet_v1.pb")) == []
    with opened(repository) as source:
        assert [drift.what for drift in drifts.verify(registry, source, rules()).drifts] == ["gone"]


def test_what_a_plan_leaves_out_later_keeps_what_is_true_of_it(registry: Registry, repository: Repository) -> None:
    repository.tag("T1", repository.commit({"nets/tau_v1.pb": b"tau", "nets/jet_v1.pb": b"jet"}))
    bring(registry, repository)
    for tag, files, known in (("T2", {"nets/jet_v1.pb": b"jet"}, ["T1"]), ("T3", {"nets/tau_v1.pb": b"tau"}, [])):
        repository.tag(tag, repository.commit(files))
        plan = planned(repository)
        models = [m.model_copy(update={"skip": "not ours"}) if m.key.endswith("jet") else m for m in plan.models]
        bring(registry, repository, plan=plan.model_copy(update={"models": tuple(models)}))
        assert [each.first for each in registry.identities.find(identifier("nets/jet_v1.pb"))] == known


def test_a_source_whose_history_was_cut_takes_nothing_back(registry: Registry, repository: Repository) -> None:
    first = repository.commit({"nets/tau_v1.pb": b"tau"})
    repository.tag("T1", first)
    second = repository.commit(NEW)
    repository.tag("T2", second)
    bring(registry, repository)
    (repository.folder / "refs/tags/T1").unlink()
    repository.write("shallow", second.encode() + b"\n")
    assert "shallow" in {finding.code for finding in bring(registry, repository).findings}
    found = registry.identities.find(identifier("nets/tau_v1.pb"))
    assert {each.first for each in found} == {"T1", "T2"}


def test_hundreds_of_paths_are_looked_at_again_without_a_byte_read_or_written(
    registry: Registry, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ["".join(chr(97 + int(digit)) for digit in f"{number:03}") for number in range(300)]
    opens: list[str] = []

    def again() -> None:
        assert importing.unchanged(registry, source, rules()) is not None

    costs = []
    for tag, some in {"T1": names[:100], "T2": names[100:]}.items():
        repository.tag(tag, repository.commit({f"nets/{name}_v1.pb": name.encode() for name in some}))
        assert bring(registry, repository).new == len(some)
        before = events(registry)
        with opened(repository) as source, monkeypatch.context() as patched:
            patched.setattr(type(source), "open", lambda _self, digest: opens.append(digest))
            again()  # what is made once in a process is made now
            costs.append(calls(again))
        assert (events(registry), opens) == (before, [])
    assert costs[1] < 1.5 * costs[0]
