"""Keras in HDF5: a full model, or its weights alone; the layout of Keras 1 and 2, and that of Keras 3's weights.

Source: `hdf5_format.py` of tf_keras 2.21, `saving_lib.py` of Keras 3.15.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic_core import from_json

from herdbook.kernel.errors import CorruptError
from herdbook.model.facts import Finding, Safety, Severity
from herdbook.plugins.formats.contents import Content
from herdbook.plugins.formats.keras_facts import MAX_LISTED, ModelFacts

if TYPE_CHECKING:
    from herdbook.plugins.formats.hdf5_tree import Dataset, Tree

COUNTED = "elements of the weights named by layer_names/weight_names (optimizer weights not counted)"
COUNTED_V3 = "elements of all datasets of model.weights.h5 outside optimizer/"
COUNTED_V3_ALONE = "elements of all datasets outside optimizer/"


def fits(tree: Tree) -> bool:
    """Say whether Keras wrote it."""
    marks = ("model_config", "layer_names", "layer_names0", "keras_version")
    return any(tree.attribute(tree.root, mark) is not None for mark in marks) or _is_v3(tree)


def _is_v3(tree: Tree) -> bool:
    """Say whether it has the layout of Keras 3's weights: layers, each with a group of numbered variables."""
    layers = tree.child(tree.root, "layers")
    if not tree.is_group(layers):
        return False
    return any(tree.is_group(tree.child(layers, f"{name}/vars")) for name in tree.names(layers)[:100])


def read(tree: Tree) -> Content:
    """Read the facts.

    Raises:
        CorruptError: when the configuration is no JSON, or describes no model.
    """
    if tree.attribute(tree.root, "model_config") is None and tree.child(tree.root, "layers") and _is_v3(tree):
        return _content({"full_model": False, **weights_v3(tree, COUNTED_V3_ALONE)}, tree, [])
    told = {name: tree.attribute(tree.root, name) for name in ("keras_version", "backend")}
    values: dict[str, Any] = {"metadata": {key: value for key, value in told.items() if isinstance(value, str)}}
    config = tree.attribute(tree.root, "model_config")
    findings: list[Finding] = []
    if isinstance(config, str):
        facts = ModelFacts(parse(config))
        values |= facts.values()
        findings += facts.findings
    values["full_model"] = config is not None
    values["has_training_config"] = tree.attribute(tree.root, "training_config") is not None
    values["has_optimizer_weights"] = "optimizer_weights" in tree.names(tree.root)
    weights = _weights(tree, findings)
    return _content({**weights, **values, "parameters_in_weights": weights["parameters"]}, tree, findings)


def _content(values: dict[str, Any], tree: Tree, findings: list[Finding]) -> Content:
    where = {"/tensors": "groups of the layers"}
    if values.get("full_model"):
        where |= {"/layers": "attribute model_config", "/inputs": "attribute model_config"}
    return Content("keras-h5", values, Safety.GUARDED, where, (*findings, *tree.findings))


def parse(text: str | bytes) -> dict[str, Any]:
    """Return a configuration.

    Raises:
        CorruptError: when it is no JSON object.
    """
    try:
        found = from_json(text)
    except ValueError as error:
        raise CorruptError(f"the configuration is not JSON: {error}", code="not-json") from error
    if not isinstance(found, dict):
        raise CorruptError("the configuration is no JSON object", code="keras-no-layers")
    return found


def _weights(tree: Tree, findings: list[Finding]) -> dict[str, Any]:
    """Return the weights that the layers name, in their order."""
    group = tree.child(tree.root, "model_weights")
    group = group if tree.is_group(group) else tree.root
    names = tree.texts(group, "layer_names")
    tensors: list[dict[str, Any]] = []
    count = missing = 0
    for layer in names:
        inside = tree.child(group, layer)
        for weight in tree.texts(inside, "weight_names") if tree.is_group(inside) else ():
            item = tree.child(inside, weight)
            found = None if item is None else tree.dataset(item, weight)
            if found is None:
                missing += 1
                continue
            count += elements(found)
            tensors.append({"name": weight, "layer": layer, "dtype": found.dtype, "shape": list(found.shape)})
    if missing:
        message = f"{missing} weights that layers name are not in the file"
        findings.append(Finding(rule="weights-missing", severity=Severity.ERROR, message=message, where="/tensors"))
    cut(findings, len(tensors))
    said = {"layer_names": names, "tensors": tensors[:MAX_LISTED]}
    return {**said, "parameters": count, "parameters_counted": COUNTED}


def weights_v3(tree: Tree, counted: str) -> dict[str, Any]:
    """Return the weights of Keras 3: every data set that is not the optimiser's."""
    tensors: list[dict[str, Any]] = []
    count = optimiser = 0
    for found in tree.walk(tree.root):
        if found.path.startswith("optimizer/"):
            optimiser += 1
            continue
        count += elements(found)
        tensors.append({"name": found.path, "dtype": found.dtype, "shape": list(found.shape)})
    cut(tree.findings, len(tensors))
    said = {"tensors": tensors[:MAX_LISTED], "optimizer_tensors": optimiser}
    return {**said, "parameters": count, "parameters_counted": counted}


def cut(findings: list[Finding], count: int) -> None:
    """Say so where there are more tensors than are listed."""
    if count > MAX_LISTED:
        message = f"{count} tensors; the first {MAX_LISTED} are listed"
        findings.append(Finding(rule="tensors-cut", severity=Severity.NOTE, message=message, where="/tensors"))


def elements(dataset: Dataset) -> int:
    """Return how many numbers a data set has."""
    count = 1
    for axis in dataset.shape:
        count *= axis
    return count
