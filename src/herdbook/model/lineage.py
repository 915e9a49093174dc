"""Lineage as a graph: versions, datasets, activities and what is only named; what is unknown drawn so."""

from __future__ import annotations

from typing import Literal

from herdbook.model.base import Bool, Int, Text, Value
from herdbook.model.versions import Entry


class Node(Value):
    """A node. ``id`` is a digest or ``scheme:value``; ``references`` are the versions that a record is.

    ``kind`` ``unknown`` stands for what must exist and of which nothing is known, such as a training.
    ``hidden`` counts neighbours that were cut off.
    """

    id: Text
    kind: Literal[
        "version", "dataset", "activity", "code", "environment", "file", "blob", "id", "selector", "record", "unknown"
    ]
    title: Text
    detail: Text = ""
    references: tuple[Text, ...] = ()
    state: Literal["current", "deprecated", "withdrawn"] = "current"
    resolved: Bool = True
    hidden: Int = 0


class Edge(Value):
    """A step from ``frm`` to ``to``, in the direction of the walk, with a role: ``parent``, ``train``, ``made by``."""

    frm: Text
    to: Text
    role: Text


class Lineage(Value):
    """A walk from a root; breadth first, every node once, cut at limits that are counted."""

    root: Text
    direction: Literal["up", "down"]
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    cut: Int = 0

    def node(self, id_: str) -> Node:
        """Return the node with an id."""
        return next(node for node in self.nodes if node.id == id_)

    def __repr__(self) -> str:
        cut = f", {self.cut} cut" if self.cut else ""
        nodes = f"{len(self.nodes)} node{'' if len(self.nodes) == 1 else 's'}"
        return f"<lineage {self.direction} of {self.node(self.root).title}: {nodes}{cut}>"


class ImpactedModel(Value):
    """A model with versions that descend from the root: how many, and which aliases lead to one of them."""

    name: Text
    versions: Int
    aliases: tuple[Text, ...] = ()


class Impact(Value):
    """All that descends from a record, through any number of activities.

    ``models``, ``releases`` (of software, in which one of the versions was) and the counts are of everything; ``items``
    is a page of the versions, by model and ordinal.
    """

    root: Text
    title: Text
    versions: Int
    datasets: Int
    models: tuple[ImpactedModel, ...]
    releases: tuple[Text, ...]
    items: tuple[Entry, ...]
    cursor: Text | None = None

    def __repr__(self) -> str:
        models = f"{len(self.models)} model{'' if len(self.models) == 1 else 's'}"
        return f"<impact of {self.title}: {self.versions} version{'' if self.versions == 1 else 's'} of {models}>"
