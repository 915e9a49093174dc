"""One interface from all files that speak of it: tensors in order, their features and sequences, each with evidence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from herdbook.kernel.errors import InvalidError
from herdbook.model import contracts
from herdbook.model.base import Json, Value
from herdbook.model.statements import Evidence
from herdbook.service.contracts import merging, pairing, trees
from herdbook.service.contracts.pairing import Group
from herdbook.service.contracts.telling import Fields, Source, Tensor, Told

_AXIS = "the axis beside batch and features"


class Building:
    """A contract that grows: values as JSON, evidence by pointer, and what did not agree."""

    def __init__(self) -> None:
        self.evidence: dict[str, Evidence] = {}
        self.report = merging.Report()

    def interface(self, group: Group, pointer: str = "") -> Json:
        """Return the ``inputs`` and ``outputs`` of a group; ``pointer`` is where they will stand."""
        made: Json = {}
        for way in ("inputs", "outputs"):
            tensors = _tensors(group, way)
            if tensors:
                made[way] = [
                    self._tensor(sayings, f"{pointer}/{way}/{number}", way == "inputs")
                    for number, sayings in enumerate(tensors)
                ]
                _apart(made[way])
        return made

    def put(self, fields: Fields, pointer: str, shape: type[Value] | None = None) -> Json:
        """Return values as JSON and keep their evidence: that of the first for the whole, others for themselves.

        What does not fit its shape is left out, with a finding.
        """
        values = {name: _plain(told.value) for name, told in fields.items()}
        while shape is not None and values:
            try:
                shape.read({"name": "x", **values} if "name" in shape.model_fields else values)
                break
            except InvalidError as error:
                name = str(error.details.get("where", "")).strip("/").partition("/")[0]
                name = name if name in values else next(iter(values))
                self.report.warn(
                    "contract-bad-value", f"{fields[name].evidence.where}: {error.message}", f"{pointer}/{name}"
                )
                self.report.open.append(f"{pointer}/{name}")
                del values[name]
        whole = next((fields[name].evidence for name in values), None)
        if whole is not None:
            self.evidence[pointer] = whole
        for name in values:
            if fields[name].evidence != whole:
                self.evidence[f"{pointer}/{name}"] = fields[name].evidence
        return values

    def _tensor(self, sayings: Sequence[tuple[Source, Tensor]], pointer: str, is_input: bool) -> Json:
        merged = merging.fields([(source, tensor.fields) for source, tensor in sayings], pointer, self.report)
        if "name" not in merged:  # names differ: that of the first, which the finding names, keeps the place
            merged = {"name": next(tensor.fields["name"] for _, tensor in sayings if tensor.name), **merged}
        if "labels" in merged and not pairing.takes_labels(Tensor(fields=merged), len(merged["labels"].value)):
            both = [
                (source, each.fields[name])
                for name in ("shape", "labels")
                for source, each in sayings
                if name in each.fields
            ]
            self.report.conflict(f"{pointer}/labels", both)
            del merged["labels"]
        made = self.put(merged, pointer, contracts.Tensor)
        if "name" not in made:
            made = {"name": f"{'input' if is_input else 'output'}_{pointer.rpartition('/')[2]}", **made}
        if not is_input:
            return made
        features = self._features(sayings, f"{pointer}/features", merged)
        if features is not None:
            made["features"] = features
        sequence = merging.fields(
            [(source, tensor.sequence) for source, tensor in sayings], f"{pointer}/sequence", self.report
        )
        axis = _sequence_axis(merged, len(features or ()))
        if sequence and "axis" not in sequence and axis is not None:
            sequence["axis"] = Told(axis, Evidence(how="inferred", where=merged["shape"].evidence.where, rule=_AXIS))
        if sequence:
            made["sequence"] = self.put(sequence, f"{pointer}/sequence", contracts.Sequence)
        return made

    def _features(self, sayings: Sequence[tuple[Source, Tensor]], pointer: str, merged: Fields) -> list[Json] | None:
        told = [(source, tensor) for source, tensor in sayings if tensor.features]
        named = [(source, tensor) for source, tensor in told if all(_names(tensor))]
        if not named:
            return None
        lists = [(source, tensor) for source, tensor in named if tensor.ordered] or named[:1]
        first = lists[0][1]
        names = _names(first)
        if any(_names(tensor) != names for _, tensor in lists[1:]) or len(set(names)) < len(names):
            self.report.conflict(pointer, [(source, _listed(tensor)) for source, tensor in lists])
            return None
        if not pairing.has_room(Tensor(fields=merged), len(names)):
            shape = [(source, tensor.fields["shape"]) for source, tensor in sayings if "shape" in tensor.fields]
            self.report.conflict(pointer, [*((source, _listed(tensor)) for source, tensor in lists), *shape])
            return None
        if not first.ordered:
            where = first.features[0]["name"].evidence.where if first.features else None
            rule = "the order of the file, which does not say that it is that of the input"
            self.evidence[pointer] = Evidence(how="inferred", where=where, rule=rule)
        made = []
        for number, fields in enumerate(self._by_place(told, names, pointer)):
            at = f"{pointer}/{number}"
            made.append(self.put(merging.fields(fields, at, self.report), at, contracts.Feature))
        return made

    def _by_place(
        self, told: Sequence[tuple[Source, Tensor]], names: Sequence[str], pointer: str
    ) -> list[list[tuple[Source, Fields]]]:
        """Return what each source says of each feature: by its place, or by its name where a file has no order."""
        places: list[list[tuple[Source, Fields]]] = [[] for _ in names]
        index = {name: number for number, name in enumerate(names)}
        for source, tensor in told:
            features = tensor.features or []
            if tensor.ordered and len(features) != len(names):
                self.report.conflict(pointer, [(source, _listed(tensor))], shown=False)
                continue
            for number, fields in enumerate(features):
                place = number if tensor.ordered else index.get(str(fields["name"].value))
                if place is not None:
                    places[place].append((source, fields))
        return places


def _tensors(group: Group, way: str) -> list[list[tuple[Source, Tensor]]]:
    """Return, for each input or output in order, what each source says of it."""
    base = group.inputs if way == "inputs" else group.outputs
    if not base:
        alone = [
            (each, getattr(each, f"only_{way[:-1]}")) for each in group.sources if getattr(each, f"only_{way[:-1]}")
        ]
        return [[(source, _named(tensor, way)) for source, tensor in alone]] if alone else []
    index = {tensor.name: number for number, tensor in enumerate(base)}
    told: list[list[tuple[Source, Tensor]]] = [[] for _ in base]
    for source in group.sources:
        for number, tensor in enumerate(getattr(source, way) or ()):
            place = _place(source, tensor, number, index, base)
            if place is not None:
                told[place].append((source, tensor))
        only = getattr(source, f"only_{way[:-1]}")
        if only is not None:
            for number in _of_only(group, source, way, base):
                told[number].append((source, only))
    return told


def _named(tensor: Tensor, way: str) -> Tensor:
    by = next(iter(tensor.fields.values()), None) or (tensor.features or [{}])[0].get("name")
    where = by.evidence.where if by else None
    name = Told(
        trees.INPUT if way == "inputs" else trees.OUTPUT,
        Evidence(how="inferred", where=where, rule="no file names a tensor: the name is ours"),
    )
    return Tensor({"name": name, **tensor.fields}, tensor.features, tensor.sequence, tensor.ordered)


def _place(source: Source, tensor: Tensor, number: int, index: dict[str, int], base: Sequence[Tensor]) -> int | None:
    """Return the place of a source's tensor: by name, or by position where a name is not the file's own."""
    if number < len(base) and tensor.name == base[number].name:  # a name may stand twice
        return number
    if tensor.name in index:
        return index[tensor.name]
    if number >= len(base):
        return None
    ours = base[number].fields["name"].evidence.how == "inferred" or tensor.fields["name"].evidence.how == "inferred"
    return number if ours or source.by_position else None


def _of_only(group: Group, source: Source, way: str, base: Sequence[Tensor]) -> Iterator[int]:
    """Yield the places that a sidecar without names speaks of: the outputs whose labels it is, or the only one."""
    if way == "outputs":
        named = {
            output
            for server in group.sidecars
            for output, name in server.labels_of.items()
            if pairing.names_file(server, source.path) and name.rpartition("/")[2] == source.path.rpartition("/")[2]
        }
        numbers = [number for number, tensor in enumerate(base) if tensor.name in named]
        if numbers:
            yield from numbers
            return
    if len(base) == 1:
        yield 0


def _names(tensor: Tensor) -> list[str]:
    return [str(each["name"].value) if "name" in each else "" for each in tensor.features or ()]


def _listed(tensor: Tensor) -> Told:
    """Return the names of features as one value."""
    first = next((each["name"] for each in tensor.features or () if "name" in each), None)
    return Told(_names(tensor), first.evidence if first else Evidence(how="extracted"))


def _sequence_axis(fields: Fields, features: int) -> int | None:
    """Return the axis that is neither the first nor as long as there are features, when only one is left."""
    shape = fields["shape"].value if "shape" in fields else ()
    if len(shape) != 3 or not features:
        return None
    left = [axis for axis in (1, 2) if shape[axis] != features]
    return left[0] if len(left) == 1 else None


def _apart(tensors: list[Json]) -> None:
    """Give tensors of one name a number: a name stands once in a contract."""
    seen: Counter[str] = Counter()
    for tensor in tensors:
        seen[tensor["name"]] += 1
        if seen[tensor["name"]] > 1:
            tensor["name"] = f"{tensor['name']} ({seen[tensor['name']]})"


def _plain(value: Any) -> Any:  # noqa: ANN401 - any value of a contract
    return list(value) if isinstance(value, tuple) else value
