"""Reading what a folder is runs nothing that the folder names, asks nobody anything, and leaves the tree alone."""

from __future__ import annotations

import os
import stat
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.capture.surroundings.trees import cloned, commit, git, tree

from herdbook.capture import git as reader
from herdbook.capture.git_remotes import as_url, without_credentials

Trap = Callable[[str], str]


@pytest.fixture
def marks(tmp_path: Path) -> Path:
    folder = tmp_path / "marks"
    folder.mkdir()
    return folder


@pytest.fixture
def trap(tmp_path: Path, marks: Path) -> Trap:
    """Return a maker of programs that leave a mark when they are run."""

    def make(name: str) -> str:
        program = tmp_path / f"trap-{name}"
        program.write_text(f"#!/bin/sh\ntouch {marks}/{name}\ncat\n")
        program.chmod(0o755)
        return str(program)

    return make


def _sprung(marks: Path) -> list[str]:
    return sorted(path.name for path in marks.iterdir())


@pytest.mark.parametrize("ask", [False, True])
def test_no_program_that_the_repository_names_is_run(tmp_path: Path, trap: Trap, marks: Path, *, ask: bool) -> None:
    origin = tree(tmp_path / "origin")
    here = cloned(origin, tmp_path / "here")
    (here / ".gitattributes").write_text("*.py filter=evil diff=evil\n*.txt filter=odd=name\n")
    (here / "a.txt").write_text("a\n")
    commit(here)
    for name in (
        *("core.fsmonitor", "core.sshCommand", "core.gitProxy", "core.pager", "core.askPass", "core.editor"),
        *("diff.external", "diff.evil.command", "diff.evil.textconv", "credential.helper", "gpg.program"),
        *("filter.evil.clean", "filter.evil.smudge", "filter.evil.process", "filter.odd=name.clean"),
        *("remote.origin.uploadpack", "alias.diff", "core.alternateRefsCommand", "diff.orderFile"),
    ):
        git(here, "config", name, trap(name.replace("=", "-")))
    git(here, "config", "remote.origin.vcs", "evil")
    hooks = here / ".git/hooks"
    hooks.mkdir(exist_ok=True)
    for name in ("post-index-change", "fsmonitor-watchman", "reference-transaction"):
        (hooks / name).write_text(f"#!/bin/sh\ntouch {marks}/{name}\n")
        (hooks / name).chmod(0o755)
    (here / "train.py").write_text("print(2)\n")
    (here / "a.txt").write_text("b\n")
    state = reader.read(here, ask_remote=ask)
    assert _sprung(marks) == []
    assert state.code.dirty is True
    subprocess.run(["git", "diff"], cwd=here, check=False, capture_output=True)
    assert {"core.fsmonitor", "filter.evil.process"} <= set(_sprung(marks)), "the traps work"


def test_no_program_of_a_persons_settings_or_variables_is_run(
    tmp_path: Path, trap: Trap, marks: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = tree(tmp_path / "here")
    (here / "train.py").write_text("print(2)\n")
    core = f"[core]\n\tfsmonitor = {trap('fsmonitor')}\n\tpager = {trap('pager')}\n"
    Path(os.environ["HOME"], ".gitconfig").write_text(f"{core}[diff]\n\texternal = {trap('external')}\n")
    for name in ("GIT_EXTERNAL_DIFF", "GIT_SSH_COMMAND", "GIT_PAGER", "GIT_ASKPASS", "GIT_PROXY_COMMAND"):
        monkeypatch.setenv(name, trap(name))
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("GIT_TRACE", str(marks / "trace"))
    assert reader.read(here).diff is not None
    assert _sprung(marks) == []


def test_a_partial_clone_fetches_nothing(tmp_path: Path, trap: Trap, marks: Path) -> None:
    origin = tree(tmp_path / "origin", train__py="a\n")
    git(origin, "config", "uploadpack.allowFilter", "true")
    here = cloned(origin, tmp_path / "here", "--filter=blob:none")
    (origin / "train.py").write_text("b\n")
    commit(origin)
    git(here, "fetch", "-q")
    git(here, "config", "remote.origin.uploadpack", trap("uploadpack"))
    git(here, "update-ref", "HEAD", "refs/remotes/origin/main")  # its blob is not here
    state = reader.read(here)
    assert _sprung(marks) == []
    assert state.code.dirty is not False


def test_a_worktree_setting_that_points_at_the_whole_machine_is_not_believed(tmp_path: Path) -> None:
    here = tree(tmp_path / "a" / "here")
    (tmp_path / "a" / "private").write_text("p")
    git(here, "config", "core.worktree", str(tmp_path / "a"))
    assert reader.read(here).code.problems == ("no-git",)


def test_links_are_told_and_never_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("secret")
    here = tree(tmp_path / "here")
    (here / "link").symlink_to(outside)
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/f").write_text("x")
    (here / "folder").symlink_to(tmp_path / "folder")
    state = reader.read(here)
    assert state.code.untracked is None
    assert {"untracked-link:folder", "untracked-link:link"} <= set(state.code.problems or ())
    assert state.untracked == ()


def test_a_tracked_folder_replaced_by_a_link_gives_no_bytes_from_outside(tmp_path: Path) -> None:
    here = tree(tmp_path / "here")
    (here / "lib").mkdir()
    (here / "lib/a.py").write_text("a\n")
    commit(here)
    git(here, "update-index", "--assume-unchanged", "lib/a.py")
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "a.py").write_text("private words\n")
    (here / "lib/a.py").unlink()
    (here / "lib").rmdir()
    (here / "lib").symlink_to(outside)
    state = reader.read(here)
    assert b"private words" not in (state.diff or b"")
    assert state.untracked == ()


def test_pipes_and_sockets_do_not_hold_the_reader_up(tmp_path: Path) -> None:
    here = tree(tmp_path)
    (here / "was").write_text("x")
    commit(here)
    (here / "was").unlink()
    os.mkfifo(here / "was")
    os.mkfifo(here / "pipe")
    assert stat.S_ISFIFO((here / "pipe").stat().st_mode)
    start = time.monotonic()
    assert reader.read(here).code.commit is not None
    assert time.monotonic() - start < 10


def test_reading_leaves_the_index_as_it_is(tmp_path: Path) -> None:
    here = tree(tmp_path)
    os.utime(here / "train.py", (1, 1))
    before = (here / ".git/index").read_bytes()
    assert reader.read(here).code.dirty is False
    assert (here / ".git/index").read_bytes() == before


def test_a_git_that_cannot_be_kept_from_running_programs_is_not_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = tree(tmp_path / "here")
    old = tmp_path / "bin"
    old.mkdir()
    (old / "git").write_text('#!/bin/sh\n[ "$1" = version ] && echo git version 2.30.9 || touch "$0.asked"\n')
    (old / "git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{old}:{os.environ['PATH']}")
    assert reader.read(here).code.problems == ("git-old",)
    assert not (old / "git.asked").exists()


def test_a_git_that_hangs_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = tree(tmp_path / "here")
    slow = tmp_path / "bin"
    slow.mkdir()
    (slow / "git").write_text("#!/bin/sh\nsleep 60\n")
    (slow / "git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{slow}:{os.environ['PATH']}")
    start = time.monotonic()
    assert reader.read(here, timeout_s=0.3).code.commit is None
    assert time.monotonic() - start < 20


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("https://u:p@h.org/a.git", "https://h.org/a.git"),
        ("https://token@h.org:8443/a", "https://h.org:8443/a"),
        ("ssh://git:pw@h.org:7999/a/b.git", "ssh://git@h.org:7999/a/b.git"),
        ("git@h.org:a/b.git", "git@h.org:a/b.git"),
        ("/eos/x/repo.git", "/eos/x/repo.git"),
        ("file:///x/repo.git", "file:///x/repo.git"),
        ("https://u:p/w@h.org/a", None),
        ("ext::sh -c evil", None),
        ("codecommit::eu-west-1://me@repo", None),
        ("https://h.org/a\nb", None),
        ("", None),
    ],
)
def test_addresses_of_remotes_as_they_are_recorded(address: str, told: str | None) -> None:
    assert without_credentials(address, Path("/top")) == told


def test_an_address_of_ssh_becomes_a_url() -> None:
    assert as_url("git@github.com:a/b.git") == "ssh://git@github.com/a/b.git"
    assert as_url("/eos/x y") == "file:///eos/x%20y"


@given(
    user=st.text("uvw_-", min_size=6, max_size=20), password=st.text("XYZ019.~!$&'()*+,;=%:@", min_size=8, max_size=30)
)
def test_no_password_survives_in_an_address(user: str, password: str) -> None:
    for scheme in ("https", "http", "ssh", "git", "ftp"):
        told = without_credentials(f"{scheme}://{user}:{password}@host.org/path.git", Path("/")) or ""
        assert password not in told
        assert scheme == "ssh" or user not in told


@given(st.text(max_size=60))
def test_any_address_is_read_without_an_error(address: str) -> None:
    told = without_credentials(address, Path("/top"))
    if told is not None and "://" in told:
        assert as_url(told) == told
