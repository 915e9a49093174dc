"""A record says which commit a training ran from, whether it can be had again, and what was different in the tree."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

import pytest
from tests.capture.surroundings.trees import cloned, commit, git, tree

from herdbook.capture import git as reader
from herdbook.kernel import digests, times
from herdbook.model.activities import Code


def problems(state: reader.GitState) -> set[str]:
    return set(state.code.problems or ())


def test_a_clean_clone_says_commit_remote_branch_and_since_when_the_remote_has_it(tmp_path: Path) -> None:
    origin = tree(tmp_path / "origin")
    here = cloned(origin, tmp_path / "here")
    (here / "sub").mkdir()
    state = reader.read(here / "sub")
    head = git(here, "rev-parse", "HEAD")
    assert state.code == Code(
        repository=origin.as_uri(), commit=head, branch="main", path="sub", swhid=f"swh:1:rev:{head}", dirty=False
    )
    assert state.diff is None
    assert state.untracked == ()
    assert state.location is not None
    assert (state.location.uri, state.location.state) == (f"git+{origin.as_uri()}@{head}", "exists")
    assert state.location.asked is not None
    assert times.read(state.location.asked) <= times.read(times.now())


def test_a_folder_that_is_in_no_repository_is_said_to_be_in_none(tmp_path: Path) -> None:
    state = reader.read(tmp_path)
    assert state.code == Code(problems=("no-git",))
    assert state.top is None


def test_without_the_git_command_nothing_is_guessed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path / "nowhere"))
    assert problems(reader.read(tmp_path)) == {"no-git-command"}


def test_a_folder_that_is_gone_is_no_repository(tmp_path: Path) -> None:
    assert problems(reader.read(tmp_path / "gone")) == {"no-git"}


def test_a_repository_without_a_commit_lists_what_would_be_in_it(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    (tmp_path / "added.py").write_text("a")
    git(tmp_path, "add", "added.py")
    (tmp_path / "loose.py").write_text("bb")
    state = reader.read(tmp_path)
    assert state.code.commit is None
    assert "no-commit" in problems(state)
    assert [(item["path"], item["size"]) for item in state.code.untracked or ()] == [("added.py", 1), ("loose.py", 2)]


def test_a_repository_of_sha256_is_read_like_any_other(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "--object-format=sha256")
    (tmp_path / "train.py").write_text("1")
    head = commit(tmp_path)
    git(tmp_path, "update-index", "--assume-unchanged", "train.py")
    state = reader.read(tmp_path)
    assert (state.code.commit, state.code.dirty, state.code.swhid) == (head, False, None)


def test_a_bare_repository_is_no_working_tree(tmp_path: Path) -> None:
    cloned(tree(tmp_path / "origin"), tmp_path / "bare.git", "--bare")
    assert problems(reader.read(tmp_path / "bare.git")) == {"no-git"}


def test_a_detached_head_and_a_missing_remote_are_told(tmp_path: Path) -> None:
    here = tree(tmp_path)
    git(here, "checkout", "-q", "--detach")
    state = reader.read(here)
    assert state.code.branch is None
    assert problems(state) == {"detached-head", "no-remote"}
    assert state.location is None


def test_a_commit_that_was_not_pushed_has_no_place_yet_and_gets_one_by_a_push(tmp_path: Path) -> None:
    origin = cloned(tree(tmp_path / "first"), tmp_path / "origin.git", "--bare")
    here = cloned(origin, tmp_path / "here")
    (here / "train.py").write_text("print(2)\n")
    head = commit(here)
    before = reader.read(here)
    assert "unpushed" in problems(before)
    assert before.location is not None
    assert (before.location.state, before.location.asked) == ("unknown", None)
    git(here, "push", "-q")
    after = reader.read(here)
    assert problems(after) == set()
    assert after.location is not None
    assert (after.location.state, after.code.commit) == ("exists", head)


def test_the_remote_is_asked_only_when_wanted_and_its_answer_is_dated(tmp_path: Path) -> None:
    origin = cloned(tree(tmp_path / "first"), tmp_path / "origin.git", "--bare")
    here = cloned(origin, tmp_path / "here")
    older = git(here, "rev-parse", "HEAD")
    (here / "train.py").write_text("print(2)\n")
    commit(here)
    git(here, "push", "-q")
    git(here, "checkout", "-q", older)
    asked = reader.read(here, ask_remote=True)  # older than the tip: known by the history that is here
    assert asked.location is not None
    assert asked.location.state == "exists"
    shutil.rmtree(origin)
    assert (told := reader.read(here).location) is not None
    assert told.state == "exists", "as of the last fetch"
    gone = reader.read(here, ask_remote=True)
    assert gone.location is not None
    assert (gone.location.state, bool(gone.location.asked)) == ("unknown", True)
    assert "did not answer" in (gone.location.detail or "")


def test_a_shallow_clone_is_told_and_still_known_at_its_remote(tmp_path: Path) -> None:
    origin = tree(tmp_path / "origin")
    (origin / "b").write_text("b")
    commit(origin)
    state = reader.read(cloned(origin, tmp_path / "here", "--depth=1"))
    assert problems(state) == {"shallow"}
    assert state.location is not None
    assert state.location.state == "exists"


def test_a_worktree_is_read_like_the_tree_that_it_belongs_to(tmp_path: Path) -> None:
    origin = tree(tmp_path / "origin")
    here = cloned(origin, tmp_path / "here")
    git(here, "worktree", "add", "-q", "-b", "other", str(tmp_path / "beside"))
    state = reader.read(tmp_path / "beside")
    assert (state.code.branch, state.code.repository) == ("other", origin.as_uri())
    assert state.location is not None
    assert state.location.state == "exists"


def test_a_remote_given_as_a_relative_path_is_written_in_full(tmp_path: Path) -> None:
    here = tree(tmp_path / "here")
    git(here, "remote", "add", "origin", "../bare.git")
    assert reader.read(here).code.repository == str(tmp_path / "bare.git")


def test_a_password_in_the_remote_reaches_no_record(tmp_path: Path) -> None:
    here = tree(tmp_path / "here")
    git(here, "remote", "add", "origin", "https://me:glpat-abc@gitlab.example.org/a/b.git?private_token=xyz")
    state = reader.read(here)
    assert state.code.repository == "https://gitlab.example.org/a/b.git"
    assert "glpat" not in state.code.model_dump_json() + str(state.location)
    assert "xyz" not in str(state.location)


def test_a_short_name_for_a_remote_is_written_out_as_git_would(tmp_path: Path) -> None:
    here = tree(tmp_path / "here")
    git(here, "remote", "add", "origin", "gh:a/b")
    Path(os.environ["HOME"], ".gitconfig").write_text('[url "ssh://git@github.example.org/"]\n\tinsteadOf = gh:\n')
    assert reader.read(here).code.repository == "ssh://git@github.example.org/a/b"


def test_the_remote_that_holds_the_commit_is_named_before_one_that_does_not(tmp_path: Path) -> None:
    upstream = tree(tmp_path / "upstream")
    here = cloned(upstream, tmp_path / "here")
    fork = cloned(upstream, tmp_path / "fork.git", "--bare")
    (here / "train.py").write_text("print(3)\n")
    commit(here)
    git(here, "remote", "add", "fork", fork.as_uri())
    git(here, "push", "-q", "fork", "main")
    state = reader.read(here)
    assert state.code.repository == fork.as_uri()
    assert problems(state) == set()


def test_a_changed_tree_gives_a_diff_that_makes_it_again_from_the_commit(tmp_path: Path) -> None:
    here = tree(tmp_path / "here", train__py="one\ntwo\n", gone="x", data="y")
    (here / "train.py").write_text("one\nthree\n")
    (here / "gone").unlink()
    (here / "data").write_bytes(bytes(range(256)) * 20)
    (here / "staged").write_text("new\n")
    git(here, "add", "staged")
    (here / "loose.txt").write_text("loose")
    state = reader.read(here)
    assert state.code.dirty is True
    assert state.diff is not None
    again = cloned(here, tmp_path / "again")
    (tmp_path / "diff").write_bytes(state.diff)
    git(again, "apply", str(tmp_path / "diff"))
    for name in ("train.py", "data", "staged"):
        assert (again / name).read_bytes() == (here / name).read_bytes()
    assert not (again / "gone").exists()
    assert state.untracked == (here / "loose.txt",)
    assert list(state.code.untracked or ()) == [{"path": "loose.txt", "size": 5, "sha256": digests.of(b"loose")}]


def test_the_diff_stands_in_the_record_only_when_it_was_kept(tmp_path: Path) -> None:
    here = tree(tmp_path)
    (here / "train.py").write_text("print(2)\n")
    state = reader.read(here)
    assert state.diff is not None
    assert state.told(with_diff=True).diff == digests.of(state.diff)
    withheld = state.told(with_diff=False)
    assert withheld.diff is None
    assert "diff-withheld" in (withheld.problems or ())


def test_equal_changes_give_equal_diffs_whatever_a_person_set_for_diffs(tmp_path: Path) -> None:
    here = tree(tmp_path, train__py="a\nb\nc\n")
    (here / "train.py").write_text("a\nB\nc\n")
    plain = reader.read(here).diff
    settings = ("noprefix=true", "context=9", "algorithm=patience", "mnemonicPrefix=true", "color.ui=always")
    for setting in settings:
        name, value = setting.split("=")
        git(here, "config", name if "." in name else f"diff.{name}", value)
    assert reader.read(here).diff == plain


def test_a_diff_beyond_the_limit_is_not_kept_and_that_is_told(tmp_path: Path) -> None:
    here = tree(tmp_path, big="x\n")
    (here / "big").write_text("".join(f"{number}\n" for number in range(1_000_000)))
    state = reader.read(here, diff_limit=100_000)
    assert state.diff is None
    assert state.code.dirty is True
    assert "diff-too-large" in problems(state)


def test_untracked_files_are_hashed_smallest_first_as_far_as_the_limit_goes(tmp_path: Path) -> None:
    here = tree(tmp_path)
    (here / "small").write_bytes(b"s" * 10)
    (here / "large").write_bytes(b"l" * 1000)
    state = reader.read(here, untracked_limit=500)
    told = {item["path"]: item for item in state.code.untracked or ()}
    assert told["small"]["sha256"] == digests.of(b"s" * 10)
    assert told["large"] == {"path": "large", "size": 1000}
    assert "untracked-unread" in problems(state)
    assert state.untracked == (here / "small",)


def test_ignored_files_are_not_listed_even_when_a_person_ignores_them_everywhere(tmp_path: Path) -> None:
    here = tree(tmp_path / "here")
    (here / ".gitignore").write_text("*.o\n")
    commit(here)
    everywhere = tmp_path / "everywhere"
    everywhere.write_text("*.swp\n")
    Path(os.environ["HOME"], ".gitconfig").write_text(f"[core]\n\texcludesFile = {everywhere}\n")
    for name in ("a.o", "b.swp", "c.py"):
        (here / name).write_text("")
    assert [item["path"] for item in reader.read(here).code.untracked or ()] == ["c.py"]


def test_names_that_are_not_utf8_are_escaped_and_their_bytes_found(tmp_path: Path) -> None:
    here = tree(tmp_path)
    Path(os.fsdecode(os.fsencode(here) + b"/caf\xe9")).write_text("x")
    Path(here / "line\nend").write_text("y")
    state = reader.read(here)
    told = {item["path"]: item.get("sha256") for item in state.code.untracked or ()}
    assert told == {"caf%E9": digests.of(b"x"), "line\nend": digests.of(b"y")}
    assert {os.fsencode(path.name) for path in state.untracked} == {b"caf\xe9", b"line\nend"}
    Code.read_json(state.code.model_dump_json(exclude_none=True))


def test_a_changed_file_whose_name_is_not_utf8_is_in_the_diff(tmp_path: Path) -> None:
    here = tree(tmp_path)
    odd = Path(os.fsdecode(os.fsencode(here) + b"/caf\xe9"))
    odd.write_text("x\n")
    commit(here)
    odd.write_text("y\n")
    assert b"+y\n" in (reader.read(here).diff or b"")


def test_an_edited_script_that_git_was_told_to_overlook_is_told(tmp_path: Path) -> None:
    here = tree(tmp_path)
    git(here, "update-index", "--assume-unchanged", "train.py")
    (here / "train.py").write_text("print('other')\n")
    state = reader.read(here)
    assert state.code.dirty is True
    assert "hidden-change:train.py" in problems(state)
    assert [item["sha256"] for item in state.code.untracked or ()] == [digests.of(b"print('other')\n")]


def test_a_file_that_git_overlooks_is_told_when_it_is_gone_but_not_in_a_sparse_checkout(tmp_path: Path) -> None:
    here = tree(tmp_path, a="1", b="2")
    git(here, "update-index", "--skip-worktree", "b")
    (here / "b").unlink()
    assert reader.read(here).code.dirty is False
    git(here, "update-index", "--assume-unchanged", "a")
    (here / "a").unlink()
    assert "hidden-change:a" in problems(reader.read(here))


def test_an_edit_that_keeps_size_and_time_is_seen(tmp_path: Path) -> None:
    here = tree(tmp_path)
    git(here, "config", "core.trustctime", "false")
    git(here, "config", "core.checkStat", "minimal")
    git(here, "status")
    script = here / "train.py"
    before = script.stat()
    script.write_text("print(2)\n")
    os.utime(script, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert reader.read(here).code.dirty is True


def _pointer(data: bytes) -> str:
    return (
        f"version https://git-lfs.github.com/spec/v1\noid sha256:{hashlib.sha256(data).hexdigest()}\nsize {len(data)}\n"
    )


def test_a_large_file_of_lfs_counts_as_changed_only_when_its_content_is(tmp_path: Path) -> None:
    here = tree(tmp_path, data__bin=_pointer(b"content"))
    (here / ".gitattributes").write_text("*.bin filter=lfs -text\n")
    commit(here)
    (here / "data.bin").write_bytes(b"content")
    assert reader.read(here).code.dirty is False
    (here / "data.bin").write_bytes(b"CONTENT")
    state = reader.read(here)
    assert state.code.dirty is True
    assert state.diff is None
    assert list(state.code.untracked or ()) == [
        {"path": "data.bin", "filter": "lfs", "size": 7, "sha256": digests.of(b"CONTENT")}
    ]


def test_what_stands_behind_another_filter_goes_into_no_diff_and_is_not_copied(tmp_path: Path) -> None:
    here = tree(tmp_path, secret__txt="encrypted\n")
    (here / ".gitattributes").write_text("secret.txt filter=git-crypt\n")
    commit(here)
    (here / "secret.txt").write_text("in clear\n")
    state = reader.read(here)
    assert state.diff is None
    assert state.untracked == ()
    assert "filtered:secret.txt" in problems(state)
