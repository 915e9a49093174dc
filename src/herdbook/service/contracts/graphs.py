"""What graphs tell of an interface: ordered inputs and outputs with dtype and shape, and what few formats add."""

from __future__ import annotations

from herdbook.model.base import Json
from herdbook.model.dossiers import FileView
from herdbook.model.formats import KERAS
from herdbook.service.contracts import meanings, pairing
from herdbook.service.contracts.preparing import prepared
from herdbook.service.contracts.telling import Source, Tensor, Told, by, inferred
from herdbook.service.preprocessing import salt

_TORCH = "the argument's name; shape and dtype are not in the file"
_KERAS = "Keras: the first axis counts samples"


def tell(view: FileView) -> Source | None:
    """Return what a graph tells, or ``None`` when its facts have neither inputs nor outputs."""
    values = view.facts.values if view.facts else {}
    if not values.get("inputs") and not values.get("outputs") and not values.get("input_sequences"):
        return None
    source = Source(view)
    source.inputs = [
        _tensor(source, way, number, told)
        for way in ("inputs", "input_sequences")
        for number, told in enumerate(values.get(way) or ())
    ]
    source.outputs = [
        _tensor(source, "outputs", number, told) for number, told in enumerate(values.get("outputs") or ())
    ]
    _prepare(source, source.inputs)
    return source


def _prepare(source: Source, inputs: list[Tensor]) -> None:
    """Give inputs the features that lwtnn's networks and salt's metadata have for them: in order, or by name."""
    told = prepared(source).inputs
    if not told:
        return
    order = salt.graph_order(source.values) if "gnn_config" in source.values else None
    if order is not None and len(order) == len(told):
        told = [told[number] for number in order]
    fitting = len(told) == len(inputs) and all(
        pairing.has_room(tensor, len(each.features or ())) for tensor, each in zip(inputs, told, strict=True)
    )
    if not fitting:
        message = f"it describes {len(told)} inputs with features that do not fit the {len(inputs)} of its graph"
        source.warn("contract-conflict", message, "/inputs")
        return
    for tensor, each in zip(inputs, told, strict=True):  # in the graph's order now
        tensor.features, tensor.sequence = each.features, each.sequence
        if source.format.startswith("lwtnn"):
            tensor.fields["name"] = each.fields["name"]  # a sequence may have the name of another input


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
            tensor.fields["batch_axis"] = Told(0, by(view, pointer, _KERAS))
    if way == "outputs" and (meaning := meanings.of_output(view, number)):
        tensor.fields["meaning"] = meaning
    if told.get("labels"):
        tensor.fields["labels"] = Told(tuple(map(str, told["labels"])), evidence)
    return tensor


def _rule(source: Source, told: Json) -> str:
    if source.format == "tf-savedmodel":
        return f"signature {source.values.get('signature_used_for_inputs', '')}".strip()
    return _TORCH if "torch_type" in told and told.get("dtype") is None else ""


def _unnamed(view: FileView, way: str, number: int) -> Told:
    """Return a name for a tensor that the file only numbers."""
    return Told(f"{way.removesuffix('s')}_{number}", inferred(view, "the file gives no name: its position"))
