"""Exported programs of PyTorch (`.pt2`): signature, shapes, operators, from JSON; the pickles beside it are followed.

After `torch/_export/serde/schema.py`, and the archives that PyTorch 2.1 to 2.13 write.
"""

from __future__ import annotations

import re
from collections import Counter
from math import prod
from typing import TYPE_CHECKING, Any

from pydantic_core import from_json

from herdbook.kernel.errors import CorruptError
from herdbook.model.facts import Finding, Safety, Severity
from herdbook.plugins.formats.contents import Content
from herdbook.plugins.formats.pickle_scan import Scan, unsafe
from herdbook.plugins.formats.torch_state import INSTEAD
from herdbook.plugins.formats.torch_zip import Torch, scanned

if TYPE_CHECKING:
    from collections.abc import Iterator

    from herdbook.plugins.formats.zip_archive import Archive
    from herdbook.ports.formats import Listing

COUNTED = "elements of the parameters that the graph's signature names; buffers and constants apart"
MAX_PROGRAM = 16 * 1024 * 1024
MAX_LISTED = 10_000
_OLD = ("serialized_exported_program.json",)
_DTYPES = {
    1: "uint8",
    2: "int8",
    3: "int16",
    4: "int32",
    5: "int64",
    6: "float16",
    7: "float32",
    8: "float64",
    9: "complex32",
    10: "complex64",
    11: "complex128",
    12: "bool",
    13: "bfloat16",
    28: "uint16",
    29: "float8_e4m3fn",
    30: "float8_e5m2",
    31: "float8_e4m3fnuz",
    32: "float8_e5m2fnuz",
}
_SYMBOL = re.compile(r"Symbol\('(\w+)'[^()]*\)")


def fits(content: Archive, path: str) -> bool:  # noqa: ARG001 - the signature of all kinds
    """Say whether a program as JSON lies in the archive."""
    return bool(_programs(Torch(content)))


def read(content: Archive, path: str, listing: Listing) -> Content:  # noqa: ARG001 - the signature of all kinds
    """Read the program, and the names in the pickles that lie beside it.

    Raises:
        CorruptError: when the program cannot be had, or is none.
        InvalidError: when it is larger than this reader goes.
    """
    torch = Torch(content)
    scan, _ = scanned(torch, Scan())
    programs = _programs(torch)
    try:
        program = from_json(content.read(programs[0], MAX_PROGRAM))
    except ValueError as error:
        raise CorruptError(f"{programs[0]} in {path} is not JSON: {error}", code="torch-export") from error
    values = {"container": "zip", **_values(program, path)}
    values |= torch.values() | {"pickle_globals": scan.listed}
    if len(programs) > 1:
        values["programs"] = programs[:1000]
    where = dict.fromkeys(("/inputs", "/outputs", "/tensors", "/operators"), f"member {programs[0]}")
    findings = [unsafe(INSTEAD), *scan.findings()] if scan.places else []
    if len(programs) > 1:
        message = f"{len(programs)} programs; the facts are those of {programs[0]}"
        findings.append(Finding(rule="several-programs", severity=Severity.NOTE, message=message))
    return Content("torch-export", values, Safety.UNSAFE, where, tuple(findings))


def _programs(torch: Torch) -> list[str]:
    """Return the members that hold programs: one in the old layout, one for each model in the new."""
    old = [name for each in _OLD if (name := torch.name(each))] + [name for name in _OLD if name in torch.archive]
    base = f"{torch.folder}/models/" if torch.folder else "models/"
    new = [name for name in torch.archive.names if name.startswith(base) and name.endswith(".json")]
    marked = torch.name("archive_format") is not None
    return list(dict.fromkeys(old)) or (new if marked else [])


def _values(program: Any, path: str) -> dict[str, Any]:  # noqa: ANN401 - any JSON
    graph = _at(program, "graph_module", "graph")
    signature = _at(program, "graph_module", "signature")
    if not isinstance(graph, dict) or not isinstance(signature, dict):
        raise CorruptError(f"{path} holds no program of torch.export", code="torch-export")
    metas = graph.get("tensor_values")
    metas = metas if isinstance(metas, dict) else {}
    held: dict[str, list[dict[str, Any]]] = {"parameter": [], "buffer": [], "tensor_constant": []}
    inputs = []
    for kind, spec in _specs(signature.get("input_specs")):
        if kind == "user_input":
            inputs.append(_argument(spec.get("arg"), metas))
        elif kind in held:
            name = spec.get(f"{kind}_name")
            said = _tensor(str(name)[:1000], metas.get(str(_at(spec, "arg", "name"))))
            held[kind].append(said | ({"persistent": False} if spec.get("persistent") is False else {}))
    outputs = [
        _argument(spec.get("arg"), metas)
        for kind, spec in _specs(signature.get("output_specs"))
        if kind in {"user_output", "loss_output"}
    ]
    for each, key in zip(outputs, _keys(program, len(outputs)), strict=False):
        each["key"] = key
    values: dict[str, Any] = {"inputs": inputs[:MAX_LISTED], "outputs": outputs[:MAX_LISTED]}
    tensors = [each for kind in held.values() for each in kind]
    values |= {
        "tensors": tensors[:MAX_LISTED],
        "parameters": _elements(held["parameter"]),
        "buffers": _elements(held["buffer"]),
        "parameters_counted": COUNTED,
        "operators": _operators(graph.get("nodes")),
    }
    return values | _versions(program)


def _versions(program: dict[str, Any]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    opsets = program.get("opset_version")
    if isinstance(opsets, dict):
        values["opsets"] = {str(key): value for key, value in list(opsets.items())[:100] if isinstance(value, int)}
    schema = program.get("schema_version")
    if isinstance(schema, dict):
        values["schema_version"] = f"{schema.get('major')}.{schema.get('minor')}"
    elif isinstance(schema, int):
        values["schema_version"] = str(schema)
    if isinstance(program.get("torch_version"), str):
        values["producer"] = {"name": "pytorch", "version": program["torch_version"][:100]}
    ranges = program.get("range_constraints")
    if isinstance(ranges, dict) and ranges:
        values["symbols"] = {
            str(name): {
                key: said[f"{key}_val"] for key in ("min", "max") if isinstance(said.get(f"{key}_val"), int | float)
            }
            for name, said in list(ranges.items())[:1000]
            if isinstance(said, dict)
        }
    return values


def _operators(nodes: Any) -> dict[str, int]:  # noqa: ANN401 - any JSON
    found: Counter[str] = Counter()
    for node in nodes if isinstance(nodes, list) else []:
        target = node.get("target") if isinstance(node, dict) else None
        if isinstance(target, str):
            found[target.removeprefix("torch.ops.")[:200]] += 1
    return dict(sorted(found.items())[:2000])


def _specs(said: Any) -> Iterator[tuple[str, dict[str, Any]]]:  # noqa: ANN401 - any JSON
    for each in said if isinstance(said, list) else []:
        for kind, spec in each.items() if isinstance(each, dict) else ():
            if isinstance(spec, dict):
                yield kind, spec


def _argument(said: Any, metas: dict[str, Any]) -> dict[str, Any]:  # noqa: ANN401 - any JSON
    """Return an input or output: a tensor, or the type of what it is instead."""
    for kind, value in said.items() if isinstance(said, dict) else ():
        name = value.get("name") if isinstance(value, dict) else None
        if kind == "as_tensor" and isinstance(name, str):
            return _tensor(name[:1000], metas.get(name))
        if kind != "as_none":
            return {"torch_type": kind.removeprefix("as_")[:100]} | ({"name": name} if isinstance(name, str) else {})
    return {"torch_type": "none"}


def _tensor(name: str, meta: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON
    found: dict[str, Any] = {"name": name}
    if isinstance(meta, dict):
        dtype = meta.get("dtype")
        if isinstance(dtype, int) and dtype in _DTYPES:
            found["dtype"] = _DTYPES[dtype]
        sizes = meta.get("sizes")
        if isinstance(sizes, list) and len(sizes) <= 100:
            found["shape"] = [_axis(each) for each in sizes]
    return found


def _axis(said: Any) -> int | str | None:  # noqa: ANN401 - any JSON
    if not isinstance(said, dict):
        return None
    count = said.get("as_int")
    if type(count) is int and 0 <= count < 1 << 53:
        return count
    text = _at(said, "as_expr", "expr_str")
    return _SYMBOL.sub(r"\1", text[:10_000])[:200] if isinstance(text, str) else None


def _elements(tensors: list[dict[str, Any]]) -> int:
    shapes = [each.get("shape", [0]) for each in tensors]
    return sum(prod(shape) for shape in shapes if all(isinstance(axis, int) for axis in shape))


def _keys(program: Any, count: int) -> list[str]:  # noqa: ANN401 - any JSON
    """Return the keys of a flat dictionary of outputs; none for anything else that a module returns."""
    calls = _at(program, "graph_module", "module_call_graph")
    first = calls[0] if isinstance(calls, list) and calls else None
    spec = _at(first, "signature", "out_spec")
    try:
        tree = from_json(spec) if isinstance(spec, str) else None
        tree = tree[1] if isinstance(tree, list) and len(tree) == 2 else None
        context = _at(tree, "context")
        keys = from_json(context) if isinstance(context, str) and _at(tree, "type") == "builtins.dict" else None
    except ValueError:
        return []
    leaves = _at(tree, "children_spec")
    flat = isinstance(leaves, list) and len(leaves) == count and all(_at(each, "type") is None for each in leaves)
    if not flat or not isinstance(keys, list) or len(keys) != count:
        return []
    return [key[:1000] for key in keys if isinstance(key, str)]


def _at(node: Any, *keys: str) -> Any:  # noqa: ANN401 - any JSON
    for key in keys:
        node = node.get(key) if isinstance(node, dict) else None
    return node
