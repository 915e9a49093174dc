"""Lineage: a walk over activities, breadth first, every node once, with what is unknown drawn as unknown."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from herdbook.kernel import digests
from herdbook.kernel.errors import InvalidError, MissingError
from herdbook.model.activities import Activity, Code, Environment
from herdbook.model.datasets import Dataset
from herdbook.model.lineage import Edge, Lineage, Node
from herdbook.model.versions import Entry, Version
from herdbook.ports.catalogue import Reader
from herdbook.service import bodies, datasets, links, prefixes, references
from herdbook.service.bodies import Body
from herdbook.service.entries import entries

LEVEL = 20_000
"""How many edges of one level are looked at; more are counted as cut."""


@dataclass
class _Walk:
    tx: Reader
    direction: str
    limit: int
    nodes: dict[str, Node] = field(default_factory=dict)
    edges: list[Edge] = field(default_factory=list)
    cut: int = 0
    called: set[str] = field(default_factory=set)
    """Activities that were met by their id."""
    made: set[tuple[str, str]] = field(default_factory=set)
    """Steps from such activities to what they made, which are not walked back."""

    def neighbours(self, ids: Iterable[str]) -> list[Edge]:
        """Return the steps from nodes of one level, from records to activities and from these to records."""
        known = [node for id_ in ids if (node := self.nodes[id_]).kind != "unknown"]
        acts = [node.id for node in known if node.kind == "activity"]
        others = [node.id for node in known if node.kind != "activity"]
        steps = self._from_activities(acts)
        if self.direction == "up":
            steps += self._surroundings(acts)
        same = {id_: id_ for id_ in others}
        same |= {old: new for new, olds in links.older(self.tx, others).items() for old in olds}
        steps += self._to_activities(same)
        if self.direction == "down":
            steps += self._by_name(acts, same)
        else:
            steps += self._unknown(known, {step.frm for step in steps})
        return [step for step in dict.fromkeys(self._one(steps)) if (step.to, step.frm) not in self.made]

    def _one(self, steps: list[Edge]) -> list[Edge]:
        """Let steps lead to the record that resolves an unresolved one, or a poorer telling: both are one node."""
        newer = links.newer(self.tx, {step.to for step in steps})
        return [step.model_copy(update={"to": newer[step.to]}) if step.to in newer else step for step in steps]

    def _from_activities(self, acts: list[str]) -> list[Edge]:
        """Return the steps from activities; a run or a dataset that is known by its id alone may be here."""
        out = "in" if self.direction == "up" else "out"
        rows = [row for row in self.tx.edges(acts) if row.direction == out and row.role != "evidence"]
        named = links.named(self.tx, {row.target for row in rows if row.target_kind == "id"})
        steps = [
            Edge(frm=row.activity, to=named.get(row.target, row.target), role=row.role)
            if row.target_kind == "id"
            else Edge(frm=row.activity, to=row.target, role=row.role)
            for row in rows
        ]
        if self.direction == "up":
            steps += self._made(acts)
            self.called |= set(named.values())
        return steps

    def _made(self, acts: list[str]) -> list[Edge]:
        """What a run put out is drawn beside it where only the run was named, not which of its versions was meant."""
        rows = self.tx.edges([id_ for id_ in acts if id_ in self.called])
        steps = [
            Edge(frm=row.activity, to=row.target, role="made")
            for row in rows
            if row.direction == "out" and row.target_kind == "record"
        ]
        steps = self._one(steps)
        self.made |= {(step.frm, step.to) for step in steps}
        return steps

    def _to_activities(self, same: dict[str, str]) -> list[Edge]:
        """Return the steps from records to what made them, or took them; ``same``: which node a record is."""
        if not same:
            return []
        found = self.tx.edges_at(same, "out" if self.direction == "up" else "in", limit=LEVEL + 1)
        if len(found) > LEVEL:
            self.cut += 1
        role = "made by" if self.direction == "up" else ""
        return [
            Edge(frm=same[row.target if row.target in same else row.file], to=row.activity, role=role or row.role)
            for row in found[:LEVEL]
        ]

    def _by_name(self, acts: list[str], same: dict[str, str]) -> list[Edge]:
        """Return the steps to activities that took a run of these, or a dataset, and know it by its id alone.

        Where the run itself is not drawn, the step begins at the version that it made.
        """
        makers = [row for row in self.tx.edges_at(same, "out", limit=LEVEL) if row.activity not in self.nodes]
        owners = {id_: [id_] for id_ in acts}
        for row in makers:
            owners.setdefault(row.activity, []).append(same[row.target if row.target in same else row.file])
        ids = [row for row in self.tx.edges(owners) if row.direction == "self"]
        names = {row.target: owners[row.activity] for row in ids}
        values = bodies.load(self.tx, [id_ for id_ in same if self.nodes[same[id_]].kind == "dataset"])
        names |= {str(v.id): [same[id_]] for id_, v in values.items() if isinstance(v, Dataset) and v.id}
        meant = links.named(self.tx, names)
        alone = {*owners, *same}
        takers = self.tx.edges_at([name for name in names if meant.get(name) in alone], "in", limit=LEVEL)
        return [
            Edge(frm=frm, to=row.activity, role=row.role)
            for row in takers
            if row.target_kind == "id"
            for frm in names[row.target]
        ]

    def _surroundings(self, acts: list[str]) -> list[Edge]:
        """Code and environment of activities are drawn beside their inputs."""
        steps = []
        for id_, value in bodies.load(self.tx, acts).items():
            if isinstance(value, Activity):
                named = {"code": value.code, "environment": value.environment}
                steps += [Edge(frm=id_, to=f"{id_}#{role}", role=role) for role, part in named.items() if part]
        return steps

    def _unknown(self, known: list[Node], told: set[str]) -> list[Edge]:
        """A version of which no activity is known was trained all the same."""
        return [
            Edge(frm=n.id, to=f"unknown:{n.id}", role="made by")
            for n in known
            if n.kind == "version" and n.id not in told
        ]

    def add(self, ids: Iterable[str], kinds: dict[str, str]) -> list[str]:
        """Add nodes that are not there yet; return those that are new."""
        new = [id_ for id_ in dict.fromkeys(ids) if id_ not in self.nodes]
        room = max(0, self.limit - len(self.nodes))
        if len(new) > room and all(kinds.get(id_) == "activity" for id_ in new):
            room //= 2  # leave room for what the activities made
        self.cut += max(0, len(new) - room)
        new = new[:room]
        for node in nodes(self.tx, new, kinds):
            self.nodes[node.id] = node
        return new


def walk(tx: Reader, reference: str, direction: str, *, depth: int, limit: int) -> Lineage:
    """Walk from a version, dataset or activity.

    Raises:
        InvalidError: when ``direction`` is neither ``up`` nor ``down``.
        MissingError: when the root is not here.
    """
    if direction not in {"up", "down"}:
        raise InvalidError(f"{direction!r} is no direction", code="bad-direction", hint="Write up or down.")
    work = _Walk(tx, direction, max(1, limit))
    begin = root(tx, reference)
    begin = links.newer(tx, [begin]).get(begin, begin)
    level = work.add([begin], {})
    for _ in range(depth):
        steps = work.neighbours(level)
        if not steps:
            break
        level = work.add((step.to for step in steps), _kinds(tx, steps))
        kept = [step for step in steps if step.to in work.nodes]
        work.edges += kept
        _count_hidden(work, steps, kept)
    else:
        _hide(work, work.neighbours(level))
    return Lineage(
        root=begin, direction=direction, nodes=tuple(work.nodes.values()), edges=tuple(work.edges), cut=work.cut
    )


def _count_hidden(work: _Walk, steps: list[Edge], kept: list[Edge]) -> None:
    hidden = set(steps) - set(kept)
    _hide_from(work, hidden)


def _hide(work: _Walk, steps: list[Edge]) -> None:
    beyond = [step for step in steps if step.to not in work.nodes]
    work.cut += len({step.to for step in beyond})
    _hide_from(work, beyond)


def _hide_from(work: _Walk, steps: Iterable[Edge]) -> None:
    for step in steps:
        node = work.nodes.get(step.frm)
        if node is not None:
            work.nodes[step.frm] = node.model_copy(update={"hidden": node.hidden + 1})


def _kinds(tx: Reader, steps: list[Edge]) -> dict[str, str]:
    rows = tx.edges({step.frm for step in steps if step.role != "made by" and digests.is_sha256(step.frm)})
    kinds = {row.target: row.target_kind for row in rows}
    records = {step.to for step in steps if digests.is_sha256(step.to)}
    kinds.update({row.activity: "activity" for row in tx.edges(records)})
    kinds.update({step.to: "unknown" for step in steps if step.to.startswith("unknown:")})
    return kinds


def root(tx: Reader, reference: str) -> str:
    """Return the record of a version, a dataset or an activity that a reference, a digest or an id means."""
    digest = prefixes.whole(tx, reference, Version, Dataset, Activity)
    if digest and tx.known([digest]):
        return digest
    try:
        return references.resolve(tx, reference).record
    except (InvalidError, MissingError):
        found = datasets.find(tx, reference) if ":" in reference and not prefixes.is_one(reference) else []
        runs = links.called(tx, [reference]).get(reference, []) if ":" in reference and not found else []
        if len(found) + len(runs) == 1:
            return [*found, *runs][0]
        raise


def nodes(tx: Reader, ids: list[str], kinds: dict[str, str]) -> list[Node]:
    """Return the nodes of ids; ``kinds`` tells what an id is that has no body here."""
    records = [id_ for id_ in ids if digests.is_sha256(id_)]
    values = bodies.load(tx, records)
    same = {id_: id_ for id_ in records if isinstance(values.get(id_), Version)}
    same |= {old: new for new, olds in links.older(tx, same).items() for old in olds}
    rows = tx.versions_with(same)
    standing: dict[str, list[Entry]] = {}
    for row, entry in zip(rows, entries(tx, rows), strict=True):
        standing.setdefault(same[row.record], []).append(entry)
    titles = {item.record: item.title for item in datasets.entries(tx, records)}
    around = {id_: id_.partition("#") for id_ in ids if "#" in id_ and digests.is_sha256(id_.partition("#")[0])}
    acts = bodies.load(tx, (activity for activity, _, _ in around.values()))
    return [
        _around(id_, acts.get(around[id_][0]), around[id_][2])
        if id_ in around
        else _node(id_, values.get(id_), standing.get(id_, []), titles.get(id_), kinds.get(id_, ""))
        for id_ in ids
    ]


def _around(id_: str, activity: Body | object, role: str) -> Node:
    if not isinstance(activity, Activity):
        return Node(id=id_, kind="unknown", title=f"{role} unknown", resolved=False)
    if role == "code":
        code = activity.code or Code()
        commit = f"commit {code.commit[:12]}{' and a diff' if code.diff else ''}" if code.commit else "commit unknown"
        where = " ".join(part for part in (code.repository, code.path) if part)
        return Node(id=id_, kind="code", title=commit, detail=where, resolved=code.commit is not None)
    env = activity.environment or Environment()
    python = f"Python {env.python}" if env.python else env.kind or "environment"
    packages = ", ".join(f"{name} {version}" for name, version in list((env.packages or {}).items())[:4])
    pinned = "" if env.blob or env.container or env.stack else "not pinned"
    detail = ", ".join(part for part in (env.platform, packages, pinned) if part)
    return Node(id=id_, kind="environment", title=python, detail=detail)


def _node(id_: str, value: Body | object, standing: list[Entry], title: str | None, kind: str) -> Node:
    match value:
        case Version():
            names = tuple(entry.reference for entry in standing)
            states = {entry.state for entry in standing}
            state = next((state for state in ("withdrawn", "deprecated") if state in states), "current")
            resolved = all(entry.version.resolved for entry in standing) if standing else value.resolved
            name = names[0] if names else f"version {id_[7:19]}"
            return Node.read(
                {"id": id_, "kind": "version", "title": name, "references": names, "state": state, "resolved": resolved,
                 "detail": f"{len(value.files)} file{'s' if len(value.files) > 1 else ''}"}
            )  # fmt: skip
        case Dataset():
            return Node(
                id=id_, kind="dataset", title=value.title, detail=title or "", resolved=value.manifest is not None
            )
        case Activity():
            return Node(
                id=id_, kind="activity", title=value.kind, detail=describe(value), resolved=value.status != "unknown"
            )
        case _:
            return _named(id_, kind)


def _named(id_: str, kind: str) -> Node:
    if kind == "unknown":
        return Node(id=id_, kind="unknown", title="training unknown", resolved=False)
    if kind in {"id", "selector"}:
        return Node.read({"id": id_, "kind": kind, "title": id_, "resolved": False})
    if kind in {"file", "blob"}:
        return Node.read({"id": id_, "kind": kind, "title": f"{kind} {id_[7:19]}"})
    return Node(id=id_, kind="record", title=f"record {id_[7:19]}", resolved=False)


def describe(activity: Activity) -> str:
    """Return an activity in a line: status, time, ids."""
    parts: list[str] = [activity.status] if activity.status != "finished" else []
    if activity.started:
        parts.append(activity.started[:16].replace("T", " "))
    parts += [str(item) for item in (activity.ids or ())[:2]]
    return ", ".join(part for part in parts)
