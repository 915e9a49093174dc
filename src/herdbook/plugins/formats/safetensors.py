"""safetensors: a header in JSON, then numbers. Nothing of it can run; what can lie are the offsets.

After the format's description: eight bytes of length (little endian), a JSON object, and the bytes of the tensors,
which leave no hole and do not overlap.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

from pydantic_core import from_json

from herdbook.kernel.errors import CorruptError, InvalidError
from herdbook.model.facts import Facts, Finding, Probe, Safety, Severity
from herdbook.plugins.formats import content_gone

if TYPE_CHECKING:
    from herdbook.ports.formats import Format, Listing, ReadAt

MAX_HEADER = 32 * 1024 * 1024
MAX_TENSORS = 10_000
MAX_METADATA = 1024 * 1024
COUNTED = "elements of all tensors of the file, so also batch-norm statistics"
_BITS = {
    "F64": ("float64", 64),
    "F32": ("float32", 32),
    "F16": ("float16", 16),
    "BF16": ("bfloat16", 16),
    "I64": ("int64", 64),
    "I32": ("int32", 32),
    "I16": ("int16", 16),
    "I8": ("int8", 8),
    "BOOL": ("bool", 8),
    "U64": ("uint64", 64),
    "U32": ("uint32", 32),
    "U16": ("uint16", 16),
    "U8": ("uint8", 8),
    "F8_E4M3": ("float8_e4m3fn", 8),
    "F8_E5M2": ("float8_e5m2", 8),
    "F8_E8M0": ("float8_e8m0fnu", 8),
    "F8_E4M3FNUZ": ("float8_e4m3fnuz", 8),
    "F8_E5M2FNUZ": ("float8_e5m2fnuz", 8),
    "C64": ("complex64", 64),
    "F4": ("float4_e2m1fn", 4),
    "F6_E2M3": ("float6_e2m3fn", 6),
    "F6_E3M2": ("float6_e3m2fn", 6),
}
BATCH_NORM = ("running_mean", "running_var", "num_batches_tracked")


class Safetensors:
    """The reader of safetensors files."""

    name = "safetensors"
    version = "1"

    def probe(self, file: ReadAt, path: str) -> Probe | None:
        """Take what begins with a length and an object, and what is called so and has content."""
        head = file.read_at(0, min(9, file.size))
        named = path.lower().endswith(".safetensors")
        plausible = len(head) == 9 and head[8:] == b"{" and 2 <= int.from_bytes(head[:8], "little") <= file.size - 8
        if plausible or (named and not content_gone.kind(file)):
            return Probe(format="safetensors")
        return None

    def read(self, file: ReadAt, path: str, listing: Listing) -> Facts:  # noqa: ARG002 - the port's signature
        """Read the header.

        Raises:
            CorruptError: when the header is not there, is no JSON object, or has an offset that lies.
            InvalidError: when it is larger than this reader goes.
        """
        length, header = _header(file, path)
        metadata = header.pop("__metadata__", None)
        spans = [_span(name, each, path) for name, each in header.items()]
        _whole(spans, file.size - 8 - length, path)
        tensors = [{"name": n, "dtype": d, "shape": s} for n, d, s, _, _ in spans]
        findings = []
        if len(tensors) > MAX_TENSORS:
            message = f"only {MAX_TENSORS} of {len(tensors)} tensors are listed"
            findings.append(Finding(rule="tensors-cut", severity=Severity.NOTE, message=message, where="/tensors"))
        values: dict[str, Any] = {
            "tensors": tensors[:MAX_TENSORS],
            "parameters": sum(prod(shape) for _, _, shape, _, _ in spans),
            "parameters_without_batchnorm_statistics": sum(
                prod(shape) for name, _, shape, _, _ in spans if not name.endswith(BATCH_NORM)
            ),
            "parameters_counted": COUNTED,
        }
        if metadata is not None:
            values["metadata"], said = _metadata(metadata, path)
            findings += said
        where = {"/tensors": "byte 8"} | ({"/metadata": "byte 8, __metadata__"} if metadata is not None else {})
        return Facts(
            reader=self.name,
            reader_version=self.version,
            format="safetensors",
            safety=Safety.SAFE,
            values=values,
            where=where,
            findings=tuple(findings),
        )


_: type[Format] = Safetensors


def _header(file: ReadAt, path: str) -> tuple[int, dict[str, Any]]:
    head = file.read_at(0, 8)
    length = int.from_bytes(head, "little")
    if len(head) < 8 or not 2 <= length <= file.size - 8:
        raise CorruptError(
            f"{path} has no header of safetensors", code="not-safetensors", hint="Fetch it again, if it was cut."
        )
    if length > MAX_HEADER:
        raise InvalidError(f"{path} has a header of {length} bytes", code="safetensors-too-large")
    data = file.read_at(8, length)
    try:
        found = from_json(data, allow_inf_nan=False, cache_strings="none")
    except ValueError as error:
        raise CorruptError(f"{path}: the header is not JSON: {error}", code="not-safetensors") from error
    if not isinstance(found, dict):
        raise CorruptError(f"{path}: the header is no object", code="not-safetensors")
    if _keys(data) != len(found):
        raise CorruptError(f"{path}: a tensor stands there twice", code="safetensors-header")
    return length, found


def _keys(data: bytes) -> int:
    """Return how many keys the outermost object has, repeated ones counted; a parsed one no longer shows them."""
    depth = count = at = 0
    while at < len(data):
        byte = data[at]
        if byte == 0x22:
            at += 1
            while at < len(data) and data[at] != 0x22:
                at += 2 if data[at] == 0x5C else 1
        elif byte in b"{[":
            depth += 1
        elif byte in b"}]":
            depth -= 1
        elif byte == 0x3A and depth == 1:
            count += 1
        at += 1
    return count


def _span(name: str, said: Any, path: str) -> tuple[str, str, list[int], int, int]:  # noqa: ANN401 - any JSON
    """Return name, dtype, shape, first byte and the byte after the last."""
    fields = said if isinstance(said, dict) and said.keys() == {"dtype", "shape", "data_offsets"} else {}
    kind = _BITS.get(str(fields.get("dtype")))
    shape, offsets = _counts(fields.get("shape")), _counts(fields.get("data_offsets"))
    if kind is None or shape is None or offsets is None or len(offsets) != 2 or len(name) > 10_000:
        raise CorruptError(f"{path}: {name[:200]} is no tensor that is known", code="safetensors-header")
    if (offsets[1] - offsets[0]) * 8 != prod(shape) * kind[1]:
        raise CorruptError(f"{path}: {name[:200]} has not the bytes of its shape", code="safetensors-offsets")
    return name, kind[0], shape, offsets[0], offsets[1]


def _counts(value: Any) -> list[int] | None:  # noqa: ANN401 - any JSON
    """Return a list of counts; None when it is none."""
    good = isinstance(value, list) and len(value) <= 100 and all(type(n) is int and 0 <= n < 1 << 53 for n in value)
    return value if good else None


def _whole(spans: list[tuple[str, str, list[int], int, int]], size: int, path: str) -> None:
    """Check that the tensors' bytes follow one another and fill the file, as the format demands.

    Raises:
        CorruptError: when they do not.
    """
    at = 0
    for name, _, _, begin, end in sorted(spans, key=lambda each: (each[3], each[4])):
        if begin != at:
            what = "shares bytes with another tensor" if begin < at else "leaves a hole before it"
            raise CorruptError(f"{path}: {name[:200]} {what}", code="safetensors-offsets")
        at = end
    if at != size:
        what = f"{size - at} bytes follow the last tensor" if at < size else f"{at - size} bytes are missing at the end"
        raise CorruptError(f"{path}: {what}", code="safetensors-offsets")


def _metadata(said: Any, path: str) -> tuple[dict[str, str], list[Finding]]:  # noqa: ANN401 - any JSON
    if not isinstance(said, dict) or not all(isinstance(value, str) for value in said.values()):
        raise CorruptError(f"{path}: __metadata__ is not text by name", code="safetensors-header")
    kept: dict[str, str] = {}
    left = MAX_METADATA
    for key, value in said.items():
        left -= len(key) + len(value)
        if left < 0:
            message = "more text than is kept"
            return kept, [Finding(rule="metadata-cut", severity=Severity.NOTE, message=message, where="/metadata")]
        kept[key] = value
    return kept, []
