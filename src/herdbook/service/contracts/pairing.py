"""Which files speak of the same interface: models that share one, and the sidecars that fit it. Nothing is chosen."""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from herdbook.service.contracts import merging
from herdbook.service.contracts.telling import Source, Tensor

_SUFFIXES = (
    *(".gz", ".txt", ".xml", ".weights", ".json", ".ubj", ".keras", ".h5", ".hdf5", ".pb", ".onnx", ".pt", ".pth"),
    *(".model", ".root", ".cbm", ".bst"),
)


@dataclass
class Group:
    """Models with one interface, and the sidecars that speak of it."""

    models: list[Source]
    sidecars: list[Source] = field(default_factory=list)

    @property
    def sources(self) -> list[Source]:
        """Models before sidecars."""
        return [*self.models, *self.sidecars]

    @property
    def inputs(self) -> list[Tensor]:
        """The inputs of the first that has any."""
        return next((source.inputs for source in self.sources if source.inputs), [])

    @property
    def outputs(self) -> list[Tensor]:
        """The outputs of the first that has any."""
        return next((source.outputs for source in self.sources if source.outputs), [])


def group(models: Sequence[Source]) -> list[Group]:
    """Return models by interface. One model in two formats, of one name, is one even where they differ."""
    groups: list[Group] = []
    for model in models:
        home = next((each for each in groups if _same_model(model, each) or _alike_all(model, each)), None)
        if home is None:
            groups.append(Group([model]))
        else:
            home.models.append(model)
    return groups


def _alike_all(model: Source, group: Group) -> bool:
    """Whether a model could stand in for each of a group: one without names fits two that have different ones."""
    return all(_alike(model, each) for each in group.models)


def _same_model(model: Source, group: Group) -> bool:
    return any(stem(each.path) == stem(model.path) and each.format != model.format for each in group.models)


def stem(path: str) -> str:
    """Return a path without the endings of its format."""
    folder, name = posixpath.split(path)
    for suffix in _SUFFIXES:
        name = name.removesuffix(suffix)
    return posixpath.join(folder, name)


def _alike(one: Source, other: Source) -> bool:
    """Whether two models could stand in for one another: names, order, dtypes, shapes, features and their ranges."""
    return all(
        len(a) == len(b) and all(map(_fits, a, b))
        for a, b in ((one.inputs or [], other.inputs or []), (one.outputs or [], other.outputs or []))
    )


def _fits(one: Tensor, other: Tensor) -> bool:
    for name in one.fields.keys() & other.fields.keys():
        a, b = one.fields[name], other.fields[name]
        if name == "name" and "inferred" in {a.evidence.how, b.evidence.how}:
            continue
        if not _same(name, a.value, b.value):
            return False
    if one.features is None or other.features is None:
        return True
    return len(one.features) == len(other.features) and all(
        a[name].value == b[name].value
        for a, b in zip(one.features, other.features, strict=True)
        for name in a.keys() & b.keys()
    )


def _same(name: str, a: Any, b: Any) -> bool:  # noqa: ANN401 - any value of a contract
    return merging.shapes(a, b) is not None if name == "shape" else bool(a == b)


def pair(groups: list[Group], sidecars: Sequence[Source], report: merging.Report) -> None:
    """Give each sidecar to the one interface that it fits; where there are several, or none, the report says so."""
    for sidecar in sidecars:
        if not (sidecar.inputs or sidecar.outputs or sidecar.only_input or sidecar.only_output):
            continue  # it speaks of the whole
        fitting = [each for each in groups if _speaks_of(sidecar, each)]
        fitting = [each for each in fitting if any(_served(sidecar, model) for model in each.models)] or fitting
        fitting = [each for each in fitting if _together(sidecar, each)] or fitting
        if len(fitting) == 1:
            fitting[0].sidecars.append(sidecar)
        elif fitting:
            paths = ", ".join(each.models[0].path for each in fitting[:5])
            message = f"it fits {len(fitting)} models ({paths}), and nothing says to which it belongs"
            report.warn("sidecar-ambiguous", message, path=sidecar.path)
        elif groups and not any(_by_place(sidecar, model) for each in groups for model in each.models):
            report.warn("sidecar-unpaired", f"it fits none of the models here: {_why(sidecar)}", path=sidecar.path)


def _served(sidecar: Source, model: Source) -> bool:
    """Whether a model lies where Triton looks for it: ``config.pbtxt`` beside ``1/model.onnx``."""
    if sidecar.format != "triton-config":
        return False
    folder, version = posixpath.split(posixpath.dirname(model.path))
    return version.isdigit() and folder == posixpath.dirname(sidecar.path)


def _by_place(sidecar: Source, model: Source) -> bool:
    """Whether Triton takes a model's tensors by their places: TorchScript has no names, and ``x__0`` is the first."""
    return model.format == "torchscript" and _served(sidecar, model)


def _together(sidecar: Source, group: Group) -> bool:
    """Whether a model lies in the sidecar's own folder."""
    folder = posixpath.dirname(sidecar.path)
    return any(posixpath.dirname(model.path) == folder for model in group.models)


def _speaks_of(sidecar: Source, group: Group) -> bool:
    named = {tensor.name for tensor in sidecar.inputs or ()}
    if named:
        if _placeless(group.inputs):
            return len(named) == len(group.inputs)
        return named <= {tensor.name for tensor in group.inputs}
    if sidecar.only_input is not None:
        count = len(sidecar.only_input.features or ())
        return len(group.inputs) == 1 and has_room(group.inputs[0], count)
    if sidecar.only_output is not None:
        labels = sidecar.only_output.fields["labels"].value
        if any(names_file(each, sidecar.path) for each in group.sidecars):
            return True
        return len(group.outputs) == 1 and takes_labels(group.outputs[0], len(labels))
    return bool({tensor.name for tensor in sidecar.outputs or ()} & {tensor.name for tensor in group.outputs})


def names_file(source: Source, path: str) -> bool:
    """Whether a server's configuration names this file as the one of an output's labels."""
    folder = posixpath.dirname(source.path)
    return any(posixpath.normpath(posixpath.join(folder, name)) == path for name in source.labels_of.values())


def _placeless(inputs: Sequence[Tensor]) -> bool:
    return bool(inputs) and all(tensor.fields["name"].evidence.how == "inferred" for tensor in inputs)


def _why(sidecar: Source) -> str:
    if sidecar.only_input is not None:
        return f"it has {len(sidecar.only_input.features or ())} features, and no model has one input of as many"
    if sidecar.only_output is not None:
        return f"it has {len(sidecar.only_output.fields['labels'].value)} labels, and no model one output of as many"
    return "no model has all the inputs that it names"


def has_room(tensor: Tensor, count: int) -> bool:
    """Say whether an axis of a tensor, other than the first where there are several, can have so many features."""
    shape = tensor.fields["shape"].value if "shape" in tensor.fields else None
    if shape is None:
        return tensor.features is None or len(tensor.features) == count
    return any(axis == count or not isinstance(axis, int) for axis in (shape[1:] if len(shape) > 1 else shape))


def takes_labels(tensor: Tensor, count: int) -> bool:
    """Say whether the last axis of an output can have so many labels; one value stands for two classes too."""
    shape = tensor.fields["shape"].value if "shape" in tensor.fields else None
    return not shape or not isinstance(shape[-1], int) or shape[-1] in {1, count}
