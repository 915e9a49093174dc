"""Golden inputs of a version: put into the registry with what the version answers, held by an activity, and stated."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from herdbook.kernel.errors import InvalidError
from herdbook.kernel.names import namespace_of
from herdbook.model.activities import Activity, Part
from herdbook.model.retrainings import Golden
from herdbook.model.statements import Said, StatementEntry, Subject
from herdbook.ports.registry import Registry
from herdbook.service.retraining import predictions


def add(
    registry: Registry,
    reference: str,
    inputs: Path,
    outputs: Path | None = None,
    *,
    argv: Sequence[str] = (),
    path: str = "",
) -> StatementEntry:
    """Say what a version answers to given inputs; without ``outputs`` its ONNX model is applied to them now.

    An activity of kind ``prediction`` names both files, so that the registry keeps them.

    Raises:
        InvalidError: ``no-outputs``, when a model that is not ONNX comes without what it answers; ``no-model-file``.
        UnavailableError: ``not-applied``.
    """
    entry = registry.versions.get(reference)
    exact, namespace = f"{entry.model}@{entry.ordinal}", namespace_of(entry.model)
    if argv and outputs is None:
        raise InvalidError(
            "a model that a command applies comes with what it answered",
            code="no-outputs",
            hint="Apply it once, and give its answers as an .npz file.",
        )
    with tempfile.TemporaryDirectory(prefix="herdbook-") as name:
        if outputs is None:
            wanted = Golden(inputs="sha256:" + "0" * 64, outputs="sha256:" + "0" * 64, path=path or None)
            model = Path(name) / "model.onnx"
            with (
                registry.files.open(exact, predictions.model_of(entry.version, wanted)) as stream,
                model.open("wb") as out,
            ):
                shutil.copyfileobj(stream, out)
            outputs = Path(name) / "outputs.npz"
            predictions.worker("apply", model, inputs, outputs)
        else:
            predictions.worker("compare", outputs, outputs, "0.0", "0.0")  # it can be read, and holds no objects
        with inputs.open("rb") as given, outputs.open("rb") as answered:
            kept = registry.files.put_many([given, answered])
    golden = Golden(inputs=kept[0].sha256, outputs=kept[1].sha256, argv=tuple(argv) or None, path=path or None)
    registry.activities.register(namespace, _prediction(entry.record, golden))
    said = Said(type="herdbook/golden/1", subject=(Subject(record=entry.record),), body=golden.json_object())
    return registry.statements.add(namespace, [said])[0]


def _prediction(record: str, golden: Golden) -> Activity:
    return Activity(
        kind="prediction",
        status="finished",
        inputs=(Part(record=record, role="model"), Part(blob=golden.inputs, role="golden-inputs")),
        outputs=(Part(blob=golden.outputs, role="golden-outputs"),),
    )
