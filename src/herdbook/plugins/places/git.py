"""Commits in remote repositories: ``git+https://HOST/REPO@COMMIT``, ``git+ssh://…``, ``git+file:///…``.

``git`` itself is asked, in an empty repository that goes afterwards: no hook, no prompt, no protocol but the one that
is written, no working tree.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO
from urllib.parse import unquote, urlsplit

from herdbook.kernel.errors import InvalidError
from herdbook.model.datasets import ManifestLine
from herdbook.model.places import Standing

TIMEOUT_S = 60.0
LONG_S = 300.0
"""Seconds for bringing all commits, where a server does not tell of one alone."""
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_SETTINGS = {
    "core.hooksPath": os.devnull,
    "core.fsmonitor": "false",
    "credential.interactive": "false",
    "fetch.fsckObjects": "true",
    "gc.auto": "0",
    "maintenance.auto": "false",
    "protocol.version": "2",
    "submodule.recurse": "false",
}
_FROM_USER = ("GIT_SSH", "GIT_SSL_CAINFO", "GIT_SSL_CAPATH", "GIT_PROXY_SSL_CAINFO")
"""Variables that say how to reach a server, and no more."""


class GitPlace:
    """Repositories that ``git`` reaches."""

    def look(self, uri: str) -> Standing:
        """Ask whether the repository has the commit; see ``Place.look``."""
        remote, commit = _parts(uri)
        if shutil.which("git") is None:
            return Standing(state="unknown", detail="git is not installed")
        if remote.startswith("file:") and not (folder := Path(unquote(urlsplit(remote).path))).exists():
            if folder.parent.is_dir():
                return Standing(state="gone", detail="there is no such folder")
            return Standing(state="unknown", detail=f"there is no {folder.parent} on this machine: is it mounted?")
        with tempfile.TemporaryDirectory(prefix="herdbook-git-") as top:
            return _asked(_Git(Path(top), urlsplit(remote).scheme), remote, commit)

    def listing(self, uri: str) -> Iterator[ManifestLine]:
        """Refuse: a commit is checked out, by who trains again."""
        raise _no_listing(uri)

    def absent(self, uri: str) -> Iterator[str]:
        """Refuse; see ``listing``."""
        raise _no_listing(uri)

    def copies(self, uri: str, path: str = "") -> Iterator[str]:
        """Refuse; see ``listing``."""
        raise _no_listing(f"{uri} {path}".rstrip())

    def open(self, uri: str, path: str = "") -> BinaryIO:
        """Refuse; see ``listing``."""
        raise _no_listing(f"{uri} {path}".rstrip())

    def close(self) -> None:
        """Nothing is kept open."""


class _Git:
    """Runs git in an empty repository of its own."""

    def __init__(self, top: Path, protocol: str) -> None:
        self._top = top
        kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_") or name in _FROM_USER}
        self._environment = {
            "GIT_SSH_COMMAND": os.environ.get("GIT_SSH_COMMAND", "ssh -oBatchMode=yes -oConnectTimeout=20"),
            **kept,
            "GIT_ALLOW_PROTOCOL": protocol,
            "GIT_ASKPASS": "true",  # the program: it answers with nothing
            "SSH_ASKPASS": "true",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_CONFIG_COUNT": str(len(_SETTINGS)),
            **{f"GIT_CONFIG_KEY_{at}": name for at, name in enumerate(_SETTINGS)},
            **{f"GIT_CONFIG_VALUE_{at}": value for at, value in enumerate(_SETTINGS.values())},
            "LC_ALL": "C",
        }

    def __call__(self, *words: str, timeout_s: float = TIMEOUT_S) -> tuple[int, str, str]:
        """Return status, output and what git complained of; a status of -1 when it took too long."""
        process = subprocess.Popen(  # noqa: S603 - git, with words of ours and one checked address
            ["git", "-C", str(self._top), *words],  # noqa: S607 - the user's own git
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            start_new_session=True,  # so that ssh and git-remote-https end with it
        )
        try:
            out, err = process.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            return -1, "", f"no answer within {timeout_s:.0f} s"
        return process.returncode, out, err


def _asked(git: _Git, remote: str, commit: str) -> Standing:
    """Look among the branches and tags, then ask for the commit alone, then for the history of all of them."""
    status, out, err = git("ls-remote", "--quiet", "--", remote)
    if status:
        return Standing(state="unknown", detail=f"the repository cannot be asked: {_said(err)}")
    if any(line.split("\t")[0] == commit for line in out.splitlines()):
        return Standing(state="exists", detail="a branch or tag is at it")
    form = ["--object-format=sha256"] if len(commit) == 64 else []
    git("init", "--quiet", "--bare", "--template=", *form)
    alone = ("fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--depth=1", "--filter=tree:0")
    status, _, err = git(*alone, "--", remote, commit)
    if status == 0:
        return Standing(state="exists")
    if "not our ref" in err:
        return Standing(state="gone", detail="the repository is there, and does not have this commit")
    if "unadvertised" not in err:
        return Standing(state="unknown", detail=f"the commit cannot be asked for: {_said(err)}")
    every = ("fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--filter=tree:0")
    status, _, err = git(*every, "--", remote, "+refs/*:refs/*", timeout_s=LONG_S)
    if status:
        return Standing(state="unknown", detail=f"the history cannot be brought: {_said(err)}")
    status, _, _ = git("cat-file", "-e", f"{commit}^{{commit}}")
    if status == 0:
        return Standing(state="exists")
    return Standing(state="gone", detail="no branch or tag of the repository leads to this commit")


def _parts(uri: str) -> tuple[str, str]:
    """Return the address that git takes, and the commit.

    Raises:
        InvalidError: ``bad-uri``.
    """
    remote, at, commit = uri.rpartition("@")
    scheme, _, rest = remote.partition("+")
    try:
        parts = urlsplit(rest)
        good = parts.password is None and (parts.username is None or parts.scheme == "ssh")
        good = good and (bool(parts.hostname) or parts.scheme == "file") and not (parts.hostname or "").startswith("-")
        good = good and parts.scheme in {"https", "ssh", "file"} and parts.path.startswith("/") and rest.isprintable()
    except ValueError:
        good = False
    if not good or scheme.lower() != "git" or not at or not _COMMIT.fullmatch(commit):
        raise InvalidError(
            f"the commit {commit[:64]!r} and the address before it are none that can be asked for",
            code="bad-uri",
            hint="Write git+https://HOST/REPOSITORY@COMMIT, all 40 digits of the commit, and no password.",
        )
    return rest, commit


def _no_listing(what: str) -> InvalidError:
    return InvalidError(
        f"{what[:200]} is a commit, of which only is asked whether it is there",
        code="no-listing",
        hint="Check it out with git.",
    )


def _said(err: str) -> str:
    """Return the line of git's complaint that tells most."""
    lines = [line.strip() for line in err.splitlines() if line.strip()]
    telling = [line for line in lines if line.startswith(("fatal:", "ERROR:", "error:", "remote:"))]
    return (telling or lines or ["git said nothing"])[0][:300]
