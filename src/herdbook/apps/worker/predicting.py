"""``python -m herdbook.apps.worker.predicting``: applies an ONNX model, and compares arrays, within limits.

``apply MODEL INPUTS.npz OUTPUTS.npz`` writes what the model answers, an array for each of its outputs, and prints the
runtime. ``compare ORIGINAL.npz AGAIN.npz ATOL RTOL`` prints how far they are apart. Both print one JSON object. A model
is a stranger's: this process has a bound on memory, and whoever starts it one on time.
"""

from __future__ import annotations

import json
import resource
import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Arrays = dict[str, npt.NDArray[np.generic]]

MEMORY = 8 << 30
"""Bytes of address space."""


def read(path: Path) -> Arrays:
    """Read the arrays of an ``.npz`` file, which hold no objects."""
    import numpy as np  # noqa: PLC0415 - after the limits

    with np.load(path, allow_pickle=False) as held:
        return {name: held[name] for name in held.files}


def apply(model: Path, inputs: Path, outputs: Path) -> dict[str, Any]:
    """Apply a model to inputs by name; return which runtime did.

    ONNX Runtime where it is installed, with one thread, else the reference evaluator of onnx.
    """
    import numpy as np  # noqa: PLC0415 - after the limits

    given = read(inputs)
    try:
        onnxruntime = import_module("onnxruntime")  # an extra that may be absent
    except ImportError:
        import onnx  # noqa: PLC0415 - the same
        from onnx.reference import ReferenceEvaluator  # noqa: PLC0415 - the same

        evaluator = ReferenceEvaluator(onnx.load(model))
        names, runtime = list(evaluator.output_names), f"onnx {onnx.__version__} reference"
        with np.errstate(all="ignore"):
            answered = evaluator.run(None, given)
    else:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        names, runtime = [each.name for each in session.get_outputs()], f"onnxruntime {onnxruntime.__version__}"
        answered = session.run(None, given)
    with outputs.open("xb") as out:
        arrays: dict[str, Any] = {name: np.asarray(array) for name, array in zip(names, answered, strict=True)}
        np.savez(out, **arrays)
    return {"runtime": runtime}


def compare(original: Path, again: Path, atol: float, rtol: float) -> dict[str, Any]:
    """Compare arrays by name: all of the original's must be there, of the same shape, and within the tolerance.

    Within: ``|again - original| <= atol + rtol |original|`` for each element, NaN equal to NaN; of texts and whole
    numbers also equality.
    """
    import numpy as np  # noqa: PLC0415 - after the limits

    ours, theirs = read(original), read(again)
    found: list[dict[str, Any]] = []
    for name, old in ours.items():
        new = theirs.get(name)
        if new is None or new.shape != old.shape or (old.dtype.kind in "fc") != (new.dtype.kind in "fc"):
            found.append({"name": name, "within": False, "detail": "absent, or of another shape or kind"})
            continue
        if old.dtype.kind not in "biufc":
            found.append({"name": name, "within": bool(np.array_equal(old, new))})
            continue
        wide = np.complex128 if old.dtype.kind == "c" else np.float64
        left, right = old.astype(wide), new.astype(wide)
        gap = np.abs(right - left)[~(np.isnan(left) & np.isnan(right))]
        exact = bool(np.array_equal(left, right, equal_nan=True))
        within = exact or bool(np.allclose(right, left, atol=atol, rtol=rtol, equal_nan=True))
        largest = float(gap.max()) if gap.size else 0.0
        found.append({"name": name, "within": within, "largest": largest if np.isfinite(largest) else str(largest)})
    return {"arrays": found, "within": bool(found) and all(each["within"] for each in found)}


def main(words: list[str]) -> int:
    """Do what the words say; a failure is a JSON object on stderr."""
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    bound = min(each for each in (MEMORY, soft, hard) if each != resource.RLIM_INFINITY)
    resource.setrlimit(resource.RLIMIT_AS, (bound, hard))
    try:
        match words:
            case ["apply", model, inputs, outputs]:
                told = apply(Path(model), Path(inputs), Path(outputs))
            case ["compare", original, again, atol, rtol]:
                told = compare(Path(original), Path(again), float(atol), float(rtol))
            case _:
                raise ValueError("apply MODEL INPUTS OUTPUTS, or compare ORIGINAL AGAIN ATOL RTOL")  # noqa: TRY301 - one way out
    except Exception as error:  # noqa: BLE001 - a stranger's model may raise anything
        print(json.dumps({"error": f"{type(error).__name__}: {error}"[:2000]}), file=sys.stderr)  # noqa: T201 - the answer
        return 1
    print(json.dumps(told))  # noqa: T201 - the answer
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
