"""What came out, held against the original: bytes, predictions on golden inputs, metrics within the tolerance."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from herdbook.kernel.errors import HerdbookError
from herdbook.model.activities import Metric
from herdbook.model.base import Json
from herdbook.model.retrainings import Golden, MetricTolerance, Tolerance
from herdbook.model.statements import Statement
from herdbook.model.versions import Version
from herdbook.ports.registry import Registry
from herdbook.service.retraining import predictions
from herdbook.service.retraining.origin import Origin

Outcome = Literal["bytes", "predictions", "metrics", "differs"]
Predict = Callable[[Golden, Path], Path]
"""Applies a model that is not ONNX: from golden files and a folder with ``inputs.npz`` to the answers' file."""


@dataclass(frozen=True)
class Declared:
    """What was said beforehand about what may differ, and by what to compare."""

    tolerance: Tolerance | None = None
    golden: tuple[Golden, ...] = ()


def declared(registry: Registry, origin: Origin) -> Declared:
    """Return what is declared about a version: its own tolerance, else its model's; all of its golden inputs."""
    of_version = _said(registry, origin.exact)
    of_model = _said(registry, origin.entry.model)
    tolerances = [each for each in (*of_version, *of_model) if each.kind == "tolerance"]
    tolerance = Tolerance.read(tolerances[0].body) if tolerances else None
    return Declared(tolerance, tuple(Golden.read(each.body) for each in of_version if each.kind == "golden"))


def _said(registry: Registry, subject: str) -> list[Statement]:
    """Return current tolerances and golden inputs about a version or a model, the newest first."""
    found: list[Statement] = []
    for kind in ("tolerance", "golden"):
        page = registry.statements.list(subject, kind=kind)
        found += [each.statement for each in page.items if each.current]
    return sorted(found, key=lambda each: each.issued, reverse=True)


def compare(
    registry: Registry,
    origin: Origin,
    version: Version,
    files: Mapping[str, Path],
    metrics: Sequence[Metric],
    namespaces: Sequence[str],
    predict: Predict | None = None,
) -> tuple[Outcome, list[Json]]:
    """Compare a version that came out with the original; return the outcome and every figure.

    Args:
        registry: where the original is.
        origin: the original.
        version: what came out.
        files: where its files lie, by path.
        metrics: what the retraining measured.
        namespaces: where golden files may be kept.
        predict: applies a model that is not ONNX.
    """
    original = origin.entry.version
    figures = _bytes(original, version)
    said = declared(registry, origin)
    tolerance = said.tolerance or Tolerance()
    predicted: list[Json] = []
    for golden in said.golden:
        predicted += _predicted(registry, version, files, golden, tolerance, namespaces, predict)
    measured = [_metric(each, origin.activity.metrics or (), metrics) for each in tolerance.metrics]
    figures += [*predicted, *measured]
    if version.digest == original.digest:
        return "bytes", figures
    for name, found in (("predictions", predicted), ("metrics", measured)):
        if found and all(each["within"] for each in found):
            return ("predictions" if name == "predictions" else "metrics"), figures
    return "differs", figures


def _bytes(original: Version, again: Version) -> list[Json]:
    paths = dict.fromkeys([*(file.path for file in original.files), *(file.path for file in again.files)])
    figures: list[Json] = []
    for path in paths:
        before, after = original.file(path), again.file(path)
        told = {"name": f"file {path}", "within": before == after}
        told |= {"original": before.digest} if before else {}
        told |= {"again": after.digest} if after else {}
        figures.append(told)
    return figures


def _predicted(
    registry: Registry,
    version: Version,
    files: Mapping[str, Path],
    golden: Golden,
    tolerance: Tolerance,
    namespaces: Sequence[str],
    predict: Predict | None,
) -> list[Json]:
    with tempfile.TemporaryDirectory(prefix="herdbook-") as name:
        work = Path(name)
        try:
            predictions.bring(registry, namespaces, golden, work)
            if golden.argv is None:
                model = files[predictions.model_of(version, golden)]
                told = predictions.worker("apply", model, work / "inputs.npz", work / "again.npz")
                again, runtime = work / "again.npz", str(told["runtime"])
            elif predict is None:
                return [{"name": "predictions", "within": False, "detail": "nothing here applies this model"}]
            else:
                again, runtime = predict(golden, work), "the training's own code"
            return predictions.differences(work / "outputs.npz", again, tolerance, runtime)
        except HerdbookError as error:
            return [{"name": "predictions", "within": False, "detail": f"{error.code}: {error.message}"}]


ReadMetrics = Callable[[bytes, str], Sequence[Metric]]
"""Reads metrics out of a file that a training wrote, by its name."""
_SMALL = 1 << 20


def from_file(
    registry: Registry, origin: Origin, files: Mapping[str, Path], wanted: Sequence[MetricTolerance], read: ReadMetrics
) -> list[Metric]:
    """Return the metrics that a training wrote into a file of the version, where nothing told them while it ran.

    Which file that is shows in the original: it holds exactly the figures that are on record of its training.
    """
    recorded = origin.activity.metrics or ()
    known = {(each.name, each.split): each.value for each in recorded}
    for file in origin.entry.version.files:
        if file.path not in files or not file.path.endswith(".json") or (file.size or 0) > _SMALL:
            continue
        try:
            with registry.files.open(origin.exact, file.path) as stream:
                before = {(each.name, each.split): each.value for each in read(stream.read(_SMALL), file.path)}
            again = list(read(files[file.path].read_bytes(), file.path))
        except HerdbookError:
            continue
        named = {each.name for each in wanted}
        if named <= {name for name, _ in before} and all(known.get(key) == value for key, value in before.items()):
            return again
    return []


def _metric(wanted: MetricTolerance, original: Sequence[Metric], again: Sequence[Metric]) -> Json:
    """Compare one metric: ``|again - original| <= absolute + relative |original|``."""
    name = f"metric {wanted.name}" + (f" of {wanted.split}" if wanted.split else "")
    before, after = _value(wanted, original), _value(wanted, again)
    told: Json = {"name": name, "tolerance": wanted.json_object()}
    if before is None or after is None:
        lacking = "the original" if before is None else "the retraining"
        return {**told, "within": False, "detail": f"{lacking} has no such metric, or no finite one"}
    bound = (wanted.absolute or 0.0) + (wanted.relative or 0.0) * abs(before)
    return {**told, "original": before, "again": after, "within": abs(after - before) <= bound}


def _value(wanted: MetricTolerance, metrics: Sequence[Metric]) -> float | None:
    """Return the last value of a metric; without a split only where it has one value."""
    found = [m for m in metrics if m.name == wanted.name and wanted.split in {None, m.split} and not m.slice]
    if wanted.split is None and len({each.split for each in found}) > 1:
        return None
    return found[-1].value if found and isinstance(found[-1].value, float | int) else None
