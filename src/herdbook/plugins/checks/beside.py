"""Which model a file beside it speaks of: the nearest in folders, and of these the one that has its names."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from herdbook.model.facts import Finding
from herdbook.plugins.checks.looking import Read

Tensors = Sequence[Mapping[str, Any]]
DEFAULTED = "PlaceholderWithDefault"
"""TensorFlow's operator of an input that has a value where none is given."""
_FAR = 2
"""Folders between a file and a model beyond which nothing says that one is of the other."""


def inputs(file: Read) -> Tensors:
    """Return the inputs that a reader found; those of a sidecar among them."""
    return file.values.get("inputs") or ()


def outputs(file: Read) -> Tensors:
    """Return the outputs that a reader found."""
    return file.values.get("outputs") or ()


def made(file: Read) -> list[tuple[Mapping[str, Any], str]]:
    """Return the outputs, each with the operator or activation that its values come from, empty where unknown."""
    found = outputs(file)
    makers = [str(maker or "") for maker in file.values.get("made_by") or ()]
    return list(zip(found, makers, strict=False)) if makers else [(each, "") for each in found]


def names(tensors: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return the names of tensors that have one."""
    return [str(each["name"]) for each in tensors if each.get("name")]


def nearest(file: Read, models: Iterable[Read]) -> list[Read]:
    """Return the models to which fewest steps from folder to folder lead, at most two."""
    apart = [(_steps(file.path, model.path), model) for model in models]
    least = min((steps for steps, _ in apart), default=_FAR + 1)
    return [model for steps, model in apart if steps == least <= _FAR]


def of_inputs(file: Read, models: Iterable[Read]) -> list[Read]:
    """Return the models that a sidecar which names inputs speaks of: the near ones with most of its names.

    Where none has one of its names, it speaks of a near one only when there is no other.
    """
    near = [model for model in models if _steps(file.path, model.path) <= _FAR]
    wanted = set(names(inputs(file)))
    shared = {model.path: len(wanted & set(names(inputs(model)))) for model in near}
    most = max(shared.values(), default=0)
    if most:
        return nearest(file, [model for model in near if shared[model.path] == most])
    return near if len(near) == 1 else []


def _steps(one: str, other: str) -> int:
    a, b = ([part for part in posixpath.dirname(path).split("/") if part] for path in (one, other))
    common = 0
    for left, right in zip(a, b, strict=False):
        if left != right:
            break
        common += 1
    return len(a) + len(b) - 2 * common


def shape(tensor: Mapping[str, Any]) -> list[int | str | None] | None:
    """Return a tensor's shape, ``None`` when the file does not say even how many axes it has."""
    found = tensor.get("shape")
    return list(found) if isinstance(found, list | tuple) else None


def told(axes: Sequence[object]) -> str:
    """Return a shape as a person reads it."""
    return " × ".join("?" if axis in {None, -1} else str(axis) for axis in axes) or "scalar"


def width(tensor: Mapping[str, Any]) -> int | None:
    """Return the length of a tensor's last axis, where it is a number."""
    axes = shape(tensor)
    return axes[-1] if axes and isinstance(axes[-1], int) else None


def unless_one_fits(found: Sequence[Sequence[Finding]]) -> Sequence[Finding]:
    """Return what is found against each model that a file may belong to; nothing where it fits one of several."""
    return [each for findings in found for each in findings] if all(found) else ()
