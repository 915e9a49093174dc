"""What a target has a place for: fields that change numbers are refused by name, words about them are left out."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import NoReturn

from herdbook.kernel.errors import InvalidError
from herdbook.model.contracts import Feature, Sequence
from herdbook.model.preprocessing import PreprocessingSpec

WORDS = frozenset({"definition", "source_variable", "unit", "dtype", "training_range", "computable_at", "ext"})
"""Fields of a feature that describe it and change no number."""
NEUTRAL: dict[str, tuple[float, ...]] = {"offset": (0,), "scale": (1,), "divisor": (1,)}
"""What changes no number even where a file has no place for it."""


@dataclass(frozen=True)
class Target:
    """A file of another program: its name, and the fields of a feature and of a sequence that it can say."""

    name: str
    feature: frozenset[str]
    sequence: frozenset[str]

    def refuse(self, where: str, why: str, hint: str = "Say it otherwise, in a contract.") -> NoReturn:
        """Say that the file cannot hold a field.

        Raises:
            InvalidError: always.
        """
        raise InvalidError(
            f"{self.name} cannot say {where}: {why}",
            code="preprocessing-not-expressible",
            hint=hint,
            field=where,
        )

    def take(self, spec: PreprocessingSpec, leave_out: Collection[str]) -> tuple[PreprocessingSpec, tuple[str, ...]]:
        """Return the spec without what the target has no place for, and where that stood.

        Raises:
            InvalidError: naming a field that changes numbers and that was not left out knowingly.
        """
        left: list[str] = []
        inputs = []
        for index, each in enumerate(spec.inputs):
            where = f"/inputs/{index}"
            features = tuple(
                self._feature(feature, f"{where}/features/{number}", leave_out, left)
                for number, feature in enumerate(each.features)
            )
            sequence = each.sequence and self._sequence(each.sequence, f"{where}/sequence", leave_out, left)
            inputs.append(each.model_copy(update={"features": features, "sequence": sequence}))
        return spec.model_copy(update={"inputs": tuple(inputs)}), tuple(left)

    def _feature(self, feature: Feature, where: str, leave_out: Collection[str], left: list[str]) -> Feature:
        gone: dict[str, None] = {}
        for name in _said(feature):
            if name in self.feature:
                continue
            if name not in WORDS | set(leave_out) and getattr(feature, name) not in NEUTRAL.get(name, ()):
                self.refuse(f"{where}/{name}", f"it has no place for it ({feature.name!r})", _way_out(name))
            gone[name] = None
            left.append(f"{where}/{name}")
        return feature.model_copy(update=gone)

    def _sequence(self, sequence: Sequence, where: str, leave_out: Collection[str], left: list[str]) -> Sequence:
        gone: dict[str, None] = {}
        for name in _said(sequence):
            if name not in self.sequence:
                if name not in leave_out:
                    self.refuse(f"{where}/{name}", "it has no place for it", _way_out(name))
                gone[name] = None
                left.append(f"{where}/{name}")
        return sequence.model_copy(update=gone)


def _way_out(name: str) -> str:
    if name == "divisor":
        return "--divisors-as-scales writes it as a scale, which may differ in the last bit."
    return f"Leave it out knowingly (--leave-out {name}), or say it otherwise, in a contract."


def _said(value: Feature | Sequence) -> Iterator[str]:
    return (name for name in type(value).model_fields if getattr(value, name) is not None)
