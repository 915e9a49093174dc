"""Lineage as W3C PROV-JSON (member submission of 24 April 2013): entities, activities, and who used or made what."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from urllib.parse import quote

from herdbook.model.base import Json
from herdbook.model.lineage import Edge, Lineage, Node

PREFIX = {"herdbook": "urn:herdbook:", "prov": "http://www.w3.org/ns/prov#"}
_ACTS = frozenset({"activity", "unknown"})


def prov(lineage: Lineage) -> Json:
    """Return the PROV-JSON document of a walk. What is unknown is an activity with ``herdbook:known`` false.

    A version that was made from a record by one activity is also said to be derived from it.
    """
    nodes = {node.id: node for node in lineage.nodes}
    used: dict[str, Json] = {}
    generated: dict[str, Json] = {}
    taken: dict[str, list[str]] = defaultdict(list)
    for entity, activity, role, was_made in _relations(lineage, nodes):
        said = {"prov:entity": name(entity), "prov:activity": name(activity)}
        if was_made:
            generated[f"_:g{len(generated) + 1}"] = said
        else:
            used[f"_:u{len(used) + 1}"] = {**said, "prov:role": role}
            taken[name(activity)].append(name(entity))
    pairs = [(made, entity) for made in generated.values() for entity in taken[made["prov:activity"]]]
    derived = {
        f"_:d{number}": {
            "prov:generatedEntity": made["prov:entity"],
            "prov:usedEntity": entity,
            "prov:activity": made["prov:activity"],
        }
        for number, (made, entity) in enumerate(pairs, 1)
    }
    document: Json = {
        "prefix": dict(PREFIX),
        "entity": {name(node): _attributes(node) for node in lineage.nodes if node.kind not in _ACTS},
        "activity": {name(node): _attributes(node) for node in lineage.nodes if node.kind in _ACTS},
        "used": used,
        "wasGeneratedBy": generated,
        "wasDerivedFrom": derived,
    }
    return {key: value for key, value in document.items() if value}


def name(node: Node) -> str:
    """Return the qualified name of a node: its id, escaped as in a URL, a digest's colon as a slash."""
    return "herdbook:" + quote(node.id.replace(":", "/") if node.id.startswith("sha256:") else node.id, safe="/-_.")


def _attributes(node: Node) -> Json:
    found: Json = {"prov:label": node.title, "prov:type": f"herdbook:{node.kind}"}
    if node.detail:
        found["herdbook:detail"] = node.detail
    if node.references:
        found["herdbook:reference"] = list(node.references)
    if node.state != "current":
        found["herdbook:state"] = node.state
    if not node.resolved:
        found["herdbook:known"] = False
    return found


def _relations(lineage: Lineage, nodes: dict[str, Node]) -> Iterator[tuple[Node, Node, str, bool]]:
    """Yield (entity, activity, role, whether the activity made it)."""
    for edge in lineage.edges:
        if edge.frm in nodes and edge.to in nodes:
            yield from _relation(lineage.direction, edge, nodes[edge.frm], nodes[edge.to])


def _relation(direction: str, edge: Edge, frm: Node, to: Node) -> Iterator[tuple[Node, Node, str, bool]]:
    if to.kind in _ACTS and frm.kind not in _ACTS:
        yield frm, to, edge.role, direction == "up"
    elif frm.kind in _ACTS and to.kind not in _ACTS:
        yield to, frm, edge.role, direction == "down" or edge.role == "made"
