"""Where files of the original come to lie in a job: inside the checkout as they were, all others below ``outside/``.

Nothing of the original's machine is there again, so a path outside the checkout needs another place, and words of the
command that name it, or a folder that holds such paths, are written anew. Nothing else of the command changes.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from herdbook.model.activities import Activity, Command

OUTSIDE = "outside"
_ABOVE = "_above"
"""Stands for a folder above the checkout whose name is not known."""
_OPTION = re.compile(r"(--?[A-Za-z][\w.-]*=|[A-Za-z_][\w.]*=)(.*)", re.DOTALL)


@dataclass
class Layout:
    """Places paths of one activity.

    Args:
        cwd: where the command was run, relative to the checkout's root, or absolute.
        root: the checkout's root as an absolute path, where that is known.
    """

    cwd: str = "."
    root: str = ""
    placed: dict[str, str] = field(default_factory=dict)
    """By path of the original, as it was written: the path in the job."""

    @classmethod
    def of(cls, activity: Activity) -> Layout:
        """Return the layout of an activity: its root is the cwd less the folder that ``code.path`` says."""
        cwd = activity.command.cwd if activity.command and activity.command.cwd else "."
        inside = activity.code.path if activity.code and activity.code.path else ""
        inside = posixpath.normpath(inside) if inside else "."
        if not cwd.startswith("/"):
            return cls(cwd=posixpath.normpath(cwd))
        cwd = posixpath.normpath(cwd)
        if inside == ".":
            return cls(cwd=".", root=cwd)
        if cwd.endswith("/" + inside):
            return cls(cwd=inside, root=cwd[: -len(inside) - 1])
        return cls(cwd=".", root=cwd)

    def resolve(self, path: str, *, command: bool = False) -> str:
        """Return a path relative to the checkout's root; absolute, or climbing with ``..``, where it lies outside.

        Args:
            path: as it is written in the record (relative to the root), or with ``command`` in the command.
            command: whether it is relative to where the command ran.
        """
        if not path.startswith("/"):
            path = posixpath.normpath(posixpath.join(self.cwd if command else ".", path))
            if not _climbs(path) or not self.root:
                return path
            path = posixpath.join(self.root, path)
        path = posixpath.normpath(path).replace("//", "/")
        if self.root and (path == self.root or path.startswith(self.root + "/")):
            return posixpath.relpath(path, self.root)
        return path

    def place(self, path: str) -> str:
        """Return where a file, or folder, of the record comes to lie, relative to the job's checkout."""
        found = self.resolve(path)
        target = found if _inside(found) else outside(found)
        if target != posixpath.normpath(path):
            self.placed[path] = target
        return target

    def command(self, original: Command, moved: Iterable[str]) -> Command:
        """Return the command with words that name paths outside the checkout written anew.

        Args:
            original: as it was typed.
            moved: paths of inputs and outputs, as the record has them.
        """
        away = {found for path in moved if not _inside(found := self.resolve(path))}
        argv = [original.argv[0], *(self._word(word, away) for word in original.argv[1:])]
        return Command(argv=tuple(argv), cwd=self.cwd)

    def _word(self, word: str, away: set[str]) -> str:
        option = _OPTION.fullmatch(word)
        head, path = (option[1], option[2]) if option else ("", word)
        if not path or (path.startswith("-") and not head):
            return word
        found = self.resolve(path, command=True)
        if _inside(found) and not (path.startswith("/") and self.root):
            return word
        if _inside(found):  # an absolute path into the original's checkout
            return head + posixpath.relpath(found, self.cwd)
        if _climbs(found) and not self.root:
            found = _meant(found, away)
        if any(_holds(found, each) or _holds(each, found) for each in away) and found.strip("/.") != "":
            target = outside(found)
            self.placed[path] = target
            return head + posixpath.relpath(target, self.cwd)
        return word


def outside(path: str) -> str:
    """Return the place in a job of a path outside the checkout."""
    parts = [_ABOVE if part == ".." else part for part in path.split("/") if part]
    return "/".join([OUTSIDE, *parts])


def edited(argv: Sequence[str], name: str, value: str) -> tuple[str, ...] | None:
    """Return a command line with the value of an option replaced, ``None`` where it names no such option.

    Taken are ``--name VALUE``, ``--name=VALUE``, ``-n VALUE`` and ``name=VALUE``; ``_`` and ``-`` are one.
    """
    wanted = _flat(name)
    found: list[str] = []
    done = skip = False
    for number, word in enumerate(argv):
        if skip:
            skip = False
            continue
        option = _OPTION.fullmatch(word)
        if option and _flat(option[1].rstrip("=")) == wanted:
            found.append(option[1] + value)
            done = True
        elif word.startswith("-") and _flat(word) == wanted and not "".join(argv[number + 1 :][:1]).startswith("--"):
            if number + 1 == len(argv):
                return None
            found += [word, value]
            done = skip = True
        else:
            found.append(word)
    return tuple(found) if done else None


def options(argv: Sequence[str]) -> list[str]:
    """Return the options of a command line that have a value, for a hint."""
    found = []
    for number, word in enumerate(argv):
        option = _OPTION.fullmatch(word)
        if option:
            found.append(option[1].rstrip("=").lstrip("-"))
        elif word.startswith("--") and number + 1 < len(argv) and not argv[number + 1].startswith("-"):
            found.append(word.lstrip("-"))
    return found


def _meant(path: str, away: Iterable[str]) -> str:
    """Return which absolute folder a climbing path means, where nobody recorded the checkout's own.

    It is the one folder, or file, of the inputs and outputs that ends in the path's words; where there are several, or
    none, the path itself.
    """
    words = [part for part in path.split("/") if part != ".."]
    found = set()
    for each in away:
        parts = each.split("/")
        found |= {
            "/".join(parts[: end + len(words)])
            for end in range(1, len(parts) - len(words) + 1)
            if words and each.startswith("/") and parts[end : end + len(words)] == words
        }
    return found.pop() if len(found) == 1 else path


def _flat(name: str) -> str:
    return name.lstrip("-").replace("-", "_").lower()


def _climbs(path: str) -> bool:
    return path == ".." or path.startswith("../")


def _inside(path: str) -> bool:
    return not path.startswith("/") and not _climbs(path)


def _holds(folder: str, path: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")
