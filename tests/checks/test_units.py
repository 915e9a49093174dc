"""Energies without a unit, and GeV that becomes MeV."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.checks.models import model

from herdbook.model.contracts import Contract
from herdbook.model.facts import Finding
from herdbook.plugins.checks.units import is_energy
from herdbook.ports.checks import Subject

Found = Callable[..., list[Finding]]
FILES = {"model.onnx": model()}


def contract(*inputs: dict[str, str | None], **more: Any) -> Contract:
    """Return a contract with one input for each mapping of features to units."""
    tensors = [
        {"name": f"in{place}", "features": [_feature(name, unit) for name, unit in told.items()]}
        for place, told in enumerate(inputs)
    ]
    return Contract.read({"inputs": tensors, **more})


def _feature(name: str, unit: str | None) -> dict[str, str]:
    return {"name": name} if unit is None else {"name": name, "unit": unit}


@pytest.mark.parametrize(
    "name",
    [
        "pt",
        "jet_pt",
        "LepGood_pt",
        "jetPt",
        "part_pt_log",
        "scRawEnergy",
        "EcalEnergySum",
        "jet_e",
        "sv_mass",
        "MET",
        "ptSum",
        "fat_jet_m",
    ],
)
def test_an_energy_is_known_by_its_name(name: str) -> None:
    assert is_energy(name)


@pytest.mark.parametrize(
    "name",
    [
        "eta",
        "phi",
        "trackPtRel",
        "trackSumJetEtRatio",
        "LepGood_jetPtRelv2",
        "min(LepGood_jetPtRatiov2,1.5)",
        "ptD",
        "e_index",
        "nLostHits",
        "pfcand_ptrel_log",
        "met_sig",
        "m",
        "mva",
        "e",
        "petal",
        "n_pt",
    ],
)
def test_what_only_looks_like_an_energy_is_not(name: str) -> None:
    assert not is_energy(name)


def test_an_energy_without_a_unit_is_told_and_one_with_a_unit_is_not(found: Found) -> None:
    finding = found("unit-missing", FILES, contract=contract({"jet_pt": None, "eta": None, "mass": None}))[0]
    assert "'jet_pt', 'mass'" in finding.message
    assert finding.where == "/inputs/0"
    assert not found("unit-missing", FILES, contract=contract({"jet_pt": "GeV", "eta": None, "mass": "MeV"}))


def test_features_that_only_a_file_names_are_asked_for_too(found: Found) -> None:
    assert found("unit-missing", FILES, told=contract({"jet_pt": None}))
    assert not found("unit-missing", FILES, told=contract({"jet_pt": None}), contract=contract({"jet_pt": "GeV"}))


def test_one_quantity_in_two_units_is_an_error_and_two_quantities_are_not(found: Found) -> None:
    finding = found("units-differ", FILES, contract=contract({"pt": "GeV"}, {"pt": "MeV"}))[0]
    assert "'pt' is in MeV here and in GeV at /inputs/0/features/0/unit" in finding.message
    assert not found("units-differ", FILES, contract=contract({"pt": "GeV"}, {"sumpt": "MeV"}))


def test_members_in_two_units_are_an_error(found: Found) -> None:
    members = [
        {"name": unit, "files": ["model.onnx"], "inputs": [{"name": "x", "features": [_feature("pt", unit)]}]}
        for unit in ("GeV", "MeV")
    ]
    assert found("units-differ", FILES, contract=contract(members=members))[0].where.startswith("/members/1/")


def test_another_unit_than_before_is_an_error_and_the_same_or_none_is_not(found: Found) -> None:
    before = Subject(files=(), contract=contract({"pt": "GeV", "eta": None}))
    finding = _after(found, before, contract({"pt": "MeV"}))[0]
    assert "'pt' is in MeV, and was in GeV in the version before" in finding.message
    assert not _after(found, before, contract({"pt": "GeV", "mass": "MeV"}))
    assert not _after(found, before, contract({"pt": None}))


def _after(found: Found, before: Subject, now: Contract) -> list[Finding]:
    return found("unit-changed", Subject(files=(), contract=now, before=before))
