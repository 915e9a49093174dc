"""What may be opened as a git source, and what is refused with a way out."""

from __future__ import annotations

import os
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from herdbook.kernel.errors import InvalidError, MissingError
from herdbook.plugins.importers.git import Git, GitSource
from herdbook.testing.repositories import Repository

Opener = Callable[..., GitSource]


def refused(place: Path | str) -> InvalidError:
    with pytest.raises(InvalidError) as caught:
        Git().open(str(place))
    assert caught.value.hint
    return caught.value


def worktree(tmp_path: Path) -> tuple[Path, Path, str]:
    """Return a further work tree, the git directory it belongs to, and the commit it is at."""
    main = Repository(tmp_path / "main", bare=False)
    commit = main.commit({"a": b"1"})
    main.commit({"a": b"2"})
    folder = tmp_path / "further"
    folder.mkdir()
    private = main.folder / "worktrees" / "further"
    (folder / ".git").write_text(f"gitdir: {private}\n")
    main.write("worktrees/further/gitdir", f"{folder / '.git'}\n".encode())
    main.write("worktrees/further/commondir", b"../..\n")
    main.write("worktrees/further/HEAD", f"{commit}\n".encode())
    return folder, private, commit


def test_bare_directory_work_tree_and_bundle_tell_the_same(tmp_path: Path, opened: Opener) -> None:
    repository = Repository(tmp_path / "Tau-Files", bare=False)
    commit = repository.commit({"a": b"1"})
    repository.tag("V1", commit, annotated=True)
    (tmp_path / "bare.git").symlink_to(repository.folder)
    bundle = repository.bundle(tmp_path / "x.bundle")
    newer = repository.bundle(tmp_path / "y.bundle", version=3, capabilities=["object-format=sha1"])
    places = [tmp_path / "Tau-Files", repository.folder, tmp_path / "bare.git", bundle, newer]
    sources = [opened(place) for place in places]
    assert [source.name for source in sources] == ["Tau-Files", "Tau-Files", "bare", "x", "y"]
    assert len({source.state().state for source in sources}) == 1
    assert all([each.id for each in source.history.commits] == [commit] for source in sources)
    assert all(source.history.heads == [("refs/heads/master", commit)] for source in sources)


def test_the_name_is_the_users_when_one_is_given(repository: Repository, opened: Opener) -> None:
    assert opened(repository, "cms-data/Tau").state().name == "cms-data/Tau"
    assert opened(repository).state().name == "made"


def test_the_state_moves_with_any_reference_and_only_then(repository: Repository, opened: Opener) -> None:
    first = repository.commit({"a": b"1"})
    before = opened(repository).state()
    assert opened(repository).state() == before
    repository.tag("V1", first)
    tagged = opened(repository).state()
    repository.pack()
    repository.pack_refs()
    assert opened(repository).state() == tagged != before
    repository.head(first)
    assert opened(repository).state() != tagged


def test_a_further_work_tree_leads_to_its_repository(tmp_path: Path, opened: Opener) -> None:
    folder, private, commit = worktree(tmp_path)
    for place in (folder, private):
        source = opened(place)
        assert source.history.heads[0] == ("HEAD", commit)
        assert len(source.history.commits) == 2


def test_a_work_tree_that_points_at_a_foreign_repository_is_refused(tmp_path: Path) -> None:
    victim = Repository(tmp_path / "victim.git")
    victim.commit({"secret": b"1"})
    hostile = tmp_path / "hostile"
    hostile.mkdir()
    (hostile / ".git").write_text(f"gitdir: {victim.folder}\n")
    assert refused(hostile).code == "link-out"
    (hostile / ".git").unlink()
    (hostile / ".git").symlink_to(victim.folder)
    assert refused(hostile).code == "link-out"
    bare = tmp_path / "bare"
    bare.mkdir()
    (bare / "HEAD").write_text("ref: refs/heads/master\n")
    (bare / "commondir").write_text(f"{victim.folder}\n")
    assert refused(bare).code == "link-out"
    linked = Repository(tmp_path / "linked.git")
    (linked.folder / "objects").rename(tmp_path / "away")
    (linked.folder / "objects").symlink_to(victim.folder / "objects")
    assert refused(linked.folder).code == "link-out"


def test_what_is_no_repository_is_refused_and_told_what_it_may_be(tmp_path: Path) -> None:
    (tmp_path / "plain").mkdir()
    (tmp_path / "file").write_bytes(b"\0" * 600)
    with tarfile.open(tmp_path / "x.git.tar", "w") as archive:
        archive.add(tmp_path / "plain", "x.git")
    (tmp_path / "v9.bundle").write_bytes(b"# v9 git bundle\n")
    (tmp_path / "dangling").mkdir()
    (tmp_path / "dangling" / ".git").write_text("gitdir: nowhere\n")
    os.mkfifo(tmp_path / "pipe")
    hints = {name: refused(tmp_path / name) for name in ("plain", "file", "x.git.tar", "v9.bundle", "dangling", "pipe")}
    assert {error.code for error in hints.values()} == {"no-source"}
    assert "kind folder" in hints["plain"].hint
    assert "Unpack" in hints["x.git.tar"].hint


@pytest.mark.parametrize("place", ["", "nothing-here", "https://example.org/x.git", "git@example.org:x.git"])
def test_nothing_at_the_place_is_missing_and_nothing_is_fetched(place: str) -> None:
    with pytest.raises(MissingError) as caught:
        Git().open(place)
    assert ("git clone" in caught.value.hint) == ("example.org" in place)


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        (b"[extensions]\n\tobjectFormat = sha256\n", "sha256-repository"),
        (b'[extensions]\n\tOBJECTFORMAT="SHA256"\n', "sha256-repository"),
        (b"[extensions]\n\trefstorage = reftable\n", "reftable-repository"),
    ],
)
def test_a_repository_of_a_kind_that_is_not_read_says_so(repository: Repository, settings: bytes, code: str) -> None:
    repository.write("config", settings)
    assert refused(repository.folder).code == code


def test_a_bundle_of_a_kind_that_is_not_read_says_so(repository: Repository, tmp_path: Path) -> None:
    repository.commit({"a": b"1"})
    sha256 = repository.bundle(tmp_path / "a", version=3, capabilities=["object-format=sha256"])
    assert refused(sha256).code == "sha256-repository"
    unknown = repository.bundle(tmp_path / "b", version=3, capabilities=["from-the-future"])
    assert refused(unknown).code == "no-source"


def test_a_comment_about_sha256_makes_no_sha256_repository(repository: Repository, opened: Opener) -> None:
    repository.write("config", b"[core]\n# objectformat = sha256\n;objectformat = sha256\n\tbare = true\n")
    assert opened(repository).name == "made"


def test_without_dulwich_it_is_said_what_to_install(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    from herdbook.kernel.errors import UnavailableError

    monkeypatch.setitem(sys.modules, "dulwich", None)
    with pytest.raises(UnavailableError) as caught:
        Git().open(str(repository.folder))
    assert (caught.value.code, "herdbook[imports]" in caught.value.hint) == ("no-extra", True)
