"""Importers: they open a source and tell what it holds; they never write, and never see a registry."""

from __future__ import annotations

from collections.abc import Sequence
from typing import BinaryIO, Protocol

from herdbook.model.drafts import Drafts, SourceState
from herdbook.model.histories import Change, Commit, Tag, Trouble
from herdbook.model.rules import Rules


class History(Protocol):
    """States of a source in an order, and the bytes in them. Nothing in it is executed or followed out of it."""

    commits: Sequence[Commit]
    """Oldest first: a commit stands behind all its parents, and else by the time of the commit, then by id."""

    tags: Sequence[Tag]
    """In the recorded order: by the time of the commit they lead to, then by name."""

    heads: Sequence[tuple[str, str]]
    """(ref, commit) of branches and of other refs that are no tags, by name; the head's own ref first."""

    troubles: Sequence[Trouble]
    """What could not be taken: refs to nowhere, submodules, grafts, alternates, a cut history (shallow)."""

    def changes(self, old: str | None, new: str | None) -> list[Change]:
        """Return how the trees of two commits differ, by path; ``None`` is the empty tree.

        Costs what differs, not what is there. Submodules are left out, and a tree that is absent from the source counts
        as empty; both are troubles.

        Raises:
            InvalidError: ``source-too-large``, when more differs than in any real source.
        """
        ...

    def size(self, digest: str) -> int | None:
        """Return the size of a blob in bytes, ``None`` when its content is absent from the source."""
        ...

    def open(self, digest: str) -> BinaryIO:
        """Open a blob as a stream that is not seekable; memory stays flat.

        Raises:
            MissingError: when its content is absent.
            CorruptError: while reading, when it is not what the source promises.
        """
        ...


class Source(Protocol):
    """Something that was opened to import from."""

    kind: str
    name: str
    """What the source calls itself, as ``cms-data/RecoTauTag-TrainingFiles``; from its address, or said by the user."""

    def state(self) -> SourceState:
        """Return what tells whether the source moved: cheap, without reading the history."""
        ...

    def drafts(self, rules: Rules) -> Drafts:
        """Return all that the source tells, by the rules, each value with its evidence."""
        ...

    def open(self, digest: str) -> BinaryIO:
        """Open a file by the digest that the drafts name; see ``History.open``."""
        ...

    def close(self) -> None:
        """Release what is held."""
        ...


class Importer(Protocol):
    """A kind of source."""

    kind: str

    def open(self, place: str, *, name: str = "") -> Source:
        """Open a source at a place of this machine, for reading only.

        Raises:
            MissingError: when there is nothing at the place.
            InvalidError: when it is no source of this kind; says of which it may be.
        """
        ...
