"""TensorFlow's memmapped package: regions of weights, a GraphDef among them, a directory, and its offset at the end.

Source: memmapped_file_system.{h,proto} of TensorFlow 2.21. Such files are called ``.pb`` all the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from herdbook.kernel.errors import CorruptError, InvalidError
from herdbook.model.facts import Safety
from herdbook.plugins.formats.contents import Content
from herdbook.plugins.formats.protobuf import TEXT_LIMIT, Wire, tag
from herdbook.plugins.formats.tensorflow_facts import GraphFacts
from herdbook.plugins.formats.tensorflow_graph import GraphReader
from herdbook.plugins.formats.tensorflow_types import elements

if TYPE_CHECKING:
    from herdbook.ports.formats import Listing, ReadAt

_PREFIX = "memmapped_package://"
_GRAPH = "memmapped_package://."
_MAX_DIRECTORY = 16 * 1024 * 1024
_COUNTED = "; parameters_in_regions: elements of the ImmutableConst nodes, whose data lie in the package's regions"


@dataclass(frozen=True)
class Element:
    """A region: its name, the offset of its first byte, and its length, 0 where the directory does not say it."""

    name: str
    offset: int
    length: int


def directory(file: ReadAt) -> int | None:
    """Return the offset of the directory, or ``None`` when this is no such package; reads the end only."""
    if file.size < 16:
        return None
    offset = int.from_bytes(file.read_at(file.size - 8, 8), "little")
    if not 0 < offset < file.size - 8 or file.size - 8 - offset > _MAX_DIRECTORY:
        return None
    head = file.read_at(offset, min(256, file.size - 8 - offset))
    return offset if head[:1] == b"\x0a" and _PREFIX.encode() in head else None


def read(file: ReadAt, path: str, listing: Listing) -> Content:
    """Read the facts of the graph in the package.

    Raises:
        CorruptError: when the package has no graph, or the graph is damaged.
        InvalidError: when limits are exceeded.
    """
    del listing
    start = directory(file)
    if start is None:
        raise CorruptError(f"{path} has no directory", code="not-tensorflow")
    wire = Wire(file)
    elements_ = _elements(wire, start, file.size - 8)
    graph = next((each for each in elements_ if each.name == _GRAPH), None)
    if graph is None:
        raise CorruptError(f"the package {path} has no graph", code="memmapped-no-graph")
    after = [each.offset for each in elements_ if each.offset > graph.offset]
    end = graph.offset + graph.length if graph.length else min([*after, start])
    if not 0 <= graph.offset <= end <= start:
        raise CorruptError(f"the graph of the package {path} lies outside of it", code="memmapped-outside")
    facts = GraphFacts(GraphReader(wire).graph(graph.offset, end - graph.offset))
    values = facts.values()
    regions = [node.get("shape", "shape") for node in facts.graph.nodes if node.op == "ImmutableConst"]
    values["parameters_in_regions"] = sum(elements(shape) for shape in regions)
    values["regions"] = len(elements_) - 1
    values["parameters_counted"] += _COUNTED
    return Content("tf-memmapped", values, Safety.GUARDED, facts.where, tuple(facts.findings))


def _elements(wire: Wire, start: int, end: int) -> list[Element]:
    found = []
    for key, a, b in wire.fields(start, end, {tag(1)}):
        if key != tag(1):
            continue
        name, offset, length = "", 0, 0
        for inner, c, d in wire.split(a, b):
            if inner == tag(1, 0):
                offset = c
            elif inner == tag(2):
                name = wire.take(c, min(d, TEXT_LIMIT)).decode("utf-8", "replace")
            elif inner == tag(3, 0):
                length = c
        wire.hold(300 + len(name))
        found.append(Element(name, offset, length))
        if len(found) > 100_000:
            raise InvalidError("the package has more than 100000 regions", code="too-many-regions")
    return found
