"""A name that says nothing is told, unless somebody says elsewhere what it is."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.checks.models import model

from herdbook.model.contracts import Contract
from herdbook.model.facts import Finding

Found = Callable[..., list[Finding]]


@pytest.mark.parametrize("name", ["input_1", "dense_2", "output", "input.1", "INPUT0", "153", "Identity:0", "x"])
def test_what_an_exporter_calls_a_tensor_is_told(found: Found, name: str) -> None:
    finding = found("generic-name", {"model.onnx": model({name: ["batch", 3]})})[0]
    assert repr(name) in finding.message
    assert (finding.severity, finding.where) == ("note", "/inputs")


@pytest.mark.parametrize("name", ["input_tau", "pf_features", "output_softmax", "X0_mass", "inputs_of_tau"])
def test_a_name_that_says_something_is_not(found: Found, name: str) -> None:
    assert not found("generic-name", {"model.onnx": model({name: ["batch", 3]})})


def test_a_generic_name_that_the_contract_explains_is_not(found: Found) -> None:
    told = Contract.read({"inputs": [{"name": "input_1", "definition": "three momenta of the leading jet"}]})
    files = {"model.onnx": model({"input_1": ["batch", 3]})}
    assert not found("generic-name", files, contract=told)
    silent = Contract.read({"inputs": [{"name": "input_1", "dtype": "float32"}]})
    assert found("generic-name", files, contract=silent)
