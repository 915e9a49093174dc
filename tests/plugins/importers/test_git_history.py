"""Commits, tags and changes of repositories that the tests make."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from herdbook.kernel.errors import InvalidError
from herdbook.model.histories import Author, Blob, Change
from herdbook.plugins.importers import git_trees
from herdbook.plugins.importers.git import Git, GitSource
from herdbook.plugins.importers.git_history import GitHistory
from herdbook.testing.repositories import FILE, FOLDER, PROGRAM, Content, Link, Repository, Submodule

Opener = Callable[..., GitSource]


def tree_at(history: GitHistory, commit: str) -> dict[str, Blob]:
    return {change.path: change.new for change in history.changes(None, commit) if change.new is not None}


def codes(source: GitSource) -> list[str]:
    return [trouble.code for trouble in source.history.troubles]


def test_a_commit_stands_behind_its_parents_though_its_clock_was_wrong(repository: Repository, opened: Opener) -> None:
    first = repository.commit({"a": b"1"}, time=2_000_000_000)
    second = repository.commit({"a": b"2"}, time=1_000_000_000)
    side = repository.commit({"a": b"3"}, time=1_500_000_000, parents=[first], branch="side")
    merge = repository.commit({"a": b"4"}, time=1_600_000_000, parents=[second, side])
    history = opened(repository).history
    assert [commit.id for commit in history.commits] == [first, second, side, merge]
    assert history.commits[3].parents == (second, side)
    assert history.heads == [("refs/heads/master", merge), ("refs/heads/side", side)]


def test_equal_times_are_ordered_by_id_for_everybody(repository: Repository, opened: Opener) -> None:
    made = [repository.commit({"a": b"%d" % n}, time=10**9, parents=[], branch=f"b{n}") for n in range(20)]
    assert [commit.id for commit in opened(repository).history.commits] == sorted(made)


def test_commits_of_every_reference_are_found(repository: Repository, opened: Opener) -> None:
    made = [repository.commit({"a": b"%d" % n}, parents=[], branch="") for n in range(5)]
    names = ["refs/heads/x", "refs/remotes/origin/y", "refs/pull/7/head", "refs/tags/t"]
    for name, commit in zip(names, made, strict=False):
        repository.ref(name, commit)
    repository.write("refs/remotes/origin/HEAD", b"ref: refs/remotes/origin/y\n")
    repository.head(made[4])
    source = opened(repository)
    assert {commit.id for commit in source.history.commits} == set(made)
    assert source.history.heads[0] == ("HEAD", made[4])
    assert dict(source.history.heads)["refs/remotes/origin/HEAD"] == made[1]
    assert source.state().head == made[4]
    assert codes(source) == []


def test_tags_come_by_the_time_of_their_commit_then_by_name(repository: Repository, opened: Opener) -> None:
    old = repository.commit({"a": b"1"})
    new = repository.commit({"a": b"2"})
    repository.tag("a-new", new)
    repository.tag("z-old", old)
    inner = repository.tag("m-new", new, annotated=True)
    repository.tag("over-a-tag", inner, annotated=True, kind="tag")
    told = [("z-old", old, False), ("a-new", new, False), ("m-new", new, True), ("over-a-tag", new, True)]
    assert [(tag.name, tag.commit, tag.annotated) for tag in opened(repository).history.tags] == told
    repository.pack()
    repository.pack_refs()
    assert [(tag.name, tag.commit, tag.annotated) for tag in opened(repository).history.tags] == told


def test_a_reference_to_no_commit_is_told_and_the_rest_is_read(repository: Repository, opened: Opener) -> None:
    commit = repository.commit({"a": b"1"})
    blob, tree = repository.put("blob", b"1"), repository.tree([])
    repository.tag("to-a-blob", blob)
    repository.tag("to-a-tree", tree, annotated=True, kind="tree")
    repository.tag("to-nothing", "ab" * 20)
    repository.write("refs/tags/empty", b"")
    repository.write("refs/heads/loop", b"ref: refs/heads/loop\n")
    at = commit
    for n in range(20):
        at = repository.tag(f"chain{n:02}", at, annotated=True, kind="tag")
    source = opened(repository)
    assert [commit.id for commit in source.history.commits] == [commit]
    told = {(trouble.code, trouble.where) for trouble in source.history.troubles}
    assert {
        ("ref-no-commit", "refs/tags/to-a-blob"),
        ("ref-no-commit", "refs/tags/to-a-tree"),
        ("ref-absent", "refs/tags/to-nothing"),
        ("bad-ref", "refs/tags/empty"),
        ("ref-absent", "refs/heads/loop"),
        ("ref-no-commit", "refs/tags/chain19"),
    } <= told
    assert [tag.name for tag in source.history.tags] == [f"chain{n:02}" for n in range(9)]


def test_an_empty_repository_has_no_history_and_says_that_head_leads_nowhere(
    repository: Repository, opened: Opener
) -> None:
    source = opened(repository)
    assert (source.history.commits, source.history.tags, source.history.heads) == ([], [], [])
    assert codes(source) == ["ref-absent"]
    assert source.state().head is None


@pytest.mark.parametrize(
    ("message", "headers", "shown"),
    [
        ("τ v2p5\n\nbody\tx\r\n".encode(), b"", "τ v2p5\n\nbody\tx\n"),
        ("Müller".encode("latin-1"), b"encoding ISO-8859-1\n", "Müller"),
        ("Müller".encode("latin-1"), b"", "M\ufffdller"),
        ("Müller".encode(), b"encoding no-such-code\n", "Müller"),
        (b"a\\ud800", b"encoding unicode_escape\n", "a\\ud800"),
        (b"QQ==", b"encoding base64\n", "QQ=="),
        (b"\x1b[31mred\x07 \x00 \x7f \xc2\x9b", b"", "\ufffd[31mred\ufffd \ufffd \ufffd \ufffd"),
    ],
)
def test_a_message_is_text_without_what_a_terminal_obeys(
    repository: Repository, opened: Opener, message: bytes, headers: bytes, shown: str
) -> None:
    repository.commit({"a": b"1"}, message, headers=headers)
    assert opened(repository).history.commits[0].message == shown


def test_a_message_without_end_is_cut_and_told(repository: Repository, opened: Opener) -> None:
    commit = repository.commit({"a": b"1"}, "x" * 100_000)
    source = opened(repository)
    assert source.history.commits[0].message == "x" * 65536
    assert [(trouble.code, trouble.where) for trouble in source.history.troubles] == [("message-cut", commit)]


@pytest.mark.parametrize("seconds", [-1, 253_402_300_800, 10**18])
def test_a_date_that_cannot_be_is_unknown(repository: Repository, opened: Opener, seconds: int) -> None:
    repository.commit({"a": b"1"}, time=seconds)
    last = repository.commit({"a": b"2"}, time=0)
    source = opened(repository)
    dates = {commit.id: commit.committed for commit in source.history.commits}
    assert dates.pop(last) == "1970-01-01T00:00:00Z"
    assert list(dates.values()) == [None]
    assert codes(source) == ["bad-time"]


@pytest.mark.parametrize(
    ("who", "author"),
    [
        (b"Ada \x1b[1m <a\x00@x>", Author("Ada \ufffd[1m", "a\ufffd@x")),
        (b"<>", Author("", "")),
        (b"no brackets", None),
        (b"A <a> <b>", Author("A", "a")),
    ],
)
def test_an_author_may_be_written_in_any_way(
    repository: Repository, opened: Opener, who: bytes, author: Author | None
) -> None:
    repository.commit({"a": b"1"}, author=who)
    assert opened(repository).history.commits[0].author == author


def test_changes_tell_files_links_and_folders_that_take_each_others_place(
    repository: Repository, opened: Opener
) -> None:
    first = repository.commit({"a": b"1", "b/c": b"2", "l": b"a", "same/x": b"x"})
    second = repository.commit({"a/d": b"1", "b": b"2", "l": Link("a"), "same/x": b"x"})
    found = {change.path: (change.old, change.new) for change in opened(repository).history.changes(first, second)}
    one, two, text = (Blob(f"git-sha1:{repository.put('blob', data)}") for data in (b"1", b"2", b"a"))
    assert found == {
        "a": (one, None),
        "a/d": (None, one),
        "b": (None, two),
        "b/c": (two, None),
        "l": (text, Blob(text.digest, link=True)),
    }


def test_a_file_that_became_a_program_has_not_changed(repository: Repository, opened: Opener) -> None:
    blob = repository.put("blob", b"#!")
    first = repository.commit({}, tree=repository.tree([(FILE, b"run", blob)]))
    second = repository.commit({}, tree=repository.tree([(PROGRAM, b"run", blob)]))
    assert opened(repository).history.changes(first, second) == []


def test_a_submodule_is_left_out_and_told_once(repository: Repository, opened: Opener) -> None:
    first = repository.commit({"a": b"1", "deps/x": Submodule("1" * 40)})
    second = repository.commit({"a": b"1", "deps/x": Submodule("2" * 40)})
    source = opened(repository)
    assert list(tree_at(source.history, first)) == ["a"]
    assert source.history.changes(first, second) == []
    assert [(trouble.code, trouble.where) for trouble in source.history.troubles] == [("submodule", "deps/x")]


def test_names_that_climb_or_are_no_text_are_escaped_and_touch_nothing(
    repository: Repository, opened: Opener, tmp_path: Path
) -> None:
    blob = repository.put("blob", b"evil")
    inner = repository.tree([(FILE, b"passwd", blob)])
    names = [b"..", b".", b".git", b"", b"a/../../b", b"\x1b[2J", b"\xff\xfe", b"50%"]
    commit = repository.commit({}, tree=repository.tree([(FOLDER, name, inner) for name in names]))
    before = sorted(tmp_path.rglob("*"))
    found = tree_at(opened(repository).history, commit)
    shown = ["..", ".", ".git", "", "a/../../b", "\x1b[2J", "%FF%FE", "50%25"]
    assert sorted(found) == sorted(f"{name}/passwd" for name in shown)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_name_that_stands_twice_is_told_and_the_first_taken(repository: Repository, opened: Opener) -> None:
    one, two = repository.put("blob", b"1"), repository.put("blob", b"2")
    commit = repository.commit({}, tree=repository.tree([(FILE, b"a", one), (FILE, b"a", two)]))
    source = opened(repository)
    assert tree_at(source.history, commit) == {"a": Blob(f"git-sha1:{one}")}
    assert codes(source) == ["tree-duplicate"]


def test_an_entry_of_no_known_kind_is_told(repository: Repository, opened: Opener) -> None:
    blob = repository.put("blob", b"1")
    entries = [(0o020000, b"device", blob), (0o100664, b"old", blob), (0o7777777, b"big", blob)]
    commit = repository.commit({}, tree=repository.tree(entries))
    source = opened(repository)
    assert list(tree_at(source.history, commit)) == ["old"]
    assert codes(source) == ["tree-mode", "tree-mode"]


def test_folders_of_any_depth_do_not_overflow(tmp_path: Path, opened: Opener) -> None:
    repository = Repository(tmp_path / "deep.git", packed=True)
    tree = repository.tree([(FILE, b"f", repository.put("blob", b"deep"))])
    for _ in range(10_000):
        tree = repository.tree([(FOLDER, b"d", tree)])
    commit = repository.commit({}, tree=tree)
    repository.pack()
    (path,) = tree_at(opened(repository).history, commit)
    assert path == "d/" * 10_000 + "f"


def test_folders_that_hold_one_another_a_thousandfold_are_refused_in_time(
    repository: Repository, opened: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(git_trees, "MAX_CHANGES", 10_000)
    tree = repository.tree([(FILE, b"%d" % n, repository.put("blob", b"bomb")) for n in range(10)])
    for _ in range(10):
        tree = repository.tree([(FOLDER, b"%d" % n, tree) for n in range(10)])
    commit = repository.commit({}, tree=tree)
    history = opened(repository).history
    with pytest.raises(InvalidError) as caught:
        history.changes(None, commit)
    assert caught.value.code == "source-too-large"


names = st.sampled_from(["a", "b", "é"])
file_paths = st.lists(names, min_size=1, max_size=3).map("/".join)
contents = st.one_of(st.binary(max_size=300), st.sampled_from([Link("a"), Link("../b")]))
states = st.lists(st.dictionaries(file_paths, contents, max_size=6), min_size=1, max_size=6)


def flat(files: dict[str, Content]) -> dict[str, Content]:
    """Leave out files under whose name there is a folder too."""
    folders = {path.rsplit("/", count)[0] for path in files for count in range(1, path.count("/") + 1)}
    return {path: content for path, content in files.items() if path not in folders}


@settings(max_examples=40)
@given(states=states, how=st.sampled_from(["loose", "packed", "deltas", "bundle"]))
def test_replayed_changes_give_every_state_again(
    tmp_path_factory: pytest.TempPathFactory, states: list[dict[str, Content]], how: str
) -> None:
    folder = tmp_path_factory.mktemp("replay")
    repository = Repository(folder / "r.git")
    wanted = [flat(files) for files in states]
    made = [repository.commit(files) for files in wanted]
    place = repository.bundle(folder / "r.bundle") if how == "bundle" else repository.folder
    if how in {"packed", "deltas"}:
        repository.pack(deltas=how == "deltas")
    source = Git().open(str(place))
    assert isinstance(source, GitSource)
    tree: dict[str, Blob] = {}
    before = None
    for commit, files in zip(made, wanted, strict=True):
        for change in source.history.changes(before, commit):
            assert change == Change(change.path, tree.pop(change.path, None), change.new)
            if change.new is not None:
                tree[change.path] = change.new
        read = {}
        for path, blob in tree.items():
            with source.open(blob.digest) as stream:
                data = stream.read()
            assert source.history.size(blob.digest) == len(data)
            read[path] = Link(data.decode()) if blob.link else data
        assert read == files
        before = commit
    source.close()
