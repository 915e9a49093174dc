"""`.fml`: a model as hls4ml saves it, a gzipped tar archive of JSON and NumPy arrays.

Source: what hls4ml's `serialize_model` writes: `version.json`, `config.json`, `graph_state.json` (names of inputs and
outputs), `model_arch.json` (layers with the types of their numbers) and one `.npy` for each array.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from herdbook.kernel.errors import CorruptError
from herdbook.model.facts import Facts, Probe
from herdbook.plugins.formats import hls4ml_config
from herdbook.plugins.formats.json_text import parse
from herdbook.plugins.formats.plain_values import Plain, present
from herdbook.plugins.formats.tar_stream import Member, TarStream

if TYPE_CHECKING:
    from herdbook.ports.formats import Format, Listing, ReadAt

FORMAT = "hls4ml-archive"
COUNTED = "elements of the weights of all layers, as the optimised graph has them"
MAX_JSON = 16 * 1024 * 1024
MAX_TOTAL = 256 * 1024 * 1024
MAX_MEMBERS = 10_000
_JSON = ("version.json", "config.json", "graph_state.json", "model_arch.json")
_NPY = re.compile(
    rb"\x93NUMPY.{4,6}?\{'descr': '([^']{1,20})', 'fortran_order': \w+, 'shape': \(([\d, ]*)\)", re.DOTALL
)
_TENSOR = "TensorVariable"
_WEIGHT = "WeightVariable"
_MODES = {"rounding_mode": "rounding", "saturation_mode": "overflow"}


class Hls4mlArchive:
    """The reader of `.fml`."""

    name = "hls4ml"
    version = "1"

    def probe(self, file: ReadAt, path: str) -> Probe | None:
        """Take what is gzipped and called `.fml`."""
        if path.lower().endswith(".fml") and file.read_at(0, 2) == b"\x1f\x8b":
            return Probe(format=FORMAT)
        return None

    def read(self, file: ReadAt, path: str, listing: Listing) -> Facts:  # noqa: ARG002 - the port's signature
        """Read the configuration, the layers, the types of numbers, what goes in and out, and the sizes of weights.

        Raises:
            CorruptError: when it is no archive of hls4ml.
            InvalidError: when it is larger than this reader goes, or holds links.
        """
        texts: dict[str, Any] = {}
        arrays: dict[str, tuple[str, list[int]]] = {}
        stream = TarStream(file, members=MAX_MEMBERS, total=MAX_TOTAL, limit=MAX_JSON)
        for member in stream.walk(_JSON, heads=256):
            if member.name in _JSON and member.size <= MAX_JSON:
                texts[member.name] = parse(member.data or b"", member.name)
            elif found := _array(member):
                arrays[member.name] = found
        config = _object(_object(texts.get("config.json")).get("config"))
        if not config:
            raise CorruptError(f"{path} has no config.json of hls4ml", code="hls4ml-bad-archive")
        plain = Plain()
        read = hls4ml_config.read(config, path, {}) if hls4ml_config.fits(config, path) else None
        layers = {name: each for name, each in _object(texts.get("model_arch.json")).items() if isinstance(each, dict)}
        values = {
            **(read.values if read else {}),
            **_graph(layers, _object(texts.get("graph_state.json")), plain),
            **_weights(layers, arrays),
            "versions": plain.copy(_object(texts.get("version.json"))),
        }
        where = {"/versions": "version.json", "/hls4ml": "config.json", "/inputs": "model_arch.json"}
        findings = (*(read.findings if read else ()), *plain.findings())
        return Facts(
            reader=self.name, reader_version=self.version, format=FORMAT, values=values, where=where, findings=findings
        )


_: type[Format] = Hls4mlArchive


def _graph(layers: Mapping[str, Any], state: Mapping[str, Any], plain: Plain) -> dict[str, Any]:
    kinds = Counter(f"hls4ml.{str(layer.get('class_name')).rsplit('.', 1)[-1]}" for layer in layers.values())
    tensors = dict(_variables(layers, _TENSOR))
    types = [
        {"at": f"{name}/{key}"[:1000], **parsed}
        for name, layer in layers.items()
        for key, value in _attributes(layer).items()
        if (parsed := _type(value, plain))
    ]
    return {
        "inputs": [_tensor(name, tensors, plain) for name in _names(state.get("inputs"))],
        "outputs": [_tensor(name, tensors, plain) for name in _names(state.get("outputs"))],
        "operators": {name: kinds[name] for name in sorted(kinds)},
        "fixed_point": types[:10_000],
    }


def _weights(layers: Mapping[str, Any], arrays: Mapping[str, tuple[str, list[int]]]) -> dict[str, Any]:
    used = [str(state.get("data")).removeprefix("@ndarray:") for _, state in _variables(layers, _WEIGHT)]
    tensors = [{"name": name, "dtype": arrays[name][0], "shape": arrays[name][1]} for name in used if name in arrays]
    count = sum(math.prod(arrays[name][1]) for name in used if name in arrays)
    return {"tensors": tensors[:10_000], "parameters": count, "parameters_counted": COUNTED}


def _variables(layers: Mapping[str, Any], kind: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for layer in layers.values():
        for name, value in _attributes(layer).items():
            if isinstance(value, dict) and str(value.get("class_name")).endswith(kind):
                yield name, _object(value.get("state"))


def _attributes(layer: Mapping[str, Any]) -> Mapping[str, Any]:
    return _object(_object(layer.get("state")).get("attributes"))


def _type(value: object, plain: Plain) -> dict[str, Any] | None:
    """Return a named type of fixed point; types of weights are named once for each layer."""
    named = _object(_object(value).get("state"))
    precision = _object(named.get("precision"))
    told = _object(precision.get("state"))
    if "width" not in told:
        return None
    kind = (
        str(precision.get("class_name"))
        .rsplit(".", 1)[-1]
        .removesuffix("PrecisionType")
        .lower()
        .replace("integer", "int")
    )
    modes = {ours: plain.copy(told.get(theirs)) for theirs, ours in _MODES.items()}
    return present(
        type=f"{'' if told.get('signed') else 'u'}{kind}"[:100],
        name=plain.copy(named.get("name")),
        **{key: plain.copy(told.get(key)) for key in ("width", "integer", "signed")},
        **modes,
    )


def _tensor(name: str, tensors: Mapping[str, Mapping[str, Any]], plain: Plain) -> dict[str, Any]:
    return present(name=name[:4096], shape=plain.copy(tensors.get(name, {}).get("shape")))


def _names(value: object) -> list[str]:
    return [each for each in value if isinstance(each, str)][:10_000] if isinstance(value, list) else []


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _array(member: Member) -> tuple[str, list[int]] | None:
    """Return dtype and shape of an `.npy`, from its head."""
    found = _NPY.match(member.data or b"") if member.name.endswith(".npy") else None
    if found is None:
        return None
    axes = [int(axis) for axis in found[2].replace(b" ", b"").split(b",") if axis and len(axis) < 16]
    names = {"f": "float", "i": "int", "u": "uint"}
    descr = found[1].decode("ascii", "replace").lstrip("<>|=")
    kind = names.get(descr[:1])
    return (f"{kind}{8 * int(descr[1:])}" if kind and descr[1:].isdigit() and len(descr) < 4 else descr), axes
