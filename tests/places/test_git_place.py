"""Whether a commit can still be had: asked of real git, with nothing run that a repository names."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from herdbook.kernel.errors import InvalidError
from herdbook.plugins.places import git
from herdbook.ports.places import Places


def _git(folder: Path, *words: str) -> str:
    who = {"GIT_AUTHOR_NAME": "A", "GIT_AUTHOR_EMAIL": "a@example.org", "GIT_CONFIG_GLOBAL": os.devnull}
    who |= {"GIT_COMMITTER_NAME": "A", "GIT_COMMITTER_EMAIL": "a@example.org"}
    done = subprocess.run(["git", "-C", folder, *words], env={**os.environ, **who}, capture_output=True, check=True)
    return done.stdout.decode().strip()


@pytest.fixture
def remote(tmp_path: Path) -> Path:
    """Give a bare repository with three commits, of which the last is at a branch."""
    work, bare = tmp_path / "tree", tmp_path / "remote.git"
    work.mkdir()
    _git(work, "init", "-q", "-b", "main")
    for number in range(3):
        (work / "train.py").write_text(f"print({number})\n")
        _git(work, "add", ".")
        _git(work, "commit", "-q", "-m", str(number))
    _git(tmp_path, "clone", "-q", "--bare", str(work), str(bare))
    return bare


def _uri(remote: Path, commit: str) -> str:
    return f"git+{remote.as_uri()}@{commit}"


@pytest.mark.parametrize("which", ["main", "main~2"])
def test_a_commit_at_a_branch_and_one_behind_it_exist(remote: Path, places: Places, which: str) -> None:
    uri = _uri(remote, _git(remote, "rev-parse", which))
    assert places(uri).look(uri).state == "exists"


@pytest.mark.parametrize("version", ["0", "2"])
def test_a_commit_that_was_never_pushed_is_gone_whatever_the_server_tells(
    remote: Path, places: Places, version: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(git._SETTINGS, "protocol.version", version)
    behind = _uri(remote, _git(remote, "rev-parse", "main~2"))
    assert places(behind).look(behind).state == "exists"
    found = places("git+file:").look(_uri(remote, "1" * 40))
    assert (found.state, bool(found.detail)) == ("gone", True)


def test_a_commit_that_is_no_longer_reached_and_was_swept_is_gone(remote: Path, places: Places) -> None:
    lost = _git(remote, "rev-parse", "main")
    _git(remote, "update-ref", "refs/heads/main", "main~1")
    _git(remote, "gc", "-q", "--prune=now")
    assert places("git+file:").look(_uri(remote, lost)).state == "gone"


def test_a_repository_that_is_away_is_gone_and_an_unmounted_one_unknown(tmp_path: Path, places: Places) -> None:
    assert places("git+file:").look(_uri(tmp_path / "never.git", "1" * 40)).state == "gone"
    assert places("git+file:").look(f"git+file:///not-mounted-here/x.git@{'1' * 40}").state == "unknown"


def test_a_server_that_does_not_answer_leaves_it_unknown(places: Places) -> None:
    found = places("git+https:").look(f"git+https://127.0.0.1:1/x.git@{'1' * 40}")
    assert (found.state, "cannot be asked" in found.detail) == ("unknown", True)


def test_neither_hooks_nor_settings_of_the_environment_are_run(
    remote: Path, places: Places, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mark, hooks = tmp_path / "ran", tmp_path / "hooks"
    hooks.mkdir()
    for name in ("post-checkout", "reference-transaction", "post-index-change"):
        (hooks / name).write_text(f"#!/bin/sh\ntouch {mark}\n")
        (hooks / name).chmod(0o755)
    home = tmp_path / "templates"
    home.mkdir()
    (home / "hooks").symlink_to(hooks)
    monkeypatch.setenv("GIT_TEMPLATE_DIR", str(home))
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    uri = _uri(remote, _git(remote, "--git-dir", str(remote), "rev-parse", "main~1"))
    assert places(uri).look(uri).state == "exists"
    assert not mark.exists()
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize(
    "uri",
    [
        "git+https://example.org/x.git",
        "git+https://example.org/x.git@main",
        "git+https://me:secret@example.org/x.git@" + "1" * 40,
        "git+https://-oProxyCommand=x/y@" + "1" * 40,
        "git+ext::sh -c x@" + "1" * 40,
        "git+file://--upload-pack=x@" + "1" * 40,
    ],
)
def test_what_is_no_address_of_a_commit_is_refused(places: Places, uri: str) -> None:
    with pytest.raises(InvalidError) as caught:
        places("git+https:").look(uri)
    assert caught.value.code == "bad-uri"
    assert "secret" not in str(caught.value)


def test_other_protocols_than_the_written_one_are_not_spoken(
    places: Places, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "gitconfig").write_text(f'[url "ext::touch {tmp_path}/ran "]\n\tinsteadOf = https://example.org/\n')
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "gitconfig").rename(tmp_path / ".gitconfig")
    found = places("git+https:").look(f"git+https://example.org/x.git@{'1' * 40}")
    assert found.state == "unknown"
    assert not (tmp_path / "ran").exists()


def test_a_commit_has_no_listing(remote: Path, places: Places) -> None:
    with pytest.raises(InvalidError) as caught:
        places("git+file:").listing(_uri(remote, "1" * 40))
    assert caught.value.code == "no-listing"
