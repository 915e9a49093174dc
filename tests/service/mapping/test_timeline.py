"""What changed from commit to commit and from tag to tag, replayed, against whole trees looked at one by one."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

from hypothesis import given, settings
from tests.service.mapping.drafting import drafted, history, opened, rules, said
from tests.service.mapping.forests import Forest, forests

from herdbook.model.drafts import Drafts, SourceState
from herdbook.model.histories import Blob
from herdbook.service.mapping import draft
from herdbook.service.mapping.matching import Matcher, Place
from herdbook.service.mapping.placing import Placer
from herdbook.service.mapping.reading import Contents, Findings
from herdbook.service.mapping.standing import Standing
from herdbook.service.mapping.timeline import Timeline, renames
from herdbook.service.mapping.versions import key_of
from herdbook.testing.repositories import Repository

STATE = SourceState(kind="git", name="cms-data/Reco-Net", state="state")
Sets = dict[tuple[str, str, str], dict[str, tuple[str, str]]]
"""(model, label, folder) → path in the version → (path in the source, digest)."""


def plain(matcher: Matcher, tree: dict[str, Blob]) -> Sets:
    """Return the sets of one tree without links, by the words of the rules."""
    placed: dict[str, Place] = {path: matcher.place(path) for path in sorted(tree)}
    sets: Sets = {}
    by_rule: dict[tuple[str, str, str], set[str]] = {}
    for path, place in placed.items():
        if place.what == "model":
            group = (place.model, place.label, place.folder)
            sets.setdefault(group, {})[place.inside] = (path, tree[path].digest)
            by_rule.setdefault(group, set()).add(place.rule)
    for path, place in placed.items():
        for group, files in sets.items():
            if (
                place.what == "sidecar"
                and group[2] == place.folder
                and ("*" in place.of or by_rule[group] & {*place.of})
            ):
                files[place.inside] = (path, tree[path].digest)
    return sets


def standing(matcher: Matcher, forest: Forest, tree: dict[str, Blob]) -> tuple[Sets, dict[str, set[str]]]:
    """Return the sets of one tree, and the names that links give, looked at from nothing."""
    contents, empty = Contents(forest, Findings()), Forest()
    placer = Placer(matcher, contents, Findings())
    empty.trees = {"all": tree}
    for path, blob in tree.items():
        if not blob.link:
            placer.meet(path, blob.digest)
    at = Standing(placer, contents, Findings().add, named=True)
    groups = at.apply(empty.changes(None, "all"))
    held = {group: at.held(group) for group in groups}
    sets = {
        (group.model, group.label, group.folder): {each.inside: (each.path, each.digest) for each in files}
        for group, files in held.items()
        if files
    }
    return sets, {path: set(at.aliases(path)) for path in tree}


def keys(sets: Sets) -> set[str]:
    return {key_of(group[0], {path: digest for path, (_, digest) in files.items()}) for group, files in sets.items()}


def valid(drafts: Drafts) -> dict[str, set[tuple[str, str, str]]]:
    """Return tag → (path in the source, key, path in the version) of the identities that are valid there."""
    found: dict[str, set[tuple[str, str, str]]] = {tag: set() for tag in drafts.tags}
    order = {tag: number for number, tag in enumerate(drafts.tags)}
    for version in drafts.versions:
        for told in said(version, "identity"):
            first, last = order[told.body["first"]], order.get(told.body.get("last", ""))
            path = told.body["id"]["value"].removeprefix("Reco/Net/data/")
            for tag in drafts.tags[first:last]:
                entry = (path, version.key, told.body["path"])
                assert entry not in found[tag], "two statements say the same of one tag"
                found[tag].add(entry)
    return found


def entries(sets: Sets, aliases: dict[str, set[str]]) -> set[tuple[str, str, str]]:
    found = set()
    for group, files in sets.items():
        key = key_of(group[0], {path: digest for path, (_, digest) in files.items()})
        for inside, (path, _) in files.items():
            found |= {(name, key, inside) for name in (path, *aliases.get(path, ()))}
    return found


def compare(forest: Forest, sets: dict[str, Sets], aliases: dict[str, dict[str, set[str]]]) -> None:
    """Hold drafts against the sets of every commit's tree."""
    drafts = draft(forest, STATE, rules())
    by_commit = {commit.id: keys(sets[commit.id]) for commit in forest.commits}
    assert {each.key for each in drafts.versions} == set().union(*by_commit.values())
    for version in drafts.versions:
        commits = [commit.id for commit in forest.commits if version.key in by_commit[commit.id]]
        tags = [tag.name for tag in forest.tags if version.key in by_commit[tag.commit]]
        assert version.commit == commits[0]
        assert version.current == (version.key in by_commit[forest.heads[0][1]])
        assert (version.first, version.last) == ((tags[0], tags[-1]) if tags else (None, None))
    assert len({label.lower() for each in drafts.versions for label in [*map(each.model.__add__, each.labels)]}) == sum(
        len(each.labels) for each in drafts.versions
    )
    found = valid(drafts)
    for tag in forest.tags:
        assert found[tag.name] == entries(sets[tag.commit], aliases.get(tag.commit, {}))
    fates = {each.digest: each for each in drafts.blobs}
    assert fates.keys() == {blob.digest for tree in forest.trees.values() for blob in tree.values()}


@given(forests(linked=False))
@settings(max_examples=150, deadline=None)
def test_versions_and_runs_are_those_of_whole_trees(forest: Forest) -> None:
    matcher = Matcher(rules(), STATE.name)
    compare(forest, {id_: plain(matcher, dict(tree)) for id_, tree in forest.trees.items()}, {})


@given(forests(linked=True))
@settings(max_examples=150, deadline=None)
def test_with_links_the_replay_says_what_each_tree_alone_says(forest: Forest) -> None:
    matcher = Matcher(rules(), STATE.name)
    told = {id_: standing(matcher, forest, dict(tree)) for id_, tree in forest.trees.items()}
    compare(forest, {id_: sets for id_, (sets, _) in told.items()}, {id_: names for id_, (_, names) in told.items()})


@given(forests(linked=True))
@settings(max_examples=100, deadline=None)
def test_runs_of_tags_are_maximal_and_rebuild_every_tree(forest: Forest) -> None:
    runs = Timeline(forest).runs()
    for number, tag in enumerate(forest.tags):
        found = {
            path: run.blob
            for path, held in runs.items()
            for run in held
            if run.first <= number and (run.last is None or number < run.last)
        }
        assert found == forest.trees[tag.commit]
    for held in runs.values():
        for one, two in pairwise(held):
            assert one.last is not None
            assert one.last < two.first or (one.last == two.first and one.blob != two.blob)


@given(forests(linked=False))
@settings(max_examples=60, deadline=None)
def test_blobs_are_seen_first_where_they_were_first(forest: Forest) -> None:
    seen = Timeline(forest).sightings()
    for digest, sighting in seen.items():
        holding = [any(b.digest == digest for b in forest.trees[c.id].values()) for c in forest.commits]
        tags = [any(b.digest == digest for b in forest.trees[t.commit].values()) for t in forest.tags]
        assert sighting.first == holding.index(True)
        assert sighting.first_tag == (tags.index(True) if any(tags) else None)
        assert sighting.last_tag == (len(tags) - 1 - tags[::-1].index(True) if any(tags) else None)


def test_renames_pair_files_of_one_name_first_and_merges_have_none(tmp_path: Path) -> None:
    repository = Repository(tmp_path / "r")
    one = repository.commit({"a/x": b"1", "a/y": b"1", "z": b"2"})
    two = repository.commit({"b/y": b"1", "b/w": b"1", "z": b"3"})
    repository.commit({"c": b"1"}, parents=[two, one])
    with opened(repository) as source:
        assert [(each.commit, each.old, each.new) for each in renames(source.history)] == [
            (two, "a/x", "b/w"),
            (two, "a/y", "b/y"),
        ]


def test_back_port_tags_that_interleave_close_and_open_runs(tmp_path: Path) -> None:
    path = "models/tau/1/net.onnx"
    repository = Repository(tmp_path / "r")
    old = repository.commit({path: b"old"})
    repository.tag("V1", old)
    new = repository.commit({path: b"new"})
    repository.tag("V2", new)
    fix = repository.commit({path: b"old", "a.csv": b""}, parents=[old], branch="back")
    repository.tag("V1-01", fix)
    repository.tag("V3", repository.commit({path: b"new", "a.csv": b""}, parents=[new]))
    drafts = drafted(repository)
    assert drafts.tags == ("V1", "V2", "V1-01", "V3")
    assert valid(drafts) == {
        tag: {(path, each.key, "1/net.onnx")}
        for tag, each in zip(drafts.tags, [*drafts.versions, *drafts.versions], strict=True)
    }
    assert [(each.first, each.last) for each in drafts.versions] == [("V1", "V1-01"), ("V2", "V3")]


def test_a_renamed_set_with_a_changed_sidecar_says_from_where_it_came(tmp_path: Path) -> None:
    repository, _ = history(
        tmp_path / "r",
        {"Jet/V00/net.onnx": b"net", "Jet/V00/preprocess.json": b"{}"},
        {"Fat/V01/net.onnx": b"net", "Fat/V01/preprocess.json": b"[]"},
    )
    first, second = drafted(repository).versions
    assert "renamed_from" not in said(first, "origin")[0].body
    assert said(second, "origin")[0].body["renamed_from"] == ["Jet/V00/net.onnx"]
