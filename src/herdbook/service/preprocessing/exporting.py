"""Export: a preprocessing as a file that another program reads."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

from herdbook.kernel.errors import InvalidError
from herdbook.model.contracts import Feature
from herdbook.model.preprocessing import Exported, PreprocessingSpec
from herdbook.service.preprocessing import lwtnn, weaver

TARGETS = ("weaver", "lwtnn")
_OF = {"weaver": (weaver.WEAVER, weaver.write), "lwtnn": (lwtnn.LWTNN, lwtnn.write)}


def export(
    spec: PreprocessingSpec,
    target: Literal["weaver", "lwtnn"],
    *,
    leave_out: Collection[str] = (),
    divisors_as_scales: bool = False,
) -> Exported:
    """Return the file, and what it has no place for.

    Args:
        spec: what is done to each feature. What is absent is written as doing nothing.
        target: who reads it.
        leave_out: fields that change numbers and may be lost all the same, as ``sort_key``.
        divisors_as_scales: write x / d as x * (1 / d), which may differ in the last bit.

    Raises:
        InvalidError: naming the field that the file cannot say.
    """
    if target not in _OF:
        raise InvalidError(
            f"{target!r} is no target", code="preprocessing-no-target", hint=f"Use {' or '.join(TARGETS)}."
        )
    place, write = _OF[target]
    taken, left = place.take(with_scales(spec) if divisors_as_scales else spec, leave_out)
    return Exported(text=write(taken), left_out=left)


def with_scales(spec: PreprocessingSpec) -> PreprocessingSpec:
    """Return the spec with every divisor d as the scale 1 / d, rounded to double precision."""

    def scaled(feature: Feature) -> Feature:
        if feature.divisor is None:
            return feature
        return feature.model_copy(update={"scale": 1 / feature.divisor, "divisor": None})

    inputs = tuple(each.model_copy(update={"features": tuple(map(scaled, each.features))}) for each in spec.inputs)
    return spec.model_copy(update={"inputs": inputs})
