"""Places: what says whether something of the outside world is still there, lists it, and gives its bytes.

They are asked by who holds the credentials, at the client; a server never opens what a user wrote.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import BinaryIO, Protocol, runtime_checkable

from herdbook.model.datasets import ManifestLine
from herdbook.model.places import Sending, Standing


class Place(Protocol):
    """A kind of place, by the scheme that a URI begins with. One object serves many URIs, and keeps connections."""

    def look(self, uri: str) -> Standing:
        """Ask whether it is there; never raises for what is not, or cannot be asked: the standing says so.

        Raises:
            InvalidError: ``bad-uri``, when the URI cannot be one of this place; ``selector``, when it names many.
        """
        ...

    def listing(self, uri: str) -> Iterator[ManifestLine]:
        """Yield the files of a whole (a dataset, a folder), in any order; memory stays flat.

        Raises:
            MissingError: ``gone``, when it is not there.
            UnavailableError: when the place cannot be asked; ``no-extra`` when its client is not installed.
            InvalidError: ``no-listing``, when this place has no wholes.
        """
        ...

    def absent(self, uri: str) -> Iterator[str]:
        """Yield paths of files of a whole of which the place itself says that no copy is left; see ``listing``."""
        ...

    def copies(self, uri: str, path: str = "") -> Iterator[str]:
        """Yield URIs of the copies of a file, or of the file ``path`` of a whole, each to be opened; best first.

        Raises:
            MissingError: ``gone``, when it is not there.
            UnavailableError: when the place cannot be asked.
        """
        ...

    def open(self, uri: str, path: str = "") -> BinaryIO:
        """Open a file, or the file ``path`` of a whole, as a blocking stream; who reads it verifies the bytes.

        Raises:
            MissingError: ``gone``, when it is not there.
            UnavailableError: when the place cannot be asked.
        """
        ...

    def close(self) -> None:
        """Let connections go."""
        ...


@runtime_checkable
class Depot(Protocol):
    """A place that also takes bytes."""

    def default(self, name: str) -> str:
        """Return the URI that a whole called ``name`` gets when nobody says more."""
        ...

    def put(self, uri: str, files: Sequence[Sending], target: str) -> None:
        """Make a whole of these files at a target (a storage element), and close it; what is there already stays.

        Raises:
            ConflictError: ``other-content``, when it is there and holds other files.
            DeniedError: ``not-let-in``, when this account may not.
            UnavailableError: when the place cannot be asked, or does not take them.
        """
        ...


Places = Callable[[str], Place]
"""From a URI to its place; raises ``UnavailableError`` ``no-place`` for a scheme that nobody serves here."""
