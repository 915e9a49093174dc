"""MXNet's symbol: a graph of operators as JSON. Its weights lie in a `.params` file beside it.

Source: NNVM's graph JSON (`nodes` in topological order, `heads`), and the order of arguments that the reference of
each operator gives. A variable is a weight when an operator takes it where its weights go; the file itself does not
tell inputs and weights apart.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from herdbook.kernel.errors import CorruptError
from herdbook.plugins.formats.contents import Content
from herdbook.plugins.formats.plain_values import Plain, present
from herdbook.ports.formats import Listing

MAX_NAMES = 10_000
_AFTER_DATA = frozenset(range(1, 32))
_WEIGHTS: dict[str, frozenset[int]] = {
    **dict.fromkeys(
        ("Convolution", "Deconvolution", "FullyConnected", "Embedding", "LayerNorm", "GroupNorm"), _AFTER_DATA
    ),
    **dict.fromkeys(("InstanceNorm", "BatchNorm", "BatchNorm_v1", "CuDNNBatchNorm", "Convolution_v1"), _AFTER_DATA),
    "SyncBatchNorm": _AFTER_DATA,
    "LeakyReLU": frozenset({1}),
    "RNN": frozenset({1}),
    "DeformableConvolution": frozenset({2, 3}),
}
"""Operator → which of its inputs are weights."""

_STATISTICS = frozenset({"BatchNorm", "BatchNorm_v1", "SyncBatchNorm", "CuDNNBatchNorm"})
"""Operators whose inputs 3 and 4 are running mean and variance: auxiliary states, no arguments."""

_LABELLED = frozenset(
    {
        "SoftmaxOutput",
        "Softmax",
        "SVMOutput",
        "LinearRegressionOutput",
        "LogisticRegressionOutput",
        "MAERegressionOutput",
    }
)
"""Operators of training: input 1 is the label, which inference does not use."""

_OUTPUTS = {
    "BatchNorm": ("output", "mean", "var"),
    "LayerNorm": ("output", "mean", "std"),
    "RNN": ("output", "state", "state_cell"),
}
_NUMBERED = frozenset({"SliceChannel", "split", "split_v2", "_split_v2", "topk", "Custom"})


def fits(content: Any, path: str) -> bool:  # noqa: ANN401, ARG001 - a kind is asked about anything
    """Say whether it has nodes, heads and the indices of its variables."""
    return isinstance(content, dict) and all(
        isinstance(content.get(key), list) for key in ("nodes", "heads", "arg_nodes")
    )


def read(content: Mapping[str, Any], path: str, listing: Listing) -> Content:  # noqa: ARG001 - the signature of a kind
    """Read operators, variables and what goes in and out.

    Raises:
        CorruptError: when a node is no object, or an index names no node.
    """
    nodes = [_node(node) for node in content["nodes"]]
    roles = _roles(nodes)
    variables = [number for number, node in enumerate(nodes) if node["op"] == "null"]
    arguments = [number for number in variables if roles.get(number) != "auxiliary"]
    inputs = [
        number for number in arguments if roles.get(number) in {None, "label"} and not _initialised(nodes[number])
    ]
    operators = Counter(f"mxnet.{node['op']}" for node in nodes if node["op"] != "null")
    plain = Plain()
    version = _version(content)
    values = present(
        inputs=[_tensor(nodes[number]) for number in inputs],
        outputs=[{"name": _output(nodes, head)} for head in content["heads"]],
        made_by=[_operator(nodes[head[0]]) for head in content["heads"]],
        label_inputs=[nodes[number]["name"] for number in inputs if roles.get(number) == "label"],
        arguments=len(arguments),
        argument_names=plain.copy([nodes[number]["name"] for number in arguments[:MAX_NAMES]]),
        auxiliary_states=len(variables) - len(arguments),
        operators={name: operators[name] for name in sorted(operators)},
        nodes=len(nodes),
        opsets={"mxnet": version} if version is not None else None,
    )
    where = {f"/inputs/{at}": f"nodes/{number}" for at, number in enumerate(inputs)} | {"/outputs": "heads"}
    return Content(format="mxnet-symbol", values=values, where=where, findings=plain.findings())


def _node(raw: object) -> dict[str, Any]:
    if not isinstance(raw, dict) or not isinstance(raw.get("op"), str) or not isinstance(raw.get("name"), str):
        raise CorruptError("a node of the symbol has no operator and name", code="mxnet-bad-node")
    if not isinstance(raw.get("inputs", []), list):
        raise CorruptError(f"the node {raw['name'][:100]!r} has no list of inputs", code="mxnet-bad-node")
    return raw


def _roles(nodes: Sequence[Mapping[str, Any]]) -> dict[int, str]:
    """Return, for each node that an operator takes as something else than data, as what."""
    roles: dict[int, str] = {}
    for node in nodes:
        operator = node["op"]
        if operator not in _WEIGHTS and operator not in _LABELLED:
            continue
        for slot, source in enumerate(_sources(node)):
            if operator in _STATISTICS and slot in {3, 4}:
                roles[source] = "auxiliary"
            elif slot in _WEIGHTS.get(operator, ()):
                roles.setdefault(source, "weight")
            elif operator in _LABELLED and slot == 1:
                roles.setdefault(source, "label")
    return roles


def _sources(node: Mapping[str, Any]) -> Iterator[int]:
    for entry in node.get("inputs", []):
        if not isinstance(entry, list) or not entry or not isinstance(entry[0], int):
            raise CorruptError(f"an input of the node {node['name'][:100]!r} is no index", code="mxnet-bad-node")
        yield entry[0]


def _initialised(node: Mapping[str, Any]) -> bool:
    """Say whether a variable carries how it is initialised: only weights do."""
    return "__init__" in _attributes(node)


def _attributes(node: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the attributes, called `attrs`, `attr` or `param` as the file's age has it."""
    found: Mapping[str, Any] = next(
        (node[key] for key in ("attrs", "attr", "param") if isinstance(node.get(key), dict)), {}
    )
    return found


def _tensor(node: Mapping[str, Any]) -> dict[str, Any]:
    """Return an input; its shape where the symbol was built with one (0: unknown)."""
    shape = str(_attributes(node).get("__shape__", ""))
    axes = shape.strip("()[] ").split(",")
    lengths = [int(axis) for axis in axes if axis.strip().isdigit() and len(axis) < 16]
    told = bool(lengths) and len(lengths) == sum(bool(axis.strip()) for axis in axes)
    return present(name=node["name"], shape=[length or None for length in lengths] if told else None)


def _output(nodes: Sequence[Mapping[str, Any]], head: object) -> str:
    """Return the name MXNet gives an output: the node's, and which output of it."""
    if not isinstance(head, list) or not head or not all(isinstance(part, int) for part in head):
        raise CorruptError("a head of the symbol is no index", code="mxnet-bad-head")
    if not 0 <= head[0] < len(nodes):
        raise CorruptError(f"a head names the node {head[0]} of {len(nodes)}", code="mxnet-bad-head")
    node, index = nodes[head[0]], head[1] if len(head) > 1 else 0
    if node["op"] == "null":
        return str(node["name"])
    named = _OUTPUTS.get(node["op"], ("output",))
    if node["op"] in _NUMBERED or not 0 <= index < len(named):
        return f"{node['name']}_output{index}"
    return f"{node['name']}_{named[index]}"


def _operator(node: Mapping[str, Any]) -> str | None:
    return None if node["op"] == "null" else f"mxnet.{node['op']}"


def _version(content: Mapping[str, Any]) -> int | None:
    attributes = content.get("attrs")
    found = attributes.get("mxnet_version") if isinstance(attributes, dict) else None
    value = found[1] if isinstance(found, list) and len(found) > 1 else None
    return value if isinstance(value, int) else None
