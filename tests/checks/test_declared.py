"""A contract that says something else than the files is told, and one that is merely less precise is not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.checks.models import model

from herdbook.model.contracts import Contract
from herdbook.model.facts import Finding

Found = Callable[..., list[Finding]]


def _contract(name: str, dtype: str, shape: list[Any]) -> Contract:
    return Contract.read({"inputs": [{"name": name, "dtype": dtype, "shape": shape}]})


TOLD = _contract("features", "float32", ["batch", 3])


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        (_contract("features", "float64", ["batch", 3]), "float64, and is float32"),
        (_contract("features", "float32", ["batch", 4]), "batch × 4, and is batch × 3"),
        (_contract("feature", "float32", ["batch", 3]), "declared as feature; the files have features"),
    ],
)
def test_a_declaration_that_the_model_contradicts_is_an_error(found: Found, declared: Contract, said: str) -> None:
    finding = found("declared-differs", {"model.onnx": model()}, contract=declared, told=TOLD)[0]
    assert said in finding.message
    assert finding.severity == "error"


def test_another_symbol_for_an_open_axis_is_the_same(found: Found) -> None:
    declared = _contract("features", "float32", ["N", 3])
    assert not found("declared-differs", {"model.onnx": model()}, contract=declared, told=TOLD)
