"""Rules of the computing graph: operators, order of nodes, what is read and what is not, leftovers, and code."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from herdbook.model.checks import Rule
from herdbook.model.facts import Finding, Severity
from herdbook.model.formats import KERAS, TENSORFLOW
from herdbook.model.meanings import of_maker
from herdbook.plugins.checks import beside
from herdbook.plugins.checks.looking import Read, files, listed, models, tensors
from herdbook.ports.checks import Check, Subject

ONNX = frozenset({"onnx", "qonnx"})

CUSTOM = Rule(id="custom-operators", title="Operators outside the standard", severity=Severity.NOTE, by_reader=True)
NOT_IMPORTED = Rule(
    id="no-opset", title="Operators of a domain that is not imported", severity=Severity.WARNING, by_reader=True
)
UNSORTED = Rule(id="unsorted-graph", title="Nodes stand before what they read", severity=Severity.ERROR)
UNDEFINED = Rule(id="undefined-name", title="A node reads what nothing makes", severity=Severity.ERROR)
WEIGHTS = Rule(id="weights-among-inputs", title="Weights are listed among the inputs", severity=Severity.NOTE)
UNUSED = Rule(id="unused-input", title="An input that nothing reads", severity=Severity.WARNING)
DEAD = Rule(id="dead-output", title="An output that depends on no input", severity=Severity.WARNING)
ACTIVATION = Rule(
    id="activation-missing",
    title="An output that is called after an activation it does not have",
    severity=Severity.WARNING,
)
SHAPE = Rule(id="unknown-shape", title="The shape of an input is in no file", severity=Severity.WARNING)
LEFTOVER = Rule(
    id="training-leftovers", title="The training is left in the graph", severity=Severity.NOTE, by_reader=True
)
HIDDEN = Rule(id="hidden-input", title="An input that says whether one trains", severity=Severity.WARNING)
STATE = Rule(id="optimizer-state", title="The optimiser's state is in the file", severity=Severity.NOTE)
UNSAFE = Rule(
    id="unsafe-operators", title="Operators that reach beyond the graph", severity=Severity.WARNING, by_reader=True
)
CODE = Rule(
    id="lambda-layer", title="Loading the model runs code that is in it", severity=Severity.WARNING, by_reader=True
)
OWN = Rule(id="custom-objects", title="Classes that are not Keras's own", severity=Severity.NOTE, by_reader=True)


class Graph:
    """Looks at ONNX and TensorFlow graphs and at Keras architectures."""

    rules = (
        *(CUSTOM, NOT_IMPORTED, UNSORTED, UNDEFINED, WEIGHTS, UNUSED, DEAD, ACTIVATION, SHAPE),
        *(LEFTOVER, HIDDEN, STATE, UNSAFE, CODE, OWN),
    )

    def look(self, subject: Subject) -> Iterable[Finding]:
        """Yield what is found."""
        for file in files(subject, ONNX):
            yield from _order(file)
            yield from _links(file)
            yield from _activations(file)
        for file in files(subject, TENSORFLOW):
            yield from _hidden(file)
        for file in files(subject, KERAS):
            yield from _state(file)
        yield from _shapes(subject)


_: type[Check] = Graph


def _order(file: Read) -> Iterator[Finding]:
    if file.values.get("topologically_sorted") is False:
        first = file.values.get("first_unsorted", {})
        node = repr(first["node"]) if first.get("node") else f"the node at place {first.get('index', '?')}"
        message = f"{node} reads {first.get('reads', '')!r}, which a later node makes; the format asks for sorted nodes"
        yield UNSORTED.found(message, path=file.path, where="/first_unsorted")
    if missing := file.values.get("undefined_names"):
        message = f"nothing makes {listed(missing)}: no node, no input, no weight"
        yield UNDEFINED.found(message, path=file.path, where="/undefined_names")


def _links(file: Read) -> Iterator[Finding]:
    if weights := file.values.get("graph_inputs_that_are_initializers"):
        version = file.values.get("ir_version")
        why = (
            f"IR version {version} asks for it"
            if isinstance(version, int) and version < 4
            else "who runs it may overwrite them, so a runtime cannot fold them"
        )
        message = f"{len(weights)} weights are listed among the graph's inputs ({listed(weights)}): {why}"
        yield WEIGHTS.found(message, path=file.path, where="/graph_inputs_that_are_initializers")
    for name in file.values.get("unused_inputs") or ():
        yield UNUSED.found(f"no node reads the input {name!r}", path=file.path, where="/unused_inputs")
    for place, dead in enumerate(file.values.get("dead_outputs") or ()):
        yield DEAD.found(_DEAD[dead["because"]].format(dead["name"]), path=file.path, where=f"/dead_outputs/{place}")


_DEAD = {
    "no-input": "the output {!r} depends on no input: it is the same for every event",
    "initializer": "the output {!r} is a weight: it is the same for every event",
    "input": "the output {!r} is an input, handed through",
    "undefined": "nothing makes the output {!r}",
}


def _activations(file: Read) -> Iterator[Finding]:
    for place, (output, maker) in enumerate(beside.made(file)):
        said = str(output.get("name")).removesuffix(":0").rpartition("/")[2]
        domain, _, operator = maker.rpartition(".")
        if domain == "ai.onnx" and of_maker(said) and not of_maker(operator):
            message = f"{output['name']!r} is called after {said}, and its values come from {operator}"
            yield ACTIVATION.found(message, path=file.path, where=f"/outputs/{place}")


def _shapes(subject: Subject) -> Iterator[Finding]:
    """Yield inputs whose shape neither the file nor the contract knows."""
    known = {name for name, tensor in tensors(subject).items() if tensor.shape is not None}
    for file in models(subject):
        for place, tensor in enumerate(file.values.get("inputs") or ()):
            if _shaped(tensor) or tensor.get("name") in known:
                continue
            where, name = f"/inputs/{place}", tensor.get("name")
            if tensor.get("shape_attribute") == []:
                said = "an empty shape, which means unknown in a graph of this age and not a scalar"
            else:
                said = "no shape"
            message = f"the file gives the input {name!r} {said}; say it in the contract"
            yield SHAPE.found(message, path=file.path, where=where)


def _shaped(tensor: dict[str, Any]) -> bool:
    """Say whether a shape is known, or the input is no tensor and has none."""
    has_none = "onnx_type" in tensor or tensor.get("torch_type", "Tensor") != "Tensor"
    return has_none or any(tensor.get(name) is not None for name in ("shape", "shape_in_graph"))


def _hidden(file: Read) -> Iterator[Finding]:
    given = {each.get("name") for each in file.values.get("inputs") or () if each.get("op") == beside.DEFAULTED}
    for name in (file.values.get("training_leftovers") or {}).get("learning-phase", ()):
        if name in given:
            continue
        message = f"the placeholder {name!r} says whether one trains: without a value (false) the graph does not run"
        yield HIDDEN.found(message, path=file.path, where="/training_leftovers")


def _state(file: Read) -> Iterator[Finding]:
    if file.values.get("has_optimizer_weights") or file.values.get("optimizer_tensors"):
        yield STATE.found("the optimiser's state is in the file, which only a training needs", path=file.path)
