"""What graphs tell of an interface: ordered inputs and outputs with dtype and shape, and what few formats add."""

from __future__ import annotations

from collections import Counter

from herdbook.model.base import Json
from herdbook.model.dossiers import FileView
from herdbook.model.formats import KERAS
from herdbook.service.contracts.preparing import plain_feature
from herdbook.service.contracts.telling import Source, Tensor, Told, by, inferred

_TORCH = "the argument's name; shape and dtype are not in the file"


def tell(view: FileView) -> Source | None:
    """Return what a graph tells, or ``None`` when its facts have neither inputs nor outputs."""
    values = view.facts.values if view.facts else {}
    if not values.get("inputs") and not values.get("outputs") and not values.get("input_sequences"):
        return None
    source = Source(view)
    source.inputs = [_tensor(source, "inputs", number, told) for number, told in enumerate(values.get("inputs") or ())]
    for number, told in enumerate(values.get("input_sequences") or ()):
        tensor = _tensor(source, "input_sequences", number, told)
        tensor.sequence["axis"] = Told(0, inferred(view, "lwtnn: a sequence of objects, each with all variables"))
        source.inputs.append(tensor)
    _apart(source.inputs)
    source.outputs = [
        _tensor(source, "outputs", number, told) for number, told in enumerate(values.get("outputs") or ())
    ]
    return source


def _tensor(source: Source, way: str, number: int, told: Json) -> Tensor:
    view, pointer = source.view, f"/{way}/{number}"
    evidence = by(view, pointer, _rule(source, told))
    tensor = Tensor()
    tensor.fields["name"] = Told(told["name"], evidence) if told.get("name") else _unnamed(view, way, number)
    if told.get("dtype") is not None:
        tensor.fields["dtype"] = Told(told["dtype"], evidence)
    shape = told.get("shape") if told.get("shape") is not None else told.get("shape_in_graph")
    if shape is not None:
        tensor.fields["shape"] = Told(tuple(shape), evidence)
        if source.format in KERAS and shape:
            tensor.fields["batch_axis"] = Told(0, by(view, pointer, "Keras: the first axis counts samples"))
    if told.get("labels"):
        tensor.fields["labels"] = Told(tuple(map(str, told["labels"])), evidence)
    variables = told.get("variables")
    if variables:
        tensor.features = [
            plain_feature(each, by(view, f"{pointer}/variables/{place}", "lwtnn: (x + offset) * scale"))
            for place, each in enumerate(variables)
        ]
        tensor.batched = False
    return tensor


def _rule(source: Source, told: Json) -> str:
    if source.format == "tf-savedmodel":
        return f"signature {source.values.get('signature_used_for_inputs', '')}".strip()
    return _TORCH if "torch_type" in told and told.get("dtype") is None else ""


def _unnamed(view: FileView, way: str, number: int) -> Told:
    """Return a name for a tensor that the file only numbers."""
    return Told(f"{way.removesuffix('s')}_{number}", inferred(view, "the file gives no name: its position"))


def _apart(tensors: list[Tensor]) -> None:
    """Tell apart inputs of one name: lwtnn numbers its inputs and its sequences each from 0."""
    twice = {name for name, count in Counter(tensor.name for tensor in tensors).items() if count > 1}
    seen: Counter[str] = Counter()
    for tensor in tensors:
        if tensor.name in twice:
            told = tensor.fields["name"]
            seen[tensor.name] += 1
            if seen[tensor.name] > 1:
                tensor.fields["name"] = Told(f"{told.value} ({seen[tensor.name]})", told.evidence)
