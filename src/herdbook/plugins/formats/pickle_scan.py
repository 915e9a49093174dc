"""All pickles of a stream, one after another and one in another, and what is to be said of the names in them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from herdbook.model.facts import Finding, Severity
from herdbook.plugins.formats import pickle_globals
from herdbook.plugins.formats.pickle_stream import Bytes, Streamed
from herdbook.plugins.formats.pickle_walk import Budget, Pickle, Walk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from herdbook.plugins.formats.pickle_nodes import Global, Node

MAX_PICKLES = 100
MAX_SAID = 50
MAX_DEPTH = 3


@dataclass
class Scan:
    """What all pickles of a file name, by place (the member of an archive, or empty), and what is odd about them."""

    script: bool = False
    nested: bool = False
    budget: Budget = field(default_factory=Budget)
    places: dict[str, dict[Global, str]] = field(default_factory=dict)
    oddities: dict[tuple[str, str], str] = field(default_factory=dict)

    def stream(
        self,
        source: Bytes,
        place: str = "",
        *,
        most: int = MAX_PICKLES,
        built: Callable[[Node, Bytes], None] | None = None,
    ) -> list[Pickle]:
        """Follow one pickle after another, while there are any, and return those that end.

        What does not end is given back only when it is the first, or begins as a pickle does; its names are kept.
        """
        found: list[Pickle] = []
        while len(found) < most:
            one = self.one(source, place, built=built, quiet=bool(found))
            if one.trouble is None:
                found.append(one)
                continue
            if not found:
                found.append(one)
            break
        return found

    def one(
        self,
        source: Bytes,
        place: str = "",
        *,
        built: Callable[[Node, Bytes], None] | None = None,
        quiet: bool = False,
        depth: int = 0,
    ) -> Pickle:
        """Follow one pickle. ``quiet``: what is no pickle is not worth a word, unless it names something."""
        found = Walk(source, self.budget, built).run()
        if found.trouble is not None and quiet and not any(_plausible(each) for each in found.globals):
            return found
        self.add(found, place, depth)
        return found

    def add(self, found: Pickle, place: str = "", depth: int = 0) -> None:
        """Take the names and oddities of a pickle, and of those in its strings and bytes."""
        listed = self.places.setdefault(place, {})
        for name, use in found.globals.items():
            if listed.get(name) != "called":
                listed[name] = use
        for rule, said in found.tricks.items():
            self.oddities.setdefault((rule, place), said)
        if found.trouble is not None:
            said = f"{found.trouble.message}; what follows was not looked at"
            self.oddities.setdefault((found.trouble.code, place), said)
        for blob in found.blobs:
            inner = Walk(Streamed(_once(blob), len(blob)), self.budget).run()
            if inner.globals and depth < MAX_DEPTH:
                self.oddities.setdefault(("pickle-nested", place), "it carries another pickle as bytes or text")
                self.add(inner, place, depth + 1)

    @property
    def listed(self) -> dict[str, list[str]]:
        """Names by place, sorted, as facts have them."""
        return {place: sorted({str(each) for each in names}) for place, names in self.places.items()}

    def findings(self, where: str = "/pickle_globals") -> list[Finding]:
        """Return a finding for each name that is not on the list, errors first, and for each oddity."""
        said: list[Finding] = []
        for severity in (Severity.ERROR, Severity.WARNING):
            said += self._about(severity, where)
        for (rule, place), what in self.oddities.items():
            message = f"{_in(place)}{what}"[:1000]
            said.append(Finding(rule=rule, severity=Severity.ERROR, message=message, where=_pointer(where, place)))
        return said

    def _about(self, severity: Severity, where: str) -> Iterable[Finding]:
        found = [
            (place, name, use)
            for place, names in self.places.items()
            for name, use in sorted(names.items(), key=lambda item: str(item[0]))
            if pickle_globals.judge(name, script=self.script) is severity
        ]
        for place, name, use in found[:MAX_SAID]:
            verb = "calls" if use == "called" else "imports"
            library = pickle_globals.library(name)
            what = f"a class of {library}" if library else "which is not on the list of what only builds data"
            message = f"{_in(place)}loading {verb} {name}, {what}"
            yield Finding(rule="pickle-global", severity=severity, message=message, where=_pointer(where, place))
        if len(found) > MAX_SAID:
            message = f"and {len(found) - MAX_SAID} more names that are not on the list"
            yield Finding(rule="pickle-global", severity=severity, message=message, where=where)


def unsafe(instead: str) -> Finding:
    """Return the finding that every pickle gets. ``instead``: what to do, as a sentence."""
    message = f"A pickle: whoever loads it runs what it names. It is kept, and never loaded here. {instead}"
    return Finding(rule="pickle-unsafe", severity=Severity.WARNING, message=message)


def _in(place: str) -> str:
    return f"{place}: " if place else ""


def _pointer(where: str, place: str) -> str:
    return f"{where}/{place.replace('~', '~0').replace('/', '~1')}"


def _plausible(name: Global) -> bool:
    return all(part.isidentifier() for part in name.module.split("."))


def _once(data: bytes) -> Callable[[int], bytes]:
    """Return a function that gives the bytes once and then no more."""
    parts = [data]

    def read(_: int) -> bytes:
        return parts.pop() if parts else b""

    return read
