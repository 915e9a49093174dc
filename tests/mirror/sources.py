"""Sources of tests: another registry's façade, seen through somebody who counts, breaks or lies."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable
from typing import Any, BinaryIO

from herdbook.kernel.errors import UnavailableError
from herdbook.ports.registry import Registry

Change = Callable[[Any], Any]


class Seen:
    """A registry as it is, but for calls that are changed: ``{"journal.lines": change of what it answers}``."""

    def __init__(self, registry: Registry, changes: dict[str, Change] | None = None) -> None:
        self.calls: Counter[str] = Counter()
        self.changes = dict(changes or {})
        self.url = "http://elsewhere.example.org"
        self._registry = registry

    def __getattr__(self, noun: str) -> Any:
        return _Noun(self, noun, getattr(self._registry, noun))


class _Noun:
    def __init__(self, seen: Seen, noun: str, real: Any) -> None:
        self._seen = seen
        self._noun = noun
        self._real = real

    def __getattr__(self, verb: str) -> Any:
        name = f"{self._noun}.{verb}"

        def call(*given: Any, **more: Any) -> Any:
            self._seen.calls[name] += 1
            answer = getattr(self._real, verb)(*given, **more)
            change = self._seen.changes.get(name)
            return change(answer) if change else answer

        return call


class BreaksOff:
    """Lets so many calls pass, then the network is gone."""

    def __init__(self, calls: int) -> None:
        self.left = calls

    def __call__(self, answer: Any) -> Any:
        self.left -= 1
        if self.left < 0:
            close = getattr(answer, "close", None)
            if close:
                close()
            raise UnavailableError("the network is gone", code="no-server")
        return answer


def rewritten(change: Callable[[bytes], bytes]) -> Change:
    """Return what gives other bytes of a stream."""

    def of(stream: BinaryIO) -> BinaryIO:
        with stream:
            return io.BytesIO(change(stream.read()))

    return of
