"""weaver's `preprocess.json`, exported beside an ONNX model: every constant of every variable, in the order of use.

Source: weaver-core's `DataConfig.export_json`: for each input its `var_names` in order, its length (`var_length`, or
`min_length` and `max_length` where it is ragged), and for each variable `median`, `norm_factor`, `replace_inf_value`,
`lower_bound`, `upper_bound` and `pad`. What is done: a non-finite value is replaced, (x - median) * norm_factor, then
clipped to the bounds, and sequences are filled up with `pad`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from herdbook.kernel.errors import CorruptError
from herdbook.plugins.formats.contents import Content
from herdbook.plugins.formats.plain_values import Plain, present
from herdbook.ports.formats import Listing

MAX_KEYS = 1000
_GROUP = ("var_length", "min_length", "max_length")


def fits(content: Any, path: str) -> bool:  # noqa: ANN401, ARG001 - a kind is asked about anything
    """Say whether it names inputs, each with the names of its variables."""
    if not isinstance(content, dict) or not isinstance(content.get("input_names"), list):
        return False
    groups = [content.get(name) for name in content["input_names"] if isinstance(name, str)]
    return bool(groups) and all(isinstance(group, dict) and "var_names" in group for group in groups)


def read(content: Mapping[str, Any], path: str, listing: Listing) -> Content:  # noqa: ARG001 - the signature of a kind
    """Read inputs, their variables with all constants, lengths, and the names of outputs.

    Raises:
        CorruptError: when an input has no list of variables.
    """
    plain = Plain()
    shapes = content.get("input_shapes")
    shapes = shapes if isinstance(shapes, dict) else {}
    names = [name for name in content["input_names"] if isinstance(name, str)]
    groups = [_group(name, content[name], shapes.get(name), plain) for name in names]
    values = present(
        inputs=[present(name=group["name"], shape=group.get("input_shapes")) for group in groups],
        input_groups=groups,
        output_names=plain.copy(content.get("output_names")),
        keys=sorted(content)[:MAX_KEYS],
    )
    where = {f"/input_groups/{number}": name for number, name in enumerate(names)} | {"/inputs": "input_names"}
    return Content(format="weaver-preprocess", values=values, where=where, findings=plain.findings())


def _group(name: str, raw: Mapping[str, Any], shape: object, plain: Plain) -> dict[str, Any]:
    names = raw["var_names"]
    if not isinstance(names, list) or not all(isinstance(each, str) for each in names):
        raise CorruptError(f"the var_names of the input {name[:100]!r} are no list of names", code="weaver-bad-input")
    constants = raw.get("var_infos")
    if constants is not None and not isinstance(constants, dict):
        raise CorruptError(f"the var_infos of the input {name[:100]!r} are no object", code="weaver-bad-input")
    return present(
        name=plain.copy(name),
        var_names=plain.copy(names),
        **{key: plain.copy(raw.get(key)) for key in _GROUP},
        input_shapes=plain.copy(shape),
        var_infos=plain.copy(constants),
    )
