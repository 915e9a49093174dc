"""What a pickle would build, as inert nodes: nothing here can be called, and none knows what it stands for.

Numbers, short strings, ``None`` and truth values stand for themselves; so do tuples and lists of nodes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

Node = Any
"""A scalar, a tuple or list of nodes, or one of the classes below."""


@dataclass(frozen=True, slots=True)
class Global:
    """A name that loading would import."""

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


@dataclass(eq=False, slots=True, repr=False)
class Call:
    """What a call would return: function or class, its arguments, and what was done to the result afterwards."""

    function: Node
    args: Node
    state: Node = None
    pairs: list[tuple[Node, Node]] = field(default_factory=list)
    items: list[Node] = field(default_factory=list)


@dataclass(eq=False, slots=True, repr=False)
class Dict:
    """A dictionary: pairs in the order in which they are set; a key may be set twice."""

    pairs: list[tuple[Node, Node]] = field(default_factory=list)


@dataclass(eq=False, slots=True, repr=False)
class Persistent:
    """What the loader would be asked for by an id."""

    id: Node


@dataclass(eq=False, slots=True, repr=False)
class Opaque:
    """What is too long to keep, or is not followed."""

    kind: str
    size: int = 0


_MAPPINGS = frozenset({"OrderedDict", "dict", "defaultdict", "Counter"})


def is_mapping(node: Node) -> bool:
    """Say whether it would be a dictionary."""
    if isinstance(node, Dict):
        return True
    function = node.function if isinstance(node, Call) else None
    return isinstance(function, Global) and (
        function.name in _MAPPINGS and function.module in {"collections", "builtins", "__builtin__"}
    )


def pairs(node: Node) -> Iterator[tuple[Node, Node]]:
    """Yield keys and values of what would be a dictionary; nothing for anything else."""
    if isinstance(node, Dict):
        yield from node.pairs
    elif isinstance(node, Call) and is_mapping(node):
        for each in node.args if isinstance(node.args, tuple) else ():
            for item in each if isinstance(each, list) else ():  # Python 2 gave an OrderedDict its items as lists
                if isinstance(item, list | tuple) and len(item) == 2:
                    yield item[0], item[1]
            if isinstance(each, Dict):
                yield from each.pairs
        yield from node.pairs


def get(node: Node, key: str) -> Node:
    """Return the value of a key, the last one set; None when there is none."""
    found = None
    for name, value in pairs(node):
        if isinstance(name, str) and name == key:
            found = value
    return found


def state(node: Node) -> Node:
    """Return the attributes that were given to an object: its state, or the first half of a state with slots."""
    said = node.state if isinstance(node, Call) else None
    if isinstance(said, tuple) and len(said) == 2 and (said[0] is None or is_mapping(said[0])):
        return said[0]
    return said


def label(node: Node) -> str:
    """Return a scalar or a name as short text; never what is made of other nodes, which could be endless."""
    return str(node)[:1000] if isinstance(node, Global | str | int | float | bool) else "?"


def type_name(node: Node) -> str:
    """Return the name of the type that it would have, without its module."""
    if node is None:
        return "NoneType"
    if isinstance(node, Dict):
        return "dict"
    if isinstance(node, Opaque):
        return node.kind
    if isinstance(node, Call):
        function = node.function
        return function.name.rpartition(".")[2] if isinstance(function, Global) else "object"
    return "object" if isinstance(node, Persistent | Global) else type(node).__name__
