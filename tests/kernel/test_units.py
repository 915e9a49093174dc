"""Units: what an analyst may write, and what would be read in two ways."""

from __future__ import annotations

import pytest

from herdbook.kernel import units
from herdbook.kernel.errors import InvalidError
from herdbook.model.activities import Metric
from herdbook.model.contracts import Tensor
from herdbook.model.kinds import Column

GOOD = (
    "GeV", "MeV", "TeV", "eV", "mm", "um", "cm", "m", "ns", "ps", "s", "rad", "mrad", "deg", "T", "1", "%", "pb",
    "fb-1", "nb-1", "m/s2", "kg.m/s2", "GeV/[c]", "GeV/[c]2", "10*34", "10*34/cm2/s",
    "/cm", "1/cm", "{events}", "Hz", "kHz",
    "MBy", "Cel", "K", "mA", "kV", "(kg.m)/s2", "[ppm]", "m{beam}", "C", "W.h", "u", "d", "a",
)  # fmt: skip
BAD = (
    "", " ", "gev", "Gev", "GEV", "GeV ", "GeV/c2", "meters", "micron", "degrees", "GeV//s", "GeV.", ".GeV", "m^2",
    "m**2", "(m", "m)", "()", "{", "{é}", "0", "xm", "kmin", "GeV MeV", "µm", "-1", "m-", "null",
)  # fmt: skip


@pytest.mark.parametrize("text", GOOD)
def test_a_unit_that_physicists_write_is_taken(text: str) -> None:
    assert units.check(text) == text


@pytest.mark.parametrize("text", BAD)
def test_what_is_no_ucum_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(InvalidError, match="is not a unit") as caught:
        units.check(text)
    assert "GeV" in caught.value.hint


@pytest.mark.parametrize("shape", [Metric, Column, Tensor])
def test_a_wrong_unit_of_a_metric_column_or_tensor_is_refused(shape: type[Metric | Column | Tensor]) -> None:
    told = {"name": "x", "unit": "Gev"} | ({"value": 1.0} if shape is Metric else {})
    with pytest.raises(InvalidError, match="'Gev' is not a unit"):
        shape.read(told)
