"""The code of a training: its commit from a stored bundle, a repository or a place, its diff, files git does not know.

A commit is the digest of all that it leads to, so wherever it comes from it is the same, provided that git checks each
object on its way: what is fetched goes through ``index-pack`` with ``fsck``, never by copying a folder of objects.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from herdbook.kernel import paths
from herdbook.kernel.errors import CorruptError, HerdbookError, MissingError, UnavailableError
from herdbook.model.activities import Activity, Code
from herdbook.model.retrainings import Need
from herdbook.service.retraining.inputs import Finder

LOOK_INTO = 64 * 2**20
"""Bytes of a stored bundle up to which a look opens it, to see that the commit is in it."""
SECONDS = 600.0
"""For one call of git that goes to another machine."""
REF = "refs/heads/retrain"
_HINDER = {
    "diff-withheld": "the tree was changed, and the change was not stored",
    "diff-too-large": "the tree was changed, and the change was too large to be stored",
    "missing-submodule": "a submodule was not there",
}


@dataclass(frozen=True)
class Found:
    """What is needed of the code; ``bundle`` (namespace, sha256) or ``repository`` has the commit."""

    needs: tuple[Need, ...] = ()
    problems: tuple[str, ...] = ()
    bundle: tuple[str, str] | None = None
    repository: str = ""
    untracked: tuple[tuple[str, str, int, str], ...] = field(default=())
    """Path, sha256, size and namespace of each file that git did not know."""
    diff: tuple[str, str] | None = None
    submodules: tuple[tuple[str, str, str], ...] = ()
    """Path, commit and repository of each submodule that can be had."""


def find(finder: Finder, activity: Activity, record: str, repository: str = "") -> Found:
    """Say where the code of an activity can be had; ``repository`` is a clone that the caller offers."""
    code = activity.code
    if code is None or not (code.commit or code.untracked):
        return Found(problems=("its code is not known: neither a commit nor files",))
    bundles = [part.blob for part in activity.inputs or () if part.role == "code-bundle" and part.blob]
    wanted = {*bundles, code.diff or "", *(str(each.get("sha256", "")) for each in code.untracked or ())}
    held = finder.held(wanted)
    problems = [_problem(each) for each in code.problems or () if each.partition(":")[0] in _HINDER]
    if code.dirty and not code.diff and not code.untracked and not problems:
        problems.append("the tree was changed, and the change was not stored")
    needs, untracked = _files(code, held)
    bundle, chosen = None, ""
    if code.commit:
        need, bundle, chosen = _commit(finder, code, record, [each for each in bundles if each in held], repository)
        needs.insert(0, need)
    diff = (held[code.diff][0], code.diff) if code.diff in held else None
    more, submodules = _submodules(finder, code)
    return Found((*needs, *more), tuple(problems), bundle, chosen, tuple(untracked), diff, tuple(submodules))


def _problem(told: str) -> str:
    name, _, what = told.partition(":")
    return _HINDER[name] + (f": {what}" if what else "")


def _files(code: Code, held: Mapping[str, tuple[str, int]]) -> tuple[list[Need], list[tuple[str, str, int, str]]]:
    """Return what is needed beside the commit."""
    needs: list[Need] = []
    untracked: list[tuple[str, str, int, str]] = []
    if code.diff:
        here = code.diff in held
        detail = "by sha256" if here else "the registry does not keep it"
        state = "verified" if here else "missing"
        needs.append(
            Need.read({"what": "diff", "path": "git.diff", "digest": code.diff, "state": state, "detail": detail})
        )
    for each in code.untracked or ():
        path, sha256 = str(each.get("path", "")), str(each.get("sha256", ""))
        told = {"what": "untracked", "path": path, "digest": sha256}
        if sha256 in held:
            namespace, size = held[sha256]
            needs.append(Need.read({**told, "state": "verified", "size": size, "where": "registry"}))
            untracked.append((path, sha256, size, namespace))
        else:
            why = "git did not know it, and the registry does not keep it"
            needs.append(Need.read({**told, "state": "missing", "detail": why}))
    return needs, untracked


def _commit(
    finder: Finder, code: Code, record: str, bundles: Sequence[str], offered: str
) -> tuple[Need, tuple[str, str] | None, str]:
    told = {"what": "code", "path": f"commit {str(code.commit)[:12]}", "digest": f"git:{code.commit}"}
    held = finder.held(bundles)
    why = []
    for sha256 in bundles:
        namespace, size = held[sha256]
        state, detail = _in_bundle(finder, namespace, sha256, size, str(code.commit))
        if state != "missing":
            remote = size if finder.registry.url.startswith("http") else 0
            need = {**told, "state": state, "where": "registry", "size": size, "brought": remote, "detail": detail}
            return Need.read(need), (namespace, sha256), ""
        why.append(detail)
    if offered:
        if _has(offered, str(code.commit)):
            need = {**told, "state": "verified", "where": "here", "uri": offered, "detail": "in this clone"}
            return Need.read(need), None, offered
        why.append(f"{offered} does not have it")
    for uri in [*(each.uri for each in finder.locations(record) if each.state != "gone"), *_remote(code)]:
        state, detail = _look(finder, uri, str(code.commit))
        if state == "verified" or (state == "unknown" and not why):
            return Need.read({**told, "state": state, "where": uri, "uri": uri, "detail": detail}), None, uri
        why.append(f"{uri}: {detail}")
    if "unpushed" in (code.problems or ()):
        why.append("it was never pushed")
    return Need.read({**told, "state": "missing", "detail": "; ".join(why) or "no repository is known"}), None, ""


def _submodules(finder: Finder, code: Code) -> tuple[list[Need], list[tuple[str, str, str]]]:
    """Return what is needed of submodules: each has a repository of its own."""
    needs: list[Need] = []
    found: list[tuple[str, str, str]] = []
    for each in code.submodules or ():
        path, commit, repository = (str(each.get(name) or "") for name in ("path", "commit", "repository"))
        told = {"what": "code", "path": f"submodule {path}", "digest": f"git:{commit}"}
        uri = _uri(repository, commit)
        state, detail = _look(finder, uri, commit) if repository else ("missing", "no repository of it is known")
        needs.append(Need.read({**told, "state": state, "where": uri, "uri": uri, "detail": detail}))
        if state != "missing":
            found.append((path, commit, uri))
    return needs, found


def _remote(code: Code) -> list[str]:
    return [_uri(code.repository, str(code.commit))] if code.repository else []


def _uri(repository: str, commit: str) -> str:
    if not repository or repository.startswith("/"):
        return repository
    return f"git+{repository.removeprefix('git+')}@{commit}"


def _look(finder: Finder, uri: str, commit: str) -> tuple[str, str]:
    """Ask a place, or a folder of this machine, for a commit."""
    folder = uri.removeprefix("git+").removeprefix("file://").removesuffix(f"@{commit}")
    if folder.startswith("/"):
        there = _has(folder, commit)
        return ("verified", "in this repository") if there else ("missing", "the repository, or the commit, is gone")
    try:
        standing = finder.places(uri).look(uri)
    except HerdbookError as error:
        return "unknown", error.message
    state = {"exists": "verified", "gone": "missing", "unknown": "unknown"}[standing.state]
    return state, standing.detail or f"it {standing.state}"


def _has(folder: str, commit: str) -> bool:
    """Say whether a repository of this machine has a commit and all that it leads to."""
    if not Path(folder).is_dir() or shutil.which("git") is None:
        return False
    done = _git(["-C", folder, "rev-list", "--objects", "--quiet", commit, "--"], check=False)
    return done.returncode == 0


def _in_bundle(finder: Finder, namespace: str, sha256: str, size: int, commit: str) -> tuple[str, str]:
    """Say whether a stored bundle has a commit; a large one is only opened when it is used."""
    if shutil.which("git") is None:
        return "missing", "git is not installed here"
    if size > LOOK_INTO:
        return "unknown", "a stored bundle, too large to be opened for a look"
    with tempfile.TemporaryDirectory(prefix="herdbook-") as name:
        try:
            with (
                finder.registry.files.blob(namespace, sha256) as stream,
                (Path(name) / "code.bundle").open("wb") as out,
            ):
                shutil.copyfileobj(stream, out)
            _fetch(Path(name) / "code.git", str(Path(name) / "code.bundle"), commit)
        except HerdbookError as error:
            return "missing", f"the stored bundle does not give it: {error.message}"
    return "verified", "in a stored bundle"


def bring(finder: Finder, found: Found, code: Code, folder: Path) -> None:
    """Write ``code.bundle`` with the commit, ``submodules/…``, ``git.diff`` and ``untracked/…`` into a job's folder.

    Raises:
        MissingError: ``no-commit``, when the repository does not have the commit.
        CorruptError: ``bad-code``, when an object of it is not what its name says.
        UnavailableError: ``no-git``, or when the repository cannot be reached.
    """
    blobs = finder.registry.files
    if found.bundle:
        with tempfile.TemporaryDirectory(prefix="code-", dir=folder) as name:
            stored = Path(name) / "stored.bundle"
            with blobs.blob(*found.bundle) as stream, stored.open("wb") as out:
                shutil.copyfileobj(stream, out)
            _bundle(folder, str(stored), str(code.commit), folder / "code.bundle")
    elif found.repository:
        _bundle(folder, found.repository, str(code.commit), folder / "code.bundle")
    for path, commit, uri in found.submodules:
        target = folder / "submodules" / f"{paths.check(path)}.bundle"
        target.parent.mkdir(parents=True, exist_ok=True)
        _bundle(folder, uri, commit, target)
    if found.diff:
        with blobs.blob(*found.diff) as stream, (folder / "git.diff").open("wb") as out:
            shutil.copyfileobj(stream, out)
    for number, (_, sha256, _, namespace) in enumerate(found.untracked):
        (folder / "untracked").mkdir(exist_ok=True)
        with blobs.blob(namespace, sha256) as stream, (folder / "untracked" / str(number)).open("wb") as out:
            shutil.copyfileobj(stream, out)


def _bundle(folder: Path, source: str, commit: str, target: Path) -> None:
    """Write a commit of a repository, or of another bundle, into a bundle that has nothing else."""
    source = source.removeprefix("git+").removesuffix(f"@{commit}")
    with tempfile.TemporaryDirectory(prefix="code-", dir=folder) as name:
        bare = Path(name) / "code.git"
        _fetch(bare, source, commit)
        _git(["-C", str(bare), "bundle", "create", "--quiet", str(target), REF])


def _fetch(bare: Path, source: str, commit: str) -> None:
    """Bring a commit into a new bare repository, each object checked."""
    _git(["init", "--quiet", "--bare", str(bare)])
    git = ["-C", str(bare), "-c", "fetch.fsckObjects=true"]
    alone = _git([*git, "fetch", "--quiet", "--no-tags", "--", source, f"{commit}:{REF}"], check=False)
    if alone.returncode:  # a server may refuse what is no tip, and a bundle does
        _git([*git, "fetch", "--quiet", "--", source, "+refs/*:refs/remotes/*"])
        _git([*git, "fetch", "--quiet", "--no-tags", "--", source, "+HEAD:refs/remotes/HEAD"], check=False)
    if _git(["-C", str(bare), "cat-file", "-e", f"{commit}^{{commit}}"], check=False).returncode:
        raise MissingError(
            f"{source} does not have the commit {commit}",
            code="no-commit",
            hint="Was it pushed? Offer a clone that has it.",
        )
    _git(["-C", str(bare), "update-ref", REF, commit])
    if _git(["-C", str(bare), "rev-list", "--objects", "--quiet", REF], check=False).returncode:
        raise MissingError(
            f"{source} lacks a part of the commit {commit}", code="no-commit", hint="Is it a shallow clone?"
        )


def in_tree(folder: Path, commit: str) -> set[str]:
    """Return the ids of all files of a commit in ``code.bundle`` of a job, as ``git-sha1:…``."""
    with tempfile.TemporaryDirectory(prefix="herdbook-") as name:
        bare = Path(name) / "code.git"
        _fetch(bare, str(folder / "code.bundle"), commit)
        listed = _git(["-C", str(bare), "ls-tree", "-r", "--full-tree", commit]).stdout
    return {"git-sha1:" + line.split()[2] for line in listed.splitlines() if line.split()[1] == "blob"}


def _git(words: Sequence[str], *, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run git so that it asks nobody, follows no setting of a repository's owner, and speaks known protocols only."""
    git = shutil.which("git")
    if git is None:
        raise UnavailableError("git is not installed here", code="no-git", hint="Install git.")
    keep = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    environment = {
        **keep,
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ALLOW_PROTOCOL": "file:https:http:ssh:git",
        "GIT_LFS_SKIP_SMUDGE": "1",
        "LC_ALL": "C.UTF-8",
    }
    try:
        done = subprocess.run(  # noqa: S603 - words of our own; what others wrote stands behind `--`
            [git, *words], env=environment, capture_output=True, text=True, timeout=SECONDS, check=False,
            stdin=subprocess.DEVNULL, errors="replace",
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise UnavailableError("git did not end in time", code="no-git", hint="Try again.") from error
    if check and done.returncode:
        said = done.stderr.strip().splitlines()[-1:] or [f"exit status {done.returncode}"]
        if "fsck" in done.stderr or "corrupt" in done.stderr or "sha1 mismatch" in done.stderr:
            raise CorruptError(f"git refuses the code: {said[0]}", code="bad-code", hint="Get it from elsewhere.")
        raise UnavailableError(f"git: {said[0]}", code="no-code", hint="Can the repository be reached from here?")
    return done
