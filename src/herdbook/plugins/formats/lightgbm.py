"""LightGBM's text: features with their ranges, objective, training parameters; trees are counted, not read.

Source: the layout that LightGBM's `GBDT::SaveModelToString` writes, versions v2 to v4: lines `key=value` up to an empty
line, the trees, `end of trees`, importances, `parameters:` with a line `[key: value]` each, `pandas_categorical:`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from pydantic_core import from_json

from herdbook.kernel.errors import CorruptError, InvalidError
from herdbook.model.facts import Facts, Finding, Probe, Severity
from herdbook.plugins.formats.contents import Content
from herdbook.plugins.formats.kept import Kept

if TYPE_CHECKING:
    from herdbook.ports.formats import Format, Listing, ReadAt

MAX_SIZE = 1024 * 1024 * 1024
_MAX_HEAD = 8 * 1024 * 1024
_MAX_TAIL = 1024 * 1024
_CHUNK = 1024 * 1024
MAX_FEATURES = 200_000
_LISTS = ("feature_names", "feature_infos", "monotone_constraints")
_BEGINS = re.compile(rb"tree\r?\nversion=v\d+\r?\n")
_EMPTY = re.compile(rb"\r?\n\r?\n")
_LEAVES = re.compile(rb"\nnum_leaves=(\d{1,9})")
_END = b"\nend of trees"
_PARAMETER = re.compile(r"\[([^:\[\]]+): ?(.*)\]")
_WHOLE = re.compile(r"-?[0-9]{1,15}")
_CATEGORIES = re.compile(r"-?[0-9]+(?::-?[0-9]+)*")


class Lightgbm:
    """The reader of LightGBM's text models."""

    name = "lightgbm"
    version = "1"

    def probe(self, file: ReadAt, path: str) -> Probe | None:  # noqa: ARG002 - the port's signature
        """Recognise the first two lines."""
        return Probe(format="lightgbm-text") if _BEGINS.match(file.read_at(0, 64)) else None

    def read(self, file: ReadAt, path: str, listing: Listing) -> Facts:  # noqa: ARG002 - the port's signature
        """Read the facts.

        Raises:
            CorruptError: when a line is not what LightGBM writes.
            InvalidError: when the file, or its head, is longer than this reader goes.
        """
        if file.size > MAX_SIZE:
            raise InvalidError(f"{path} has {file.size} bytes", code="too-large")
        if not _BEGINS.match(file.read_at(0, 64)):
            raise CorruptError(f"{path} does not begin as LightGBM's text does", code="lightgbm-bad-head")
        head = _head(file)
        trees, leaves, linear, end = _scan(file)
        kept = Kept()
        values = _values(head, kept)
        values |= {"trees": trees, "n_trees": trees, "leaves": leaves, "linear_tree": linear}
        findings = _trees_differ(head, trees)
        if end < 0:
            message = "the line 'end of trees' is not there; the file may be cut short"
            findings.append(Finding(rule="lightgbm-cut", severity=Severity.ERROR, message=message, where="/trees"))
        else:
            values |= _tail(file.read_at(end, min(file.size - end, _MAX_TAIL)).decode("utf-8", "replace"), kept)
        places = {f"/{key}": f"line {number}" for key, number in _places(head).items() if key in values}
        content = Content("lightgbm-text", values, where=places, findings=(*findings, *kept.findings))
        return content.facts(self.name, self.version)


_: type[Format] = Lightgbm


def _head(file: ReadAt) -> list[str]:
    """Return the lines before the first empty one.

    Raises:
        CorruptError: when there is no empty line.
        InvalidError: when it comes too late.
    """
    data = b""
    while (found := _EMPTY.search(data)) is None:
        if len(data) > _MAX_HEAD:
            raise InvalidError(f"the head has more than {_MAX_HEAD} bytes", code="too-much-text")
        more = file.read_at(len(data), max(64 * 1024, len(data)))
        if not more:
            raise CorruptError("the file ends within its head", code="lightgbm-cut", hint="Fetch it again.")
        data += more
    return data[: found.start()].decode("utf-8", "replace").splitlines()


def _scan(file: ReadAt) -> tuple[int, int, bool, int]:
    """Return the number of trees and of leaves, whether trees are linear, and where they end (-1: nowhere).

    Reads the file once, in whole lines, and keeps nothing.
    """
    trees = leaves = 0
    linear, end, offset = False, -1, 0
    data = b"\n"  # a line begins behind each of these; data[0] is at offset - len(data)
    while end < 0 and (more := file.read_at(offset, _CHUNK)):
        offset += len(more)
        data += more
        whole = len(data) if offset >= file.size else data.rfind(b"\n")
        if (at := data.find(_END, 0, whole)) >= 0:
            end, whole = offset - len(data) + at + 1, at
        trees += data.count(b"\nTree=", 0, whole)
        leaves += sum(map(int, _LEAVES.findall(data, 0, whole)))
        linear = linear or data.find(b"\nis_linear=1", 0, whole) >= 0
        data = data[whole:] if len(data) - whole < _MAX_HEAD else b""
    return trees, leaves, linear, end


def _values(lines: list[str], kept: Kept) -> dict[str, Any]:
    said = dict(line.split("=", 1) for line in lines[1:] if "=" in line)
    if any(said.get(key, "").count(" ") > MAX_FEATURES for key in _LISTS):
        raise InvalidError(f"there are more than {MAX_FEATURES} features", code="too-many-values")
    names = said.get("feature_names", "").split()
    values: dict[str, Any] = {"file_name_of_algorithm": lines[0], "average_output": "average_output" in lines}
    for key in ("num_class", "num_tree_per_iteration", "label_index"):
        if key in said:
            values[key] = _whole(said[key], key)
    if "max_feature_idx" in said:
        values["num_features"] = _whole(said["max_feature_idx"], "max_feature_idx") + 1
    if names:
        if len(names) != values.get("num_features", len(names)):
            raise CorruptError(f"{len(names)} names for {values['num_features']} features", code="lightgbm-bad-head")
        values["num_features"] = len(names)
        infos = said.get("feature_infos", "").split()
        infos = infos if len(infos) == len(names) else []
        values["features"] = kept.items([_feature(*each, kept) for each in _paired(names, infos)], "features")
    if "objective" in said:
        values["objective"] = kept.text(said["objective"], "objective")
    if "version" in said:
        values["file_version"] = kept.text(said["version"], "version")
    if said.get("monotone_constraints"):
        values["monotone_constraints"] = [
            _whole(each, "monotone_constraints")
            for each in kept.items(said["monotone_constraints"].split(), "constraints")
        ]
    return values


def _paired(names: list[str], infos: list[str]) -> list[tuple[str, str]]:
    return list(zip(names, infos or [""] * len(names), strict=True))


def _feature(name: str, info: str, kept: Kept) -> dict[str, Any]:
    """Return a feature with its range in training: ``[min:max]``, categories ``1:4:7``, or ``none`` (never used)."""
    found: dict[str, Any] = {"name": kept.text(name, "feature names")}
    if info.startswith("[") and info.endswith("]") and info.count(":") == 1:
        low, high = info[1:-1].split(":")
        return found | {"min": _float(low), "max": _float(high)}
    if len(info) < _CHUNK and _CATEGORIES.fullmatch(info):
        categories = [_whole(each, "a category") for each in info.split(":")]
        return found | {
            "min": min(categories),
            "max": max(categories),
            "categories": kept.items(categories, "categories"),
        }
    return found


def _tail(text: str, kept: Kept) -> dict[str, Any]:
    """Return what follows the trees: training parameters and pandas' categories."""
    values: dict[str, Any] = {}
    begin, end = text.find("\nparameters:"), text.find("\nend of parameters")
    if 0 <= begin < end:
        found = (_PARAMETER.fullmatch(line.strip()) for line in text[begin:end].splitlines())
        values["options"] = kept.texts({each[1]: each[2] for each in found if each}, "options")
    if (at := text.find("\npandas_categorical:")) >= 0:
        try:
            categories = from_json(text[at + 20 :].split("\n", 1)[0])
        except ValueError:
            categories = None
        if isinstance(categories, list):
            values["pandas_categorical"] = [
                kept.items(each, "categories")
                for each in kept.items(categories, "categories")
                if isinstance(each, list)
            ]
    return values


def _trees_differ(lines: list[str], counted: int) -> list[Finding]:
    sizes = next((line[11:] for line in lines if line.startswith("tree_sizes=")), None)
    declared = 0 if not sizes else sizes.strip().count(" ") + 1
    if sizes is None or declared == counted:
        return []
    message = f"tree_sizes says that there are {declared} trees, and there are {counted}"
    return [Finding(rule="trees-differ", severity=Severity.WARNING, message=message, where="/trees")]


def _places(lines: list[str]) -> dict[str, int]:
    """Return the line in which a value stands."""
    keys = {"feature_infos": "features", "max_feature_idx": "num_features", "version": "file_version"}
    found = {}
    for number, line in enumerate(lines, 1):
        key = line.split("=", 1)[0]
        found[keys.get(key, key)] = number
    return found


def _whole(text: str, key: str) -> int:
    if not _WHOLE.fullmatch(text):
        raise CorruptError(f"{key} is not a whole number", code="lightgbm-bad-head")
    return int(text)


def _float(text: str) -> float | str:
    """Return a number; what JSON has none for (``inf``) becomes a text."""
    try:
        return Kept.number(float(text))
    except ValueError:
        raise CorruptError("a feature's range is no number", code="lightgbm-bad-head") from None
