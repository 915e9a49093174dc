"""What files beside a model tell of its interface: constants of preparation, labels, a server's configuration."""

from __future__ import annotations

import re
from collections.abc import Callable

from herdbook.model.base import Json
from herdbook.model.dossiers import FileView
from herdbook.service.contracts.preparing import prepared
from herdbook.service.contracts.telling import Source, Tensor, Told, by, escape, take

_LIBTORCH = re.compile(r"(.*)__([0-9]+)")
"""How Triton numbers the tensors of TorchScript, which have no names there: ``pf_mask__2``."""


def tell(view: FileView) -> Source | None:
    """Return what a sidecar tells, or ``None`` when the file is none, or tells nothing."""
    form = view.facts.format if view.facts else ""
    reads = _KINDS.get(form)
    if reads is None or view.facts is None:
        return None
    source = Source(view)
    reads(source, view.facts.values)
    told = (source.inputs, source.outputs, source.only_input, source.only_output, source.whole, source.ext)
    return source if any(told) or source.findings else None


def _weaver(source: Source, values: Json) -> None:
    told = prepared(source)
    source.inputs = told.inputs
    _expressions(source, values.get("new_variables"))
    if "" in told.labels:
        source.only_output = Tensor(fields={"labels": told.labels[""]})
    if isinstance(values.get("selection"), str) and values["selection"]:
        source.whole["selection"] = Told(values["selection"], by(source.view, "/selection", "of the training"))


def _expressions(source: Source, told: object) -> None:
    """Say from which variables of the data a feature is worked out."""
    expressions = told if isinstance(told, dict) else {}
    for tensor in source.inputs or ():
        for fields in tensor.features or ():
            name = str(fields["name"].value)
            if isinstance(expressions.get(name), str) and expressions[name]:
                evidence = by(source.view, f"/new_variables/{escape(name)}")
                fields["source_variable"] = Told(expressions[name], evidence)


def _constants(source: Source, _values: Json) -> None:
    """Read constants of one input. A dictionary has them by name: that its order is the input's, it does not say."""
    told = prepared(source).inputs
    if len(told) == 1:
        source.only_input = Tensor(features=told[0].features, ordered=source.format != "normalisation-dict")
    elif told:
        source.warn("sidecar-unpaired", "its constants stand in groups, and nothing says to which input each belongs")


def _triton(source: Source, values: Json) -> None:
    ragged = any(each.get("ragged") for each in values.get("inputs") or ())
    batch = 0 if ragged else int(values.get("max_batch_size") or 0)
    torch = "pytorch" in str(values.get("platform") or values.get("backend") or "")
    source.inputs = [
        _triton_tensor(source, "inputs", n, each, batch) for n, each in enumerate(values.get("inputs") or ())
    ]
    source.outputs = [
        _triton_tensor(source, "outputs", n, each, batch) for n, each in enumerate(values.get("outputs") or ())
    ]
    if torch:
        source.by_position = all(map(_numbered, [*source.inputs, *source.outputs]))
    for each in values.get("outputs") or ():
        if each.get("label_filename"):
            source.labels_of[_base(str(each["name"]), source)] = str(each["label_filename"])


def _triton_tensor(source: Source, way: str, number: int, told: Json, batch: int) -> Tensor:
    evidence = by(source.view, f"/{way}/{number}", "dims, with a batch axis before them" if batch else "dims")
    tensor = Tensor(fields=take(told, {"name": "name", "dtype": "dtype"}, evidence))
    dims = told.get("shape")
    if isinstance(dims, list):
        axes = tuple(None if axis == -1 else axis for axis in dims)
        tensor.fields["shape"] = Told((None, *axes) if batch else axes, evidence)
    if batch:
        tensor.fields["batch_axis"] = Told(
            0, by(source.view, "/max_batch_size", "Triton: batches along the first axis")
        )
    return tensor


def _numbered(tensor: Tensor) -> bool:
    """Take the number off the name that Triton gives a tensor of TorchScript; say whether there was one."""
    told = tensor.fields.get("name")
    match = _LIBTORCH.fullmatch(str(told.value)) if told else None
    if match is None or told is None:
        return False
    tensor.fields["name"] = Told(
        match[1], told.evidence.model_copy(update={"rule": "Triton's NAME__NUMBER of TorchScript"})
    )
    return True


def _base(name: str, source: Source) -> str:
    match = _LIBTORCH.fullmatch(name) if source.by_position else None
    return match[1] if match else name


def _feature_list(source: Source, values: Json) -> None:
    features = [
        {"name": Told(each["name"], by(source.view, f"/features/{number}"))}
        for number, each in enumerate(values.get("features") or ())
        if each.get("name")
    ]
    source.only_input = Tensor(features=features)


def _labels(source: Source, values: Json) -> None:
    if classes := values.get("classes"):
        labels = Told(tuple(map(str, classes)), by(source.view, "/classes"))
        source.only_output = Tensor(fields={"labels": labels})


def _hls4ml_config(source: Source, values: Json) -> None:
    names = {"Backend": "backend", "Part": "part", "ClockPeriod": "clock_period_ns", "IOType": "io_type"}
    source.ext |= {
        ours: Told(values["hls4ml"][theirs], by(source.view, f"/hls4ml/{theirs}"))
        for theirs, ours in names.items()
        if (values.get("hls4ml") or {}).get(theirs) is not None
    }
    model = {"Precision": "precision", "ReuseFactor": "reuse_factor", "Strategy": "strategy"}
    source.ext |= {
        ours: Told(values["model_config"][theirs], by(source.view, f"/model_config/{theirs}"))
        for theirs, ours in model.items()
        if (values.get("model_config") or {}).get(theirs) is not None
    }


def _hls4ml_defines(source: Source, values: Json) -> None:
    names = {"input_t": "input_type", "result_t": "output_type"}
    source.ext |= {
        ours: Told(values["typedefs"][theirs], by(source.view, f"/typedefs/{theirs}"))
        for theirs, ours in names.items()
        if (values.get("typedefs") or {}).get(theirs)
    }


_KINDS: dict[str, Callable[[Source, Json], None]] = {
    "weaver-preprocess": _weaver,
    "weaver-data-config": _weaver,
    "triton-config": _triton,
    "scaler": _constants,
    "normalisation-dict": _constants,
    "feature-list": _feature_list,
    "labels": _labels,
    "hls4ml-config": _hls4ml_config,
    "hls4ml-defines": _hls4ml_defines,
}
