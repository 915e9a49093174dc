"""The git command, asked so that nothing in a repository, or in a person's own settings, makes it run anything else.

A repository names programs in many places: a file system monitor, hooks, filters, external diffs, ssh commands, remote
helpers, the fetching of absent objects of a partial clone. Reading what a folder is must start none of them.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from herdbook.capture.bounded import Answer, ask

OUTPUT_LIMIT = 64_000_000
_SETTINGS = {
    "safe.directory": "*",  # trees of colleagues are read too; what the check guards against is off here anyway
    "core.fsmonitor": "false",
    "core.hooksPath": os.devnull,
    "core.attributesFile": os.devnull,
    "core.pager": "cat",
    "core.sshCommand": "false",
    "core.gitProxy": "none",
    "core.askPass": "",
    "core.trustctime": "true",  # an edited file with its old time is seen by its ctime
    "core.checkStat": "default",
    "credential.helper": "",
    "diff.external": "",
    "diff.suppressBlankEmpty": "false",
    "diff.orderFile": os.devnull,
    "protocol.ext.allow": "never",
    "log.showSignature": "false",
}
_OLDEST = (2, 31)
_REMOTE_PROTOCOLS = "https:http:ssh:git:file"


def _variables(settings: dict[str, str], *, user: bool, protocols: str = "none") -> dict[str, str]:
    """Return the environment: none of the caller's GIT_ variables, settings given as the highest scope."""
    variables = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    for name in ("SSH_ASKPASS", "DISPLAY", "WAYLAND_DISPLAY"):
        variables.pop(name, None)
    variables |= {
        "LC_ALL": "C",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_ALLOW_PROTOCOL": protocols,
        "GIT_PAGER": "cat",
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_CONFIG_COUNT": str(len(settings)),
    }
    if not user:
        variables |= {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull}
    for index, (name, value) in enumerate(settings.items()):
        variables |= {f"GIT_CONFIG_KEY_{index}": name, f"GIT_CONFIG_VALUE_{index}": value}
    return variables


class Git:
    """The git command in one folder.

    Args:
        folder: where it is asked.
        timeout_s: seconds that each command may take.
    """

    def __init__(self, folder: Path, timeout_s: float) -> None:
        self.folder = folder
        self.timeout_s = timeout_s
        self._settings = dict(_SETTINGS)
        self._more: dict[str, str] = {}
        self.filters = self._silence_filters()

    def ask(self, *args: str, limit: int = OUTPUT_LIMIT, user: bool = False) -> Answer:
        """Run ``git ARGS``; ``user`` reads the person's own settings too, for questions that only look at them."""
        variables = _variables(self._settings, user=user) | self._more
        return ask(["git", *args], folder=self.folder, variables=variables, limit=limit, timeout_s=self.timeout_s)

    def text(self, *args: str, user: bool = False) -> str | None:
        """Return the output without its last line end, ``None`` when git did not answer."""
        answer = self.ask(*args, user=user)
        return None if answer.problem else answer.text.removesuffix("\n")

    @contextlib.contextmanager
    def own_index(self) -> Iterator[None]:
        """Work on a copy of the index: ``git diff`` writes what it learnt of unchanged files into the one it reads.

        The copy keeps the time of the index, by which git tells whether a file may have changed since.
        """
        index = self.text("rev-parse", "--path-format=absolute", "--git-path", "index")
        with tempfile.TemporaryDirectory(prefix="herdbook-index-") as folder:
            copy = Path(folder, "index")
            try:
                shutil.copy2(index or "", copy)
                self._more = {"GIT_INDEX_FILE": str(copy)}
            except OSError:  # no room: git then reads, and may refresh, the index itself
                self._more = {}
            try:
                yield
            finally:
                self._more = {}

    def _silence_filters(self) -> frozenset[str]:
        """Empty the programs of every filter of the repository; an empty one passes bytes as they are."""
        answer = self.ask("config", "-z", "--name-only", "--get-regexp", r"^filter\.")
        names = {name.rpartition(".")[0] for name in answer.text.split("\0") if name.count(".") > 1}
        for name in sorted(names):
            self._settings |= {f"{name}.{key}": "" for key in ("clean", "smudge", "process")}
            self._settings[f"{name}.required"] = "false"
        return frozenset(name.removeprefix("filter.") for name in names)


def unfit(timeout_s: float) -> str | None:
    """Return why git cannot be asked: ``no-git-command``, ``git-slow``, or ``git-old`` before 2.31.

    Older ones do not hear the settings that keep a repository's programs from being run.
    """
    variables = _variables({}, user=False)
    answer = ask(["git", "version"], folder=Path("/"), variables=variables, limit=1000, timeout_s=timeout_s)
    if answer.problem:
        return "no-git-command" if answer.problem == "absent" else f"git-{answer.problem}"
    version = re.match(r"git version (\d+)\.(\d+)", answer.text)
    return None if version and (int(version[1]), int(version[2])) >= _OLDEST else "git-old"


def ask_remote(address: str, timeout_s: float) -> Answer:
    """Run ``git ls-remote ADDRESS`` outside any repository: no prompt, no helper for credentials, ssh in batch mode."""
    settings = {name: value for name, value in _SETTINGS.items() if name != "core.sshCommand"}
    variables = _variables(settings, user=False, protocols=_REMOTE_PROTOCOLS)
    variables |= {
        "GIT_SSH_COMMAND": "ssh -oBatchMode=yes -oConnectTimeout=5",
        "SSH_ASKPASS_REQUIRE": "never",
        "GIT_CEILING_DIRECTORIES": "/",
    }
    argv = ["git", "ls-remote", "--", address]
    return ask(argv, folder=Path("/"), variables=variables, limit=OUTPUT_LIMIT, timeout_s=timeout_s)
