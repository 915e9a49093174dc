"""What the facts of a TensorFlow graph are: interface, counts, what training left behind, what can do harm."""

from __future__ import annotations

import re
from collections import Counter
from functools import cached_property
from typing import TYPE_CHECKING, Any

from herdbook.kernel.canonical import SAFE_INTEGER
from herdbook.model.facts import Finding, Severity
from herdbook.plugins.formats.tensorflow_shapes import Shapes
from herdbook.plugins.formats.tensorflow_types import (
    FLOATS,
    Tensor,
    base,
    dtype_name,
    elements,
    output_types,
    signature,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from herdbook.plugins.formats.tensorflow_types import Graph, Node, Shape

COUNTED = (
    "elements of all Const nodes, every dtype (also axes, shapes); parameters_float: those of float or quantised dtype"
)
PLACEHOLDERS = frozenset({"Placeholder", "PlaceholderWithDefault", "PlaceholderV2"})
VARIABLES = frozenset({"Variable", "VariableV2", "VarHandleOp"})
NO_OUTPUTS = frozenset({"NoOp", "Const", "Placeholder", "Assert"})
UNSAFE = frozenset({
    "PyFunc", "PyFuncStateless", "EagerPyFunc", "ReadFile", "WriteFile", "MatchingFiles", "WholeFileReader",
    "WholeFileReaderV2", "TextLineReader", "TextLineReaderV2", "FixedLengthRecordReader", "FixedLengthRecordReaderV2",
    "TFRecordReader", "TFRecordReaderV2", "LMDBReader", "ImmutableConst", "PrintV2", "DebugIdentity", "DebugIdentityV2",
    "DebugIdentityV3", "CreateSummaryFileWriter", "CreateSummaryDbWriter", "SummaryWriter", "SaveDataset",
    "SaveDatasetV2", "LoadDataset", "TextLineDataset", "TFRecordDataset", "FixedLengthRecordDataset", "SqlDataset",
    "RemoteCall", "RpcClient", "RpcCall", "RpcServer", "RpcServerStart", "DataServiceDataset", "DataServiceDatasetV2",
})  # fmt: skip
"""Operators that run Python, or read and write files, databases and the network."""
SAVERS = frozenset({
    "Save", "SaveSlices", "SaveV2", "Restore", "RestoreSlice", "RestoreV2", "MergeV2Checkpoints", "ShardedFilename",
})  # fmt: skip
_OPTIMISER = re.compile(r"(?:.*/)?(?:training|optimizer|Adam|AdamW|Nadam|Adamax|RMSprop|SGD|Adagrad|Adadelta|Ftrl)/")
_APPLIES = re.compile(r"(?:Resource)?(?:Sparse)?Apply[A-Z]")
MAX_LISTED = 10_000
_EXAMPLES = 20
_CARRIES = frozenset({
    "Cast", "ExpandDims", "Identity", "IdentityN", "Reshape", "Squeeze", "StopGradient", "Transpose",
})  # fmt: skip
"""Operators whose first output has the values of their first input, at most in another shape."""
_STEPS = 32


class GraphFacts:
    """Facts of one graph.

    Args:
        graph: as read.
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.shapes = Shapes(graph)
        self.findings: list[Finding] = []
        self.where: dict[str, str] = {}
        self.operators = graph.operators()
        self.inner = sum((function.operators for function in graph.functions), Counter[str]())

    def values(self) -> dict[str, Any]:
        """Return the facts of a GraphDef file."""
        outputs, terminal = self._outputs()
        whole, floats = self._constants()
        values: dict[str, Any] = {
            "inputs": self.placeholders(),
            "outputs": outputs,
            **self.made_by(each["name"] for each in outputs),
            "terminal_nodes": terminal,
            "parameters": whole,
            "parameters_float": floats,
            "parameters_counted": COUNTED,
            **self.common(),
            "library_functions": self._cut("library_functions", [each.name for each in self.graph.functions]),
            **self.dangers(),
        }
        if left := self._leftovers(terminal):
            values["training_leftovers"] = left
        for name in ("parameters", "parameters_float"):
            if values[name] > SAFE_INTEGER:
                del values[name]
                self.say("implausible-count", Severity.WARNING, f"{name} is beyond 2^53 - 1; it is left out", name)
        return values

    def common(self) -> dict[str, Any]:
        """Return what a file's graph and one of a SavedModel have in common."""
        return {
            "operators": dict(sorted(self.operators.items())),
            "nodes": len(self.graph.nodes),
            "versions": {"producer": self.graph.producer, "min_consumer": self.graph.min_consumer},
            "variables": self._cut("variables", [each.name for each in self.variables()]),
        }

    def variables(self) -> list[Node]:
        """Return the nodes that are variables."""
        return [node for node in self.graph.nodes if node.op in VARIABLES]

    def placeholders(self) -> list[dict[str, Any]]:
        """Return the placeholders, in the graph's order."""
        found: list[dict[str, Any]] = []
        for node in self.graph.nodes:
            if node.op not in PLACEHOLDERS:
                continue
            said = tensor(node.name, node.get("dtype", "type"), self.shapes.of(node.name))
            if (attribute := node.get("shape", "shape")) is not None:
                said["shape_attribute"] = list(attribute)
            if node.op != "Placeholder":
                said["op"] = node.op
            if len(found) < 1000:
                self.where[f"/inputs/{len(found)}"] = node.place
            found.append(said)
        return self._cut("inputs", found)

    def _outputs(self) -> tuple[list[dict[str, Any]], list[str]]:
        """Return the outputs of nodes that nothing consumes, and all such nodes with their operators."""
        consumed = {each.lstrip("^").split(":")[0] for node in self.graph.nodes for each in node.inputs}
        outputs: list[dict[str, Any]] = []
        terminal: list[str] = []
        for node in self.graph.nodes:
            if node.name in consumed or len(outputs) > MAX_LISTED or len(terminal) > MAX_LISTED:
                continue
            types = output_types(node)
            each = [
                tensor(node.name, dtype, self.shapes.of(f"{node.name}:{index}"))
                for index, dtype in enumerate(types or ())
            ] or [{"name": node.name}]
            terminal += [f"{node.name} ({node.op})"] * len(each)
            if node.op not in NO_OUTPUTS:
                if len(outputs) < 1000:
                    self.where[f"/outputs/{len(outputs)}"] = node.place
                outputs += each
        return self._cut("outputs", outputs), self._cut("terminal_nodes", terminal)

    @cached_property
    def _by_name(self) -> dict[str, Node]:
        return {node.name: node for node in self.graph.nodes}

    def made_by(self, tensors: Iterable[str]) -> dict[str, list[str | None]]:
        """Return, as a fact, the operators that the values of tensors come from; nothing where none is known."""
        found = [self._maker(name) for name in tensors]
        return {"made_by": found} if any(found) else {}

    def _maker(self, name: str) -> str | None:
        """Return the operator that makes a tensor, the first of its node, behind those that only carry values on."""
        for _ in range(_STEPS):
            node = self._by_name.get(name.removesuffix(":0"))
            if node is None or node.op not in _CARRIES or not node.inputs:
                return None if node is None else node.op
            name = node.inputs[0]
        return None

    def _constants(self) -> tuple[int, int]:
        whole = floats = 0
        for node in self.graph.nodes:
            if node.op == "Const" and isinstance(value := node.get("value", "tensor"), Tensor):
                count = elements(value.shape)
                whole += count
                floats += count if base(value.dtype) in FLOATS else 0
        return whole, floats

    def _leftovers(self, terminal: list[str]) -> dict[str, list[str]]:
        """Return what a frozen graph does not need, by kind, each with its first names."""
        found: dict[str, list[str]] = {}
        ends = set(terminal)
        for node in self.graph.nodes:
            if (kind := _leftover(node, ends)) is not None:
                found.setdefault(kind, []).append(node.name)
        if found:
            counts = ", ".join(f"{len(names)} × {kind}" for kind, names in sorted(found.items()))
            message = f"nodes that training left behind: {counts}"
            self.say("training-leftovers", Severity.NOTE, message, "/training_leftovers")
        return {kind: names[:_EXAMPLES] for kind, names in sorted(found.items())}

    def dangers(self) -> dict[str, Any]:
        """Return what the functions use, and which operators can do harm or are not TensorFlow's own."""
        values: dict[str, Any] = {}
        if self.inner:
            values["function_operators"] = dict(sorted(self.inner.items()))
        used = self.operators.keys() | self.inner.keys()
        if unsafe := sorted(used & UNSAFE - self._inside()):
            values["unsafe_operators"] = unsafe
            message = f"operators that run Python or reach files or the network: {', '.join(unsafe)}"
            self.say("unsafe-operators", Severity.WARNING, message, "/unsafe_operators")
        own = {function.name for function in self.graph.functions}
        foreign = sorted(op for op in used - own if not op.isidentifier() or signature(op) is None)
        if foreign:
            values["custom_operators"] = foreign[:1000]
            message = f"operators that are not TensorFlow's own: {', '.join(foreign[:_EXAMPLES])}"[:1000]
            self.say("custom-operators", Severity.NOTE, message, "/custom_operators")
        return values

    def _inside(self) -> set[str]:
        """Return operators that would be unsafe, but only reach into the package that they are part of."""
        regions = (node.get("memory_region_name", "s") for node in self.graph.nodes if node.op == "ImmutableConst")
        return {"ImmutableConst"} if all(str(each).startswith("memmapped_package://") for each in regions) else set()

    def say(self, rule: str, severity: Severity, message: str, where: str = "") -> None:
        """Add a finding."""
        self.findings.append(Finding(rule=rule, severity=severity, message=message, where=where))

    def _cut(self, name: str, found: list[Any]) -> list[Any]:
        if len(found) > MAX_LISTED:
            message = f"more than {MAX_LISTED} {name.replace('_', ' ')}; the first are listed"
            self.say(f"{name.replace('_', '-')}-cut", Severity.NOTE, message, f"/{name}")
        return found[:MAX_LISTED]


def tensor(name: str, dtype: int | None, shape: Shape) -> dict[str, Any]:
    """Return a tensor as facts have it: what is not known is not there."""
    said: dict[str, Any] = {"name": name}
    if (known := dtype_name(dtype)) is not None:
        said["dtype"] = known
    if shape is not None:
        said["shape"] = list(shape)
    return said


def _leftover(node: Node, ends: set[str]) -> str | None:
    if node.op in PLACEHOLDERS and node.name.rpartition("/")[2].startswith("keras_learning_phase"):
        return "learning-phase"
    if node.op in SAVERS:
        return "save-restore"
    if _APPLIES.match(node.op) or (_OPTIMISER.match(node.name) and node.op in {"Const", *VARIABLES}):
        return "optimizer"
    if "Random" in node.op and "dropout" in node.name.lower():
        return "dropout"
    return "unused-constant" if f"{node.name} (Const)" in ends else None


def shapes_of(nodes: list[Node]) -> Iterator[tuple[Node, int | None, Shape]]:
    """Yield variables with their type and shape."""
    for node in nodes:
        yield node, node.get("dtype", "type"), node.get("shape", "shape")
