"""Remotes of a repository: their addresses without credentials, and whether a commit can be had from one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from herdbook.capture.git_command import Git, ask_remote
from herdbook.kernel import times
from herdbook.model.places import Location

_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://([^/?#]*)([^?#]*)(?:[?#].*)?", re.DOTALL)
_SCP = re.compile(r"(?:([^/@:]+)@)?([^/@:]+|\[[0-9A-Fa-f:]+\]):(?!/?/)?(.+)", re.DOTALL)
_PORT = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[^:\[\]@]*)(?::[0-9]*)?")
_ODD = re.compile("[\x00-\x20\x7f\ud800-\udfff]")
_NAMED_USER = {"ssh", "git+ssh", "ssh+git", "sftp"}
"""Schemes in which the user belongs to the address (``git@``); elsewhere it may be a token."""


@dataclass(frozen=True)
class Remote:
    """A remote: its name, its address as it is asked, and the one without credentials that a record may hold."""

    name: str
    address: str
    public: str | None


def without_credentials(address: str, top: Path) -> str | None:
    """Return the address with no password, token or query in it; ``None`` when it is not one that can be written.

    Args:
        address: a URL, ``user@host:path``, or a path, which is taken relative to ``top``.
        top: the top of the working tree.
    """
    if not address or _ODD.search(address) or "::" in address.partition("/")[0].partition("[")[0]:
        return None  # a remote helper (ext::, codecommit::) names a program
    if url := _URL.fullmatch(address):
        scheme, host, path = url[1].lower(), url[2], url[3]
        user, at, host = host.rpartition("@")
        if _PORT.fullmatch(host) is None or (not host and scheme != "file"):
            return None  # a password with a slash in it, which git would not understand either
        kept = f"{user.partition(':')[0]}@" if at and scheme in _NAMED_USER and user.partition(":")[0] else ""
        return f"{scheme}://{kept}{host}{path}"
    if scp := _SCP.fullmatch(address):
        return address if "@" not in scp[3].partition("/")[0] else None
    return str((top / address).resolve())


def as_url(public: str) -> str:
    """Return an address without credentials as a URL: ``git@host:path`` as ssh, a path as file."""
    if "://" in public:
        return public
    if public.startswith("/"):
        return Path(public).as_uri()
    host, _, path = public.partition(":")
    return f"ssh://{host}/{path.lstrip('/')}"


def remotes(git: Git, top: Path, branch: str | None) -> list[Remote]:
    """Return the remotes: first that of the branch, then ``origin``, then the others as they stand."""
    names = (git.text("remote") or "").split("\n")
    upstream = git.text("config", "--get", f"branch.{branch}.remote") if branch else None
    ordered = sorted((name for name in names if name), key=lambda name: (name != upstream, name != "origin"))
    found = [(name, git.text("remote", "get-url", "--", name, user=True)) for name in ordered[:20]]
    return [
        Remote(name, address, without_credentials(address, top))
        for name, address in found
        if address and address != name
    ]


def locate(git: Git, commit: str, known: list[Remote], *, ask: bool) -> tuple[Remote | None, Location | None]:
    """Return the remote to name, and where the commit can be had.

    The state is ``exists`` when a remote-tracking ref holds the commit, as of when that ref was last heard of, or when
    the remote said so now; otherwise ``unknown``.
    """
    named = [remote for remote in known if remote.public]
    if not named:
        return None, None
    holding = _holding_refs(git, commit, named)
    remote = next((remote for remote in named if remote.name in holding), named[0])
    uri = f"git+{as_url(str(remote.public))}@{commit}"
    if ask:
        return remote, _asked(git, commit, remote, uri)
    if remote.name not in holding:
        return remote, Location(uri=uri, detail="no branch of the remote that was fetched holds the commit")
    return remote, Location(uri=uri, state="exists", asked=_heard_of(git, remote.name, holding[remote.name]))


def _holding_refs(git: Git, commit: str, named: list[Remote]) -> dict[str, dict[str, str]]:
    """Return by remote the refs that hold the commit, each with the commit it points at."""
    listed = git.text("for-each-ref", f"--contains={commit}", "--format=%(objectname) %(refname)", "refs/remotes/")
    found: dict[str, dict[str, str]] = {}
    for line in (listed or "").split("\n"):
        oid, _, ref = line.partition(" ")
        owners = [remote.name for remote in named if ref.startswith(f"refs/remotes/{remote.name}/")]
        if owners:
            found.setdefault(max(owners, key=len), {})[ref] = oid
    return found


def _heard_of(git: Git, name: str, refs: dict[str, str]) -> str | None:
    """Return when one of the refs was last heard of from its remote: by a push, a fetch, or the clone."""
    folders = (git.text("rev-parse", "--path-format=absolute", "--git-dir", "--git-common-dir") or "").split("\n")
    moments: list[float] = []
    for folder in {Path(folder) for folder in folders if folder}:
        for ref in (*refs, f"refs/remotes/{name}/HEAD"):
            moments += _last_entry(folder / "logs" / ref)
        fetched = folder / "FETCH_HEAD"
        try:
            if any(line[:40] in set(refs.values()) for line in fetched.read_text("utf-8", "replace").splitlines()):
                moments.append(fetched.stat().st_mtime)
        except OSError:
            continue
    return times.write(datetime.fromtimestamp(int(max(moments)), UTC)) if moments else None


def _last_entry(log: Path) -> list[float]:
    try:
        last = log.read_bytes()[-4096:].rstrip(b"\n").rpartition(b"\n")[2].partition(b"\t")[0]
        return [float(last.split(b" ")[-2])]
    except (OSError, ValueError, IndexError):
        return []


def _asked(git: Git, commit: str, remote: Remote, uri: str) -> Location:
    address = str(remote.public) if remote.address.startswith((".", "/")) else remote.address
    answer = ask_remote(address, git.timeout_s)
    now = times.now()
    if answer.problem:
        return Location(uri=uri, asked=now, detail=f"the remote did not answer ({answer.problem})")
    tips = {line.partition("\t")[0] for line in answer.text.splitlines()}
    if commit in tips:
        return Location(uri=uri, state="exists", asked=now)
    listed = git.text("for-each-ref", f"--contains={commit}", "--format=%(objectname)")
    if tips & set((listed or "").split("\n")):
        return Location(uri=uri, state="exists", asked=now)
    return Location(uri=uri, asked=now, detail="no ref of the remote that is known here holds the commit")
