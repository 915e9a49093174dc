"""ONNX and QONNX: interface, operators, opsets and counts, read without the onnx package and without weights."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any

from herdbook.kernel.errors import CorruptError, InvalidError
from herdbook.model.facts import Facts, Finding, Probe, Safety, Severity
from herdbook.plugins.formats import content_gone, onnx_findings, onnx_quantizers, pickle_begins
from herdbook.plugins.formats import onnx_types as types
from herdbook.plugins.formats.onnx_walk import Model, Tensor, Walk
from herdbook.plugins.formats.protobuf import Wire, tag

if TYPE_CHECKING:
    from herdbook.ports.formats import Format, Listing, ReadAt

QUANTISED = frozenset({"finn.custom_op.general", "qonnx.custom_op.general", "onnx.brevitas"})
STANDARD = frozenset({"ai.onnx", "ai.onnx.ml", "ai.onnx.preview", "ai.onnx.training", "ai.onnx.preview.training"})
COUNTED = (
    "elements of all initializers of all graphs (main and sub), every dtype; parameters_float: those of float dtype;"
    " constant_node_elements: elements held in Constant nodes, not in parameters"
)
_MODEL_TAGS = {tag(1, 0), tag(2), tag(3), tag(4), tag(5, 0), tag(6), tag(7), tag(8), tag(14), tag(20), tag(25), tag(26)}
_GRAPH_TAGS = {tag(n) for n in (1, 2, 5, 10, 11, 12, 13, 14, 15, 16)}
_NODE_TAGS = {tag(n) for n in range(1, 11)}
MAX_PLACES = 1000


class Onnx:
    """The reader of ``.onnx`` files."""

    name = "onnx"
    version = "5"

    def probe(self, file: ReadAt, path: str) -> Probe | None:
        """Recognise a model by its first fields; leave of what is only called ``.onnx`` pickles and what is gone."""
        if looks_like_onnx(file):
            return Probe(format="onnx", unknown=("qonnx",))
        if not path.lower().endswith(".onnx") or content_gone.kind(file) or pickle_begins.which(file, path):
            return None
        return Probe(format="onnx", unknown=("qonnx",))

    def read(self, file: ReadAt, path: str, listing: Listing) -> Facts:  # noqa: ARG002 - the port's signature
        """Read the facts.

        Raises:
            CorruptError: when the bytes are no ONNX model.
            InvalidError: when the limits of this reader are exceeded.
        """
        if not looks_like_onnx(file) and (other := _other(file)) is not None:
            return other
        wire = Wire(file)
        found = Walk(wire).model()
        if "/operators" not in found.where:
            raise CorruptError(f"{path} has no graph", code="not-onnx", hint="It is not an ONNX model.")
        used = _domains(found)
        foreign = sorted(used - STANDARD)
        values = _values(found)
        values["domains_not_imported"] = sorted(_domains(found, inside=False) - values["opsets"].keys())
        salt = onnx_findings.salt(values)
        if found.quantizers:
            values["quantizers"] = onnx_quantizers.read(wire, found)
        findings = [
            *onnx_findings.of_model(found, values),
            *onnx_findings.of_domains(foreign, values["domains_not_imported"]),
            *onnx_findings.external(found.external, values),
            *salt,
        ]
        return Facts(
            reader=self.name,
            reader_version=self.version,
            format="qonnx" if used & QUANTISED else "onnx",
            safety=Safety.GUARDED if foreign else Safety.SAFE,
            values=values,
            where=_where(found),
            findings=tuple(findings),
        )


_: type[Format] = Onnx


def looks_like_onnx(file: ReadAt) -> bool:
    """Say whether the first fields are those of a model with a graph; reads a few kilobytes.

    A model that was cut short still looks like one.
    """
    wire = Wire(file, max_fields=1000)
    seen = set()
    graph = False
    try:
        for count, (key, a, b) in enumerate(wire.fields(0, 1 << 62)):
            if key not in _MODEL_TAGS or count > 256 or (key == tag(1, 0) and not 0 < a < 256):
                return False
            seen.add(key)
            graph = graph or (key == tag(7) and _looks_like_graph(wire, a, b))
            if tag(7) in seen and not graph:
                return False
            if graph and seen & {tag(1, 0), tag(8)}:
                return True
    except (CorruptError, InvalidError):
        pass
    return graph and bool(seen & {tag(1, 0), tag(8)})


def _looks_like_graph(wire: Wire, start: int, length: int) -> bool:
    """Say whether the first field of a graph is one, and, where it is a node, its fields are a node's."""
    seen = False
    try:
        for key, a, b in wire.fields(start, start + length):
            if key not in _GRAPH_TAGS:
                return False
            if key == tag(1):
                for inner, _, _ in wire.fields(a, a + b):
                    if inner not in _NODE_TAGS:
                        return False
                    seen = True
                return True
            if key != tag(2):
                return True
    except CorruptError as error:
        return seen and error.code == "protobuf-cut"
    return length > 0


_OTHERS: tuple[tuple[re.Pattern[bytes], str, str, Safety], ...] = (
    (re.compile(rb"PK\x03\x04"), "a zip archive, which may hold a pickle", "Unpack it.", Safety.UNSAFE),
    (re.compile(rb"\s*<(?i:!doctype|html|head|\?xml)"), "a web page or XML", "Download the file again.", Safety.SAFE),
    (re.compile(rb"\x89HDF\r\n"), "an HDF5 file", "Give it its own suffix.", Safety.GUARDED),
    (re.compile(rb"[\t\r\n -~]{64}"), "a text", "Give it its own suffix.", Safety.SAFE),
)


def _other(file: ReadAt) -> Facts | None:
    """Return facts of a file that is called ``.onnx`` and is something else that can be told."""
    head = file.read_at(0, min(file.size, 1024))
    what = next((row[1:] for row in _OTHERS if row[0].match(head)), None)
    if what is None:
        return None
    said, hint, safety = what
    message = f"The file is called .onnx, but is {said}. {hint}"
    finding = Finding(rule="not-onnx", severity=Severity.ERROR, message=message)
    return Facts(reader=Onnx.name, reader_version=Onnx.version, format="other", safety=safety, findings=(finding,))


def _domain(raw: bytes) -> str:
    return types.text(raw) or "ai.onnx"


def _domains(found: Model, *, inside: bool = True) -> set[str]:
    """Return domains of operators that the model does not define itself; ``inside``: those in its functions, too."""
    own = set(found.functions)
    operators = {*found.operators, *found.function_operators} if inside else {*found.operators}
    return {_domain(domain) for domain, name in operators - own}


def _values(found: Model) -> dict[str, Any]:
    texts = {name: types.text(raw) for name, raw in found.texts.items() if raw}
    names = [info.get("name", b"") for _, info in found.inputs]
    operators: Counter[str] = Counter()
    for (domain, name), count in found.operators.items():
        operators[f"{_domain(domain)}.{types.text(name)}"] += count
    producer = {"name": texts.pop("producer_name", None), "version": texts.pop("producer_version", None)}
    return {
        "inputs": [types.value(info) for _, info in _true_inputs(found)],
        "outputs": [types.value(info) for _, info in found.outputs],
        **_made_by(found),
        "graph_inputs_that_are_initializers": [types.text(name) for name in names if name in found.initializers],
        "parameters": found.parameters.all,
        "parameters_float": found.parameters.floats,
        "constant_node_elements": found.constants.all,
        "constant_node_elements_float": found.constants.floats,
        "parameters_counted": COUNTED,
        "model_version": 0,
        **found.numbers,
        "opsets": {_domain(domain): version for domain, version in found.opsets.items()},
        "producer": {name: said for name, said in producer.items() if said},
        **texts,
        "metadata": {types.text(key): types.text(value) for key, value in found.metadata},
        "operators": dict(sorted(operators.items())),
        "nodes": operators.total(),
        "functions": [f"{types.text(domain)}.{types.text(name)}" for domain, name in found.functions],
        "tensors": [_tensor(each) for each in found.tensors],
        "external_data": sorted(types.text(location) for location in found.external),
        **found.graph.values(
            [info.get("name", b"") for _, info in _true_inputs(found)],
            [info.get("name", b"") for _, info in found.outputs],
        ),
    }


def _made_by(found: Model) -> dict[str, Any]:
    made = list(found.graph.made_by(info.get("name", b"") for _, info in found.outputs))
    names = [f"{_domain(operator[0])}.{types.text(operator[1])}" if operator else None for operator in made]
    return {"made_by": names} if any(names) else {}


def _true_inputs(found: Model) -> list[tuple[int, dict[str, Any]]]:
    return [(at, info) for at, info in found.inputs if info.get("name", b"") not in found.initializers]


def _tensor(tensor: Tensor) -> dict[str, Any]:
    dtype = types.DTYPES.get(tensor.dtype)
    said: dict[str, Any] = {"name": types.text(tensor.name), "shape": tensor.shape}
    return said if dtype is None else {**said, "dtype": dtype}


def _where(found: Model) -> dict[str, str]:
    """Return the places, with one for each of the first inputs and outputs."""
    where = dict(found.where)
    for name, values in (("input", _true_inputs(found)), ("output", found.outputs)):
        for index, (at, _) in enumerate(values[:MAX_PLACES]):
            where[f"/{name}s/{index}"] = f"ModelProto.graph.{name} @ byte {at}"
    return where
