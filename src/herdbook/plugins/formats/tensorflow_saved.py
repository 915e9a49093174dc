"""SavedModel: the graphs, signatures, tags and assets in saved_model.pb. The weights lie beside it, in variables/.

Source: saved_model.proto, meta_graph.proto, variable.proto of TensorFlow 2.21.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from herdbook.kernel.errors import CorruptError, InvalidError
from herdbook.model.facts import Finding, Safety, Severity
from herdbook.plugins.formats.contents import Content
from herdbook.plugins.formats.protobuf import Message, Wire, decode, tag
from herdbook.plugins.formats.tensorflow_facts import GraphFacts, shapes_of, tensor
from herdbook.plugins.formats.tensorflow_graph import GraphReader
from herdbook.plugins.formats.tensorflow_types import Graph, Node, elements

if TYPE_CHECKING:
    from herdbook.ports.formats import Listing, ReadAt

COUNTED = "elements of all variables in variables/ (SavedModel)"
SERVING = "serving_default"
MAX_LISTED = 10_000
MAX_GRAPHS = 100
_SHAPE: Message = {2: ("dim", [{1: ("size", int)}]), 3: ("unknown_rank", int)}
_TENSOR: Message = {
    1: ("name", str),
    2: ("dtype", int),
    3: ("shape", _SHAPE),
    4: ("coo_sparse", {1: ("values", str)}),
    5: ("composite_tensor", {}),
}
_ENTRY: Message = {1: ("key", str), 2: ("value", _TENSOR)}
_SIGNATURE: Message = {
    1: ("key", str),
    2: ("value", {1: ("inputs", [_ENTRY]), 2: ("outputs", [_ENTRY]), 3: ("method", str)}),
}
_INFO: Message = {4: ("tags", [str]), 5: ("tensorflow_version", str), 6: ("tensorflow_git_version", str)}
_ASSET: Message = {1: ("tensor", {1: ("name", str)}), 2: ("filename", str)}
_META_TAGS = frozenset(tag(number) for number in range(1, 8))


def looks_like_saved_model(wire: Wire) -> bool:
    """Say whether the file begins with a schema version and a meta graph."""
    try:
        fields = wire.fields(0, 1 << 62)
        first, second = next(fields), next(fields)
        if first[0] != tag(1, 0) or not 0 < first[1] < 256 or second[0] != tag(2):
            return False
        inner = next(wire.fields(second[1], second[1] + second[2]))
    except (CorruptError, InvalidError, StopIteration):
        return False
    return inner[0] in _META_TAGS and (inner[0] != tag(1) or _looks_like_info(wire, inner[1], inner[2]))


def _looks_like_info(wire: Wire, start: int, length: int) -> bool:
    known = {*(tag(number) for number in (1, 2, 3, 4, 5, 6, 8)), tag(7, 0)}
    try:
        return all(key in known for key, _, _ in wire.fields(start, start + min(length, wire.size)))
    except (CorruptError, InvalidError):
        return False


def read(file: ReadAt, path: str, listing: Listing) -> Content:
    """Read the facts.

    Raises:
        CorruptError: when the bytes are no SavedModel.
        InvalidError: when limits are exceeded.
    """
    del listing
    reader = _Reader(Wire(file))
    values: dict[str, Any] = {}
    metas: list[dict[str, Any]] = []
    for key, a, b in reader.wire.fields(0, file.size):
        if key == tag(1, 0):
            values["schema_version"] = a
        elif key == tag(2):
            if len(metas) >= MAX_GRAPHS:
                raise InvalidError(f"the SavedModel has more than {MAX_GRAPHS} graphs", code="too-many-graphs")
            metas.append(reader.meta(a, b, len(metas)))
    if not metas:
        raise CorruptError(f"{path} has no graph", code="not-tensorflow")
    values |= {"meta_graphs": metas, **reader.whole}
    serving = metas[0]["signatures"].get(SERVING) if len(metas) == 1 else None
    if serving is not None:
        values |= {"inputs": serving["inputs"], "outputs": serving["outputs"], "signature_used_for_inputs": SERVING}
        values |= reader.made_by[SERVING]
        for name in ("inputs", "outputs"):
            for index in range(min(len(serving[name]), 1000)):
                reader.where[f"/{name}/{index}"] = f"signature {SERVING}"
    if reader.variables:
        values["tensors"] = sorted(reader.variables.values(), key=lambda each: str(each["name"]))
        values["parameters"] = sum(elements(tuple(each.get("shape", ()))) for each in values["tensors"])
        values["parameters_counted"] = COUNTED
        message = "the weights of its variables are not in this file: they lie in the folder variables/ beside it"
        reader.findings.append(Finding(rule="weights-apart", severity=Severity.NOTE, message=message, where="/tensors"))
    return Content("tf-savedmodel", values, Safety.GUARDED, reader.where, tuple(reader.findings))


class _Reader:
    """Reads meta graphs."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.where: dict[str, str] = {}
        self.findings: list[Finding] = []
        self.variables: dict[str, dict[str, Any]] = {}
        self.whole: dict[str, Any] = {}
        self.made_by: dict[str, dict[str, Any]] = {}
        """By signature of the last graph, what its outputs come from."""

    def meta(self, start: int, length: int, number: int) -> dict[str, Any]:
        """Return the facts of a MetaGraphDef."""
        info: dict[str, Any] = {}
        graph, signatures, collections, assets, saved = Graph(), [], [], [], set[str]()
        for key, a, b in self.wire.fields(start, start + length):
            if key == tag(1):
                info = decode(self.wire, a, a + b, _INFO, into=info)
            elif key == tag(2):
                graph = GraphReader(self.wire).graph(a, b)
            elif key == tag(4):
                name, variables = self._collection(a, b)
                collections.append(name)
                saved |= variables
            elif key == tag(5):
                signatures.append(decode(self.wire, a, a + b, _SIGNATURE))
            elif key == tag(6):
                assets.append(decode(self.wire, a, a + b, _ASSET))
        self.where[f"/meta_graphs/{number}"] = f"byte {start}"
        return self._values(info, GraphFacts(graph), signatures, collections, assets, saved)

    def _values(
        self,
        info: dict[str, Any],
        facts: GraphFacts,
        signatures: list[dict[str, Any]],
        collections: list[str],
        assets: list[dict[str, Any]],
        saved: set[str],
    ) -> dict[str, Any]:
        values: dict[str, Any] = {"tags": sorted(_text(each) for each in info.get("tags", ()))}
        values |= {name: _text(info[name]) for name in ("tensorflow_version", "tensorflow_git_version") if name in info}
        told = {_text(each.get("key", b"")): each.get("value", {}) for each in signatures[:MAX_LISTED]}
        values["signatures"] = {
            name: {
                "method": _text(each.get("method", b"")),
                "inputs": _tensors(each.get("inputs", ()), facts),
                "outputs": _tensors(each.get("outputs", ()), facts),
            }
            for name, each in sorted(told.items())
        }
        self.made_by = {
            name: facts.made_by(each.get("tensor", "") for each in signature["outputs"])
            for name, signature in values["signatures"].items()
        }
        values["assets"] = [
            {"tensor": _text(each.get("tensor", {}).get("name", b"")), "filename": _text(each.get("filename", b""))}
            for each in assets[:MAX_LISTED]
        ]
        values["collections"] = sorted(collections)
        placeholders = facts.placeholders()
        values |= {**facts.common(), "placeholders": placeholders}
        self._whole(facts)
        self.findings += facts.findings
        names = {each["tensor"].removesuffix(":0") for each in values["assets"]}
        paths = {each.inputs[0] for each in facts.graph.nodes if _assigns(each, names)}
        for node, dtype, shape in shapes_of(facts.variables()):
            if node.name in saved if saved else node.name not in paths:
                self.variables.setdefault(node.name, tensor(node.name, dtype, shape))
        return values

    def _whole(self, facts: GraphFacts) -> None:
        """Note what is told of the file as a whole."""
        for name, told in facts.dangers().items():
            if isinstance(told, dict):
                self.whole[name] = dict(sorted((Counter(self.whole.get(name, {})) + Counter(told)).items()))
            else:
                self.whole[name] = sorted({*self.whole.get(name, ()), *told})
        if functions := [each.name for each in facts.graph.functions]:
            self.whole["library_functions"] = (self.whole.get("library_functions", []) + functions)[:MAX_LISTED]

    def _collection(self, start: int, length: int) -> tuple[str, set[str]]:
        """Return the name of a collection and, of the one that lists variables, their names."""
        name, value = "", (0, 0)
        for key, a, b in self.wire.split(start, length, {tag(1), tag(2)}):
            if key == tag(1):
                name = _text(self.wire.take(a, min(b, 4096)))
            elif key == tag(2):
                value = (a, b)
        if name != "variables":
            return name, set()
        found = decode(self.wire, value[0], sum(value), {2: ("bytes", {1: ("value", [{1: ("name", str)}])})})
        names = (_text(each.get("name", b"")) for each in found.get("bytes", {}).get("value", ()))
        return name, {each.removesuffix(":0") for each in names}


def _assigns(node: Node, names: set[str]) -> bool:
    """Say whether a node gives a variable the path of an asset; such a variable is not among the weights."""
    return node.op == "AssignVariableOp" and len(node.inputs) > 1 and node.inputs[1].removesuffix(":0") in names


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def _tensors(entries: Any, facts: GraphFacts) -> list[dict[str, Any]]:  # noqa: ANN401 - decoded messages
    """Return the tensors of a signature, by name; a map has no order."""
    told = {_text(each.get("key", b"")): each.get("value", {}) for each in entries[:MAX_LISTED]}
    return [_tensor(name, each, facts) for name, each in sorted(told.items())]


def _tensor(name: str, info: dict[str, Any], facts: GraphFacts) -> dict[str, Any]:
    encoding = next((key for key in reversed(info) if key in {"name", "coo_sparse", "composite_tensor"}), None)
    shape = None
    if "shape" in info and not info["shape"].get("unknown_rank"):
        sizes = [each.get("size", 0) for each in info["shape"].get("dim", ())]
        shape = tuple(size if size >= 0 else None for size in sizes)
    said = tensor(name, info.get("dtype"), shape)
    if encoding is not None:
        said["encoding"] = encoding
    if encoding == "name":
        said["tensor"] = _text(info["name"])
        if ":" in said["tensor"] and (inferred := facts.shapes.of(said["tensor"])) is not None:
            said["shape_in_graph"] = list(inferred)
    return said
