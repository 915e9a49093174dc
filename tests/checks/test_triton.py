"""A Triton configuration that its model does not fit is told here, and not when the server loads it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import pytest
from onnx import TensorProto
from tests.checks.models import model

from herdbook.model.facts import Finding

Found = Callable[..., list[Finding]]
MODEL = model({"x": ["N", 3]}, {"y": ["N", 2]})
MD5 = hashlib.md5(MODEL.SerializeToString()).hexdigest()


def config(
    *, name: str = "x", dims: str = "3", dtype: str = "TYPE_FP32", batch: int = 8, md5: str = MD5, more: str = ""
) -> str:
    return (
        f'name: "m"\nplatform: "onnxruntime_onnx"\nmax_batch_size: {batch}\n'
        f'input [{{ name: "{name}" data_type: {dtype} dims: [{dims}] {more} }}]\n'
        'output [{ name: "y" data_type: TYPE_FP32 dims: [2] label_filename: "labels.txt" }]\n'
        'model_repository_agents { agents [{ name: "checksum" parameters { key: "MD5:1/model.onnx"'
        f' value: "{md5}" }} }}] }}\n'
    )


def served(text: str, served_: Any = MODEL, labels: str | None = "a\nb\n") -> dict[str, Any]:
    files = {"m/config.pbtxt": text, "m/1/model.onnx": served_}
    return files if labels is None else {**files, "m/labels.txt": labels}


WRONG: list[tuple[str, dict[str, Any], str]] = [
    ("triton-names", served(config(name="X")), "has no 'X'; 'x' of m/1/model.onnx is not configured"),
    ("triton-dims", served(config(dims="4")), "x is configured as 4 after the batch; m/1/model.onnx has N × 3"),
    ("triton-dims", served(config(dims="-1")), "configured as ?"),
    ("triton-dims", served(config(batch=0)), "with the batch since max_batch_size is 0"),
    ("triton-dims", served(config(), model({"x": [1, 3]}, {"y": ["N", 2]})), "has 1 × 3"),
    ("triton-types", served(config(dtype="TYPE_INT64")), "configured as int64; in m/1/model.onnx it is float32"),
    ("triton-checksum", served(config(md5="0" * 32)), "Triton refuses to load it"),
    ("triton-file-missing", served(config(), labels=None), "labels.txt is not there"),
    ("triton-labels", served(config(), labels="a\nb\nc\n"), "3 labels; y has 2 numbers"),
]


@pytest.mark.parametrize(("rule", "files", "said"), WRONG)
def test_a_configuration_that_does_not_fit_is_told(found: Found, rule: str, files: dict[str, Any], said: str) -> None:
    assert said in found(rule, files)[0].message


@pytest.mark.parametrize("rule", sorted({rule for rule, _, _ in WRONG}))
def test_a_configuration_that_fits_is_silent(found: Found, rule: str) -> None:
    assert not found(rule, served(config()))


def test_a_reshaped_input_and_open_axes_of_the_model_fit(found: Found) -> None:
    assert not found("triton-dims", served(config(dims="1, 3", more="reshape: { shape: [3] }")))
    assert not found("triton-dims", served(config(dims="-1"), model({"x": ["N", "n"]}, {"y": ["N", 2]})))
    whole = config(batch=0, dims="-1, 3").replace("dims: [2]", "dims: [-1, 2]")
    assert not found("triton-dims", served(whole))


def test_a_checksum_of_a_file_that_is_not_there_is_a_missing_file(found: Found) -> None:
    files = {"m/config.pbtxt": config(md5="1" * 32), "m/labels.txt": "a\nb\n"}
    assert "MD5 is declared" in found("triton-file-missing", files)[0].message
    assert not found("triton-checksum", files)


def test_ragged_batching_joins_requests_of_a_model_without_a_batch_axis(found: Found) -> None:
    flat = model({"x": ["n"]}, {"y": ["n"]})
    ragged = config(dims="-1", more="allow_ragged_batch: true").replace("dims: [2]", "dims: [-1]")
    assert found("triton-ragged", served(ragged, flat))[0].severity == "note"
    assert not found("triton-dims", served(ragged, flat))
    assert not found("triton-ragged", served(config(more="allow_ragged_batch: true")))


def test_another_dtype_of_the_model_is_a_type_and_no_dimension(found: Found) -> None:
    files = served(config(), model({"x": ["N", 3]}, {"y": ["N", 2]}, dtype=TensorProto.DOUBLE))
    assert found("triton-types", files)
    assert not found("triton-dims", files)
