"""The graph of an ONNX model as a whole: its order, what nobody reads, what nobody makes, what no input reaches.

Source: "Open Neural Network Exchange Intermediate Representation", sections on graphs, names and subgraphs: nodes are
topologically sorted; each name is made once; a subgraph may read names of the graphs around it.
"""

from __future__ import annotations

from array import array
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from herdbook.plugins.formats import onnx_types as types

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

MAX_NODES = 50_000
MAX_NAMES = 100_000
MAX_LINKS = 300_000
MAX_NAME_BYTES = 8 * 1024 * 1024
MAX_LISTED = 1000
_STANDARD = frozenset({b"", b"ai.onnx"})
_CARRIES = frozenset({b"Cast", b"Flatten", b"Identity", b"Reshape", b"Squeeze", b"Transpose", b"Unsqueeze"})
"""Operators whose output has the values of their first input, at most in another shape."""
_STEPS = 32


@dataclass
class _Scope:
    """Names of one graph while it is walked: made by nodes, given (inputs, weights), read before they were made."""

    made: set[int] = field(default_factory=set)
    given: set[int] = field(default_factory=set)
    waiting: dict[int, tuple[int, bytes]] = field(default_factory=dict)
    """Name → index and name of the first node that read it."""
    late: dict[int, tuple[int, bytes]] = field(default_factory=dict)
    """The same, of names that a later node made."""
    captured: dict[int, None] = field(default_factory=dict)
    """What subgraphs of the node at hand read from here."""

    def free(self) -> dict[int, tuple[int, bytes]]:
        """Return what was read and neither made nor given here."""
        known = self.given | self.made
        return {name: reader for name, reader in self.waiting.items() if name not in known}

    def unsorted(self) -> list[tuple[int, bytes, int]]:
        """Return (index, reader, name) of names that were read before they were made."""
        return [(index, reader, name) for name, (index, reader) in self.late.items() if name not in self.given]


class Graph:
    """What nodes read and make, as numbers, filled while the file is walked.

    Memory is bounded: beyond the limits above everything is dropped, and ``full`` is true.
    """

    def __init__(self) -> None:
        self.full = False
        self.paused = False
        self._begin()

    def _begin(self) -> None:
        self._ids: dict[bytes, int] = {}
        self._bytes = 0
        self._scopes = [_Scope()]
        self._reads = array("l")
        self._makes = array("l")
        self._ends = array("l", [0, 0])
        """Behind each node, the lengths of ``_reads`` and ``_makes``."""
        self._operators: list[tuple[bytes, bytes]] = []
        self._kinds: dict[tuple[bytes, bytes], tuple[bytes, bytes]] = {}
        self._read: set[int] = set()
        self._twice: set[int] = set()
        self._node_names: set[bytes] = set()
        self._node_names_twice: set[bytes] = set()
        self._unsorted: list[tuple[int, bytes, int]] = []
        """The first of the subgraphs', if there is one."""

    def drop(self) -> None:
        """Give up: the graph is larger than the limits, or a name is not known in full."""
        self.full = True
        self._begin()

    def given(self, name: bytes) -> None:
        """Take an initialiser, or an input of a subgraph."""
        if name and (number := self._number(name)) is not None:
            scope = self._scopes[-1]
            if number in scope.given:
                self._twice.add(number)
            scope.given.add(number)

    def enter(self) -> None:
        """Begin a subgraph of the node at hand."""
        if not (self.paused or self.full):
            self._scopes.append(_Scope())

    def leave(self, outputs: Iterable[bytes]) -> None:
        """End a subgraph: what it read and did not make, the node reads."""
        reads = self._numbers(outputs)
        if self.paused or self.full:
            return
        self._take(b"", reads, [])
        scope = self._scopes.pop()
        self._scopes[-1].captured.update(dict.fromkeys(scope.free()))
        self._unsorted = sorted([*self._unsorted, *scope.unsorted()])[:1]

    def node(
        self, name: bytes, operator: tuple[bytes, bytes], inputs: Sequence[bytes], outputs: Sequence[bytes]
    ) -> None:
        """Take a node, after its subgraphs. Empty names are optional inputs or outputs that it does not use."""
        reads, makes = self._numbers(inputs), self._numbers(outputs)
        if self.paused or self.full:
            return
        scope = self._scopes[-1]
        reads += scope.captured
        scope.captured = {}
        self._take(name, reads, makes)
        self._twice.update(number for number in makes if number in scope.made)
        scope.made.update(makes)
        if len(self._scopes) == 1:
            self._reads.extend(reads)
            self._makes.extend(makes)
            self._ends.extend((len(self._reads), len(self._makes)))
            self._operators.append(self._kinds.setdefault(operator, operator))
            self._named(name)
        if len(self._ends) > 2 * MAX_NODES or len(self._reads) + len(self._makes) > MAX_LINKS:
            self.drop()

    def _take(self, name: bytes, reads: Sequence[int], makes: Sequence[int]) -> None:
        scope = self._scopes[-1]
        self._read.update(reads)
        index = len(self._ends) // 2 - 1
        for number in reads:
            if number not in scope.made:
                scope.waiting.setdefault(number, (index, name))
        for number in makes:
            if number in scope.waiting:
                scope.late.setdefault(number, scope.waiting[number])

    def _named(self, name: bytes) -> None:
        if name in self._node_names:
            self._node_names_twice.add(name)
        elif name:
            self._keep(name)
            self._node_names.add(name)

    def _numbers(self, names: Iterable[bytes]) -> list[int]:
        return [number for name in names if name and (number := self._number(name)) is not None]

    def _number(self, name: bytes) -> int | None:
        if self.paused or self.full:
            return None
        number = self._ids.get(name)
        if number is None:
            number = self._ids[name] = len(self._ids)
            if not self._keep(name):
                return None
        return number

    def _keep(self, name: bytes) -> bool:
        self._bytes += len(name)
        if self._bytes > MAX_NAME_BYTES or len(self._ids) > MAX_NAMES:
            self.drop()
        return not self.full

    def values(self, inputs: Sequence[bytes], outputs: Sequence[bytes]) -> dict[str, Any]:
        """Return what facts say of the graph; nothing, when it was too large.

        Args:
            inputs: names of the graph's inputs that are no initialisers.
            outputs: names of its outputs.
        """
        if self.full:
            return {}
        main = self._scopes[0]
        weights = set(main.given)
        names = list(self._ids)
        fed = {self._ids[name] for name in inputs if name in self._ids}
        main.given |= fed
        wanted = {self._ids[name] for name in outputs if name in self._ids}
        used = self._read | wanted
        known = set(outputs)
        unsorted = sorted([*self._unsorted, *main.unsorted()])
        again = {self._ids[name] for name, count in Counter(inputs).items() if count > 1 and name in self._ids}
        twice = self._twice | again | (main.made & main.given)
        said: dict[str, Any] = {
            "unused_inputs": [types.text(n) for n in inputs if self._ids.get(n) not in used and n not in known],
            "unused_initializers": _listed(names[number] for number in weights - used),
            "node_outputs_never_used": _listed(names[number] for number in main.made - used),
            "undefined_names": _listed(names[number] for number in main.free()),
            "duplicate_names": _listed(names[number] for number in twice),
            "duplicate_node_names": _listed(self._node_names_twice),
            "dead_outputs": self._dead(outputs, main, weights, self._reached(fed)),
            "topologically_sorted": not unsorted,
        }
        if unsorted:
            index, reader, name = unsorted[0]
            said["first_unsorted"] = {"node": types.text(reader), "index": index, "reads": types.text(names[name])}
        return said

    def made_by(self, outputs: Iterable[bytes]) -> Iterator[tuple[bytes, bytes] | None]:
        """Yield, of each output, domain and name of the operator that its values come from.

        Operators that only carry values on are passed over; None where no node makes it, or one that is far away.
        """
        ends = self._ends
        makers = {
            number: node
            for node in range(len(self._operators))
            for number in self._makes[ends[2 * node + 1] : ends[2 * node + 3]]
        }
        for name in outputs:
            node, steps = makers.get(self._ids.get(name, -1)), 0
            while node is not None and self._carries(node):
                steps += 1
                node = makers.get(self._reads[ends[2 * node]]) if steps < _STEPS else None
            yield None if node is None else self._operators[node]

    def _carries(self, node: int) -> bool:
        domain, name = self._operators[node]
        return domain in _STANDARD and name in _CARRIES and self._ends[2 * node] < self._ends[2 * node + 2]

    def _dead(
        self, outputs: Sequence[bytes], main: _Scope, weights: set[int], reached: set[int]
    ) -> list[dict[str, str]]:
        """Return outputs that no node makes, or that depend on no input, with the reason."""
        dead = []
        for name in outputs[:MAX_LISTED]:
            number = self._ids.get(name)
            if number in main.made:
                because = "" if number in reached else "no-input"
            elif number in weights:
                because = "initializer"
            else:
                because = "input" if number in main.given else "undefined"
            if because:
                dead.append({"name": types.text(name), "because": because})
        return dead

    def _reached(self, fed: set[int]) -> set[int]:
        """Return the names that depend on an input; every link is followed once, whatever the order of the nodes."""
        readers: dict[int, list[int]] = {}
        ends = self._ends
        for node in range(len(ends) // 2 - 1):
            for number in self._reads[ends[2 * node] : ends[2 * node + 2]]:
                readers.setdefault(number, []).append(node)
        reached = set(fed)
        todo = list(fed)
        while todo:
            for node in readers.pop(todo.pop(), ()):
                fresh = set(self._makes[ends[2 * node + 1] : ends[2 * node + 3]]) - reached
                reached |= fresh
                todo.extend(fresh)
        return reached


def _listed(names: Iterable[bytes]) -> list[str]:
    """Return the first 1000 names, sorted."""
    return [types.text(name) for name in sorted(names)[:MAX_LISTED]]
