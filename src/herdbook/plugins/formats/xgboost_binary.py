"""XGBoost's binary model of before 3.1, with the marker ``binf`` or, older, without: its fixed heads and its tail.

Layout after the source of XGBoost 1.7 (learner.cc, gbtree_model.h, tree_model.h), little-endian: parameters of the
learner (136 bytes), names of objective and booster (each a length of 8 bytes and the text), the booster's parameters,
trees, then attributes. Of a tree only the head is read.
"""

from __future__ import annotations

import re
import struct
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from pydantic_core import from_json

from herdbook.kernel.errors import CorruptError, InvalidError
from herdbook.model.facts import Finding, Safety, Severity
from herdbook.plugins.formats.contents import Content
from herdbook.plugins.formats.kept import Kept

if TYPE_CHECKING:
    from herdbook.ports.formats import ReadAt

MARKER = b"binf"
_LEARNER = struct.Struct("<fIiiiIII104x")
_TREES = struct.Struct("<ii152x")
_TREE = struct.Struct("<iii8xi124x")
_LINEAR = 136
_NODE = 20 + 16
_BOOSTERS = (b"gbtree", b"dart", b"gblinear")
_SAVED = "SAVED_PARAM_"
MAX_TREES = 1_000_000
_MAX_ATTRIBUTES = 10_000
_MAX_TEXT = 1024 * 1024


def looks_like_binary(file: ReadAt) -> bool:
    """Say whether a learner's head is there: its names are those of an objective and of a booster."""
    head = file.read_at(0, 4 + _LEARNER.size + 8 + 128 + 8 + 8)
    start = len(MARKER) if head.startswith(MARKER) else 0
    at = start + _LEARNER.size
    length = int.from_bytes(head[at : at + 8], "little")
    if len(head) < at + 8 or not 0 < length <= 128:
        return False
    name = head[at + 8 : at + 8 + length]
    at += 8 + length
    booster = head[at + 8 : at + 8 + int.from_bytes(head[at : at + 8], "little")]
    return re.fullmatch(rb"[a-z0-9_]+(:[a-z0-9_-]+)?", name) is not None and booster in _BOOSTERS


class _Bytes:
    """A place in a file."""

    def __init__(self, file: ReadAt, at: int) -> None:
        self._file = file
        self.at = at

    def take(self, length: int) -> bytes:
        """Return the next bytes.

        Raises:
            CorruptError: when the file ends first.
        """
        data = self._file.read_at(self.at, length) if self.at < self._file.size else b""
        if len(data) < length:
            raise CorruptError(
                f"the file ends at byte {self._file.size}, in the middle of the model",
                code="xgboost-cut",
                hint="Fetch it again; it was cut short.",
            )
        self.at += length
        return data

    def unpack(self, layout: struct.Struct) -> tuple[Any, ...]:
        """Return the next fields."""
        return layout.unpack(self.take(layout.size))

    def length(self) -> int:
        """Return a length."""
        return int.from_bytes(self.take(8), "little")

    def text(self) -> str:
        """Return a text.

        Raises:
            InvalidError: when it is longer than this reader keeps.
        """
        if (length := self.length()) > _MAX_TEXT:
            raise InvalidError(f"a text before byte {self.at} has {length} bytes", code="too-much-text")
        return self.take(length).decode("utf-8", "replace")

    def rest(self) -> int:
        """Return how many bytes follow."""
        return self._file.size - self.at


def read_binary(file: ReadAt) -> Content:
    """Return the facts.

    Raises:
        CorruptError: when the file ends too early, or its counts cannot be.
        InvalidError: when there are more trees than this reader walks over.
    """
    marked = file.read_at(0, 4) == MARKER
    data = _Bytes(file, len(MARKER) if marked else 0)
    score, features, classes, has_attributes, has_metrics, major, minor, targets = data.unpack(_LEARNER)
    values: dict[str, Any] = {
        "num_features": features,
        "num_class": classes,
        "num_target": max(targets, 1),  # the field was reserved, and 0, before 1.6
        "base_score": _scientific(score),
        "objective": data.text(),
        "booster": data.text(),
    }
    if 0 < major < 100:
        values["producer"] = {"name": "xgboost", "version": f"{major}.{minor}"}
    groups = max(classes, values["num_target"], 1)
    values |= _linear(data) if values["booster"] == "gblinear" else _trees(data, values["booster"], groups)
    kept = Kept()
    findings = [_legacy(), *_tail(data, values, kept, attributes=has_attributes != 0, metrics=has_metrics != 0)]
    findings.append(_nameless())
    return Content(
        format="xgboost-binf" if marked else "xgboost-bin-old",
        values=values,
        safety=Safety.GUARDED,
        where={"/num_features": f"byte {8 if marked else 4}", "/base_score": f"byte {4 if marked else 0}"},
        findings=(*findings, *kept.findings),
    )


def _trees(data: _Bytes, booster: str, groups: int) -> dict[str, Any]:
    """Walk from head to head, and pass over the group of each tree and, of dart, its weight."""
    trees, parallel = data.unpack(_TREES)
    if trees < 0:
        raise CorruptError(f"{trees} trees", code="xgboost-bad-model")
    if trees > MAX_TREES:
        raise InvalidError(f"{trees} trees", code="too-many-trees")
    nodes = 0
    for _ in range(trees):
        _, count, deleted, leaf_vector = data.unpack(_TREE)
        if not 0 <= deleted <= count:
            raise CorruptError(f"a tree before byte {data.at} has {count} nodes", code="xgboost-bad-model")
        nodes += count - deleted
        data.at += count * _NODE
        if leaf_vector > 1:
            data.at += 4 * data.length()
    data.at += 4 * trees
    rounds = trees // (groups * max(parallel, 1))
    found: dict[str, Any] = {"trees": trees, "n_trees": trees, "boosted_rounds": rounds, "nodes": nodes}
    if booster == "dart" and trees:
        found["tree_weights"] = data.length()
        data.at += 4 * found["tree_weights"]
    if data.rest() < 0:
        data.take(1)
    return found


def _linear(data: _Bytes) -> dict[str, Any]:
    data.at += _LINEAR
    weights = data.length()
    data.at += 4 * weights
    if data.rest() < 0:
        data.take(1)
    return {"parameters": weights, "parameters_counted": "weights of a linear booster, biases included"}


def _tail(data: _Bytes, values: dict[str, Any], kept: Kept, *, attributes: bool, metrics: bool) -> list[Finding]:
    """Read attributes and metrics; what an older XGBoost wrote there otherwise is left, with a finding."""
    values["attributes"] = {}
    try:
        if attributes:
            count = data.length()
            if count > _MAX_ATTRIBUTES:
                raise InvalidError(f"{count} attributes", code="too-many-attributes")  # noqa: TRY301 - the same answer
            found = {data.text(): data.text() for _ in range(count)}
            objective = _parsed(found.pop("objective", ""))
            saved = {key: found.pop(key) for key in list(found) if key.startswith(_SAVED)}
            values["attributes"] = kept.texts(found, "attributes")
            parameters = {
                key: each for group in objective.values() if isinstance(group, dict) for key, each in group.items()
            }
            if parameters:
                values["objective_parameters"] = kept.texts(parameters, "objective")
            if saved:
                saved = {key.removeprefix(_SAVED): each for key, each in saved.items()}
                values["saved_parameters"] = kept.texts(saved, "saved parameters")
        if metrics and (count := data.length()):
            values["metrics"] = [data.text() for _ in range(min(count, _MAX_ATTRIBUTES))]
    except (CorruptError, InvalidError) as error:
        message = f"what follows the trees could not be read: {error}"
        return [Finding(rule="xgboost-tail", severity=Severity.WARNING, message=message, where="/attributes")]
    if data.rest():
        message = f"{data.rest()} bytes at the end are not understood"
        return [Finding(rule="xgboost-tail", severity=Severity.NOTE, message=message, where="/attributes")]
    return []


def _parsed(text: str) -> dict[str, Any]:
    try:
        found = from_json(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _legacy() -> Finding:
    message = (
        "XGBoost 3.1 and later do not read this binary format; 3.0 does (tried: 3.0.5 reads it, 3.1.3 does not):"
        " load the model there and save it as .ubj or .json"
    )
    return Finding(rule="xgboost-legacy", severity=Severity.WARNING, message=message)


def _nameless() -> Finding:
    message = "the format has no names of features; a file .features beside it, or the contract, can say them"
    return Finding(rule="no-feature-names", severity=Severity.NOTE, message=message, where="/num_features")


def _scientific(value: float) -> str:
    """Return a float32 as XGBoost writes it: the shortest digits that give it back, ``5E-1``."""
    if value != value or value in {float("inf"), float("-inf")}:  # noqa: PLR0124 - not a number
        return str(value)
    digits = next(
        text for n in range(9) if struct.pack("<f", float(text := f"{value:.{n}e}")) == struct.pack("<f", value)
    )
    sign, numbers, exponent = Decimal(digits).as_tuple()
    text = "".join(map(str, numbers)).rstrip("0") or "0"
    power = int(exponent) + len(numbers) - 1 if text != "0" else 0
    return f"{'-' if sign else ''}{text[0]}{'.' + text[1:] if text[1:] else ''}E{power}"
