"""Apply: the reference of what a preprocessing does to numbers. Needs numpy, which is imported on the first call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from herdbook.kernel.errors import UnavailableError
from herdbook.model.preprocessing import PreprocessingSpec

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def apply(
    spec: PreprocessingSpec, arrays: Mapping[str, Any], *, precision: Literal["float32", "float64"] = "float64"
) -> dict[str, NDArray[np.float32]]:
    """Return, for each input of the spec, the tensor that enters the model.

    Order, for each feature: a missing value (NaN, or masked) gives way to ``missing_value`` where there is one, what
    is then not finite to ``replace_non_finite`` where there is one; plus ``offset``; times ``scale`` or by ``divisor``;
    ``clip``. Sequences are sorted, cut at ``max_length`` and filled up, to the longest row but at least to
    ``min_length``: with ``pad_value``, or by their own objects from the first on (``wrap``; ``pad_value``, else 0,
    where a row has none). ``selection`` is words: choose objects before.

    Rounding: ``float64`` computes in double precision and rounds once, at the end, as lwtnn and Python do; ``float32``
    rounds the values, every constant and every step, as CMSSW does with ``preprocess.json``, for which also a value
    beyond ±1e32 is not finite.

    Args:
        spec: what is done.
        arrays: the values of each feature by its name, or by ``input/feature`` where two inputs mean different values.
            Flat: one number a row. Sequences: a list of rows, an array (rows, objects), or (offsets, values) with
            offsets from 0 to the number of values. Masked arrays may be used anywhere. Sort keys are given alike.
        precision: of the arithmetic; results are float32 either way.

    Returns:
        Flat inputs (rows, features); sequences (rows, features, objects), or (rows, objects, features) where
        ``sequence.axis`` is 1, or (objects, features) of the only row where it is 0.

    Raises:
        InvalidError: when an array is missing or of another length, or a field says nothing that can be done.
        UnavailableError: without numpy.
    """
    try:
        from herdbook.service.preprocessing import arrays as computing  # noqa: PLC0415 - numpy is no dependency
    except ModuleNotFoundError as error:
        if error.name != "numpy":
            raise
        raise UnavailableError("numpy is not installed", code="needs-extra", hint="pip install numpy") from error
    return computing.prepare(spec, arrays, precision)
