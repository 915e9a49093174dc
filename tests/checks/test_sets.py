"""Sets whose members overlap, leave holes, have lost a file, or cannot take each other's place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.checks.models import model

from herdbook.model.contracts import Contract
from herdbook.model.facts import Finding

Found = Callable[..., list[Finding]]


def folds(*remainders: int, modulo: int = 2) -> Contract:
    """Return the contract of a set by event number."""
    return members(*({"of": "event_number", "modulo": modulo, "remainder": rest} for rest in remainders))


def bins(*ends: tuple[float, float], unit: str = "GeV", last: str = "") -> Contract:
    """Return the contract of a set by transverse momentum; ``last``: another unit of the last member."""
    units = [unit] * (len(ends) - 1) + [last or unit]
    return members(
        *(
            {"of": "pt", "lower": low, "upper": high, "unit": each}
            for (low, high), each in zip(ends, units, strict=True)
        )
    )


def members(*conditions: dict[str, Any], **more: Any) -> Contract:
    told = [
        {"name": f"m{place}", "files": [f"m{place}.onnx"], "when": [condition], **more}
        for place, condition in enumerate(conditions)
    ]
    return Contract.read({"members": told})


def files(count: int, **last: Any) -> dict[str, Any]:
    made = {f"m{place}.onnx": model() for place in range(count)}
    return {**made, **last}


def test_two_folds_that_serve_the_same_events_are_an_error_and_even_and_odd_are_not(found: Found) -> None:
    assert "'m0' and 'm1'" in found("set-overlap", files(2), contract=folds(1, 1))[0].message
    assert not found("set-overlap", files(2), contract=folds(0, 1))


def test_a_fold_that_no_member_serves_is_told_and_a_full_set_has_none(found: Found) -> None:
    assert found("set-hole", files(2), contract=folds(0, 1, modulo=3))[0].severity == "warning"
    assert not found("set-hole", files(3), contract=folds(0, 1, 2, modulo=3))


def test_a_gap_between_bins_is_a_hole_and_bins_that_meet_have_none(found: Found) -> None:
    assert found("set-hole", files(2), contract=bins((10, 20), (30, 50)))
    assert not found("set-hole", files(2), contract=bins((10, 20), (20, 50)))


def test_the_end_of_the_last_bin_is_told_as_a_note_and_an_open_end_is_none(found: Found) -> None:
    assert found("set-end", files(2), contract=bins((10, 20), (20, 50)))[0].severity == "note"
    open_ends = members({"of": "pt", "upper": 20, "unit": "GeV"}, {"of": "pt", "lower": 20, "unit": "GeV"})
    assert not found("set-end", files(2), contract=open_ends)


def test_bins_in_two_units_are_an_error_and_in_one_are_not(found: Found) -> None:
    assert found("set-unit", files(2), contract=bins((10, 20), (20, 50), last="MeV"))
    assert not found("set-unit", files(2), contract=bins((10, 20), (20, 50)))


def test_a_set_too_large_to_look_at_says_so_and_a_large_one_is_looked_at(found: Found) -> None:
    assert found("set-unexamined", files(2), contract=folds(0, 1, modulo=20_000))
    assert not found("set-unexamined", files(2), contract=folds(0, 1, modulo=1000))


def test_a_member_whose_file_is_not_there_is_an_error(found: Found) -> None:
    finding = found("member-without-file", files(1), contract=folds(0, 1))[0]
    assert finding.path == "m1.onnx"
    assert finding.where == "/members/1/files/0"
    assert not found("member-without-file", files(2), contract=folds(0, 1))


def test_members_with_other_inputs_are_an_error_unless_they_declare_them(found: Found) -> None:
    other = {"m1.onnx": model({"features": ["batch", 4]})}
    assert "inputs of 'm1'" in found("members-differ", files(2, **other), contract=folds(0, 1))[0].message
    assert not found("members-differ", files(2), contract=folds(0, 1))
    renamed = {"m1.onnx": model({"features": ["N", 3]})}
    assert not found("members-differ", files(2, **renamed), contract=folds(0, 1))
    declared = members(
        {"of": "event_number", "modulo": 2, "remainder": 0},
        {"of": "event_number", "modulo": 2, "remainder": 1},
        inputs=[{"name": "features", "shape": ["batch", 4]}],
    )
    assert not found("members-differ", files(2, **other), contract=declared)


def test_parts_of_one_model_have_their_own_interfaces_and_no_conditions(found: Found) -> None:
    parts = Contract.read({"members": [{"name": name, "files": [f"{name}.onnx"]} for name in ("core", "inner")]})
    both = {"core.onnx": model({"tau": ["batch", 3]}), "inner.onnx": model({"grid": ["batch", 11, 11]})}
    for rule in ("members-differ", "set-overlap", "set-hole"):
        assert not found(rule, both, contract=parts)
