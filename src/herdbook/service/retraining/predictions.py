"""Predictions on golden inputs: what a version answered once, and what the retrained one answers now."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from herdbook.kernel.errors import HerdbookError, InvalidError, UnavailableError
from herdbook.model.base import Json
from herdbook.model.retrainings import Golden, Tolerance
from herdbook.model.versions import Version
from herdbook.ports.registry import Registry

SECONDS = 600.0
_WORKER = "herdbook.apps.worker.predicting"
_PASSED = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "VIRTUAL_ENV", "PYTHONPATH", "LD_LIBRARY_PATH")


def worker(*words: str | Path) -> Json:
    """Run the worker that applies and compares; return what it said.

    Raises:
        UnavailableError: ``not-applied``, when it failed, or took too long.
    """
    environment = {name: os.environ[name] for name in _PASSED if name in os.environ}
    try:
        done = subprocess.run(  # noqa: S603 - our own interpreter and module
            [sys.executable, "-m", _WORKER, *map(str, words)],
            env={**environment, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
            capture_output=True, text=True, errors="replace", timeout=SECONDS, check=False, stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise UnavailableError(f"the model did not answer within {SECONDS:g} s", code="not-applied") from error
    if done.returncode == 0:
        told: Any = json.loads(done.stdout)
        assert isinstance(told, dict), "the worker prints an object"
        return told
    said = done.stderr.strip().splitlines()[-1:] or [f"it ended with {done.returncode}"]
    try:
        reason = str(json.loads(said[0])["error"])
    except (ValueError, KeyError, TypeError):
        reason = said[0]
    raise UnavailableError(
        f"the model could not be applied: {reason}",
        code="not-applied",
        hint="NumPy and onnx, or onnxruntime, must be installed: herdbook[demo].",
    )


def model_of(version: Version, golden: Golden) -> str:
    """Return the path of the file of a version that golden inputs are for.

    Raises:
        InvalidError: ``no-model-file``, when it is not there, or there are several to choose from.
    """
    if golden.path:
        if version.file(golden.path):
            return golden.path
        raise InvalidError(
            f"there is no {golden.path} in the result", code="no-model-file", hint="Look at the job's log."
        )
    models = [file.path for file in version.files if file.path.endswith(".onnx")]
    if len(models) != 1:
        raise InvalidError(
            f"{len(models)} ONNX files are there, and the golden inputs do not say for which they are",
            code="no-model-file",
            hint="Say it in `path` of the golden statement.",
        )
    return models[0]


def differences(original: Path, again: Path, tolerance: Tolerance, runtime: str) -> list[Json]:
    """Say how far arrays are from the recorded ones: as figures of the statement."""
    atol, rtol = tolerance.atol or 0.0, tolerance.rtol or 0.0
    told = worker("compare", original, again, repr(atol), repr(rtol))
    return [
        {"name": f"prediction {each.pop('name')}", **each, "tolerance": {"atol": atol, "rtol": rtol}, "by": runtime}
        for each in told["arrays"]
    ]


def bring(registry: Registry, namespaces: Sequence[str], golden: Golden, folder: Path) -> None:
    """Write the golden files of a statement into a folder, as ``inputs.npz`` and ``outputs.npz``."""
    for role, sha256 in (("inputs", golden.inputs), ("outputs", golden.outputs)):
        _bring(registry, namespaces, sha256, folder / f"{role}.npz")


def _bring(registry: Registry, namespaces: Sequence[str], sha256: str, target: Path) -> None:
    last: HerdbookError | None = None
    for namespace in namespaces:
        try:
            with registry.files.blob(namespace, sha256) as stream, target.open("wb") as out:
                shutil.copyfileobj(stream, out)
        except HerdbookError as error:
            last = error
        else:
            return
    assert last is not None, "there is at least one namespace"
    raise last
