"""Repositories made to hurt: nothing is executed, followed, waited for or believed."""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable
from contextlib import closing, suppress
from hashlib import sha1
from pathlib import Path

import pytest

from herdbook.kernel.errors import CorruptError, HerdbookError, InvalidError
from herdbook.plugins.importers.git import Git, GitSource
from herdbook.testing.repositories import Repository

Opener = Callable[..., GitSource]


def told(source: GitSource) -> set[str]:
    return {trouble.code for trouble in source.history.troubles}


def read_all(source: GitSource) -> None:
    for commit in source.history.commits:
        for change in source.history.changes(None, commit.id):
            if change.new is not None and source.history.size(change.new.digest) is not None:
                source.open(change.new.digest).read()


def test_no_hook_setting_filter_or_attribute_is_ever_run(tmp_path: Path, opened: Opener) -> None:
    marker = tmp_path / "marker"
    touch = f"touch {marker}"
    repository = Repository(tmp_path / "work", bare=False)
    repository.commit({"a.pb": b"1", ".gitattributes": b"*.pb filter=evil diff=evil\n", ".gitmodules": b"[x]"})
    (tmp_path / "more").write_text(f"[core]\n\tfsmonitor = {touch}\n")
    settings = f"""[core]
    fsmonitor = {touch}
    sshCommand = {touch}
    pager = {touch}
    hooksPath = {repository.folder}/hooks
    editor = {touch}
    attributesFile = {tmp_path}/work/.gitattributes
    worktree = /
[include]
    path = {tmp_path}/more
[filter "evil"]
    clean = {touch}
    smudge = {touch}
    process = {touch}
[diff "evil"]
    textconv = {touch}
    command = {touch}
[remote "origin"]
    url = ext::sh -c {touch}
    promisor = true
[uploadpack]
    packObjectsHook = {touch}
[alias]
    log = !{touch}
"""
    repository.write("config", settings.encode())
    for name in ("post-checkout", "pre-auto-gc", "reference-transaction", "fsmonitor-watchman", "post-index-change"):
        repository.write(f"hooks/{name}", f"#!/bin/sh\n{touch}\n".encode())
        (repository.folder / "hooks" / name).chmod(0o755)
    (tmp_path / "work" / ".gitattributes").write_text("*.pb filter=evil\n")
    before = sorted(tmp_path.rglob("*"))
    source = opened(tmp_path / "work")
    read_all(source)
    assert source.history.troubles == []
    assert sorted(tmp_path.rglob("*")) == before
    assert not marker.exists()


@pytest.mark.parametrize("name", ["HEAD", "packed-refs", "refs/heads/pipe", "shallow", "config", "objects/pack/x.pack"])
def test_a_pipe_in_place_of_a_file_is_not_waited_for(repository: Repository, opened: Opener, name: str) -> None:
    repository.commit({"a": b"1"})
    (repository.folder / name).unlink(missing_ok=True)
    os.mkfifo(repository.folder / name)
    if name == "HEAD":
        with pytest.raises(HerdbookError) as caught:
            Git().open(str(repository.folder))
        assert caught.value.code == "no-source"
        return
    if name.endswith(".pack"):
        os.mkfifo(repository.folder / "objects/pack/x.idx")
    assert told(opened(repository)) & {"not-followed", "pack-broken"}


def test_links_out_of_the_repository_are_not_followed(tmp_path: Path, opened: Opener) -> None:
    victim = Repository(tmp_path / "victim.git")
    secret = victim.commit({"secret": b"1"})
    loose = victim.put("blob", b"1")
    victim.tag("V1", secret)
    repository = Repository(tmp_path / "hostile.git")
    repository.commit({"a": b"2"})
    (repository.folder / "refs/heads/out").symlink_to(victim.folder / "refs/heads/master")
    (repository.folder / "refs/stolen").symlink_to(victim.folder / "refs")
    (repository.folder / "packed-refs").symlink_to(tmp_path / "refs")
    (tmp_path / "refs").write_text(f"{secret} refs/heads/packed\n")
    (repository.folder / "objects" / loose[:2]).symlink_to(victim.folder / "objects" / loose[:2])
    (repository.folder / "objects" / "pack").rmdir()
    (repository.folder / "objects" / "pack").symlink_to(victim.pack().parent)
    source = opened(repository)
    assert [name for name, _ in source.history.heads] == ["refs/heads/master"]
    assert source.history.size(f"git-sha1:{loose}") is None
    assert "not-followed" in told(source)


def test_a_name_that_looks_like_a_path_opens_nothing(repository: Repository, opened: Opener, tmp_path: Path) -> None:
    commit = repository.commit({"a": b"1"})
    (tmp_path / "outside").write_text(commit)
    repository.write("packed-refs", f"{commit} refs/heads/../../outside\n{commit} ../up\n{commit} a\x1bb\n".encode())
    repository.write("refs/heads/link", b"ref: ../outside\n")
    repository.head("refs/heads/../../../outside")
    source = opened(repository)
    assert [commit.id for commit in source.history.commits] == [commit]
    assert told(source) == {"bad-ref", "ref-absent"}


def loose(repository: Repository, claimed: bytes, data: bytes, *, digest: str = "") -> str:
    """Write a loose object whose head claims what it likes; return the id under which it lies."""
    name = digest or sha1(claimed + data).hexdigest()
    repository.write(f"objects/{name[:2]}/{name[2:]}", zlib.compress(claimed + data))
    return f"git-sha1:{name}"


@pytest.mark.parametrize(
    ("claimed", "data"),
    [
        (b"blob 5\0", b"123456"),
        (b"blob 5\0", b"1234"),
        (b"blob 0\0", b"x" * 50_000_000),
        (b"blob 99999999999999\0", b"short"),
        (b"tree 5\0", b"12345"),
    ],
)
def test_a_size_or_kind_that_lies_is_an_error_before_the_last_byte(
    repository: Repository, opened: Opener, claimed: bytes, data: bytes
) -> None:
    digest = loose(repository, claimed, data)
    got = b""
    with pytest.raises(CorruptError) as caught:  # noqa: PT012 - at which step does not matter
        stream = opened(repository).open(digest)
        while chunk := stream.read(1000):
            got += chunk
    assert caught.value.code == "corrupt-source"
    assert len(got) < 6


@pytest.mark.parametrize(
    "raw", [b"", b"not zlib", zlib.compress(b"blob"), zlib.compress(b"blob -1\0"), zlib.compress(b"x" * 9)]
)
def test_an_object_that_does_not_begin_right_is_unknown_and_told(
    repository: Repository, opened: Opener, raw: bytes
) -> None:
    repository.write("objects/" + "ab/" + "cd" * 19, raw)
    source = opened(repository)
    assert source.history.size("git-sha1:ab" + "cd" * 19) is None
    assert "blob-broken" in told(source)
    with pytest.raises(CorruptError):
        source.open("git-sha1:ab" + "cd" * 19)


def test_other_bytes_under_an_id_are_an_error(repository: Repository, opened: Opener) -> None:
    blob = repository.put("blob", b"right")
    loose(repository, b"blob 5\0", b"wrong", digest=blob)
    with pytest.raises(CorruptError):
        opened(repository).open(f"git-sha1:{blob}").read()


def test_other_bytes_under_the_id_of_a_commit_or_tree_are_told(repository: Repository, opened: Opener) -> None:
    first = repository.commit({"a": b"1"})
    second = repository.commit({"a": b"2"})
    tree = repository.edit(repository.empty, {"a": b"2"})
    loose(repository, b"tree 5\0", b"wrong", digest=tree)
    loose(repository, b"commit 5\0", b"wrong", digest=first)
    source = opened(repository)
    assert [commit.id for commit in source.history.commits] == [second]
    assert source.history.changes(None, second) == []
    assert told(source) == {"commit-broken", "commit-absent", "tree-broken"}


@pytest.mark.parametrize(
    "raw", [b"100644 a", b"100644 a\0short", b"zz a\0" + b"x" * 20, b"nonsense", b"-1 a\0" + b"x" * 20]
)
def test_a_tree_that_git_would_not_write_holds_nothing(repository: Repository, opened: Opener, raw: bytes) -> None:
    commit = repository.commit({}, tree=repository.put("tree", raw))
    source = opened(repository)
    assert source.history.changes(None, commit) == []
    assert told(source) == {"tree-broken"}


def test_a_tree_where_a_blob_should_be_and_the_other_way_round(repository: Repository, opened: Opener) -> None:
    blob, tree = repository.put("blob", b"1"), repository.tree([])
    commit = repository.commit({}, tree=repository.tree([(0o040000, b"folder", blob), (0o100644, b"file", tree)]))
    source = opened(repository)
    (change,) = source.history.changes(None, commit)
    assert change.new is not None
    assert source.history.size(change.new.digest) is None
    with pytest.raises(CorruptError):
        source.open(change.new.digest)
    assert told(source) == {"tree-broken"}


@pytest.mark.parametrize("where", ["idx", "pack"])
def test_a_damaged_pack_gives_errors_of_ours_only(tmp_path: Path, where: str) -> None:
    repository = Repository(tmp_path / "r.git")
    for number in range(8):
        repository.commit({"a": b"start" * 200 + b"%d" % number, "b/c": b"%d" % number})
    pack = repository.pack(deltas=True)
    path = pack.with_suffix(f".{where}")
    good = path.read_bytes()
    path.chmod(0o644)
    places = [*range(40), *range(40, len(good), max(1, len(good) // 120))]
    for place in places:
        path.write_bytes(good[:place] + bytes([good[place] ^ 0xFF]) + good[place + 1 :])
        _survives(repository.folder)
    for length in (0, 1, 11, 12, 100, len(good) // 2, len(good) - 21, len(good) - 1):
        path.write_bytes(good[:length])
        _survives(repository.folder)


def _survives(place: Path) -> None:
    """Read all, or be stopped by an error of ours; any other one fails the test."""
    with suppress(CorruptError, InvalidError):
        source = Git().open(str(place))
        assert isinstance(source, GitSource)
        with closing(source):
            read_all(source)


def test_a_damaged_bundle_is_refused_with_an_error_of_ours(repository: Repository, tmp_path: Path) -> None:
    for number in range(4):
        repository.commit({"a": b"start" * 200 + b"%d" % number})
    path = repository.bundle(tmp_path / "r.bundle")
    good = path.read_bytes()
    for place in [*range(18, 200, 5), *range(200, len(good), 17)]:
        for data in (good[:place] + bytes([good[place] ^ 0xFF]) + good[place + 1 :], good[:place]):
            path.write_bytes(data)
            _survives(path)


def test_a_head_without_end_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.bundle"
    path.write_bytes(b"# v2 git bundle\n" + b"x" * 1_000_000)
    with pytest.raises(CorruptError):
        Git().open(str(path))
