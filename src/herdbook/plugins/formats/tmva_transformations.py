"""Transformations of variables in TMVA's XML, with their constants.

Source: TMVA's `TransformationHandler::AddXMLTo` and the `AttachXMLTo` of each transformation, old and new. `Normalize`
has the range of each variable for each class (x becomes 2 (x - min) / (max - min) - 1; the last class is all events
together), `Decorrelation` a matrix for each class, `PCA` mean values and matrices, `Gauss` and `Uniform` cumulative
distributions.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from herdbook.plugins.formats.kept import Kept

if TYPE_CHECKING:
    from collections.abc import Sequence

_MAX_ELEMENTS = 20_000
_MAX_NUMBERS = 200_000
_CONTAINERS = frozenset({"Selection", "Input", "Output", "Ranges", "Variables", "Targets"})


class Transformations:
    """What stands below `Transformations`, one entry each, in the order in which they are applied.

    Args:
        kept: cuts what is too long.
    """

    def __init__(self, kept: Kept) -> None:
        self.found: list[dict[str, Any]] = []
        self._kept = kept
        self._class = ""
        self._open: dict[str, Any] | None = None
        self._elements = _MAX_ELEMENTS
        self._numbers = _MAX_NUMBERS

    def start(self, name: str, said: dict[str, str], path: Sequence[str]) -> bool:
        """Begin an element.

        Args:
            name: of the element.
            said: its attributes.
            path: names below `Transformations`, the element's included.

        Returns:
            Whether its text is wanted.
        """
        self._open = None
        self._elements -= 1
        if self._elements < 0:
            self._kept.cut("transformations", _MAX_ELEMENTS)
            return False
        if not path:
            return False
        if len(path) == 1:
            self.found.append({"name": self._text(said.get("Name", "")), "inputs": [], "outputs": [], "ranges": []})
            self._class = ""
        elif name in {"Input", "Output"} and "Type" in said:
            self.found[-1]["outputs" if "Output" in path[1:-1] else "inputs"].append(self._variable(said))
        elif name == "Class":
            self._class = said.get("ClassIndex", "")
        elif name == "Range" or (name in {"Variable", "Target"} and "Min" in said):
            index = said.get("Index", said.get("VarIndex", said.get("TargetIndex", "")))
            key = "target_ranges" if name == "Target" else "ranges"
            self.found[-1].setdefault(key, []).append(_range(self._class, index, said))
        elif name not in _CONTAINERS:
            self._open = {"element": name, **{key: self._text(each) for key, each in said.items()}}
            if self._class:
                self._open["class"] = self._text(self._class)
            self.found[-1].setdefault("constants", []).append(self._open)
            return True
        return False

    def end(self, text: str) -> None:
        """End an element, which is the one that began last, or has no text."""
        if self._open is not None and text.strip():
            numbers = _numbers(text, self._numbers, self._kept)
            self._numbers -= len(numbers)
            if numbers:
                self._open["numbers"] = self._kept.items(numbers, "numbers of a transformation")
            else:
                self._open["text"] = self._text(text.strip())
        self._open = None

    def _text(self, text: str) -> str:
        return self._kept.text(text, "texts of a transformation")

    def _variable(self, said: dict[str, str]) -> dict[str, str]:
        keys = {"Type": "type", "Label": "label", "Expression": "name"}
        return {ours: self._text(said[theirs]) for theirs, ours in keys.items() if theirs in said}


def _range(class_: str, index: str, said: dict[str, str]) -> dict[str, Any]:
    """Return minimum and maximum of a variable for a class."""
    found: dict[str, Any] = {}
    for ours, text in (("class", class_), ("index", index)):
        if re.fullmatch(r"[0-9]{1,9}", text):
            found[ours] = int(text)
    for ours, text in (("min", said.get("Min", "")), ("max", said.get("Max", ""))):
        try:
            found[ours] = Kept.number(float(text))
        except ValueError:
            continue
    return found


def _numbers(text: str, limit: int, kept: Kept) -> list[float | str]:
    """Return at most ``limit`` numbers between white space; none when it is something else."""
    try:
        return [kept.number(float(word)) for word in text.split()[: max(limit, 0)]]
    except ValueError:
        return []
