"""The history of a source: commits, tags and what changed, as a source tells it and before anything is concluded."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Author:
    """A person as a source names one; never part of a body, an actor's id takes its place."""

    name: str
    email: str


@dataclass(frozen=True, slots=True)
class Commit:
    """One state of a source and how it came about.

    ``authored`` and ``committed`` are times as ``model.base.Time`` has them (UTC). ``message`` is Unicode; bytes that
    are not UTF-8 became U+FFFD, and so did control characters but line feed and tab. A folder has one commit, whose
    id is empty.
    """

    id: str
    parents: tuple[str, ...] = ()
    author: Author | None = None
    authored: str | None = None
    committed: str | None = None
    message: str = ""


@dataclass(frozen=True, slots=True)
class Tag:
    """A tag that leads to a commit; ``annotated`` when it is an object of its own."""

    name: str
    commit: str
    annotated: bool = False


@dataclass(frozen=True, slots=True)
class Blob:
    """What stands at a path: ``git-sha1:…`` (a folder: ``sha256:…``), and whether it is a symbolic link."""

    digest: str
    link: bool = False


@dataclass(frozen=True, slots=True)
class Change:
    """A path of which two states differ; ``old`` or ``new`` is ``None`` where it is not there.

    ``path`` is escaped as ``kernel.paths.escape`` does; it may still be one that no record can hold (``..``).
    """

    path: str
    old: Blob | None
    new: Blob | None


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something in a source that could not be taken as it stands: a finding, not a failure."""

    code: str
    message: str
    where: str = ""
