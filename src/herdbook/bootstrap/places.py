"""Which places there are: from the scheme that a URI begins with to what can be asked there."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from importlib.metadata import EntryPoint, entry_points

from herdbook.kernel.errors import HerdbookError, InvalidError, UnavailableError
from herdbook.ports.places import Place, Places

GROUP = "herdbook.places"
_AT = "herdbook.plugins.places."
BUILT_IN = {
    "file": _AT + "local:FilePlace",
    "git+file": _AT + "git:GitPlace",
    "git+https": _AT + "git:GitPlace",
    "git+ssh": _AT + "git:GitPlace",
    "http": _AT + "https:HttpPlace",
    "https": _AT + "https:HttpPlace",
    "root": _AT + "root:RootPlace",
    "rucio": _AT + "rucio:RucioPlace",
}
"""What is there even where the entry points of the installation are older than the code."""
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_EXTRA = {"rucio": "rucio"}


class OpenPlaces:
    """The places of one process: one object a class, made when a URI first needs it. Call it with a URI."""

    def __init__(self) -> None:
        self._points: dict[str, EntryPoint] | None = None
        self._made: dict[str, Place] = {}

    def __call__(self, uri: str) -> Place:
        """Return the place of a URI; see ``ports.places.Places``."""
        name = scheme(uri)
        if self._points is None:
            self._points = _found()
        point = self._points.get(name)
        if point is None:
            raise UnavailableError(
                f"nothing here serves {name}: {uri[:200]!r}",
                code="no-place",
                hint=f"There are: {', '.join(sorted(self._points))}. A plug-in adds one.",
            )
        if point.value not in self._made:
            self._made[point.value] = _load(name, point)
        return self._made[point.value]

    def close(self) -> None:
        """Let all connections go."""
        with contextlib.ExitStack() as stack:
            for place in self._made.values():
                stack.callback(place.close)
            self._made = {}


def open_places() -> Places:
    """Return the places of this installation; who must let connections go uses ``opened`` instead."""
    return OpenPlaces()


@contextlib.contextmanager
def opened() -> Iterator[Places]:
    """Give the places for the time of a block."""
    places = OpenPlaces()
    try:
        yield places
    finally:
        places.close()


def scheme(uri: str) -> str:
    """Return the scheme that a URI begins with; an absolute path is a ``file``.

    Raises:
        InvalidError: ``bad-uri``, when it has none.
    """
    if uri.startswith("/"):
        return "file"
    match = _SCHEME.match(uri)
    if match is None:
        raise InvalidError(
            f"{uri[:200]!r} does not say of which kind it is",
            code="bad-uri",
            hint="Write rucio:SCOPE:NAME, https://…, root://…, file:///…, git+https://…@COMMIT, or an absolute path.",
        )
    return match[1].lower()


def _found() -> dict[str, EntryPoint]:
    found = {name: EntryPoint(name, target, GROUP) for name, target in BUILT_IN.items()}
    for point in sorted(entry_points(group=GROUP), key=lambda each: (each.name, each.value)):
        found.setdefault(point.name.lower(), point)
    return found


def _load(name: str, point: EntryPoint) -> Place:
    try:
        made: Place = point.load()()
    except HerdbookError:
        raise
    except Exception as error:
        extra = _EXTRA.get(name)
        raise UnavailableError(
            f"what serves {name} cannot be loaded: {type(error).__name__}: {error}",
            code="no-extra",
            hint=f"Install herdbook[{extra}]." if extra else "Ask who made the plug-in.",
        ) from error
    return made
